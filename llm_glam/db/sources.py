"""Keep each record as it came, in ``glam_sources``, and merge records into the items table.

A picture's row in the items table is the merge of its records: what a person has written comes
before a sheet, a sheet before what is embedded in the picture, and a later sheet before an earlier
one. So a source can be read again, or removed, and what the others say is there again.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..formats.tables import Row
from ..models import registry
from . import embeddings, items, sensitive
from .items import KEY
from .migrations import EARLIER
from .record_values import clean, fitted

PERSON, SHEET, TEXT, EMBEDDED = "person", "sheet", "text", "embedded"
PRECEDENCE = (EMBEDDED, TEXT, SHEET, PERSON)  # the last one has the last word
BY_HAND = "edited by hand"
PLACE = ("document", "sequence")  # of a picture among those of its record


@dataclass(frozen=True)
class Source:
    """Where records come from: a name within the set, what kind it is, and its address."""

    name: str
    kind: str = SHEET
    address: str = ""


@dataclass(frozen=True)
class Record:
    """A record as it came, by the source's headings.

    ``key`` is what joins it to its picture, ``position`` its line in the source. ``document`` and
    ``sequence`` are given where a record describes several pictures.
    """

    row: Row
    key: str = ""
    position: int = 0
    document: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class Column:
    """A column of the items table that a source fills."""

    source: str
    heading: str
    name: str
    separator: str | None
    kind: type


def add_columns(
    db: Database,
    table: str,
    source: str,
    kinds: Mapping[str, type],
    *,
    split: Mapping[str, str] | None = None,
    identifier: str | None = None,
    is_placed: bool = False,
) -> None:
    """Add the columns of a source to the items table, and note which heading fills which.

    :param kinds: types by heading, in the order of the source
    :param split: separators by heading, of cells that hold several values; those given before stay
    :param identifier: the heading of the column that joins records to pictures
    :param is_placed: whether records describe several pictures, and so fill :data:`PLACE` too
    """
    split = {**separators(db, table, source), **(split or {})}
    headings = {_wanted(heading, kind): heading for heading, kind in kinds.items()}
    names = items.add_columns(db, table, {w: kinds[h] for w, h in headings.items()})
    filled: dict[str, str | None] = {names[w]: h for w, h in headings.items()}
    filled |= {name: None for name in PLACE if is_placed and name not in filled}
    known = {row["column"]: row for row in _columns_of(db, table, source)}
    rows = [
        {
            "items_table": table,
            "column": name,
            "source": source,
            "position": position,
            "heading": heading,
            "separator": split.get(heading or ""),
            "private": known.get(name, {}).get("private"),
            "identifier": int(heading is not None and heading == identifier),
        }
        for position, (name, heading) in enumerate(filled.items())
    ]
    if any(known.get(row["column"]) != row for row in rows):
        db.table("glam_columns").insert_all(rows, replace=True)


def _wanted(heading: str, kind: type) -> str:
    """Return the name of a column for a heading; text never goes to our column of numbers."""
    is_text = heading.strip().lower() == "sequence" and kind is not int
    return f"{heading}_source" if is_text else heading


def update(
    db: Database, table: str, source: Source, records: Mapping[str, Sequence[Record]]
) -> int:
    """Replace the records that a source has about pictures, and merge those that changed.

    What people have changed in the items table since the last merge is kept.

    :param records: by item id; a picture of which the source has no records any more has none
    :return: how many rows of the items table were changed
    """
    changed = {
        item_id: records[item_id]
        for chunk in embeddings.chunks(records)
        for item_id, stored in _stored(db, table, source, chunk).items()
        if stored != [_as_stored(record) for record in records[item_id]]
    }
    if not changed:
        return 0
    copy_earlier(db, table)
    filled = columns(db, table)
    keep_edits(db, table, changed, filled)
    put(db, table, source, changed)
    return merge(db, table, changed, filled)


def put(
    db: Database, table: str, source: Source, records: Mapping[str, Sequence[Record]]
) -> None:
    """Replace the records that a source has about pictures, without merging them."""
    delete = "delete from glam_sources where items_table = ? and source = ? and id = ?"
    db.conn.executemany(delete, ((table, source.name, item_id) for item_id in records))
    found = ((item_id, r) for item_id, all_ in records.items() for r in all_)
    _insert(db, table, source, found)


def put_without_picture(
    db: Database, table: str, source: Source, records: Iterable[Record]
) -> None:
    """Replace the records of a source that match no picture."""
    where = "items_table = ? and source = ? and id is null"
    db.execute(f"delete from glam_sources where {where}", [table, source.name])
    _insert(db, table, source, ((None, record) for record in records))


def remove(db: Database, table: str, source: str) -> int:
    """Remove the records of a source, and the columns that only it has filled.

    Columns that were marked as private stay so.

    :return: how many rows of the items table were changed
    """
    before, ids = columns(db, table), ids_of(db, table, source)
    keep_edits(db, table, ids)
    for name in ("glam_sources", *(["glam_columns"] if source != BY_HAND else [])):
        sql = f"delete from {name} where items_table = ? and source = ?"
        db.execute(sql, [table, source])
    changed = merge(db, table, ids, before)
    left = {column.name for column in columns(db, table)}
    items.drop_empty(db, table, {c.name for c in before if c.source == source} - left)
    return changed


def keys(db: Database, table: str, source: str) -> set[str]:
    """Return the keys of all records of a source."""
    sql = "select distinct record_key from glam_sources where items_table = ? and source = ?"
    return {row[0] for row in db.execute(sql, [table, source]).fetchall()}


def separators(db: Database, table: str, source: str) -> dict[str, str]:
    """Return the separators of a source's columns with several values in a cell, by heading."""
    rows = _columns_of(db, table, source)
    return {r["heading"]: r["separator"] for r in rows if r["separator"]}


