"""Read and decode entries ahead of the encoder: in order, in threads, in bounded memory."""

import hashlib
import io
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any, TypeVar

from .. import platforms
from ..engine import Encoder
from ..errors import BadImage, ProblemKind, Unreadable
from ..images import decoding, page_items
from ..images.decoding import Facts, Thumbnail
from ..images.embedded import record
from ..images.embedded.sidecars import Sidecars
from ..images.files import PictureFile

WORKERS = min(8, max(2, os.cpu_count() or 2))

TRIES = 3  # for a file that is written while it is read
PREFETCHED = 48

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to embed under an id: a picture file, a picture's bytes, or a text."""

    id: str
    content: PictureFile | bytes | str
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """An entry that was read and is ready for the encoder.

    ``md5`` and ``size`` (in bytes) are those of its content, and ``raw`` is the content itself if
    it is to be stored. A picture also has its ``facts``, its thumbnail, and what the encoder has
    ``prepared`` of it; its pixels have been freed. ``embedded`` is the record inside the picture,
    None if it was not looked for.
    """

    entry: Entry
    md5: bytes
    size: int
    raw: bytes | None = None
    facts: Facts | None = None
    prepared: Any = None
    thumbnail: Thumbnail | None = None
    embedded: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry that cannot be used: ``reason`` tells people why, ``kind`` tells programs."""

    entry: Entry
    reason: str
    kind: ProblemKind


@dataclass(frozen=True)
class ReadOptions:
    """How to read entries.

    ``thumbnail_size`` is the short side of thumbnails in pixels, None for no thumbnails.
    ``keep_raw`` keeps the bytes of pictures in memory, for LLM's ``--store``. ``full_size``
    decodes every pixel of pictures whose files offer smaller versions. ``as_if_thumbnail_size``
    decodes pictures at the size that thumbnails of this size would need, so that vectors are the
    same with and without thumbnails. ``every_page`` says that the other pages of a TIFF are entries
    of their own. ``embedded`` reads the records inside pictures, and ``gps`` where they were taken.
    """

    workers: int = WORKERS
    thumbnail_size: int | None = decoding.THUMBNAIL_SIZE
    max_megapixels: float = decoding.MAX_MEGAPIXELS
    keep_raw: bool = False
    full_size: bool = False
    as_if_thumbnail_size: int = 0
    every_page: bool = False
    embedded: bool = True
    gps: bool = False

    def sufficient_size(self, encoder: Encoder) -> int | None:
        """Return the short side in pixels to decode for the model and the thumbnail.

        It is at least twice what either needs, so that the final reduction still averages over
        pixels.

        :return: None if the whole picture is needed
        """
        if self.full_size or not encoder.needed:
            return None
        needed = encoder.needed, self.thumbnail_size or 0, self.as_if_thumbnail_size
        return 2 * max(needed)


class PixelLimit:
    """Let pictures be decoded in parallel while they have fewer pixels together than a limit.

    A picture larger than the limit waits until no other is being decoded. Memory is thus bounded
    by the limit or the largest picture, not by the number of threads.
    """

    def __init__(self, limit: int = 100_000_000) -> None:
        self._limit = limit
        self._in_use = 0
        self._change = threading.Condition()

    @contextmanager
    def reserve(self, count: int) -> Iterator[None]:
        """Wait until ``count`` more pixels fit, and reserve them until the block ends."""
        with self._change:
            self._change.wait_for(
                lambda: self._in_use == 0 or self._in_use + count <= self._limit
            )
            self._in_use += count
        try:
            yield
        finally:
            with self._change:
                self._in_use -= count
                self._change.notify_all()


def prefetch(
    entries: Iterable[Entry | Problem], encoder: Encoder, options: ReadOptions
) -> Iterator[Ready | Problem]:
    """Yield entries read and decoded, in order.

    An entry that cannot be used becomes a :class:`Problem` instead of raising. Problems among
    ``entries`` are yielded in their place.
    """
    pixel_limit, sidecars = PixelLimit(), Sidecars()

    def read(entry: Entry | Problem) -> Ready | Problem:
        if isinstance(entry, Problem):
            return entry
        try:
            result = _read(entry, encoder, options, pixel_limit)
            if isinstance(result, Problem) or not result.facts or not options.embedded:
                return result
            found = embedded_record(entry.content, sidecars, gps=options.gps)
            return replace(result, embedded=found)
        except BadImage as error:
            return Problem(entry, error.message, error.kind)
        except MemoryError:
            reason = "it is too large for this computer's memory"
            return Problem(entry, reason, ProblemKind.OUT_OF_MEMORY)
        except UnicodeEncodeError:
            reason = "it is not valid text"
            return Problem(_printable(entry), reason, ProblemKind.BAD_TEXT)
        except OSError as error:
            reason = f"it cannot be read ({platforms.reason(error)})"
            return Problem(entry, reason, ProblemKind.UNREADABLE)

    with decoding.quiet():
        # Entries with their bytes are large. Others are small, so that a whole batch can be made
        # ready while the model works on the one before.
        ahead = 2 * options.workers if options.keep_raw else PREFETCHED
        yield from in_order(read, entries, options.workers, ahead)


def embedded_record(
    content: PictureFile | bytes | str, sidecars: Sidecars, *, gps: bool
) -> dict[str, Any] | None:
    """Return the record inside a picture and beside it.

    :param gps: whether to keep the coordinates of where it was taken
    :return: None if the picture cannot be opened
    """
    if isinstance(content, str):
        return None
    if isinstance(content, bytes):
        found = record.read(content)
    else:
        found = record.read(content.path, sidecars.read(content))
    if found is None or gps:
        return found
    return {k: v for k, v in found.items() if k not in record.COORDINATES}


def _printable(entry: Entry) -> Entry:
    item_id = entry.id.encode("utf-8", "backslashreplace").decode()
    return Entry(item_id, b"")


def in_order(
    function: Callable[[T], R], values: Iterable[T], workers: int, ahead: int
) -> Iterator[R]:
    """Do what ``map`` does in several threads.

    :param ahead: how many results to compute before they are asked for
    """
    pending: deque[Future[R]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="glam-read")
    try:
        for value in values:
            pending.append(pool.submit(function, value))
            if len(pending) > ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        # Without waiting: after an error, Python may end this in one of the threads, which cannot
        # wait for itself.
        pool.shutdown(wait=False, cancel_futures=True)


def _read(
    entry: Entry, encoder: Encoder, options: ReadOptions, pixel_limit: PixelLimit
) -> Ready | Problem:
    content = entry.content
    entry.id.encode()
    if isinstance(content, str):
        raw = content.encode()
        digest = hashlib.md5(raw, usedforsecurity=False).digest()
        return Ready(entry, digest, len(raw))
    if isinstance(content, bytes):
        return _read_picture(entry, content, encoder, options, pixel_limit)
    if content.is_in_cloud:
        raise Unreadable(platforms.IN_CLOUD)
    for _ in range(TRIES):
        before = _state(content.path)
        ready = _read_picture(entry, content.path, encoder, options, pixel_limit)
        if _state(content.path) == before:
            return ready
    reason = "another program is changing it; repeat the command"
    return Problem(entry, reason, ProblemKind.UNREADABLE)


def _state(path: Path) -> tuple[int, ...]:
    """Return what differs once a file has been written.

    A file is opened several times. If it were written in between, the vector would be that of
    another content than the one whose MD5 is stored with it.
    """
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _read_picture(
    entry: Entry,
    source: Path | bytes,
    encoder: Encoder,
    options: ReadOptions,
    pixel_limit: PixelLimit,
) -> Ready:
    page = 1 if isinstance(entry.content, bytes) else getattr(entry.content, "page", 1)
    with _open(source) as fp:
        md5 = page_items.content_hash(fp, page)
        size = fp.tell()
        fp.seek(0)
        raw_bytes = fp.read() if options.keep_raw else None
    ready = Ready(entry, md5, size, raw_bytes)
    return _decode(source, page, ready, encoder, options, pixel_limit)


def _open(source: Path | bytes) -> BufferedIOBase:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _decode(
    source: Path | bytes,
    page: int,
    ready: Ready,
    encoder: Encoder,
    options: ReadOptions,
    pixel_limit: PixelLimit,
) -> Ready:
    """Decode a picture, and prepare it for the encoder.

    The file is opened anew here, since some of Pillow's plugins close the one they are given.
    """
    size, limit = options.sufficient_size(encoder), options.max_megapixels
    count = decoding.pixels_to_decode(
        source, max_megapixels=limit, at_least=size, page=page
    )
    with pixel_limit.reserve(count):
        picture = decoding.read(
            source,
            max_megapixels=limit,
            at_least=size,
            page=page,
            every_page=options.every_page,
        )
        thumbnail = None
        if options.thumbnail_size:
            thumbnail = decoding.thumbnail(picture, options.thumbnail_size)
        prepared = encoder.prepare(picture.image)
    return replace(ready, facts=picture.facts, prepared=prepared, thumbnail=thumbnail)
