"""Find what of a TIFF has to be copied: its pixels and the tags that say how to read them.

Everything stays where it is, and zeros take the place of the rest, so that no pixel is touched
whatever its depth and compression, on all pages.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from . import containers
from .containers import Damaged
from .pieces import Piece, Zeros

SIZES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), 1)) | {
    16: 8,
    17: 8,
    18: 8,
}
NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
# Where the bytes of pixels begin, and the tags that say how many they are; and further pages.
PIXELS = {273: 279, 324: 325}
PAGES = 330
COMPRESSION, JPEG = 259, 7
OF_JPEGS = (containers.EXIF_OR_XMP, containers.PHOTOSHOP, containers.COMMENT)
ORIENTATION, PHOTOMETRIC, JPEG_OFFSET, DNG_VERSION, NODATA = 274, 262, 513, 50706, 42113
RAW = (32803, 34892)  # what sensors measure, which needs the maker's notes
KEPT = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279),
    *(280, 281, 282, 283, 284, 286, 287, 290, 291, 292, 293, 296, 297, 301, 317, 318),
    *(319, 320, 321, 322, 323, 324, 325, 326, 327, 328, 330, 332, 334, 336, 338, 339),
    *(340, 341, 342, 343, 344, 345, 346, 347, 529, 530, 531, 532, 34675, 37439),
    *(NODATA, 50674),
}
MOST_TAGS, MOST_PAGES, MOST_STRIPS = 4096, 10_000, 1_000_000
LONGEST_NODATA = 64  # bytes


@dataclass
class _Copied:
    """What is copied: ranges of the original, and directories written anew, by where they begin.

    ``dropped`` are ranges of which nothing may be copied.
    """

    ranges: list[tuple[int, int]] = field(default_factory=list)
    directories: dict[int, bytes] = field(default_factory=dict)
    dropped: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class _Entry:
    tag: int
    kind: int
    count: int
    raw: bytes  # as it is in the directory
    values_at: int  # where its values are

    @property
    def size(self) -> int:
        """How many bytes the values have; 0 if their kind is not known."""
        return SIZES.get(self.kind, 0) * self.count


@dataclass(frozen=True)
class _File:
    fp: Any
    order: str
    is_big: bool
    size: int

    def numbers(self, entry: _Entry | None) -> tuple[int, ...]:
        """Read the values of a tag.

        :raises Damaged: they are no whole numbers, or too many
        """
        if entry is None or entry.kind not in NUMBERS or entry.count > MOST_STRIPS:
            raise Damaged
        data = containers.exactly(self.fp, entry.values_at, entry.size)
        return struct.unpack(f"{self.order}{entry.count}{NUMBERS[entry.kind]}", data)

    def directory(self, at: int) -> tuple[list[_Entry], int]:
        """Read the tags of a page, and where the next page is."""
        count_as, entry_size, room = ("Q", 20, 8) if self.is_big else ("H", 12, 4)
        offset_as, head = ("Q", 8) if self.is_big else ("I", 2)
        (count,) = self._unpack(count_as, at)
        if count > MOST_TAGS:
            raise Damaged
        entries = []
        for number in range(count):
            start = at + head + number * entry_size
            raw = containers.exactly(self.fp, start, entry_size)
            tag, kind, many = struct.unpack(
                f"{self.order}HH{offset_as}", raw[: entry_size - room]
            )
            is_inside = SIZES.get(kind, 0) * many <= room
            (place,) = struct.unpack(f"{self.order}{offset_as}", raw[-room:])
            values_at = start + entry_size - room if is_inside else place
            entries.append(_Entry(tag, kind, many, raw, values_at))
        (following,) = self._unpack(offset_as, at + head + count * entry_size)
        return entries, following

    def packed(self, entries: list[_Entry], following: int) -> bytes:
        """Return the bytes of a page's directory."""
        count_as, offset_as = ("Q", "Q") if self.is_big else ("H", "I")
        head = struct.pack(f"{self.order}{count_as}", len(entries))
        tail = struct.pack(f"{self.order}{offset_as}", following)
        return head + b"".join(entry.raw for entry in entries) + tail

    def is_inside(self, entry: _Entry) -> bool:
        """Return whether the values are in the directory itself."""
        return entry.size <= (8 if self.is_big else 4)

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        form = self.order + form
        return struct.unpack(
            form, containers.exactly(self.fp, at, struct.calcsize(form))
        )


