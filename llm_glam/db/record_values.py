"""Decide the type of a column from the values of records, and convert values to fit it."""

import json
import re
from typing import Any

from ..formats.tables import Row
from .sensitive import is_yes

LARGEST = 2**63
WHOLE = re.compile(r"-?[0-9]{1,18}")


def _wider(kind: type | None, value: Any) -> type:
    """Return the column type that holds this value and those before it.

    :param kind: the type so far, None if there were no values
    """
    if value is None or value == "":
        return kind or str
    this = {bool: int, int: int, float: float}.get(type(value), str)
    if this is int and abs(value) >= LARGEST:
        this = str  # in a column of numbers, SQLite would round even its text
    if kind in (None, this):
        return this
    return float if {kind, this} == {int, float} else str


class Kinds:
    """The types of the columns of a table, found row by row."""

    def __init__(self) -> None:
        """Begin without columns."""
        self._kinds: dict[str, type] = {}
        self._whole: dict[str, bool] = {}  # of columns named sequence, in any case

    def add(self, row: Row) -> None:
        """Take the values of a row into account."""
        for heading, value in row.items():
            if heading not in self._kinds and heading.strip().lower() == "sequence":
                self._whole[heading] = True
            self._kinds[heading] = _wider(self._kinds.get(heading), value)
            if heading in self._whole and value not in (None, ""):
                self._whole[heading] &= _is_whole(value)

    def by_heading(self) -> dict[str, type]:
        """Return the types; a column ``sequence`` is of numbers only if all values are whole."""
        places = {h: int if whole else str for h, whole in self._whole.items()}
        return {**self._kinds, **places}


def fitted(column: str, value: Any, kind: type) -> Any:
    """Return a value as it is stored in a column of the items table; None for an empty one.

    :param kind: the column's type
    """
    if column == "sensitive":
        return int(is_yes(value))
    if value is None or value == "" or value != value:  # NaN equals nothing
        return None
    if column == "sequence":
        return int(value)
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) or kind is str or abs(value) >= LARGEST:
        return clean(str(value))
    return value


def _is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, or its digits."""
    return bool(WHOLE.fullmatch(str(value).strip()))


def clean(text: str) -> str:
    """Return text that SQLite can store, without lone surrogates and NUL characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
