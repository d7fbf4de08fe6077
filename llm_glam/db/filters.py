"""Select pictures by conditions on their records, written as in Datasette.

The suffixes are those of Datasette's table pages (https://docs.datasette.io, "Column filter
arguments"), so that filters copied from a Datasette URL work here too. One thing differs: where a
column of text is compared with a number by ``gt``, ``gte``, ``lt`` or ``lte``, Datasette compares
texts, in which 9 comes after 10 and -300 after -44 BC. Spreadsheets' years are such columns, so
here the numbers of their cells are compared.
"""

import json
import re
import sqlite3
import string
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..errors import BadFilter, check_text
from ..formats import column_names
from . import embeddings, full_text
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
# The part of a filter that follows the column's name.
REST = re.compile(rf"(?:__({'|'.join((*COMPARED, *WITHOUT_VALUE))}))?(=|\Z)")
NUMERIC = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
LONGEST_INTEGER = 18  # digits: every such number fits SQLite's 64-bit integers
# A number as it is typed, without spaces around it; BC makes it negative. No two parts of it that
# follow each other match spaces, which would be divided between them in all ways.
TYPED_NUMBER = re.compile(
    r"(?:A\.?D\.?\s*)?([-+]?\d+(?:\.\d+)?)(?:\s*(?:(B\.?\s?C\.?(?:E\.?)?)|A\.?D\.?|C\.?E\.?))?",
    re.ASCII | re.IGNORECASE,
)
# What may stand before the number of a text: circa, and signs of what is uncertain.
CIRCA = "CIRcira. [(~"
# The same as a number in SQL. The first case is by far the most frequent, and fast.
NUMBER = f"""case typeof({{c}})
when 'text' then case
  when ({{c}} glob '[0-9]*' or {{c}} glob '.[0-9]*') and {{c}} not glob '*[^.0-9]*'
    then cast({{c}} as numeric)
  when ltrim({{c}}, '{CIRCA}') glob '[0-9]*' or ltrim({{c}}, '{CIRCA}') glob '[-+][0-9]*'
    then cast(ltrim({{c}}, '{CIRCA}') as numeric)
      * case when {{c}} glob '*[0-9 ]BC*' or {{c}} glob '*[0-9 ]B.C*' then -1 else 1 end
  end
when 'blob' then null
else {{c}} end"""


@dataclass(frozen=True)
class Conditions:
    """Conditions on the records of pictures, all of which must hold.

    ``filters`` are written ``column=value`` or ``column__suffix=value``, ``where`` are SQL
    conditions on the items table, and ``words`` is a full-text query whose words must all occur.
    ``hidden`` are columns that whoever asks may not see, in lower case: they are unknown to
    filters. ``exceptions`` are written like filters, which must not match: a record that has no
    value in the column fulfils them. An object without any condition is false.
    """

    filters: Sequence[str] = ()
    where: Sequence[str] = ()
    words: str | None = None
    hidden: AbstractSet[str] = frozenset()
    exceptions: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.filters or self.where or self.words or self.exceptions)


@dataclass(frozen=True)
class Clause:
    """An SQL condition on an items table, and the values of its named parameters."""

    sql: str
    values: dict[str, str | int | float]


def ids(db: Database, collection: Collection, conditions: Conditions) -> list[str]:
    """Return the ids of the pictures whose records fulfil the conditions.

    :raises BadFilter: a column or suffix is unknown, the SQL cannot be run, or the collection has
        no records
    """
    condition = clause(db, collection, conditions)
    # One JSON value is faster than many rows, each of which would acquire Python's GIL anew.
    all_ids = "json_group_array(id) filter (where id is not null)"
    found: list[str] = json.loads(_selected(db, collection, all_ids, condition))
    return found


def rowids(
    db: Database,
    collection: Collection,
    conditions: Conditions,
    among: Sequence[int] | None = None,
) -> NDArray[np.int64]:
    """Return the rowids, in no order, of the records that fulfil the conditions.

    :param among: the rowids of the records to look at, instead of all
    :raises BadFilter: as :func:`ids` does
    """
    condition = clause(db, collection, conditions)
    if among is not None:
        some = "rowid in (select value from json_each(:glam_among))"
        values = {**condition.values, "glam_among": json.dumps(list(among))}
        condition = Clause(f"{some} and {condition.sql}", values)
    found = _selected(db, collection, "group_concat(rowid)", condition)
    return embeddings.parsed_rowids(found or "")


def _selected(
    db: Database, collection: Collection, what: str, condition: Clause
) -> Any:
    """Return an aggregate of the records that fulfil a condition."""
    table = quote_identifier(str(collection.items_table))
    sql = f"select {what} from {table} where {condition.sql}"
    try:
        return db.execute(sql, condition.values).fetchone()[0]
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise BadFilter(f"The records cannot be filtered: {error}.") from error


def clause(db: Database, collection: Collection, conditions: Conditions) -> Clause:
    """Return conditions as SQL, with parameters ``:p0``, ``:p1`` and so on.

    :raises BadFilter: a column or suffix is unknown, a text is not valid Unicode, the collection
        has no records, or their full-text index does not fit them or has words of hidden columns
    """
    table = collection.items_table
    if table is None:
        raise BadFilter(
            f"The collection '{collection.name}' has no records to filter by."
        )
    typed = [*conditions.filters, *conditions.exceptions]
    for text in (*typed, *conditions.where, conditions.words or ""):
        check_text(text, BadFilter)
    parts: list[str] = []
    values: dict[str, str | int | float] = {}
    columns = [
        c for c in db.table(table).columns_dict if c.lower() not in conditions.hidden
    ]
    for number, text in enumerate(typed):
        one = split(text, columns, table)
        sql = one.sql(f":p{len(values)}")
        is_exception = number >= len(conditions.filters)
        parts.append(f"({sql}) is not true" if is_exception else sql)
        if one.value is not None:
            values[f"p{len(values)}"] = one.compared
    parts += [f"(\n{one}\n)" for one in conditions.where]
    if conditions.words:
        check_searchable(db, table, conditions.hidden)
        parts.append(full_text.matching(table, f":p{len(values)}"))
        values[f"p{len(values)}"] = db.quote_fts(conditions.words)
    return Clause(" and ".join(parts) or "1", values)


