"""Decide which pictures are sensitive, from the column ``sensitive`` of their records.

The column ``no_train`` says in the same way which of them training leaves out.
"""

from collections.abc import Mapping
from typing import Any

COLUMN = "sensitive"
# SQLite does not enforce the column's type: SQL may have written 'yes', which is not a number.
SHOWABLE = "coalesce(sensitive, 0) in (0, '', '0')"
SENSITIVE = f"not {SHOWABLE}"
NO_TRAIN = "no_train"
NO = {"", "0", "false", "no", "n", "none"}


def is_sensitive(value: Any) -> bool:
    """Return whether a value of the column ``sensitive`` marks a picture as sensitive.

    This is :data:`SENSITIVE` for a value that has already been read.
    """
    return value not in (None, 0, "", "0")


def is_yes(value: Any) -> bool:
    """Return whether a value such as that of the column ``sensitive`` means yes.

    Every value does except an empty one, 0, "false", "no", "n" and "none".
    """
    return str(value or "").strip().lower() not in NO


def columns_in(row: Mapping[str, Any]) -> list[str]:
    """Return the names in a table's row that are those of the column, as they are spelled there."""
    return [name for name in row if name.strip().lower() == COLUMN]


def is_marked(row: Mapping[str, Any]) -> bool:
    """Return whether a table's row says that its picture is sensitive."""
    return any(is_yes(row[name]) for name in columns_in(row))
