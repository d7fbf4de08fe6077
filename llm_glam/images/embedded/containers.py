"""Go through the parts of a picture file without decoding it: JPEG, PNG, WebP, GIF, JPEG 2000.

A part is given out even if the file ends within it, and the error follows.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_PARTS = 1_000_000
MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")  # neither a pixel nor a restart
FIRST_LOOK, LOOK = 512, 65_536  # bytes that are searched for a marker at a time
PIXELS = b""  # what is between two segments of a JPEG
SOI, EOI, SOS = b"\xd8", b"\xd9", b"\xda"
EXIF_OR_XMP, PHOTOSHOP, COMMENT = b"\xe1", b"\xed", b"\xfe"
GIF_HEAD, GIF_IMAGE, GIF_EXTENSION, GIF_END = b"GIF", b",", b"!", b";"
PALETTE, PALETTE_BITS = 0x80, 7  # a GIF's palette follows, and its size


class Damaged(Exception):
    """A file is not built as its format says."""


@dataclass(frozen=True)
class Part:
    """A part of a file: where it begins, where its content does, its size, and where it ends."""

    kind: bytes
    start: int
    content: int
    size: int
    end: int

    def read(self, fp: Any, most: int) -> bytes:
        """Read the content, and no more than ``most`` bytes of it."""
        fp.seek(self.content)
        return bytes(fp.read(min(self.size, most)))


def length(fp: Any) -> int:
    """Return the size of a file in bytes."""
    return int(fp.seek(0, 2))


def exactly(fp: Any, start: int, size: int) -> bytes:
    """Read bytes at a place.

    :raises Damaged: the file ends before
    """
    fp.seek(start)
    found = fp.read(size)
    if len(found) < size:
        raise Damaged
    return bytes(found)


def _checked(parts: Iterator[Part], end: int) -> Iterator[Part]:
    """Yield parts, and raise an error after one that ends behind the file, or after too many."""
    for number, part in enumerate(parts):
        yield part
        if part.end > end or number > MOST_PARTS:
            raise Damaged


def png(fp: Any) -> Iterator[Part]:
    """Yield the chunks of a PNG, of which IEND is the last.

    :raises Damaged: the file is cut off
    """
    return _checked(_chunks(fp), length(fp))


def _chunks(fp: Any) -> Iterator[Part]:
    start, kind = 8, b""
    while kind != b"IEND":
        size, kind = struct.unpack(">I4s", exactly(fp, start, 8))
        yield Part(kind, start, start + 8, size, start + size + 12)
        start += size + 12


def jpeg(fp: Any, start: int = 0) -> Iterator[Part]:
    """Yield the segments of a JPEG's first picture, EOI last, and what is between them.

    :raises Damaged: the file is cut off
    """
    return _checked(_segments(fp, start + 2), length(fp))


def _segments(fp: Any, start: int) -> Iterator[Part]:
    kind = SOI
    while kind != EOI:
        at = _marker(fp, start)
        if at > start:
            yield Part(PIXELS, start, start, at - start, at)
        kind = exactly(fp, at + 1, 1)
        size = 0 if kind == EOI else int.from_bytes(exactly(fp, at + 2, 2))
        if kind == SOI or (size < 2 and kind != EOI):
            raise Damaged
        start = at + 2 + size
        yield Part(kind, at, min(at + 4, start), max(0, size - 2), start)


def _marker(fp: Any, start: int) -> int:
    """Return where the next marker is."""
    fp.seek(start)
    last, at, wanted = b"", start, FIRST_LOOK
    while block := fp.read(wanted):
        if found := MARKER.search(last + block):
            return at - len(last) + found.start()
        at += len(block)
        last, wanted = block[-1:], LOOK
    raise Damaged


def riff(fp: Any, start: int, end: int) -> Iterator[Part]:
    """Yield the chunks of a WebP between two places.

    :raises Damaged: the last one does not end where it should
    """
    return _checked(_riff_chunks(fp, start, end), min(end, length(fp)))


def _riff_chunks(fp: Any, start: int, end: int) -> Iterator[Part]:
    while start < end:
        kind, size = struct.unpack("<4sI", exactly(fp, start, 8))
        part = Part(kind, start, start + 8, size, start + 8 + size + size % 2)
        yield part
        start = part.end


def boxes(fp: Any, start: int, end: int) -> Iterator[Part]:
    """Yield the boxes of a JPEG 2000 file between two places.

    :raises Damaged: the last one does not end where it should
    """
    return _checked(_boxes(fp, start, end), end)


def _boxes(fp: Any, start: int, end: int) -> Iterator[Part]:
    while start < end:
        size, kind = struct.unpack(">I4s", exactly(fp, start, 8))
        head = 8
        if size == 1:
            head, size = 16, int.from_bytes(exactly(fp, start + 8, 8))
        elif size == 0:  # the last one
            size = end - start
        if size < head:
            raise Damaged
        yield Part(kind, start, start + head, size - head, start + size)
        start += size


def gif(fp: Any) -> Iterator[Part]:
    """Yield the head of a GIF with its palette, its pictures and extensions, and its end.

    The kind of an extension is ``!`` and its label.

    :raises Damaged: the file is cut off
    """
    return _checked(_blocks(fp), length(fp))


def _blocks(fp: Any) -> Iterator[Part]:
    start = 13 + _palette(exactly(fp, 10, 1)[0])
    yield Part(GIF_HEAD, 0, 0, start, start)
    kind = GIF_HEAD
    while kind != GIF_END:
        kind = exactly(fp, start, 1)
        content = start + 1
        if kind == GIF_IMAGE:
            content = start + 11 + _palette(exactly(fp, start + 9, 1)[0])
        elif kind == GIF_EXTENSION:
            kind += exactly(fp, start + 1, 1)
            content = start + 2
        elif kind != GIF_END:
            raise Damaged
        end = content if kind == GIF_END else _behind_sub_blocks(fp, content)
        yield Part(kind, start, content, end - content, end)
        start = end


def _palette(flags: int) -> int:
    """Return how many bytes the palette has that the flags announce."""
    return 3 << ((flags & PALETTE_BITS) + 1) if flags & PALETTE else 0


def _behind_sub_blocks(fp: Any, start: int) -> int:
    while size := exactly(fp, start, 1)[0]:
        start += size + 1
    return start + 1