def pieces(fp: Any, orientation: int) -> Iterator[Piece]:
    """Yield the pieces of a copy of an opened TIFF, which is as long as the file itself.

    :param orientation: how it has to be turned; a tag that says so is kept
    :raises Damaged: it is damaged, the raw file of a camera, or turned by something else
    """
    file, head, first = _opened(fp)
    copied = _Copied([(0, head)])
    left, seen = deque([first]), {0}
    while left:
        at = left.popleft()
        if at in seen:
            continue
        seen.add(at)
        entries, following = file.directory(at)
        if at == first and orientation > 1 and ORIENTATION not in _tags(entries):
            raise Damaged
        kept = [entry for entry in entries if _is_kept(entry)]
        copied.directories[at] = file.packed(kept, following)
        copied.dropped += [_place(e) for e in entries if not _is_kept(e)]
        left.extend(_add_page(file, kept, copied))
        left.append(following)
        if len(seen) > MOST_PAGES or len(copied.ranges) > MOST_STRIPS:
            raise Damaged
    return _in_order(copied, file.size)


def _opened(fp: Any) -> tuple[_File, int, int]:
    """Read the head of a TIFF: its order and kind, how long it is, and where the first page is."""
    head = containers.exactly(fp, 0, 16)
    order = "<" if head[:2] == b"II" else ">"
    is_big = 43 in head[2:4]
    if head[8:10] == b"CR":  # Canon's
        raise Damaged
    form, place, size = ("Q", 8, 16) if is_big else ("I", 4, 8)
    (first,) = struct.unpack_from(order + form, head, place)
    return _File(fp, order, is_big, containers.length(fp)), size, first


def _tags(entries: list[_Entry]) -> set[int]:
    return {entry.tag for entry in entries}


def _is_kept(entry: _Entry) -> bool:
    """Return whether a tag is needed to decode a picture.

    :raises Damaged: it shows that others are needed, too
    """
    if entry.tag in (DNG_VERSION, JPEG_OFFSET):
        raise Damaged
    return entry.tag in KEPT and (entry.tag != NODATA or entry.size <= LONGEST_NODATA)


def _place(entry: _Entry) -> tuple[int, int]:
    return entry.values_at, entry.values_at + entry.size


def _add_page(file: _File, entries: list[_Entry], copied: _Copied) -> list[int]:
    """Note what a page needs, and return where the pages are that belong to it."""
    by_tag = {entry.tag: entry for entry in entries}
    for entry in entries:
        if not entry.size:
            raise Damaged
        if not file.is_inside(entry):
            copied.ranges.append(_place(entry))
    if PHOTOMETRIC in by_tag and set(file.numbers(by_tag[PHOTOMETRIC])) & set(RAW):
        raise Damaged
    for offsets, counts in PIXELS.items():
        if offsets in by_tag:
            starts = file.numbers(by_tag[offsets])
            sizes = file.numbers(by_tag.get(counts))
            copied.ranges += [(a, a + n) for a, n in zip(starts, sizes, strict=False)]
            if COMPRESSION in by_tag and JPEG in file.numbers(by_tag[COMPRESSION]):
                _check_jpegs(file, starts)
    return list(file.numbers(by_tag[PAGES])) if PAGES in by_tag else []


def _check_jpegs(file: _File, starts: Iterable[int]) -> None:
    """Check that the JPEGs that a page consists of have nothing embedded themselves.

    :raises Damaged: one has
    """
    for start in starts:
        for part in containers.jpeg(file.fp, start):
            if part.kind in OF_JPEGS:
                raise Damaged
            if part.kind in (containers.SOS, containers.EOI):
                break


def _in_order(copied: _Copied, size: int) -> Iterator[Piece]:
    """Yield what is copied, and zeros between.

    :raises Damaged: a directory is where something else is
    """
    parts: list[tuple[int, int, bytes]] = [
        *((a, min(b, size), b"") for a, b in copied.ranges if a < size),
        *((a, a + len(d), d) for a, d in copied.directories.items()),
    ]
    _check_apart(copied, parts)
    at = 0
    for start, end, written in sorted(parts):
        if written and start < at:
            raise Damaged
        if start > at:
            yield Zeros(start - at)
        if written:
            yield written
        elif end > at:
            yield range(max(start, at), end)
        at = max(at, end)
    yield Zeros(size - at)


def _check_apart(copied: _Copied, parts: list[tuple[int, int, bytes]]) -> None:
    """Check that nothing is at the same place as a directory, or as what is dropped.

    :raises Damaged: something is
    """
    alone = [(a, a + len(d)) for a, d in copied.directories.items()]
    kept = [(a, b) for a, b, written in parts if not written]
    # What is dropped may be within a directory, whose entry is dropped with it.
    for others in (alone, copied.dropped):
        ends = [0, 0]
        both = [*((a, b, 0) for a, b in kept), *((a, b, 1) for a, b in others)]
        for start, end, which in sorted(both):
            if start < ends[1 - which]:
                raise Damaged
            ends[which] = max(ends[which], end)
