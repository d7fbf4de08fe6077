"""Write a file from pieces of another, without reading it into memory."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from .containers import Damaged

AT_ONCE = 1_048_576  # bytes


@dataclass(frozen=True)
class Zeros:
    """This many bytes that are zero."""

    count: int

    def __len__(self) -> int:
        """Return how many bytes they are."""
        return self.count


# What to write: these bytes, or those of the original in a range.
Piece: TypeAlias = bytes | range | Zeros


def write(fp: Any, pieces: Iterable[Piece], target: Path) -> None:
    """Write pieces of an opened file to another, one after the other.

    :raises Damaged: the file ends within a piece
    """
    with target.open("wb") as out:
        for piece in pieces:
            if isinstance(piece, bytes):
                out.write(piece)
            elif isinstance(piece, Zeros):
                out.seek(piece.count, 1)
            else:
                _copy(fp, piece, out)
        out.truncate()  # or extend it, where it ends with zeros


def _copy(fp: Any, piece: range, out: Any) -> None:
    fp.seek(piece.start)
    left = len(piece)
    while left:
        block = fp.read(min(left, AT_ONCE))
        if not block:
            raise Damaged
        out.write(block)
        left -= len(block)
