"""Decide which columns of a set others may not see.

An owner marks columns as private or as public. Columns about which nothing was said, and whose
names suggest that they are not for everybody, are undecided: they are held back from the public.
"""

from collections.abc import Iterable
from typing import Any

from sqlite_utils import Database

from .suggestive_names import suggests_private

COLUMNS = "glam_columns"


def private(db: Database, table: str, also: Iterable[str] = ()) -> list[str]:
    """Return the columns that nobody but the owner may see, in the order of the table.

    ``document`` is one of them if it was made of a private number.

    :param also: names or headings of further ones, whatever their upper and lower case
    """
    described = _described(db, table)
    marked = {row["column"] for row in described if row["private"]}
    marked |= set(named(db, table, also))
    keys = {r["source"] for r in described if r["identifier"] and r["column"] in marked}
    made = {r["column"] for r in described if not r["heading"] and r["source"] in keys}
    return _in_order(db, table, marked | (made & {"document"}))


def undecided(db: Database, table: str) -> list[str]:
    """Return the columns whose names suggest that they are private, if nobody has decided that."""
    decided, suggested = set(), set()
    described = _described(db, table)
    for row in described:
        if row["private"] is not None:
            decided.add(row["column"])
        if suggests_private(row["heading"] or ""):
            suggested.add(row["column"])
    names = db.table(table).columns_dict
    suggested |= {name for name in names if suggests_private(name)}
    return _in_order(db, table, suggested - decided)


def named(db: Database, table: str, names: Iterable[str]) -> list[str]:
    """Return the columns with these names or headings, whatever their upper and lower case."""
    wanted = {_plain(name) for name in names}
    found = {name for name in db.table(table).columns_dict if _plain(name) in wanted}
    for row in _described(db, table):
        if _plain(row["heading"] or "") in wanted:
            found.add(row["column"])
    return _in_order(db, table, found)


def _described(db: Database, table: str) -> list[dict[str, Any]]:
    """Return what is known about columns that exist, by the names that the table has for them."""
    if not db.table(COLUMNS).exists():
        return []
    names = {name.lower(): name for name in db.table(table).columns_dict}
    rows = db.table(COLUMNS).rows_where("items_table = ?", [table])
    return [
        {**row, "column": names[row["column"].lower()]}
        for row in rows
        if row["column"].lower() in names
    ]


def _in_order(db: Database, table: str, names: set[str]) -> list[str]:
    return [name for name in db.table(table).columns_dict if name in names]


def _plain(name: str) -> str:
    return name.strip().casefold()
