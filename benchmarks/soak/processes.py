"""The processes of a soak: how they are started, killed and judged."""

import random
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import prepare
from ..site import free_port
from .pictures import Pictures

COLLECTION, AGAIN = "photos", "again"
MODEL = "glam-clip/demo"
# Seconds until a command is killed; some end before.
LIVES = (2.0, 40.0)
SITE_LIVES = (15.0, 60.0)
# What commands may say where another one deleted their collection, or was faster.
EXPECTED = (
    "was deleted by another program while this one was writing",
    "There is no collection",
    "Collection does not exist",  # as LLM says it
    "Nothing could be embedded",
    # The first collection was created again beside the second, with a table of its own.
    "already exists",
)
# What visitors may get: the collection, or the picture, is not there at the moment.
ANSWERS = (200, 404)
PAGES = (
    "{collection}?id={id}",
    "{collection}.json?id={id}",
    "{collection}.csv?id={id}",
    "{collection}?_search={word}",
    "{collection}.json?seed={seed}",
    "{collection}/item/{encoded}",
    "{collection}/thumb/{encoded}",
)
Process = subprocess.Popen[str]


class Processes:
    """Start commands about one database; count how they end, and note what is wrong."""

    def __init__(
        self,
        folder: Path,
        pictures: Pictures,
        seed: int,
        tally: Counter[str],
        faults: list[str],
    ) -> None:
        self.folder = folder
        self.database = folder / "soak.db"
        self.pictures = pictures
        self.random = random.Random(seed)
        self.tally = tally
        self.faults = faults
        self.address: str | None = None
        self._env = prepare.environment(folder / "user", OMP_NUM_THREADS="1")

    def embed(self, name: str) -> Process:
        """Start to embed one of the sets."""
        folder = str(self.pictures.folder / name)
        options = ("--prefix", f"{name}/", "--prune", "-m", MODEL)
        return self._llm("glam", "embed", COLLECTION, folder, *options)

    def reembed(self) -> Process:
        """Start to embed both sets again, as a second collection."""
        return self._llm("glam", "reembed", COLLECTION, AGAIN, "-m", MODEL)

    def delete(self, name: str) -> Process:
        """Start to delete a collection."""
        return self._llm("collections", "delete", name)

    def _llm(self, *args: str) -> Process:
        return self._start(str(prepare.ours()), *args, "-d", str(self.database))

    def _start(self, *command: str) -> Process:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, kind: str, start: Callable[[], Process]) -> None:
        """Run a command to its end."""
        _, errors = (process := start()).communicate()
        if process.returncode:
            self.faults.append(
                f"{kind} alone ended with {process.returncode}: {errors}"
            )

    def embed_often(self, name: str, ended: threading.Event) -> None:
        """Change pictures of a set and embed it, again and again."""
        while not ended.is_set():
            self._let_live(f"embed {name}", self.embed(name))
            if self.random.random() < 0.5:
                self.pictures.change(name)

    def reembed_often(self, ended: threading.Event) -> None:
        """Embed the collection again, again and again."""
        while not ended.is_set():
            self._let_live("reembed", self.reembed())

    def delete_often(self, ended: threading.Event, pause: float) -> None:
        """Delete a collection every so many seconds, mostly the second one."""
        while not ended.wait(self.random.uniform(0.5, 1.5) * pause):
            name = COLLECTION if self.random.random() < 0.2 else AGAIN
            self._let_live(f"delete {name}", self.delete(name))

    def search_often(self, ended: threading.Event) -> None:
        """Search from the command line, which updates the index as the site does."""
        while not ended.wait(1):
            name = self.random.choice((COLLECTION, AGAIN))
            self._let_live("search", self._llm("glam", "search", name, "-a", "a pot"))

    def _let_live(self, kind: str, process: Process) -> None:
        """Wait for a process, and kill it when its time is over."""
        try:
            _, errors = process.communicate(timeout=self.random.uniform(*LIVES))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            _, errors = process.communicate()
        self.tally[f"{kind}: {self._verdict(kind, process.returncode, errors)}"] += 1

    def _verdict(self, kind: str, code: int, errors: str) -> str:
        if code == -signal.SIGKILL:
            return "killed"
        is_clean = "Traceback" not in errors
        if code == 0 and is_clean:
            return "finished"
        for expected in EXPECTED:
            if code == 1 and is_clean and expected in errors:
                return f"'{expected}'"
        self.faults.append(f"{kind} ended with {code}: {errors[-3000:]}")
        return "fault"

    @contextmanager
    def serving(self, *, restarts: bool) -> Iterator[None]:
        """Serve the database with Datasette.

        :param restarts: whether the site is killed at random, and started again
        """
        ended = threading.Event()
        keeper = threading.Thread(target=self._serve, args=[ended, restarts])
        keeper.start()
        try:
            while self.address is None and keeper.is_alive():
                time.sleep(0.1)
            yield
        finally:
            ended.set()
            keeper.join()

    def _serve(self, ended: threading.Event, restarts: bool) -> None:
        while not ended.is_set():
            port, log = str(free_port()), self.folder / "site.log"
            command = [sys.executable, "-m", "datasette", "--port", port]
            with log.open("wb") as fp:
                process = subprocess.Popen(
                    [*command, str(self.database)],
                    cwd=self.folder,
                    env=self._env,
                    stdout=fp,
                    stderr=fp,
                )
                root = f"http://127.0.0.1:{port}"
                self._await_answer(f"{root}/-/versions.json")
                self.address = f"{root}/{self.database.stem}/-/glam"
                ended.wait(self.random.uniform(*SITE_LIVES) if restarts else None)
                self.address = None
                process.kill()
                process.wait()
            self.tally["site: killed"] += 1
            if "Traceback" in (said := log.read_text("utf-8", "replace")):
                self.faults.append(f"the site: {said[-3000:]}")

    def _await_answer(self, url: str) -> None:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=30).close()
                return
            except OSError:
                time.sleep(0.1)
        self.faults.append("the site did not start")

    def visit_often(self, ended: threading.Event) -> None:
        """Ask the site for random pages."""
        while not ended.is_set():
            self.visit()

    def visit(self) -> None:
        """Ask the site for a page; everything but pages and 404 is a fault."""
        if self.address is None:
            time.sleep(0.1)
            return
        item_id = self.random.choice(list(self.pictures.history))
        page = self.random.choice(PAGES).format(
            collection=self.random.choice((COLLECTION, AGAIN)),
            id=urllib.parse.quote(item_id),
            encoded=item_id.replace("/", "~2F").replace(".", "~2E"),
            word=item_id.replace("/", "x").replace(".", "x"),
            seed=self.random.randrange(1000),
        )
        address = f"{self.address}/{page}"
        try:
            status, answer = fetch(address)
        except OSError:
            status, answer = 0, b""  # it was killed
        self.tally[f"site: {status or 'no answer, since it was killed'}"] += 1
        if status not in (*ANSWERS, 0):
            self.faults.append(
                f"{page}: {status}: {answer[-300:].decode('utf-8', 'replace')}"
            )


def fetch(address: str) -> tuple[int, bytes]:
    """Return the status and the body of a page.

    :raises OSError: there was no answer
    """
    try:
        with urllib.request.urlopen(address, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
