"""Uploads: seconds from sending a picture to the page of similar ones, and the decoders' memory."""

import io
import os
import random
import statistics
import subprocess
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from . import prepare, search, site

PICTURES = 48  # in the collection
MODEL = "glam-clip/demo"
UPLOADS = 20
STARTS = 3
TOGETHER = 4
SIZE = (1600, 1250)  # 2 megapixels
PAUSE_S = 1  # in which a visitor looks at the page


def report(folder: Path) -> None:
    """Print the time of the first upload after a start, and of further ones."""
    os.environ.update(prepare.environment(folder / "uploads"))
    path = collection(folder / "uploads")
    firsts = []
    for _ in range(STARTS):
        with site.serving(path) as (address, process):
            site.fetch(address)
            time.sleep(PAUSE_S)
            firsts.append(upload(address, jpeg(0)))
    print(
        f"the first upload after a start: {statistics.median(firsts):.2f} s", flush=True
    )
    with site.serving(path) as (address, process):
        upload(address, jpeg(0))
        for pause in (PAUSE_S, 0):
            spent = []
            for number in range(UPLOADS):
                content = jpeg(number)
                time.sleep(pause)
                spent.append(upload(address, content))
            print(f"with pauses of {pause} s: {percentiles(spent)}", flush=True)
        with ThreadPoolExecutor(TOGETHER) as pool:
            pictures = [jpeg(number) for number in range(UPLOADS)]
            spent = list(pool.map(lambda content: upload(address, content), pictures))
        print(f"{TOGETHER} at once: {percentiles(spent)}", flush=True)
        time.sleep(PAUSE_S)
        sizes = [f"{site.memory(pid)[0] * 1000:.0f}" for pid in children(process)]
        print(f"decoders waiting, MB of each: {', '.join(sizes) or 'none'}")


def collection(folder: Path) -> Path:
    """The demo's pictures with the demo's checkpoint; kept from run to run."""
    path, photos = folder / f"{search.NAME}.db", folder / "demo"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        run = partial(prepare.run, cwd=folder, env=dict(os.environ))
        run([prepare.ours(), "glam", "demo", photos, "-n", str(PICTURES)])
        embed = ["glam", "embed", search.NAME, photos / "photos", "-m", MODEL]
        run([prepare.ours(), *embed, "-d", path])
    return path


def percentiles(seconds: list[float]) -> str:
    """The median and the 95th percentile, in words."""
    high = statistics.quantiles(seconds, n=20)[-1]
    return f"p50 {statistics.median(seconds):.2f} s, p95 {high:.2f} s"


def jpeg(seed: int) -> bytes:
    """A picture of 2 megapixels in which no two parts are alike."""
    chance = random.Random(seed)
    small = Image.frombytes("RGB", (40, 32), chance.randbytes(40 * 32 * 3))
    noise = Image.effect_noise(SIZE, 20).convert("RGB")
    out = io.BytesIO()
    Image.blend(small.resize(SIZE), noise, 0.3).save(out, "JPEG", quality=88)
    return out.getvalue()


def upload(address: str, content: bytes) -> float:
    """Seconds until the page has come."""
    headers = {"content-type": "application/octet-stream"}
    request = urllib.request.Request(address, content, headers)
    started = time.perf_counter()
    with urllib.request.urlopen(request) as response:
        response.read()
    return time.perf_counter() - started


def children(process: subprocess.Popen[bytes]) -> list[int]:
    """The ids of the processes that a process has started (Linux)."""
    tasks = Path(f"/proc/{process.pid}/task")
    listed = [task.joinpath("children").read_text("utf-8") for task in tasks.iterdir()]
    return [int(pid) for line in listed for pid in line.split()]
