"""Break metrics down by a column of the records: the value that each picture is counted under."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..formats.caption_template import text
from .pairs.pairs import Pair

# Names of what is not a value of the column; a column that has such a value gets another name.
OTHER, NONE, ALL = "(other)", "(none)", "(all)"


@dataclass(frozen=True)
class Values:
    """The value that each picture is counted under; ``other`` is the name for merged rare values."""

    each: list[str]
    other: str


def values(found: Sequence[Pair], column: str | None, least: int) -> Values | None:
    """Return the value that each picture is counted under, None if there is no column.

    :param least: values with fewer pictures are merged into ``(other)``
    """
    if not column:
        return None
    real = [text(pair.record.get(column)) for pair in found]
    none, other = (untaken(name, real) for name in (NONE, OTHER))
    each = [one or none for one in real]
    counts = Counter(each)
    return Values([one if counts[one] >= least else other for one in each], other)


def untaken(name: str, values: Iterable[str | None]) -> str:
    """Return a name that is none of the values, by adding parentheses."""
    taken = set(values)
    while name in taken:
        name = f"({name})"
    return name
