"""A collection's vectors in one file that is opened by mmap: written once, then only read.

After a line of JSON come the arrays, each at a multiple of 64 bytes, in the order of
:data:`ARRAYS`.
"""

import json
import os
import tempfile
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

FORMAT = 2
ALIGNED = 64
HEADER = 256  # bytes
SAMPLED = 64  # vectors that are verified when a file is opened
MANY = 1_000  # ids that are looked up faster together
BLOCK = 50_000  # rows
# vectors (n, d), then by row: rowid, its vector's check, where its id ends; the ids, in UTF-8
ARRAYS = ("vectors", "rowids", "checks", "ends", "names")


@dataclass(frozen=True)
class Rows:
    """The rows of a collection, in the order of their ids, without their vectors.

    ``rowids``: shape (n,), int64; ``checks`` a number made of each vector as the database has
    it, shape (n,), uint64; ``names`` the ids one after the other in UTF-8, ``ends`` where each
    of them ends, shape (n,), int64.
    """

    rowids: NDArray[np.int64]
    checks: NDArray[np.uint64]
    ends: NDArray[np.int64]
    names: NDArray[np.uint8]

    @classmethod
    def of(
        cls, ids: Sequence[str], rowids: NDArray[np.int64], checks: NDArray[np.uint64]
    ) -> Self:
        """From ids as they are."""
        encoded = [one.encode("utf-8", "surrogatepass") for one in ids]
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
        return cls(rowids, checks, ends, np.frombuffer(b"".join(encoded), np.uint8))

    def __len__(self) -> int:
        return len(self.rowids)

    def __getitem__(self, position: int) -> bytes:
        """The id of one row as SQLite sorts it."""
        start = int(self.ends[position - 1]) if position else 0
        return self.names[start : int(self.ends[position])].tobytes()

    def id(self, position: int) -> str:
        """The id of one row."""
        return self[position].decode("utf-8", "surrogatepass")

    def ids(self) -> list[str]:
        """All ids, in order."""
        return [self.id(position) for position in range(len(self))]

    def positions(self, ids: Sequence[str]) -> NDArray[np.intp]:
        """Where ids are, each once and in order; those that are not there are left out."""
        wanted = [one.encode("utf-8", "surrogatepass") for one in ids]
        if len(ids) > MANY and not self._have_zeros(wanted):
            blocks = range(0, len(self), BLOCK)
            texts = np.sort(np.array(wanted))
            return np.concatenate(
                [np.empty(0, np.intp), *(self._among(texts, start) for start in blocks)]
            )
        found = [(bisect_left(self, one), one) for one in wanted]
        known = [p for p, one in found if p < len(self) and self[p] == one]
        return np.unique(np.array(known, np.intp))

    def _have_zeros(self, others: Sequence[bytes]) -> bool:
        return bool((self.names == 0).any()) or any(b"\0" in one for one in others)

    def _among(self, texts: NDArray[np.bytes_], start: int) -> NDArray[np.intp]:
        """Positions from ``start`` on, as many as a block has, whose ids are among sorted texts.

        The ids are filled up with zeros to one length, which keeps their order.
        """
        block = np.arange(start, min(start + BLOCK, len(self)))
        lengths = self._lengths(block)
        filled = np.zeros((len(block), max(1, lengths.max())), np.uint8)
        row = np.repeat(np.arange(len(block)), lengths)
        filled[row, _within(lengths)] = self._letters(block)
        own = filled.view(f"S{filled.shape[1]}").ravel()
        places = np.searchsorted(texts, own).clip(max=len(texts) - 1)
        return block[texts[places] == own]

    def have_ids_of(
        self, other: "Rows", here: NDArray[np.intp], there: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Whether the rows at these positions have the ids of the other's at those."""
        same = self._lengths(here) == other._lengths(there)
        lengths = self._lengths(here[same])
        equal = self._letters(here[same]) == other._letters(there[same])
        row = np.repeat(np.arange(len(lengths)), lengths)
        wrong = np.bincount(row[~equal], minlength=len(lengths)) > 0
        same[np.flatnonzero(same)[wrong]] = False
        return same

    def _lengths(self, positions: NDArray[np.intp]) -> NDArray[np.int64]:
        before = np.where(positions > 0, self.ends[positions - 1], 0)
        return self.ends[positions] - before

    def _letters(self, positions: NDArray[np.intp]) -> NDArray[np.uint8]:
        """The ids at these positions, one after the other."""
        lengths = self._lengths(positions)
        starts = self.ends[positions] - lengths
        return self.names[np.repeat(starts, lengths) + _within(lengths)]

    def equal(self, other: "Rows") -> bool:
        """Are they the same rows with the same vectors?"""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ARRAYS[1:]
        )


