"""Some rows of an index, as the sequence of their ids."""

from collections.abc import Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from .vector_file import Rows

BLOCK = 10_000  # ids that are decoded together


class Subset(Sequence[str]):
    """The ids of some rows of an index, in order, decoded when they are asked for.

    A search among them needs no ids: in the same state of the index, it uses their positions. A
    position takes 8 bytes, and an id ten times as much.
    """

    def __init__(self, rows: Rows, positions: NDArray[np.intp]) -> None:
        """Take rows of an index.

        :param positions: in ascending order, without duplicates
        """
        self.rows, self.positions = rows, positions

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        """Return one id, or several."""
        if isinstance(index, slice):
            return self.rows.ids_at(self.positions[index])
        return self.rows.id(int(self.positions[index]))

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), BLOCK):
            yield from self[start : start + BLOCK]

    def positions_in(self, rows: Rows) -> NDArray[np.intp]:
        """Return the positions of the ids in an index, which may be another state of it."""
        return self.positions if rows is self.rows else rows.positions(list(self))
