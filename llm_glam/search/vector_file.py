"""Write, memory-map and delete the files with the vectors of collections.

A file is written once and then only read. After a header in JSON come the arrays in the order of
:data:`ARRAYS`, each aligned to 64 bytes.
"""

import json
import os
import tempfile
import time
import zlib
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ..formats import atomic
from ..models import registry

SUFFIX = ".vectors"
SMALL = 5_000  # rows: up to this number, reading them is faster than writing a file
HOURS_OF_WRITING = (
    6  # then the unfinished file of a process is deleted, which was killed
)
FORMAT = 3
ALIGNED = 64
HEADER = 256  # bytes
SAMPLED = 64  # vectors that are verified when a file is opened
MANY = 1_000  # ids: more than this are looked up faster together than one by one
BLOCK = 50_000  # rows
# In the order of the file; see Rows and Stored for their meaning.
ARRAYS = ("vectors", "rowids", "checks", "ends", "names")


@dataclass(frozen=True)
class Rows:
    """The rows of a collection, in the order of their ids, without their vectors.

    ``rowids`` and ``checks`` have shape (n,); a check is a checksum of the stored vector. ``names``
    has the ids as UTF-8, joined without separators, and ``ends``, shape (n,), the position in
    ``names`` after each of them.
    """

    rowids: NDArray[np.int64]
    checks: NDArray[np.uint64]
    ends: NDArray[np.int64]
    names: NDArray[np.uint8]

    @classmethod
    def of(
        cls, ids: Sequence[str], rowids: NDArray[np.int64], checks: NDArray[np.uint64]
    ) -> Self:
        """Create rows from ids as text."""
        encoded = [one.encode("utf-8", "surrogatepass") for one in ids]
        ends = np.cumsum([len(one) for one in encoded], dtype=np.int64)
        return cls(rowids, checks, ends, np.frombuffer(b"".join(encoded), np.uint8))

    def __len__(self) -> int:
        return len(self.rowids)

    def __getitem__(self, position: int) -> bytes:
        """Return the id of one row as UTF-8, which sorts as in SQLite."""
        start = int(self.ends[position - 1]) if position else 0
        return self.names[start : int(self.ends[position])].tobytes()

    def id(self, position: int) -> str:
        """Return the id of one row."""
        return self[position].decode("utf-8", "surrogatepass")

    def ids(self) -> list[str]:
        """Return all ids, in order."""
        return [self.id(position) for position in range(len(self))]

    def ids_at(self, positions: NDArray[np.intp]) -> list[str]:
        """Return the ids of some rows."""
        joined = self._bytes(positions).tobytes()
        ends = np.cumsum(self._lengths(positions)).tolist()
        return [
            joined[start:end].decode("utf-8", "surrogatepass")
            for start, end in zip([0, *ends], ends, strict=False)
        ]

    def positions(self, ids: Sequence[str]) -> NDArray[np.intp]:
        """Return the positions of ids, sorted and without duplicates; unknown ids are left out."""
        wanted = [one.encode("utf-8", "surrogatepass") for one in ids]
        if len(ids) > MANY and not self._have_zeros(wanted):
            blocks = range(0, len(self), BLOCK)
            texts = np.sort(np.array(wanted))
            return np.concatenate(
                [np.empty(0, np.intp), *(self._among(texts, start) for start in blocks)]
            )
        found = [(bisect_left(self, one), one) for one in wanted]
        present = [p for p, one in found if p < len(self) and self[p] == one]
        return np.unique(np.array(present, np.intp))

    def _have_zeros(self, others: Sequence[bytes]) -> bool:
        return bool((self.names == 0).any()) or any(b"\0" in one for one in others)

    def _among(self, texts: NDArray[np.bytes_], start: int) -> NDArray[np.intp]:
        """Return the positions in the block at ``start`` whose ids are among some texts.

        The ids are padded to one length with zeros, which does not change their order.

        :param texts: in ascending order
        """
        block = np.arange(start, min(start + BLOCK, len(self)))
        lengths = self._lengths(block)
        padded = np.zeros((len(block), max(1, lengths.max())), np.uint8)
        row = np.repeat(np.arange(len(block)), lengths)
        padded[row, _offsets(lengths)] = self._bytes(block)
        own = padded.view(f"S{padded.shape[1]}").ravel()
        nearest = np.searchsorted(texts, own).clip(max=len(texts) - 1)
        return block[texts[nearest] == own]

    def have_ids_of(
        self, other: "Rows", here: NDArray[np.intp], there: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Return, for each pair of positions, whether the rows there have the same id.

        :param here: positions in these rows
        :param there: positions in ``other``, as many
        """
        same = self._lengths(here) == other._lengths(there)
        lengths = self._lengths(here[same])
        equal = self._bytes(here[same]) == other._bytes(there[same])
        row = np.repeat(np.arange(len(lengths)), lengths)
        wrong = np.bincount(row[~equal], minlength=len(lengths)) > 0
        same[np.flatnonzero(same)[wrong]] = False
        return same

    def _lengths(self, positions: NDArray[np.intp]) -> NDArray[np.int64]:
        before = np.where(positions > 0, self.ends[positions - 1], 0)
        return self.ends[positions] - before

    def _bytes(self, positions: NDArray[np.intp]) -> NDArray[np.uint8]:
        """Return the ids at these positions, joined."""
        lengths = self._lengths(positions)
        starts = self.ends[positions] - lengths
        return self.names[np.repeat(starts, lengths) + _offsets(lengths)]

    def equal(self, other: "Rows") -> bool:
        """Return whether both are the same rows with the same vectors."""
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ARRAYS[1:]
        )


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the offset of each byte within its text, for joined texts of these lengths."""
    ends = np.cumsum(lengths)
    total = ends[-1] if len(ends) else 0
    return np.arange(total) - np.repeat(ends - lengths, lengths)


@dataclass(frozen=True)
class Stored:
    """Rows with their vectors, shape (n, d), normalised to length 1 unless they have no direction."""

    rows: Rows
    vectors: NDArray[np.float32]


def directory() -> Path:
    """Return the folder of the index files."""
    return registry.directory() / "index"


def of(key: str) -> list[Path]:
    """Return the files of a collection's index.

    :param key: what their names begin with
    """
    return list(directory().glob(f"{key}-*{SUFFIX}"))


def new_path(key: str) -> Path:
    """Return a path for a new file of a collection's index."""
    return directory() / f"{key}-{uuid4().hex[:8]}{SUFFIX}"


def delete_others(valid: Collection[str]) -> None:
    """Delete all files but those with these names, and what killed processes left unfinished."""
    unfinished = [one for one in directory().glob(".*") if _is_old(one)]
    for file in (*directory().glob(f"*{SUFFIX}"), *unfinished):
        if file.name not in valid:
            with suppress(OSError):  # Windows does not delete a file that is open
                file.unlink()


def _is_old(file: Path) -> bool:
    with suppress(OSError):
        return file.stat().st_mtime < time.time() - HOURS_OF_WRITING * 3600
    return False


def load(path: Path) -> Stored:
    """Open a file that was written by :func:`write`.

    Everything is verified except for the vectors, of which only a sample is, because verifying all
    would mean reading them. Damage to a few of the others is not noticed.

    :raises OSError: there is no such file
    :raises ValueError: it is damaged, or was written by another version
    """
    problem = f"{path} is damaged or of another version"
    try:
        head, size = _header(path)
        if head["format"] != FORMAT or _layout(head)[1] != size:
            raise ValueError(problem)
        stored = _arrays(path, head, "r")
        if head["checksum"] != _checksum(stored):
            raise ValueError(problem)
    except (LookupError, TypeError, ArithmeticError, MemoryError) as error:
        raise ValueError(problem) from error
    return stored


def checksum_of(path: Path) -> int:
    """Return the checksum that is written in a file, which differs for every state of the rows.

    :raises OSError: there is no such file
    :raises ValueError: it has no checksum
    """
    try:
        return int(_header(path)[0]["checksum"])
    except (LookupError, TypeError) as error:
        raise ValueError(f"{path} has no checksum") from error


def _header(path: Path) -> tuple[Any, int]:
    """Return what a file says of itself, and its size in bytes."""
    with path.open("rb") as fp:
        return json.loads(fp.read(HEADER)), os.fstat(fp.fileno()).st_size


def write(
    path: Path, rows: Rows, dimensions: int, fill: Callable[[Stored], None]
) -> None:
    """Create a file whose vectors and checks are filled in by a function.

    The file only appears under its name when it is complete. No array may be in use by then:
    Windows cannot rename a file that is mapped.

    :raises OSError: the disk is full, or the folder cannot be written to
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".index-")
    os.close(number)
    work = Path(name)
    head = {"count": len(rows), "dimensions": dimensions, "names": len(rows.names)}
    try:
        with work.open("r+b") as fp:
            _reserve(fp, _layout(head)[1])
            checksum = _filled(work, head, rows, fill)
            header = {"format": FORMAT, **head, "checksum": checksum}
            fp.seek(0)
            fp.write(json.dumps(header).encode().ljust(HEADER))
            fp.flush()
            os.fsync(fp.fileno())  # or a power cut could leave a file of zeros
        atomic.rename(work, path)
    finally:
        with suppress(OSError):
            work.unlink()


def _filled(
    work: Path, head: dict[str, int], rows: Rows, fill: Callable[[Stored], None]
) -> int:
    """Fill in the arrays of a new file, and return their checksum."""
    stored = _arrays(work, head, "r+")
    for name in ARRAYS[1:]:
        getattr(stored.rows, name)[...] = getattr(rows, name)
    fill(stored)
    _flush(stored)
    return _checksum(stored)


def _flush(stored: Stored) -> None:
    for array in (stored.vectors, *vars(stored.rows).values()):
        if isinstance(array, np.memmap):
            array.flush()


def _checksum(stored: Stored) -> int:
    """Return a checksum of the rows and of some evenly spaced vectors."""
    step = -(-len(stored.rows) // SAMPLED) or 1
    checksum = zlib.crc32(stored.vectors[::step].tobytes())
    for array in vars(stored.rows).values():
        checksum = zlib.crc32(array, checksum)
    return checksum


def _reserve(fp: Any, size: int) -> None:
    """Allocate a file's disk space now.

    If the disk became full while a mapped file is written, the process would be killed.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fp.fileno(), 0, size)
        return
    fp.seek(0, os.SEEK_END)
    zeros = bytes(1 << 20)
    for start in range(fp.tell(), size, len(zeros)):
        fp.write(zeros[: size - start])
    fp.flush()  # or the last of them would be written over the arrays


def _layout(head: dict[str, int]) -> tuple[dict[str, tuple[int, Any, Any]], int]:
    """Return the start, type and shape of each array, and the size of the file in bytes."""
    n, d = head["count"], head["dimensions"]
    shapes = {
        "vectors": ("<f4", (n, d)),
        "rowids": ("<i8", (n,)),
        "checks": ("<u8", (n,)),
        "ends": ("<i8", (n,)),
        "names": ("u1", (head["names"],)),
    }
    layout, start = {}, HEADER
    for name in ARRAYS:
        kind, shape = shapes[name]
        layout[name] = start, np.dtype(kind), shape
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        start += -(-size // ALIGNED) * ALIGNED
    return layout, start


def _arrays(path: Path, head: dict[str, int], mode: Any) -> Stored:
    layout, _ = _layout(head)
    arrays = {
        name: (
            np.memmap(path, kind, mode, start, shape)
            if np.prod(shape)
            else np.empty(shape, kind)
        )
        for name, (start, kind, shape) in layout.items()
    }
    return Stored(Rows(*(arrays[name] for name in ARRAYS[1:])), arrays["vectors"])
