"""Tell owners what others will see of a database, before anybody does."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import collections, items
from ..db.collection import Collection
from ..db.privacy import columns
from ..db.sensitive import SENSITIVE

SHOWN = 8  # names in a sentence


@dataclass(frozen=True)
class Visible:
    """What others will see of a collection, and what not."""

    name: str
    pictures: int
    sensitive: int
    private: list[str]
    undecided: list[str]


def of(db: Database, only: str | None = None) -> list[Visible]:
    """Return what others will see of the picture collections of a database.

    :param only: the name of the only collection that is shown
    """
    return [
        _of(db, collection, str(collection.items_table))
        for collection in collections.every(db)
        if collection.is_ours and items.is_items_table(db, collection.items_table or "")
        if only in (None, collection.name)
    ]


def _of(db: Database, collection: Collection, table: str) -> Visible:
    sql = (
        f"select count(*), coalesce(sum({SENSITIVE}), 0) from {quote_identifier(table)}"
    )
    pictures, sensitive = db.execute(sql).fetchone()
    return Visible(
        collection.name,
        pictures,
        sensitive,
        columns.private(db, table),
        columns.undecided(db, table),
    )


def sentences(
    found: list[Visible], *, open_data: bool, show_sensitive: bool
) -> Iterator[str]:
    """Yield what to say about it, a paragraph for each collection."""
    for one in found:
        shown = one.pictures if show_sensitive else one.pictures - one.sensitive
        yield f"Others see: {one.name}, {_pictures(shown)} with records and file names."
        if one.sensitive and show_sensitive:
            yield f"  Blurred until one asks: {_pictures(one.sensitive)} marked as sensitive."
        elif one.sensitive:
            yield (
                f"  Absent: {_pictures(one.sensitive)} marked as sensitive (--show-sensitive shows "
                "them to those who ask)."
            )
        if one.private:
            yield f"  Hidden, since private: {_listed(one.private)}."
        if one.undecided:
            yield (
                f"  Hidden until you decide: {_listed(one.undecided)}. Their names suggest that they "
                "are not for everybody, and words in the records may not be searchable until then. "
                f"Decide with llm glam mark {shlex.quote(one.name)} --private COLUMN or --public COLUMN."
            )
    if not open_data:
        yield "Closed: tables, SQL, downloads, and all else in the database (--open-data opens tables and SQL)."
    elif not show_sensitive and any(one.sensitive for one in found):
        yield (
            "Closed in spite of --open-data: tables and SQL, which would show sensitive pictures. Add "
            "--show-sensitive, or serve a copy without these pictures."
        )
    else:
        yield "Open: all tables and SQL, other collections in the database among them. Closed: downloads."


def _pictures(number: int) -> str:
    return f"{number:,} picture{'' if number == 1 else 's'}"


def _listed(names: list[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
