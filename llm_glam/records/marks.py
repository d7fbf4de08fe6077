"""Mark pictures as sensitive or not for training, and columns as private.

A mark of a picture is kept as something that a person has written about it, so that it stays
whatever a spreadsheet says before or afterwards.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from ..db import collections, connection, embeddings, filters, items, sources
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.privacy import columns
from ..db.record_values import fitted
from ..db.sensitive import NO_TRAIN, is_sensitive, is_yes
from ..db.sources import BY_HAND
from ..errors import BadRecords
from .join import table_of

SENSITIVE = "sensitive"
IS_MARKED: dict[str, Callable[[Any], bool]] = {
    SENSITIVE: is_sensitive,
    NO_TRAIN: is_yes,
}


@dataclass(frozen=True)
class Marked:
    """How many pictures a mark was given to or taken from, and of how many that changed it.

    ``total`` is how many pictures there are.
    """

    pictures: int
    changed: int
    total: int


def mark_pictures(
    db: Database,
    collection: Collection,
    conditions: Conditions,
    marks: Mapping[str, bool],
    arguments: Mapping[str, Any] | None = None,
) -> dict[str, Marked]:
    """Give the pictures whose records fulfil the conditions marks, or take these away.

    :param conditions: without any, all pictures are meant
    :param marks: by name, :data:`SENSITIVE` or ``no_train``, whether the pictures have it then
    :param arguments: for ``glam_runs``, which records the run
    :raises BadFilter: the conditions are invalid; nothing is written
    """
    started = time.monotonic()
    collections.prepare(db)
    table = table_of(collection)
    with connection.writing(db):
        collections.check_still_there(db, collection)
        run = collections.begin_run(db, collection, "glam mark", dict(arguments or {}))
        ids = filters.ids(db, collection, conditions)
        marked = {name: _mark(db, table, ids, name, on) for name, on in marks.items()}
        counts = {
            "pictures": len(ids),
            "changed": sum(one.changed for one in marked.values()),
        }
        collections.end_run(db, run, counts, time.monotonic() - started)
    return marked


def mark_columns(
    db: Database, collection: Collection, private: Iterable[str], public: Iterable[str]
) -> dict[str, bool]:
    """Make columns private, which leave full-text search at once, or public again.

    :param private: names or headings, whatever their upper and lower case
    :return: whether each of the columns is private now
    :raises BadRecords: there is no such column, or it would be both; nothing is written
    """
    collections.prepare(db)
    table = table_of(collection)
    with connection.writing(db):
        collections.check_still_there(db, collection)
        hidden = _columns(db, collection, private)
        shown = _columns(db, collection, public)
        if both := [name for name in hidden if name in shown]:
            raise BadRecords(f"'{both[0]}' cannot be both private and public.")
        for name in hidden:
            _decide(db, table, name, private=1)
        for name in shown:
            _decide(db, table, name, private=0)
        items.ensure_searchable(db, table)
        _renew_schema(db)
    return dict.fromkeys(hidden, True) | dict.fromkeys(shown, False)


def _mark(db: Database, table: str, ids: Sequence[str], name: str, on: bool) -> Marked:
    total = db.table(table).count
    column = items.column_named(db, table, name)
    if column is None:
        if not on:
            return Marked(len(ids), 0, total)
        column = items.add_columns(db, table, {name: int})[name]
    kind = db.table(table).columns_dict[column]
    value = fitted(column, int(on), kind)
    changed = sum(
        _differ(db, table, part, name, column, on) for part in embeddings.chunks(ids)
    )
    sources.edit(db, table, dict.fromkeys(ids, {column: value}))
    return Marked(len(ids), changed, total)


def _differ(
    db: Database, table: str, ids: Sequence[str], name: str, column: str, on: bool
) -> int:
    """Return how many of the pictures do not have a mark yet, or still have it."""
    rows = items.fetch(db, table, ids).values()
    return sum(IS_MARKED[name](row[column]) != on for row in rows)


def _columns(
    db: Database, collection: Collection, names: Iterable[str]
) -> dict[str, None]:
    """Return the columns of the items table that people mean, in their order."""
    table = table_of(collection)
    there = [c for c in db.table(table).columns_dict if c not in items.TECHNICAL]
    found: dict[str, None] = {}
    for name in names:
        named = columns.named(db, table, [name]) if name.strip() else []
        meant = [column for column in named if column in there]
        if not meant:
            raise BadRecords(
                f"'{collection.name}' has no column '{name}' to mark (it has: {', '.join(there)})."
            )
        found |= dict.fromkeys(meant)
    return found


def _decide(db: Database, table: str, column: str, private: int) -> None:
    """Note whether a column is private, also for sources that fill it later."""
    sql = """
        update glam_columns set private = ? where items_table = ? and "column" = ? collate nocase
    """
    db.execute(sql, [private, table, column])
    row = {"items_table": table, "column": column, "source": BY_HAND}
    db.table("glam_columns").insert({**row, "private": private}, replace=True)


def _renew_schema(db: Database) -> None:
    """Let running sites prepare their statements anew, which checks what these may read."""
    db.execute("create table glam_renewed (x)")
    db.execute("drop table glam_renewed")
