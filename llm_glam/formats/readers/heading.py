"""Tell which row of a table has the names of columns, if titles stand above it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

SAMPLE = 40  # rows at the beginning that are looked at
MOST_TITLES = 10
NAME = re.compile(r"[^\W\d][^\r\n]{0,59}")
NO_NAME = re.compile(r"://|\.\w{2,4}\Z")  # addresses and names of files
DIGIT = re.compile(r"\d")

Cells = Mapping[int, Any]  # of a row, by the number of the column


def find(
    rows: Sequence[tuple[int, Cells]], has_key: Callable[[Iterable[str]], bool]
) -> int:
    """Return the index of the row with the names of columns; 0 unless there is no doubt.

    Titles are rows with a single cell. The row below them is taken only if it is as wide as those
    that follow, all its cells could be names, and something sets it off: the name of a column that
    is needed, or a column without digits in its name and with digits in its values.

    :param rows: the first rows that are not blank, with their numbers
    :param has_key: tells whether one of these names is that of a column which is needed
    """
    filled = [(number, _filled(cells)) for number, cells in rows[:SAMPLE]]
    index = next((i for i, (_, cells) in enumerate(filled) if len(cells) > 1), 0)
    if not 0 < index <= MOST_TITLES or index + 1 >= len(filled):
        return 0
    heading = filled[index][1]
    below = [cells for _, cells in filled[index + 1 :]]
    if has_key(_texts(filled[0][1])) or not _are_names(heading):
        return 0
    if not _fits(heading, below):
        return 0
    is_set_off = _are_titles(filled[: index + 1]) and _differs(heading, below)
    return index if has_key(_texts(heading)) or is_set_off else 0


def _filled(cells: Cells) -> dict[int, Any]:
    return {c: v for c, v in cells.items() if v is not None and str(v).strip()}


def _texts(cells: Cells) -> list[str]:
    return [str(value).strip() for value in cells.values()]


def _are_names(cells: Cells) -> bool:
    names = _texts(cells)
    is_text = all(isinstance(value, str) for value in cells.values())
    are_like_names = all(NAME.fullmatch(n) and not NO_NAME.search(n) for n in names)
    return is_text and are_like_names and len({*names}) == len(names)


def _fits(heading: Cells, below: Sequence[Cells]) -> bool:
    """Return whether the rows below have no other columns, and most of them several cells."""
    wide = sum(len(cells) > 1 for cells in below)
    return all(cells.keys() <= heading.keys() for cells in below) and wide * 2 > len(
        below
    )


def _are_titles(rows: Sequence[tuple[int, Cells]]) -> bool:
    """Return whether the rows before the last are no names of columns.

    They have three words or digits, or there are empty rows between them and the last.
    """
    texts = [text for _, cells in rows[:-1] for text in _texts(cells)]
    has_gap = rows[-1][0] - rows[0][0] > len(rows) - 1
    return has_gap or any(len(t.split()) > 2 or DIGIT.search(t) for t in texts)


def _differs(heading: Cells, below: Sequence[Cells]) -> bool:
    """Return whether a name has no digits where most of the values below it have some."""
    for column, name in heading.items():
        values = [str(cells[column]) for cells in below if column in cells]
        with_digits = sum(bool(DIGIT.search(value)) for value in values)
        if not DIGIT.search(name) and values and with_digits * 2 > len(values):
            return True
    return False
