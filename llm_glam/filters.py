"""Which pictures of a set are meant: conditions on their records, spelled as in Datasette.

The suffixes are those of Datasette's table pages (https://docs.datasette.io, "Column filter
arguments"), so that what somebody has learnt there, or copied from an address, holds here.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from .errors import BadFilter
from .store import Collection

COMPARED = {
    "exact": "{c} = ?",
    "not": "{c} != ?",
    "contains": "{c} like '%' || ? || '%'",
    "startswith": "{c} like ? || '%'",
    "endswith": "{c} like '%' || ?",
    "gt": "{c} > ?",
    "gte": "{c} >= ?",
    "lt": "{c} < ?",
    "lte": "{c} <= ?",
    "like": "{c} like ?",
    "notlike": "{c} not like ?",
    "glob": "{c} glob ?",
    "in": "{c} in (select value from json_each(?))",
    "notin": "{c} not in (select value from json_each(?))",
    "arraycontains": "? in (select value from json_each({c}))",
    "arraynotcontains": "? not in (select value from json_each({c}))",
    "date": "date({c}) = ?",
}
WITHOUT_VALUE = {
    "isnull": "{c} is null",
    "notnull": "{c} is not null",
    "isblank": "({c} is null or {c} = '')",
    "notblank": "({c} is not null and {c} != '')",
}
NUMERIC = {"gt", "gte", "lt", "lte"}


@dataclass(frozen=True)
class Conditions:
    """What the records of the pictures must say; all of it must hold.

    ``filters`` are written ``column=value`` or ``column__suffix=value``, ``where`` is SQL on the
    items table, ``words`` must all be found by full-text search.
    """

    filters: Sequence[str] = ()
    where: Sequence[str] = ()
    words: str | None = None

    def __bool__(self) -> bool:
        return bool(self.filters or self.where or self.words)


def ids(db: Database, collection: Collection, conditions: Conditions) -> list[str]:
    """The ids of the pictures of a collection's set whose records fulfil the conditions.

    :raises BadFilter: an unknown column or suffix, SQL that cannot be run, or no records
    """
    table = collection.items_table
    if table is None:
        raise BadFilter(
            f"The collection '{collection.name}' has no records to filter by."
        )
    parts, values = [], []
    for text in conditions.filters:
        part, given = _filter(db, table, text)
        parts.append(part)
        values += given
    parts += [f"(\n{one}\n)" for one in conditions.where]
    if conditions.words:
        parts.append(_full_text(table))
        values.append(db.quote_fts(conditions.words))
    every = " and ".join(parts) or "1"
    sql = (
        f"select {quote_identifier('id')} from {quote_identifier(table)} where {every}"
    )
    try:
        return [row[0] for row in db.execute(sql, values)]
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise BadFilter(f"The records cannot be filtered: {error}.") from error


def _filter(db: Database, table: str, text: str) -> tuple[str, list[str | float]]:
    key, sign, value = text.partition("=")
    column, _, suffix = key.rpartition("__")
    columns = db.table(table).columns_dict
    if key in columns or not column:
        column, suffix = key, "exact"
    if column not in columns:
        raise BadFilter(
            f"There is no column '{column}' in {table}. There are: {', '.join(columns)}."
        )
    quoted = quote_identifier(column)
    if suffix in WITHOUT_VALUE:
        return WITHOUT_VALUE[suffix].format(c=quoted), []
    if suffix not in COMPARED:
        known = ", ".join((*COMPARED, *WITHOUT_VALUE))
        raise BadFilter(f"'{suffix}' compares nothing. After {column}__ go: {known}.")
    if not sign:
        raise BadFilter(f"'{text}' lacks a value: write {text}=VALUE.")
    return COMPARED[suffix].format(c=quoted), [_value(suffix, value)]


def _value(suffix: str, text: str) -> str | float:
    if suffix in ("in", "notin"):
        return json.dumps(_several(text))
    if suffix in NUMERIC:
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _several(text: str) -> list[str]:
    """Separated by commas, or as a JSON array."""
    if text.startswith("["):
        try:
            return [str(one) for one in json.loads(text)]
        except ValueError:
            pass
    return [one.strip() for one in text.split(",")]


def _full_text(table: str) -> str:
    fts = quote_identifier(f"{table}_fts")
    rows = f"select rowid from {fts} where {fts} match ?"
    return f"{quote_identifier(table)}.rowid in ({rows})"
