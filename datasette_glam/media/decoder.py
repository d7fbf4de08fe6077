"""Decode pictures of strangers in processes of their own, with limits on time, memory and number.

Each process decodes one picture, so that nothing of a picture is left for the next visitor's, and
nothing that a hostile one does to its process. Since Python takes longer to start than to decode,
a process is started before it is needed, and waits.
"""

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Any

from llm_glam import child_process

from ..access import instance
from .decoder_process import identity

PROGRAM = Path(__file__).with_name("decoder_process.py")
AT_ONCE = 4  # processes that decode
SPARE = 1  # that wait for a picture
WAITING = 16  # pictures that wait for one
WAIT_S = 10  # for which they do
IDLE_S = 600  # for which a process waits
SECONDS = 20  # of decoding
UPLOAD_SIDE = 512  # pixels of the short side; more than any CLIP model uses
MOST_BYTES = 200_000_000  # of a result
BLOCK = 1_000_000


class BadUpload(Exception):
    """A picture that cannot be used; the message says why."""


class Busy(Exception):
    """Too many pictures are being decoded."""


@dataclass(frozen=True)
class Decoded:
    """A smaller, re-encoded picture, which has no byte of the file itself, and a thumbnail of it."""

    content: bytes
    thumbnail: bytes | None = None


class Process:
    """A process that decodes one picture."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            child_process.python_file(PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**child_process.environment(), "OPENBLAS_NUM_THREADS": "1"},
        )

    @property
    def pid(self) -> int:
        """Return the process's id."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Return whether the process has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill the process, whatever it does."""
        self._process.kill()

    def end(self) -> None:
        """Kill the process, and wait until it has ended."""
        self.kill()
        with suppress(OSError), self._process:  # closes the pipes
            pass

    def decode(self, job: dict[str, Any], content: bytes) -> bytes:
        """Return all that the process writes until it ends, as it does in any case.

        :raises BadUpload: it takes too long
        """
        started = time.monotonic()
        timer = threading.Timer(SECONDS, self.kill)
        timer.start()
        try:
            written = self._written(json.dumps(job).encode() + b"\n", content)
        finally:
            timer.cancel()
            self.end()
        if not written and time.monotonic() - started >= SECONDS:
            raise BadUpload(f"decoding it takes more than {SECONDS:g} seconds")
        return written

    def _written(self, *parts: bytes) -> bytes:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin
        assert stdout
        with suppress(OSError):  # it has ended
            for part in parts:
                stdin.write(part)
            stdin.flush()
            blocks = iter(lambda: stdout.read(BLOCK), b"")
            return b"".join(islice(blocks, MOST_BYTES // BLOCK))
        return b""


class Decoders:
    """The processes of one Datasette instance."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="glam-decoder")
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        self._spare: list[Process] = []
        self._release: asyncio.TimerHandle | None = None

    def prepare(self) -> None:
        """Start the processes that wait for a picture, if they do not wait yet."""
        self._drop_dead()
        with suppress(OSError):  # which the next picture will meet
            while len(self._spare) < SPARE:
                self._spare.append(Process())
        if self._release:
            self._release.cancel()
        loop = asyncio.get_running_loop()
        self._release = loop.call_later(IDLE_S, self.release)

    def release(self) -> None:
        """End the processes that wait."""
        while self._spare:
            self._spare.pop().end()

    @property
    def waiting(self) -> list[int]:
        """Return the ids of the processes that wait."""
        return [process.pid for process in self._spare]

    async def decode(
        self,
        source: bytes | FileIO,
        max_megapixels: float,
        side: int = UPLOAD_SIDE,
        format_: str = "PPM",
        page: int = 1,
        *,
        thumbnail: bool = False,
    ) -> Decoded:
        """Return a smaller, re-encoded picture; call it within :meth:`place`.

        :param source: a file's bytes, or the open file, which the process opens again
        :param side: the maximum of its short side in pixels
        :param page: which page of a TIFF
        :param thumbnail: whether one for a page is wanted as well
        :raises BadUpload: the file is not a picture, is too large, or takes too long to decode
        :raises Busy: the system can start no more processes
        """
        content = b"" if isinstance(source, FileIO) else source
        job = {
            "bytes": len(content),
            "file": _named(source) if isinstance(source, FileIO) else None,
            "max_megapixels": max_megapixels,
            "side": side,
            "format": format_,
            "page": page,
            "thumbnail": thumbnail,
        }
        return _result(await self._run(job, content))

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait until a process may decode.

        :raises Busy: too many wait, or it takes too long
        """
        if self._free.locked() and self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise Busy from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()

    async def _run(self, job: dict[str, Any], content: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        try:
            process = self._taken()
        except OSError as error:  # the system has no more processes or memory
            raise Busy from error
        try:
            work = loop.run_in_executor(self._threads, process.decode, job, content)
            return await work
        finally:
            process.kill()  # where the visitor has gone
            self.prepare()

    def _taken(self) -> Process:
        self._drop_dead()
        return self._spare.pop(0) if self._spare else Process()

    def _drop_dead(self) -> None:
        """Forget the processes that were killed while they waited."""
        for process in [one for one in self._spare if not one.is_alive()]:
            self._spare.remove(process)
            process.end()


def of(datasette: Any) -> Decoders:
    """Return the decoders of this Datasette instance."""
    return instance.only(datasette, Decoders)


def _named(fp: FileIO) -> tuple[str, list[int]]:
    """Return how a process finds an open file, and knows that it is still the same."""
    return str(Path(os.fsdecode(fp.name)).resolve()), identity(fp.fileno())


def _result(written: bytes) -> Decoded:
    """Return what a process has written; nothing of it is trusted.

    :raises BadUpload: it has refused the picture, or it has ended
    """
    line, _, rest = written.partition(b"\n")
    try:
        head = json.loads(line)
        if reason := head.get("error"):
            raise BadUpload(str(reason)[:300])
        first, *others = map(int, head["lengths"])
        is_whole = first > 0 and first + sum(others) == len(rest)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadUpload("it cannot be decoded") from error
    if not is_whole:
        raise BadUpload("it cannot be decoded")
    return Decoded(rest[:first], rest[first:] if others else None)
