"""Serve tiles of large originals, so that visitors can look closely.

The first tile that somebody asks for has the whole picture cut into all of its tiles, in a process
of its own. They are kept in a temporary file without a name, which is gone however the site ends,
until those of other pictures need the place.
"""

import asyncio
import struct
import subprocess
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass
from io import FileIO
from itertools import accumulate
from pathlib import Path
from typing import IO, Any

from datasette.utils.asgi import NotFound, Response

from llm_glam import child_process
from llm_glam.images import page_items

from ..access import instance
from ..access.context import CollectionRequest
from ..web.page import jpeg
from . import decoder, originals
from .tile_process import REFUSED, TRAILER, grid, sizes

JOBS = 2  # pictures that are cut at once
SECONDS = 60  # for one
MOST_BYTES = 400_000_000  # of all tiles that are kept
MOST = 50  # pictures whose tiles are kept, each in an open file

Key = tuple[str, str, str, str]  # database, items table, id and MD5


class Busy(Exception):
    """Too many pictures are being cut."""


@dataclass(frozen=True)
class Pyramid:
    """The file with the tiles of a picture: at its full size, at half of it, and so on.

    ``ends`` are the places in the file after each tile: level by level, row by row.
    """

    file: IO[bytes]
    size: tuple[int, int]
    ends: tuple[int, ...]
    lock: threading.Lock

    @classmethod
    def open(cls, file: IO[bytes]) -> "Pyramid":
        """Return the tiles in a file that :mod:`.tile_process` has written.

        :raises BadUpload: it is not complete
        """
        try:
            file.seek(-TRAILER.size, 2)
            width, height, number = TRAILER.unpack(file.read())
            file.seek(-TRAILER.size - 4 * number, 2)
            lengths = struct.unpack(f"<{number}I", file.read(4 * number))
        except (OSError, struct.error) as error:
            raise decoder.BadUpload("it cannot be cut into tiles") from error
        ends = tuple(accumulate(lengths))
        return cls(file, (width, height), ends, threading.Lock())

    @property
    def byte_count(self) -> int:
        """The size of the file."""
        return self.ends[-1] + 4 * len(self.ends) + TRAILER.size

    def read(self, level: int, column: int, row: int) -> bytes | None:
        """Return a tile; None where there is none."""
        number = number_of(self.size, level, column, row)
        if number is None:
            return None
        start = self.ends[number - 1] if number else 0
        with self.lock:
            self.file.seek(start)
            return self.file.read(self.ends[number] - start)


class Tiles:
    """The tiles of one Datasette instance, of the pictures that were looked at last."""

    def __init__(self) -> None:
        self._known: OrderedDict[Key, Pyramid] = OrderedDict()
        self._jobs: dict[Key, asyncio.Task[Pyramid]] = {}

    async def of(self, key: Key, path: Path, page: int, limit: float) -> Pyramid:
        """Return the tiles of a picture, which is cut if need be.

        :param limit: the most megapixels it may have
        :raises Busy: too many other pictures are being cut
        :raises BadUpload: it cannot be
        """
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if key not in self._jobs:
            if len(self._jobs) >= JOBS:
                raise Busy
            task = asyncio.create_task(self._make(key, path, page, limit))
            self._jobs[key] = task
            task.add_done_callback(lambda _: self._jobs.pop(key, None))
        # Others wait for the same picture, and this visitor will come again.
        return await asyncio.shield(self._jobs[key])

    async def _make(self, key: Key, path: Path, page: int, limit: float) -> Pyramid:
        file = tempfile.TemporaryFile()
        try:
            with await asyncio.to_thread(originals.checked, path, page, key[3]) as fp:
                await _cut(fp, file, page, limit)
            pyramid = Pyramid.open(file)
        except BaseException:
            file.close()
            raise
        self._known[key] = pyramid
        self._forget_oldest()
        return pyramid

    def _forget_oldest(self) -> None:
        while (
            len(self._known) > MOST
            or sum(one.byte_count for one in self._known.values()) > MOST_BYTES
        ):
            _, oldest = self._known.popitem(last=False)
            with oldest.lock:
                oldest.file.close()


async def tile(page_request: CollectionRequest) -> Response:
    """Return a tile of a picture whose original is at hand."""
    item_id = page_request.url_name("item")
    found = await originals.find(page_request, item_id)
    place = [int(page_request.request.url_vars[n]) for n in ("level", "column", "row")]
    size = originals.size_of(found[0]) if found else None
    if found is None or size is None or number_of(size, *place) is None:
        raise NotFound(f"There is no such part of a larger picture of '{item_id}'.")
    row, path = found
    tag = f'"{row["image_md5"]}-{"-".join(map(str, place))}"'
    if page_request.request.headers.get("if-none-match") == tag:
        return jpeg(page_request, None, tag=tag, age=originals.AGE)
    key = page_request.database, page_request.table, item_id, str(row["image_md5"])
    page = page_items.page_of(row["id"], row["file"], row["image_format"])
    limit = page_request.setting("max_upload_megapixels")
    try:
        pyramid = await of(page_request.datasette).of(key, path, page, limit)
        content = await asyncio.to_thread(pyramid.read, *place)
    except Busy:
        return originals.too_many(3)
    except decoder.BadUpload as error:
        text = f"The original of '{item_id}' cannot be shown: {error}."
        raise NotFound(text) from error
    except ValueError:  # its file was closed a moment ago
        return originals.too_many(3)
    if content is None:
        raise NotFound(f"There is no such part of a larger picture of '{item_id}'.")
    return jpeg(page_request, content, tag=tag, age=originals.AGE)


def of(datasette: Any) -> Tiles:
    """Return the tiles of this Datasette instance."""
    return instance.only(datasette, Tiles)


def number_of(size: tuple[int, int], level: int, column: int, row: int) -> int | None:
    """Return the number of a tile in the file; None where there is none.

    :param size: that of the picture
    """
    before = 0
    for number, one in enumerate(sizes(size)):
        columns, rows = grid(one)
        if number == level:
            inside = column < columns and row < rows
            return before + row * columns + column if inside else None
        before += columns * rows
    return None


async def _cut(fp: FileIO, out: IO[bytes], page: int, limit: float) -> None:
    """Have a picture cut into the tiles in a file.

    :raises BadUpload: it cannot be, or takes too long
    """
    module = child_process.python_module("datasette_glam.media.tile_process")
    process = await asyncio.create_subprocess_exec(
        *(*module, str(limit), str(page)),
        stdin=fp,
        stdout=out,
        stderr=subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError as error:
        text = f"decoding it takes more than {SECONDS:g} seconds"
        raise decoder.BadUpload(text) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        lines = said.decode("utf-8", "replace").strip().splitlines()
        is_reason = process.returncode == REFUSED and lines
        raise decoder.BadUpload(lines[-1] if is_reason else "it cannot be decoded")