def _within(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each letter of texts of these lengths its place in its text."""
    ends = np.cumsum(lengths)
    total = ends[-1] if len(ends) else 0
    return np.arange(total) - np.repeat(ends - lengths, lengths)


@dataclass(frozen=True)
class Stored:
    """Rows with their vectors: shape (n, d), float32, each of length 1, or 0."""

    rows: Rows
    vectors: NDArray[np.float32]


def load(path: Path) -> Stored:
    """Open a file that :func:`writing` completed.

    All is verified but most of the vectors, which would have to be read for it: of them a
    sample is. What a broken disk does to a few of the others is not noticed.

    :raises OSError: it is not there
    :raises ValueError: it is damaged, or of another version
    """
    problem = f"{path} is damaged or of another version"
    try:
        with path.open("rb") as fp:
            head = json.loads(fp.read(HEADER))
            size = os.fstat(fp.fileno()).st_size
        if head["format"] != FORMAT or _places(head)[1] != size:
            raise ValueError(problem)
        stored = _arrays(path, head, "r")
        if head["checksum"] != _checksum(stored):
            raise ValueError(problem)
    except (LookupError, TypeError, ArithmeticError, MemoryError) as error:
        raise ValueError(problem) from error
    return stored


@contextmanager
def writing(path: Path, rows: Rows, dimensions: int) -> Iterator[Stored]:
    """A new file whose vectors are to be filled in; it appears complete or not at all.

    :raises OSError: the disk is full, or the folder cannot be written
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".index-")
    os.close(number)
    work = Path(name)
    head = {"count": len(rows), "dimensions": dimensions, "names": len(rows.names)}
    try:
        with work.open("r+b") as fp:
            _reserve(fp, _places(head)[1])
            stored = _arrays(work, head, "r+")
            for name in ARRAYS[1:]:
                getattr(stored.rows, name)[...] = getattr(rows, name)
            yield stored
            told = {"format": FORMAT, **head, "checksum": _checksum(stored)}
            _flush(stored)
            del stored
            fp.seek(0)
            fp.write(json.dumps(told).encode().ljust(HEADER))
            fp.flush()
            os.fsync(fp.fileno())  # or else a power cut leaves the name and zeros
        os.replace(work, path)
    finally:
        with suppress(OSError):
            work.unlink()


def _flush(stored: Stored) -> None:
    for array in (stored.vectors, *vars(stored.rows).values()):
        if isinstance(array, np.memmap):
            array.flush()


def _checksum(stored: Stored) -> int:
    """Of the rows, and of some vectors, evenly spaced."""
    step = -(-len(stored.rows) // SAMPLED) or 1
    found = zlib.crc32(stored.vectors[::step].tobytes())
    for array in vars(stored.rows).values():
        found = zlib.crc32(array, found)
    return found


def _reserve(fp: Any, size: int) -> None:
    """Take the room now: a full disk under a mapped file would end the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fp.fileno(), 0, size)
        return
    fp.seek(0, os.SEEK_END)
    zeros = bytes(1 << 20)
    for start in range(fp.tell(), size, len(zeros)):
        fp.write(zeros[: size - start])


def _places(head: dict[str, int]) -> tuple[dict[str, tuple[int, Any, Any]], int]:
    """Of each array where it begins, its type and its shape; and where the last one ends."""
    n, d = head["count"], head["dimensions"]
    shapes = {
        "vectors": ("<f4", (n, d)),
        "rowids": ("<i8", (n,)),
        "checks": ("<u8", (n,)),
        "ends": ("<i8", (n,)),
        "names": ("u1", (head["names"],)),
    }
    found, start = {}, HEADER
    for name in ARRAYS:
        kind, shape = shapes[name]
        found[name] = start, np.dtype(kind), shape
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        start += -(-size // ALIGNED) * ALIGNED
    return found, start


def _arrays(path: Path, head: dict[str, int], mode: Any) -> Stored:
    places, _ = _places(head)
    arrays = {
        name: (
            np.memmap(path, kind, mode, start, shape)
            if np.prod(shape)
            else np.empty(shape, kind)
        )
        for name, (start, kind, shape) in places.items()
    }
    return Stored(Rows(*(arrays[name] for name in ARRAYS[1:])), arrays["vectors"])