def headings(db: Database, table: str, source: str) -> list[str]:
    """Return the headings of a source that have values, in their order."""
    found = [c for c in columns(db, table) if c.source == source and c.heading]
    return [c.heading for c in found if _has_values(db, table, c.name)]


def ids_of(db: Database, table: str, source: str) -> list[str]:
    """Return the ids of the pictures that a source has records of."""
    sql = """
        select distinct id from glam_sources
        where items_table = ? and source = ? and id is not null
    """
    return [row[0] for row in db.execute(sql, [table, source]).fetchall()]


def every(db: Database, table: str, *, with_sensitive: bool = True) -> list[Row]:
    """Return the sources of a set, with the records and pictures each has, the oldest first."""
    hidden = f"select id from {quote_identifier(table)} where {sensitive.SENSITIVE}"
    shown = "1" if with_sensitive else f"(id is null or id not in ({hidden}))"
    sql = f"""
        select source, kind, address, max(added) as added,
            count(distinct case record_key when '' then id else record_key end) as records, count(distinct id) as pictures
        from glam_sources where items_table = ? and {shown}
        group by source, kind, address order by added
    """
    return list(db.query(sql, [table])) if db.table("glam_sources").exists() else []


def further_records(db: Database, table: str, item_id: str) -> list[Row]:
    """Return the records of a picture that are not merged, as they came.

    They are those of a source that has several of the picture, without the first.
    """
    if not db.table("glam_sources").exists():
        return []
    sql = """
        select record from (
            select record, source, position,
                row_number() over (partition by source order by position) as place
            from glam_sources where items_table = ? and id = ?
        ) where place > 1 order by source, position
    """
    return [json.loads(row[0]) for row in db.execute(sql, [table, item_id]).fetchall()]


def headings_by_column(db: Database, table: str) -> dict[str, str]:
    """Return the headings of columns as written, in their order in the source joined last."""
    if not db.table("glam_columns").exists():
        return {}
    found: dict[str, str] = {}
    for column in columns(db, table):
        if column.heading:
            found.setdefault(column.name, column.heading)
    return found


def columns(db: Database, table: str) -> list[Column]:
    """Return what the sources of a set fill, each in its order, and the one joined last first.

    Columns that are only marked as private, under :data:`BY_HAND`, are not among them.
    """
    types = db.table(table).columns_dict
    sql = """
        select *, max(rowid) over (partition by source) as joined
        from glam_columns where items_table = ? and source != ? order by joined desc, position
    """
    rows = db.query(sql, [table, BY_HAND])
    return [
        Column(
            r["source"], r["heading"], r["column"], r["separator"], types[r["column"]]
        )
        for r in rows
        if r["column"] in types
    ]


