"""The items table: one row per picture, with the record that people wrote about it.

This is the table that people facet, filter and export in Datasette. Its first columns are ours,
followed by the columns of the sources' records. Several collections can share an items table.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..formats.tables import Row
from . import embeddings, full_text
from .migrations import M001_TABLES, M004_TABLES
from .privacy import columns as privacy_columns

KEY = "id"
RECORD_COLUMNS: dict[str, type] = {
    "image_url": str,
    "page_url": str,
    "title": str,
    "caption": str,
    "rights": str,
    "document": str,
    "sequence": int,
    "sensitive": int,
}
IMAGE_COLUMNS: dict[str, type] = {
    "image_width": int,
    "image_height": int,
    "image_format": str,
    "image_bytes": int,
    "image_modified": str,
    "image_md5": str,
    "image_folder": int,
}
OUR_COLUMNS: dict[str, type] = {
    KEY: str,
    "file": str,
    **RECORD_COLUMNS,
    **IMAGE_COLUMNS,
}
TECHNICAL = {KEY, "file", *IMAGE_COLUMNS}
SEARCHED = (KEY, "title", "caption", "document", "rights")
RESERVED = ("sqlite_", "glam_", "_")
# Datasette 0.65 cannot show tables with brackets, and SQLite has none with NUL in their names.
NOT_IN_NAMES = str.maketrans("[]", "()", "\0")
FTS_RESERVED = ("rank", "rowid")  # names that SQLite's full-text search uses itself


def table_name(db: Database, collection: str, in_use: set[str]) -> str:
    """Return the name of a new collection's items table: the collection's own, if it is free.

    An items table that a deleted collection of this name left behind is used again.

    :param in_use: the items tables of existing collections
    """
    taken = _taken(db)
    for candidate in _candidates(collection):
        if candidate.lower().startswith(RESERVED):
            continue
        needed = (
            candidate,
            *full_text.tables_of(candidate),
            *full_text.triggers_of(candidate),
        )
        if not any(name.lower() in taken for name in needed):
            return candidate
        if candidate not in in_use and is_items_table(db, candidate):
            return candidate
    raise AssertionError("unreachable: the candidates never end")


def is_items_table(db: Database, name: str) -> bool:
    """Return whether a table is an items table.

    Its columns decide, so that tables are recognised even after their collections are deleted.
    """
    return name in db.table_names() and _has_our_columns(db, name)


def every(db: Database) -> set[str]:
    """Return the names of all items tables, also of those whose collections are deleted."""
    sql = "select name from sqlite_master where type = 'table' and rootpage != 0"
    names = [row[0] for row in db.execute(sql).fetchall()]
    return {name for name in names if _has_our_columns(db, name)}


def named(db: Database) -> set[str]:
    """Return the names of the items tables that rows of our tables belong to.

    A row without a name gives an empty one.
    """
    found: set[str] = set()
    for table in {*M001_TABLES, *M004_TABLES} & set(db.table_names()):
        if "items_table" in db.table(table).columns_dict:
            found |= _distinct(db, table)
    return found


def create(db: Database, name: str) -> None:
    """Create an items table with its index and full-text search, unless it exists."""
    table = db.table(name)
    if not table.exists():
        table.create(OUR_COLUMNS, pk=KEY)
        table.create_index(["image_md5"], index_name=_index_name(db, name))
    ensure_searchable(db, name)


def ensure_searchable(db: Database, name: str) -> None:
    """Make full-text search cover all text columns but private ones, rebuilding it if necessary.

    That is so if columns were added or marked, and if another program has rewritten the table.
    """
    private = set(privacy_columns.private(db, name))
    columns = [
        column
        for column, kind in db.table(name).columns_dict.items()
        if column in SEARCHED or (column not in OUR_COLUMNS and kind is str)
        if column not in private
    ]
    if full_text.columns(db, name) != columns or not full_text.fits(db, name):
        full_text.create(db, name, columns)


def add_columns(db: Database, name: str, kinds: Mapping[str, type]) -> dict[str, str]:
    """Add columns for a source's records.

    :param kinds: the source's columns and their types
    :return: for each of the source's columns, the name of the table's column that holds it
    """
    table = db.table(name)
    existing = {column.lower(): column for column in table.columns_dict}
    names: dict[str, str] = {}
    with db.atomic():
        for column in kinds:
            target = _target(column, {*names.values(), full_text.index_name(name)})
            names[column] = existing.get(target.lower(), target)
            if target.lower() not in existing:
                table.add_column(target, kinds[column])
        ensure_searchable(db, name)
    return names


def column_named(db: Database, name: str, column: str) -> str | None:
    """Return the column of the table with a name, whatever its upper and lower case, or None."""
    names = {one.lower(): one for one in db.table(name).columns_dict}
    return names.get(column.lower())


@dataclass(frozen=True)
class ValueRows:
    """A value of a column, the rowids of the rows that have it, and one of them."""

    value: Any
    rowids: NDArray[np.int64]
    example: int


def rows_by_value(
    db: Database, name: str, column: str, most: int, most_bytes: int
) -> list[ValueRows] | None:
    """Return the values of a column, NULL included, in SQLite's order, with the rows that have them.

    :return: None for a column with more than ``most`` values or ``most_bytes`` of them, and for one
        in which SQLite takes different values for equal, because of the column's collation or
        because it has no type
    """
    kinds = {c.name: c.type.upper() for c in db.table(name).columns}
    if kinds.get(column, "") in ("", "BLOB") or _has_more(db, name, column, most):
        return None
    table, value = quote_identifier(name), quote_identifier(column)
    sql = f"""
        select min(rowid), group_concat(rowid) from {table}
        group by {value} collate binary limit {most + 1}
    """
    rows = dict(db.execute(sql).fetchall())
    examples = f"""
        from {table} where rowid in (select value from json_each(:examples))
    """
    parameters = {"examples": json.dumps(list(rows))}
    sql = f"select count(*), total(length(cast({value} as blob))) {examples}"
    number, size = db.execute(sql, parameters).fetchone()
    if number > most or size > most_bytes:
        return None
    sql = f"select min(rowid), {value} {examples} group by {value} order by {value}"
    ordered = db.execute(sql, parameters).fetchall()
    if len(ordered) < number:
        return None
    parsed = embeddings.parsed_rowids
    return [ValueRows(value, parsed(rows[rowid]), rowid) for rowid, value in ordered]


def _has_more(db: Database, name: str, column: str, most: int) -> bool:
    """Return whether the first rows of a table already have more values than ``most``."""
    some = f"select {quote_identifier(column)} as value from {quote_identifier(name)}"
    sql = f"select count(distinct value) from ({some} limit {3 * most})"
    return int(db.execute(sql).fetchone()[0]) > most


def drop_empty(db: Database, name: str, columns: Iterable[str]) -> None:
    """Drop those of these columns that are not ours and have no values."""
    table = quote_identifier(name)
    unused = [
        column
        for column in columns
        if column not in OUR_COLUMNS
        and not db.table(name).count_where(f"{quote_identifier(column)} is not null")
    ]
    if unused:
        full_text.drop(db, name)  # whose triggers name the columns
    for column in unused:
        db.execute(f"alter table {table} drop column {quote_identifier(column)}")
    ensure_searchable(db, name)


def fetch(
    db: Database, name: str, ids: Sequence[str], columns: str = "*"
) -> dict[str, Row]:
    """Return rows by id; unknown ids are left out."""
    found: dict[str, Row] = {}
    for chunk in embeddings.chunks(ids):
        marks = embeddings.placeholders(chunk)
        sql = f"select {columns} from {quote_identifier(name)} where id in ({marks})"
        found.update((row[KEY], row) for row in db.query(sql, list(chunk)))
    return found


def write(db: Database, name: str, rows: Iterable[Row]) -> None:
    """Insert rows; of a row that exists, update only the columns given."""
    for row in rows:
        columns = [quote_identifier(column) for column in row]
        changes = ", ".join(f"{c} = excluded.{c}" for c in columns if c != '"id"')
        sql = (
            f"insert into {quote_identifier(name)} ({', '.join(columns)}) "
            f"values ({embeddings.placeholders(columns)}) "
            f"on conflict (id) do {f'update set {changes}' if changes else 'nothing'}"
        )
        db.execute(sql, list(row.values()))


def write_records(db: Database, name: str, records: Mapping[str, Row]) -> int:
    """Update the records of existing rows that differ.

    :param records: records by id, with the table's column names
    :return: how many rows were changed
    """
    changed = 0
    for chunk in embeddings.chunks(list(records)):
        present = fetch(db, name, chunk)
        different = [
            {KEY: item_id, **records[item_id]}
            for item_id, row in present.items()
            if any(row[column] != value for column, value in records[item_id].items())
        ]
        write(db, name, different)
        changed += len(different)
    return changed


def rename(db: Database, name: str, old: str, new: str, file: str) -> None:
    """Give a picture another id, in its record, thumbnail, labels, problems and vectors.

    :param file: its new path within its folder
    """
    sql = f"update {quote_identifier(name)} set id = ?, file = ? where id = ?"
    db.execute(sql, [new, file, old])
    for table in ("glam_thumbnails", "glam_labels", "glam_problems", "glam_sources"):
        sql = f"update or replace {table} set id = ? where items_table = ? and id = ?"
        db.execute(sql, [new, name, old])
    embeddings.rename_in_set(db, name, old, new)


def _has_our_columns(db: Database, table: str) -> bool:
    return OUR_COLUMNS.keys() <= db.table(table).columns_dict.keys()


def _distinct(db: Database, table: str) -> set[str]:
    """Return the names in a table, each found by one look-up in the index that it has."""
    sql = f"""
        with recursive names(name) as (
            select min(items_table) from {table} union all
            select (select min(items_table) from {table} where items_table > names.name)
            from names where names.name is not null
        )
        select name from names where name is not null
        union all
        select '' where exists (select 1 from {table} where items_table is null)
    """
    return {str(row[0]) for row in db.execute(sql).fetchall()}


def _taken(db: Database) -> set[str]:
    """Return the names of everything in the database, in lower case."""
    rows = db.execute("select name from sqlite_master").fetchall()
    return {row[0].lower() for row in rows}


def _index_name(db: Database, table: str) -> str:
    name = f"idx_{table.replace(' ', '_')}_image_md5"
    taken = _taken(db)
    while name.lower() in taken:
        name += "_2"
    return name


def _candidates(collection: str) -> Iterator[str]:
    name = collection.translate(NOT_IN_NAMES)
    yield from filter(None, (name, f"{name}_items", f"items_{name}"))
    yield from (f"items_{name}_{number}" for number in count(2))


def _target(column: str, taken: set[str]) -> str:
    """Return the column for a source's column: ours with that name, or a new one."""
    name = column.strip() or "column"
    if name.lower() in RECORD_COLUMNS:
        name = name.lower()
    lower = {other.lower() for other in (*taken, *TECHNICAL, *FTS_RESERVED)}
    while name.lower() in lower:
        name += "_source"
    return name
