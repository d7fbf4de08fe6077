"""The site under load: a collection of many pictures in Datasette, asked by one and by twenty."""

import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from llm_glam.db import collections, connection, items
from llm_glam.models import registry

from . import prepare, search

COUNTS = (77_000, 1_000_000)
MATERIALS = ("terracotta", "bronze", "glass", "iron", "bone", "gold", "jade", "stone")
YEARS, ARTISTS = 200, 5_000
PAGES = {
    "similar": "?id={id}",
    "a sum": "?q=id:{id}+-0.5:id:{other}",
    "similar, among an eighth": "?id={id}&material=bronze",
    "similar, with a filter of one's own": "?id={id}&material={material}&year__gte={year}",
    "a sample": "?seed={seed}",
    "a picture": "/item/{encoded}",
}
ROUNDS = 9


def report(folder: Path) -> None:
    """Print milliseconds of each kind of page, alone and twenty at once, and the memory."""
    os.environ.update(prepare.environment(folder / "site"))
    for count in COUNTS:
        path = collection(folder / f"site-{count}.db", count)
        with serving(path) as (address, process):
            started = time.perf_counter()
            fetch(f"{address}?id=0000000.jpg")
            print(f"{count:,} pictures, the first page: {seconds(started):.1f} s")
            time.sleep(3)  # so that it is sure that nothing was written since
            for name, page in PAGES.items():
                alone = statistics.median(times(address, page, 1))
                together = statistics.median(times(address, page, 20))
                print(
                    f"{count:,}: {name} {alone:.0f} ms, twenty at once {together:.0f} ms"
                )
            own, mapped = memory(process.pid)
            print(
                f"{count:,}: memory {own:.2f} GB, and {mapped:.2f} GB of mapped files"
            )


def collection(path: Path, count: int) -> Path:
    """A collection of so many pictures with records and thumbnails; kept from run to run."""
    if path.exists():
        return path
    work = path.with_suffix(".making")
    work.unlink(missing_ok=True)
    demo = registry.get("demo")
    search.database(work, count, demo.model_id, str(demo.fingerprint))
    db = connection.connect(work)
    table = str(collections.get(db, search.NAME).items_table)
    items.add_columns(db, table, {"material": str, "year": int, "artist": str})
    with db.conn:
        db.conn.executemany(
            f'insert into "{table}" (id, title, image_md5, material, year, artist) '
            "values (?, ?, ?, ?, ?, ?)",
            _records(count),
        )
        db.conn.executemany(
            "insert into glam_thumbnails values (?, ?, ?, 256, 192, ?)",
            ((table, _id(n), f"{n:032x}", b"\xff" * 200) for n in range(count)),
        )
    db.conn.close()
    work.rename(path)
    return path


def _id(number: int) -> str:
    return f"{number:07}.jpg"


def _records(count: int) -> Iterator[tuple[str, str, str, str, int, str]]:
    random = np.random.default_rng(0)
    most = len(MATERIALS), YEARS, ARTISTS
    columns = [random.integers(0, one, count).tolist() for one in most]
    for number, (material, year, artist) in enumerate(zip(*columns, strict=True)):
        name = MATERIALS[material]
        title = f"Find {number} of {name}"
        maker = f"Artist {artist:04}"
        yield _id(number), title, f"{number:032x}", name, 1800 + year, maker


@contextmanager
def serving(path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Datasette over a database; gives the gallery's address."""
    port = free_port()
    command = [sys.executable, "-m", "datasette", str(path), "--port", str(port)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        root = f"http://127.0.0.1:{port}"
        while True:
            try:
                fetch(f"{root}/-/versions.json")
                break
            except OSError:
                time.sleep(0.1)
        yield f"{root}/{path.stem}/-/glam/{search.NAME}", process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """Return the number of a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def times(address: str, page: str, together: int) -> list[float]:
    """Milliseconds until all of so many visitors have their page, in several rounds."""
    spent = []
    with ThreadPoolExecutor(together) as pool:
        for number in range(ROUNDS):
            visits = [number * together + n for n in range(together)]
            urls = [address + page.format(**_names(visit)) for visit in visits]
            started = time.perf_counter()
            list(pool.map(fetch, urls))
            spent.append(1000 * seconds(started))
    return spent


def _names(visit: int) -> dict[str, str]:
    one, other = _id(visit * 331 % 77_000), _id((visit * 577 + 7) % 77_000)
    return {
        "id": one,
        "other": other,
        "encoded": one.replace(".", "~2E"),
        "seed": str(visit + 1),
        "material": MATERIALS[visit % len(MATERIALS)],
        "year": str(1800 + visit % (YEARS - 20)),
    }


def fetch(url: str) -> bytes:
    """The page at an address."""
    with urllib.request.urlopen(url) as response:
        return bytes(response.read())


def seconds(started: float) -> float:
    """Since then."""
    return time.perf_counter() - started


def memory(pid: int) -> tuple[float, float]:
    """GB that a process has for itself, and GB of files that it has mapped (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    kilobytes = dict(line.split(":", 1) for line in lines if line.endswith("kB"))
    own, mapped = (int(kilobytes[n].split()[0]) / 1e6 for n in ("RssAnon", "RssFile"))
    return own, mapped
