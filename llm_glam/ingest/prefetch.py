"""Reading ahead: entries are decoded by a few workers, in bounded memory, in order."""

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

from ..engine import Encoder
from ..errors import BadImage, ProblemKind
from ..images import decoding, downscale
from ..images.decoding import Facts, Thumbnail
from ..images.files import PictureFile

WORKERS = min(8, max(2, os.cpu_count() or 2))

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
    """An entry that only needs its vector now.

    ``md5`` and ``size`` (bytes) are those of its content. Of a picture, whose pixels are let go
    by now, there are also its ``facts``, what the encoder needs, and its thumbnail.
    """

    entry: Entry
    md5: bytes
    size: int
    raw: bytes | None = None
    facts: Facts | None = None
    prepared: Any = None
    thumbnail: Thumbnail | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry that cannot be used, and why: the reason for people, the kind for programs."""

    entry: Entry
    reason: str
    kind: ProblemKind


@dataclass(frozen=True)
class Reading:
    """How entries are read.

    ``thumbnail_size`` is the short side in pixels, None for no thumbnails; ``keep_raw`` keeps
    the bytes of pictures, for LLM's ``--store``; ``in_full`` decodes every pixel of pictures
    that could be had smaller from their files; ``as_for`` decodes them as if for thumbnails of
    that size, so that vectors are the same with and without.
    """

    workers: int = WORKERS
    thumbnail_size: int | None = decoding.THUMBNAIL_SIZE
    max_megapixels: float = decoding.MAX_MEGAPIXELS
    keep_raw: bool = False
    in_full: bool = False
    as_for: int = 0

    def enough(self, encoder: Encoder) -> int | None:
        """The short side in pixels that is enough for the model and the thumbnail.

        Never below twice what either needs, so that shrinking it the rest of the way still
        averages over pixels. None where the whole picture is needed.
        """
        if self.in_full or not encoder.needed:
            return None
        return 2 * max(encoder.needed, self.thumbnail_size or 0, self.as_for)


class PixelGate:
    """Lets pictures be decoded side by side while their pixels together stay under a limit.

    A picture larger than the limit waits until it is alone, so that memory is bounded by the
    largest picture instead of by their number.
    """

    def __init__(self, limit: int = 100_000_000) -> None:
        self._limit = limit
        self._inside = 0
        self._change = threading.Condition()

    @contextmanager
    def admit(self, size: int) -> Iterator[None]:
        """Wait until ``size`` more pixels fit, and hold them until the block ends."""
        with self._change:
            self._change.wait_for(
                lambda: self._inside == 0 or self._inside + size <= self._limit
            )
            self._inside += size
        try:
            yield
        finally:
            with self._change:
                self._inside -= size
                self._change.notify_all()


def prefetch(
    entries: Iterable[Entry | Problem], encoder: Encoder, how: Reading
) -> Iterator[Ready | Problem]:
    """Entries read and decoded, in order; a bad one becomes a Problem, never an exception.

    Problems that are known already are handed on in their place.
    """
    gate = PixelGate()

    def read(entry: Entry | Problem) -> Ready | Problem:
        if isinstance(entry, Problem):
            return entry
        try:
            return _read(entry, encoder, how, gate)
        except BadImage as error:
            return Problem(entry, error.message, error.kind)
        except MemoryError:
            reason = "it is too large for this computer's memory"
            return Problem(entry, reason, ProblemKind.OUT_OF_MEMORY)
        except UnicodeEncodeError:
            reason = "it is not valid text"
            return Problem(_printable(entry), reason, ProblemKind.BAD_TEXT)
        except OSError as error:
            reason = f"it cannot be read ({error.strerror or error})"
            return Problem(entry, reason, ProblemKind.UNREADABLE)

    with decoding.quiet():
        # With their bytes entries are large, else small: then a whole batch may be ready while
        # the model works on the one before.
        ahead = 2 * how.workers if how.keep_raw else PREFETCHED
        yield from in_order(read, entries, how.workers, ahead)


def _printable(entry: Entry) -> Entry:
    item_id = entry.id.encode("utf-8", "backslashreplace").decode()
    return Entry(item_id, b"")


def in_order(
    function: Callable[[T], R], values: Iterable[T], workers: int, ahead: int
) -> Iterator[R]:
    """Like ``map``, by several threads, so many values ahead of whoever takes the results."""
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="glam-read") as pool:
        try:
            for value in values:
                pending.append(pool.submit(function, value))
                if len(pending) > ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _read(
    entry: Entry, encoder: Encoder, how: Reading, gate: PixelGate
) -> Ready | Problem:
    content = entry.content
    entry.id.encode()
    if isinstance(content, str):
        raw = content.encode()
        digest = hashlib.md5(raw, usedforsecurity=False).digest()
        return Ready(entry, digest, len(raw))
    source = content if isinstance(content, bytes) else content.path
    with _binary(source) as fp:
        md5 = hashlib.file_digest(fp, lambda: hashlib.md5(usedforsecurity=False))
        size = fp.tell()
        fp.seek(0)
        kept = fp.read() if how.keep_raw else None
    ready = Ready(entry, md5.digest(), size, kept)
    return _decode(source, ready, encoder, how, gate)


def _binary(source: Path | bytes) -> BufferedIOBase:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _decode(
    source: Path | bytes,
    ready: Ready,
    encoder: Encoder,
    how: Reading,
    gate: PixelGate,
) -> Ready:
    """Opened twice, since some of Pillow's plugins close what they were given."""
    enough = how.enough(encoder)
    with decoding.opened(source, max_megapixels=how.max_megapixels) as im:
        if enough:
            downscale.shrink(im, enough)
        count = im.width * im.height
    with gate.admit(count):
        picture = decoding.read(
            source, max_megapixels=how.max_megapixels, at_least=enough
        )
        small = None
        if how.thumbnail_size:
            small = decoding.thumbnail(picture, how.thumbnail_size)
        prepared = encoder.prepare(picture.image)
    return replace(ready, facts=picture.facts, prepared=prepared, thumbnail=small)