def copy_earlier(db: Database, table: str) -> None:
    """Copy what is in a set that is older than ``glam_sources`` into them, once."""
    if not _columns_of(db, table, EARLIER) or _has_records(db, table, EARLIER):
        return
    names = [column.name for column in columns(db, table) if column.source == EARLIER]
    selected = ", ".join(map(quote_identifier, (KEY, *names)))
    found = db.query(f"select {selected} from {quote_identifier(table)}")
    records = (
        (row[KEY], Record({k: row[k] for k in names if row[k] is not None}))
        for row in found
    )
    source = Source(EARLIER)
    _insert(db, table, source, (one for one in records if one[1].row), added="")
    if not _has_records(db, table, EARLIER):
        remove(db, table, EARLIER)


def give_back_earlier(db: Database, table: str, item_id: str, row: Row) -> None:
    """Keep what was set aside about a picture before there were ``glam_sources``, as such."""
    copy_earlier(db, table)
    if _columns_of(db, table, EARLIER):
        known = {k: v for k, v in row.items() if v is not None}
        _insert(db, table, Source(EARLIER), [(item_id, Record(known))], added="")


def keep_edits(
    db: Database,
    table: str,
    ids: Iterable[str],
    filled: Sequence[Column] | None = None,
) -> None:
    """Keep what people have changed in the items table as records of their own.

    That is what differs from the merge. Call this before records of these pictures are replaced.

    :param filled: what sources fill now, if the caller knows it
    """
    filled = columns(db, table) if filled is None else filled
    for chunk in embeddings.chunks(ids):
        present = items.fetch(db, table, chunk)
        merged = _merged(db, table, filled, chunk)
        edited: dict[str, Sequence[Record]] = {}
        for item_id, row in present.items():
            values, by_hand = merged[item_id]
            changes = {k: row[k] for k, v in values.items() if row[k] != v}
            if changes:
                edited[item_id] = [Record({**by_hand, **changes})]
        put(db, table, Source(BY_HAND, PERSON), edited)


def merge(
    db: Database, table: str, ids: Iterable[str], filled: Sequence[Column] | None = None
) -> int:
    """Write the merge of their records to the rows of pictures.

    :param filled: the columns to write, if not those that sources fill now
    :return: how many rows were changed
    """
    filled = columns(db, table) if filled is None else filled
    changed = 0
    for chunk in embeddings.chunks(ids):
        merged = _merged(db, table, filled, chunk)
        rows = {item_id: values for item_id, (values, _) in merged.items()}
        changed += items.write_records(db, table, rows)
    return changed


def edit(db: Database, table: str, changes: Mapping[str, Row]) -> int:
    """Write what a person says about pictures, which comes before all other sources.

    :param changes: values by column of the items table, by item id
    :return: how many rows were changed
    """
    copy_earlier(db, table)
    keep_edits(db, table, changes)
    known = _by_hand(db, table, changes)
    put(
        db,
        table,
        Source(BY_HAND, PERSON),
        {k: [Record({**known.get(k, {}), **row})] for k, row in changes.items()},
    )
    return items.write_records(db, table, changes)


def take(db: Database, table: str, item_id: str) -> list[Row]:
    """Remove and return the records of a picture, for :func:`give_back`."""
    where = "items_table = ? and id = ?"
    rows = list(db.query(f"select * from glam_sources where {where}", [table, item_id]))
    db.execute(f"delete from glam_sources where {where}", [table, item_id])
    return rows


def give_back(db: Database, item_id: str, rows: Iterable[Row]) -> None:
    """Give a picture the records that were taken, under the id that it has now."""
    renamed = ({**row, KEY: item_id} for row in rows)
    db.table("glam_sources").insert_all(renamed, ignore=True)


def _insert(
    db: Database,
    table: str,
    source: Source,
    records: Iterable[tuple[str | None, Record]],
    added: str | None = None,
) -> None:
    added = registry.now() if added is None else added
    columns = [
        *("items_table", "id", "source", "kind", "address", "added"),
        *("record_key", "position", "document", "sequence", "record"),
    ]
    sql = (
        f"insert or replace into glam_sources ({', '.join(columns)}) "
        f"values ({embeddings.placeholders(columns)})"
    )
    head = source.name, source.kind, source.address, added
    db.conn.executemany(
        sql,
        ((table, item_id, *head, *_as_stored(record)) for item_id, record in records),
    )


