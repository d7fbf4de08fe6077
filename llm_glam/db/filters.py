"""Which pictures of a set are meant: conditions on their records, spelled as in Datasette.

The suffixes are those of Datasette's table pages (https://docs.datasette.io, "Column filter
arguments"), so that what somebody has learnt there, or copied from an address, holds here.
"""

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..errors import BadFilter, check_text
from .collections import Collection

COMPARED = {
    "exact": "{c} = {v}",
    "not": "{c} != {v}",
    "contains": "{c} like '%' || {v} || '%'",
    "startswith": "{c} like {v} || '%'",
    "endswith": "{c} like '%' || {v}",
    "gt": "{c} > {v}",
    "gte": "{c} >= {v}",
    "lt": "{c} < {v}",
    "lte": "{c} <= {v}",
    "like": "{c} like {v}",
    "notlike": "{c} not like {v}",
    "glob": "{c} glob {v}",
    "in": "{c} in (select value from json_each({v}))",
    "notin": "{c} not in (select value from json_each({v}))",
    "arraycontains": "{v} in (select value from json_each({c}))",
    "arraynotcontains": "{v} not in (select value from json_each({c}))",
    "date": "date({c}) = {v}",
}
WITHOUT_VALUE = {
    "isnull": "{c} is null",
    "notnull": "{c} is not null",
    "isblank": "({c} is null or {c} = '')",
    "notblank": "({c} is not null and {c} != '')",
}
# What follows the name of a column in a filter.
REST = re.compile(rf"(?:__({'|'.join((*COMPARED, *WITHOUT_VALUE))}))?(=|\Z)")
# The column has no type in SQLite's eyes: what SQL wrote there may be 'yes', which is no number.
SHOWABLE = "coalesce(sensitive, 0) in (0, '', '0')"
SENSITIVE = f"not {SHOWABLE}"
NUMERIC = {"gt", "gte", "lt", "lte"}
LONGEST_INTEGER = 18  # digits, of those that SQLite takes


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


@dataclass(frozen=True)
class Clause:
    """SQL that holds for the rows of an items table that are meant, and the values it names."""

    sql: str
    values: dict[str, str | int]


def is_sensitive(value: Any) -> bool:
    """What SENSITIVE says, of a value that was read already."""
    return value not in (None, 0, "", "0")


def ids(db: Database, collection: Collection, conditions: Conditions) -> list[str]:
    """The ids of the pictures of a collection's set whose records fulfil the conditions.

    :raises BadFilter: an unknown column or suffix, SQL that cannot be run, or no records
    """
    meant = clause(db, collection, conditions)
    table = quote_identifier(str(collection.items_table))
    # As one value: with many rows, each would wait for Python's other threads.
    named = "json_group_array(id) filter (where id is not null)"
    sql = f"select {named} from {table} where {meant.sql}"
    try:
        found: list[str] = json.loads(db.execute(sql, meant.values).fetchone()[0])
        return found
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise BadFilter(f"The records cannot be filtered: {error}.") from error


def clause(db: Database, collection: Collection, conditions: Conditions) -> Clause:
    """Conditions as SQL, with parameters ``:p0``, ``:p1`` and so on.

    :raises BadFilter: an unknown column or suffix, what is no valid text, or no records
    """
    table = collection.items_table
    if table is None:
        raise BadFilter(
            f"The collection '{collection.name}' has no records to filter by."
        )
    for text in (*conditions.filters, *conditions.where, conditions.words or ""):
        check_text(text, BadFilter)
    parts: list[str] = []
    values: dict[str, str | int] = {}
    columns = list(db.table(table).columns_dict)
    for text in conditions.filters:
        one = split(text, columns, table)
        parts.append(one.sql(f":p{len(values)}"))
        if one.value is not None:
            values[f"p{len(values)}"] = one.compared
    parts += [f"(\n{one}\n)" for one in conditions.where]
    if conditions.words:
        parts.append(_full_text(table, f":p{len(values)}"))
        values[f"p{len(values)}"] = db.quote_fts(conditions.words)
    return Clause(" and ".join(parts) or "1", values)


@dataclass(frozen=True)
class Filter:
    """One comparison of a column with a value; a suffix without value has None."""

    column: str
    suffix: str
    value: str | None

    def sql(self, parameter: str) -> str:
        """The comparison, with the name of a parameter for its value."""
        template = (COMPARED | WITHOUT_VALUE)[self.suffix]
        return template.format(c=quote_identifier(self.column), v=parameter)

    @property
    def compared(self) -> str | int:
        """The value as SQLite compares it."""
        return _value(self.suffix, self.value or "")


def split(text: str, columns: Sequence[str], table: str) -> Filter:
    """A filter as it was typed.

    :raises BadFilter: an unknown column or suffix, or no value where there has to be one
    """
    column, suffix, sign, value = _parted(text, columns)
    if column not in columns:
        raise BadFilter(
            f"There is no column '{column}' in {table}. The columns are: {', '.join(columns)}."
        )
    if suffix in WITHOUT_VALUE:
        return Filter(column, suffix, None)
    if suffix not in COMPARED:
        known = ", ".join((*COMPARED, *WITHOUT_VALUE))
        raise BadFilter(
            f"Unknown operator '{suffix}'. After {column}__ you can use: {known}."
        )
    if not sign:
        raise BadFilter(f"'{text}' has no value: write {text}=VALUE.")
    return Filter(column, suffix, value)


def _parted(text: str, columns: Sequence[str]) -> tuple[str, str, str, str]:
    """Column, suffix, sign and value; in names of columns there may be signs and suffixes."""
    for column in sorted(columns, key=len, reverse=True):
        rest = REST.match(text, len(column))
        if rest and text.startswith(column):
            return column, rest[1] or "exact", rest[2], text[rest.end() :]
    key, sign, value = text.partition("=")
    column, _, suffix = key.rpartition("__")
    return (column, suffix, sign, value) if column else (key, "exact", sign, value)


def _value(suffix: str, text: str) -> str | int:
    if suffix in ("in", "notin"):
        return json.dumps(_several(text))
    if suffix in NUMERIC and text.isdecimal() and len(text) <= LONGEST_INTEGER:
        return int(text)  # as Datasette: '1900' is then no smaller than '1900.0'
    return text


def _several(text: str) -> list[str]:
    """Separated by commas, or as a JSON array."""
    if text.startswith("["):
        try:
            return [str(one) for one in json.loads(text)]
        except (ValueError, RecursionError):
            pass
    return [one.strip() for one in text.split(",")]


def _full_text(table: str, parameter: str) -> str:
    fts = quote_identifier(f"{table}_fts")
    rows = f"select rowid from {fts} where {fts} match {parameter}"
    return f"{quote_identifier(table)}.rowid in ({rows})"