def check_searchable(db: Database, table: str, hidden: AbstractSet[str]) -> None:
    """Check that words can be looked for in records.

    :param hidden: columns that whoever asks may not see, in lower case
    :raises BadFilter: the full-text index has words of those columns, or does not fit the records
    """
    searched = full_text.indexes(db, table).get(full_text.index_name(table), [])
    if hidden & {column.lower() for column in searched}:
        raise BadFilter(
            "Words in the records cannot be searched before their owner has decided which columns "
            "everybody may see, with llm glam mark."
        )
    if not full_text.fits(db, table):
        raise BadFilter(
            f"The full-text index of '{table}' does not fit its records any more, because another "
            "program has rewritten the table. Embed the pictures again, which rebuilds it; "
            "unchanged ones are not read again."
        )


@dataclass(frozen=True)
class Filter:
    """One comparison of a column with a value, which is None for suffixes that take none."""

    column: str
    suffix: str
    value: str | None

    def sql(self, parameter: str) -> str:
        """Return the comparison as SQL.

        :param parameter: stands for the value, such as ``:p0``
        """
        column = quote_identifier(self.column)
        if self.suffix in NUMERIC and not isinstance(self.compared, str):
            # Cast, since the parameters of a query page are texts.
            sign = NUMERIC[self.suffix]
            return f"{number_in(column)} {sign} cast({parameter} as numeric)"
        template = (COMPARED | WITHOUT_VALUE)[self.suffix]
        return template.format(c=column, v=parameter)

    @property
    def compared(self) -> str | int | float:
        """The value to pass to SQLite."""
        return _value(self.suffix, self.value or "")


def number_in(column: str) -> str:
    """Return SQL for the number of a cell: of text, that with which it begins; null without one.

    ``c. 1887`` and ``[1887]`` are 1887, ``300 BC`` is -300, ``1887-05-03`` is 1887.

    :param column: the column in SQL, already quoted
    """
    return NUMBER.replace("{c}", column)


def numbers_at(
    db: Database, table: str, column: str, rowids: Sequence[int]
) -> dict[int, float | None]:
    """Return the numbers of a column in some rows, by rowid."""
    sql = f"""
        select rowid, {number_in(quote_identifier(column))} from {quote_identifier(table)}
        where rowid in (select value from json_each(?))
    """
    return dict(db.execute(sql, [json.dumps(list(rowids))]).fetchall())


def number(text: str) -> int | float | None:
    """Return a number as it is typed, such as ``1887``, ``-300`` or ``300 BC``; None for a text."""
    typed = TYPED_NUMBER.fullmatch(text.strip(string.whitespace))
    if not typed:
        return None
    digits = typed[1].lstrip("+-")
    fits = digits.isdecimal() and len(digits) <= LONGEST_INTEGER
    value = int(typed[1]) if fits else float(typed[1])
    return -abs(value) if typed[2] else value


def split(text: str, columns: Sequence[str], table: str) -> Filter:
    """Parse a filter such as ``year__gte=1900``.

    :raises BadFilter: the column or suffix is unknown, or the value is missing
    """
    column, suffix, sign, value = _split(text, columns)
    if column not in columns:
        raise BadFilter(column_names.unknown(column, columns, table))
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


def is_known(name: str, columns: Sequence[str]) -> bool:
    """Return whether there are the column and the comparison of a filter such as ``year__gte``."""
    column, suffix, _, _ = _split(f"{name}=", columns)
    return column in columns and (suffix in COMPARED or suffix in WITHOUT_VALUE)


def _split(text: str, columns: Sequence[str]) -> tuple[str, str, str, str]:
    """Return column, suffix, equals sign and value.

    The longest matching column wins, since names of columns may contain ``=`` and suffixes.
    """
    for column in sorted(columns, key=len, reverse=True):
        rest = REST.match(text, len(column))
        if rest and text.startswith(column):
            return column, rest[1] or "exact", rest[2], text[rest.end() :]
    key, sign, value = text.partition("=")
    column, _, suffix = key.rpartition("__")
    return (column, suffix, sign, value) if column else (key, "exact", sign, value)


def _value(suffix: str, text: str) -> str | int | float:
    if suffix in ("in", "notin"):
        return json.dumps(listed(text))
    value = number(text) if suffix in NUMERIC else None
    return text if value is None else value


def in_list(values: Sequence[str]) -> str:
    """Return values as ``column__in`` takes them: with commas, or as JSON where these occur."""
    typed = ",".join(values)
    is_plain = not typed.startswith("[") and listed(typed) == list(values)
    return typed if is_plain else json.dumps(values, ensure_ascii=False)


def values_of(one: Filter) -> list[str]:
    """Return the values that a filter names: those of a list, or its only one.

    What JSON can write but no record can have, halves of characters, is replaced.
    """
    text = one.value or ""
    values = listed(text) if one.suffix in ("in", "notin") else [text]
    return [value.encode("utf-8", "replace").decode() for value in values]


def listed(text: str) -> list[str]:
    """Return the values of a list that is separated by commas or is a JSON array."""
    if text.startswith("["):
        try:
            return [str(one) for one in json.loads(text)]
        except (ValueError, RecursionError):
            pass
    return [one.strip() for one in text.split(",")]