def _as_stored(record: Record) -> tuple[Any, ...]:
    text = clean(json.dumps(record.row, ensure_ascii=False, default=str))
    return record.key, record.position, record.document, record.sequence, text


def _stored(
    db: Database, table: str, source: Source, ids: Sequence[str]
) -> dict[str, list[tuple[Any, ...]]]:
    """Return what is stored of a source's records, in their order, for each of the pictures."""
    sql = f"""
        select id, record_key, position, document, sequence, record from glam_sources
        where items_table = ? and source = ? and id in ({embeddings.placeholders(ids)})
        order by position
    """
    found: dict[str, list[tuple[Any, ...]]] = {item_id: [] for item_id in ids}
    for item_id, *values in db.execute(sql, [table, source.name, *ids]).fetchall():
        found[item_id].append(tuple(values))
    return found


def _merged(
    db: Database, table: str, filled: Sequence[Column], ids: Sequence[str]
) -> dict[str, tuple[Row, Row]]:
    """Return the merge of the records of each picture, and what people have written about it."""
    by_source: dict[str, list[Column]] = defaultdict(list)
    for column in filled:
        by_source[column.source].append(column)
    empty = {column.name: None for column in filled}
    merged: dict[str, tuple[Row, Row]] = {i: (dict(empty), {}) for i in ids}
    firsts: set[tuple[str, str]] = set()
    for row in _ordered(db, table, ids):
        values, by_hand = merged[row[KEY]]
        record = json.loads(row["record"])
        if row["kind"] == PERSON:
            values |= {k: v for k, v in record.items() if k in empty}
            by_hand |= record
            continue
        own = dict(_values(by_source[row["source"]], record))
        if sensitive.columns_in(record):  # whichever record says so
            marked = sensitive.is_marked(record) or values.get(sensitive.COLUMN)
            values[sensitive.COLUMN] = int(bool(marked))
        if (row[KEY], row["source"]) in firsts:
            continue  # a further record of the same picture is kept, not mixed with the first
        firsts.add((row[KEY], row["source"]))
        place = {k: row[k] for k in PLACE if row[k] is not None}
        said = {k: v for k, v in own.items() if v is not None and k != sensitive.COLUMN}
        values |= {**place, **said}
    return merged


def _values(filled: Sequence[Column], record: Row) -> Iterator[tuple[str, Any]]:
    for column in filled:
        if column.heading in record:
            value = _split(record[column.heading], column.separator)
            yield column.name, fitted(column.name, value, column.kind)


def _split(value: Any, separator: str | None) -> Any:
    """Return the list of values in a cell whose column has a separator, None for none."""
    if separator is None or not isinstance(value, str):
        return value
    return [part for part in map(str.strip, value.split(separator)) if part] or None


def _ordered(db: Database, table: str, ids: Sequence[str]) -> Iterator[Row]:
    """Yield the records of pictures, those first that others come before."""
    rank = " ".join(f"when '{kind}' then {n}" for n, kind in enumerate(PRECEDENCE))
    sql = f"""
        select * from glam_sources where items_table = ?
        and id in ({embeddings.placeholders(ids)})
        order by case kind {rank} end, added, source, position
    """
    yield from db.query(sql, [table, *ids])


def _by_hand(db: Database, table: str, ids: Iterable[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for chunk in embeddings.chunks(ids):
        sql = f"""
            select id, record from glam_sources where items_table = ? and source = ?
            and id in ({embeddings.placeholders(chunk)})
        """
        rows = db.execute(sql, [table, BY_HAND, *chunk]).fetchall()
        found |= {item_id: json.loads(record) for item_id, record in rows}
    return found


def _has_records(db: Database, table: str, source: str) -> bool:
    sql = "select 1 from glam_sources where items_table = ? and source = ? limit 1"
    return db.execute(sql, [table, source]).fetchone() is not None


def _has_values(db: Database, table: str, column: str) -> bool:
    name = quote_identifier(column)
    sql = f"select 1 from {quote_identifier(table)} where {name} is not null limit 1"
    return db.execute(sql).fetchone() is not None


def _columns_of(db: Database, table: str, source: str) -> list[Row]:
    where = "items_table = ? and source = ?"
    return list(db.table("glam_columns").rows_where(where, [table, source]))
