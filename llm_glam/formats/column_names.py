"""Say that a column does not exist: where, which ones do, and which was probably meant."""

from collections.abc import Sequence
from difflib import get_close_matches

MOST_LISTED = 60
CLOSE = 0.6  # of 1, as difflib measures it


def unknown(column: str, names: Sequence[str], source: str | None = None) -> str:
    """Return the message for a column that does not exist.

    :param source: the file, collection or table that was looked in
    """
    within = f" in {source}" if source else ""
    return f"There is no column '{column}'{within}. {hint(column, names)}"


def hint(column: str, names: Sequence[str]) -> str:
    """Return the columns with similar names, if there are any, and all."""
    near = " or ".join(f"'{name}'" for name in similar(column, names))
    meant = f"Did you mean {near}? " if near else ""
    return f"{meant}{listed(names)}"


def similar(column: str, names: Sequence[str]) -> list[str]:
    """Return up to three names that are spelled like this one, the nearest first."""
    by_folded: dict[str, list[str]] = {}
    for name in names:
        by_folded.setdefault(_folded(name), []).append(name)
    near = get_close_matches(_folded(column), by_folded, 3, CLOSE)
    return [name for one in near for name in by_folded[one]][:3]


def listed(names: Sequence[str]) -> str:
    """List names in a sentence, the first of very many."""
    shown = [*names[:MOST_LISTED], *(["…"] if len(names) > MOST_LISTED else [])]
    return f"The columns are: {', '.join(shown) or 'none'}."


def _folded(name: str) -> str:
    return name.strip().casefold().replace("_", " ")
