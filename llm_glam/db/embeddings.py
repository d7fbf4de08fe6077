"""All SQL on LLM's table of embeddings, by the id of a collection.

The table is LLM's. It is read and written in the same way as LLM does, and its schema is never
altered.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..errors import UnknownItem, VectorsDiffer
from ..vectors import Vector, from_bytes, is_usable
from .collection import Collection

TABLE = "embeddings"
AT_ONCE = 500
T = TypeVar("T")

# SQL conditions: on an items table, whose ids are those of the vectors, and on embeddings.
WITH_VECTOR = "id in (select id from embeddings where collection_id = {collection_id})"
OF_SET = """
    collection_id in (select collection_id from glam_collections where items_table = ?)
"""


def chunks(values: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Yield lists of at most ``size`` values."""
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def placeholders(values: Sequence[Any]) -> str:
    """Return as many ``?`` as there are values, for SQL's ``in (…)``."""
    return ", ".join("?" for _ in values)


def count(db: Database, collection_id: int) -> int:
    """Return how many vectors a collection has."""
    sql = "select count(*) from embeddings where collection_id = ?"
    return int(db.execute(sql, [collection_id]).fetchone()[0])


def vector_bytes(db: Database, collection_id: int) -> int:
    """Return the size of all vectors of a collection in bytes."""
    sql = "select coalesce(sum(length(embedding)), 0) from embeddings where collection_id = ?"
    return int(db.execute(sql, [collection_id]).fetchone()[0])


def dimensions(db: Database, collection_id: int) -> int:
    """Return the length of a collection's first vector, 0 where it has none."""
    sql = "select length(embedding) / 4 from embeddings where collection_id = ? limit 1"
    row = db.execute(sql, [collection_id]).fetchone()
    return int(row[0]) if row else 0


def ids(db: Database, collection_id: int, prefix: str = "") -> list[str]:
    """Return the ids of a collection that begin with ``prefix``, in order.

    The prefix ignores the case of ASCII letters, as LLM's ``--prefix`` does.
    """
    sql = "select id from embeddings where collection_id = ?"
    values: list[Any] = [collection_id]
    if prefix:
        sql, values = f"{sql} and id like ? || '%'", [*values, prefix]
    return [row[0] for row in db.execute(f"{sql} order by id", values)]


def shared_ids(db: Database, one: int, other: int) -> list[str]:
    """Return the ids that two collections have in common, in order."""
    return _combined(db, "intersect", one, other)


def ids_only_in(db: Database, one: int, other: int) -> list[str]:
    """Return the ids of one collection that another one lacks, in order."""
    return _combined(db, "except", one, other)


def _combined(db: Database, how: str, one: int, other: int) -> list[str]:
    each = "select id from embeddings where collection_id = ?"
    rows = db.execute(f"{each} {how} {each} order by 1", [one, other])
    return [row[0] for row in rows]


def ids_and_rowids(db: Database, collection_id: int) -> list[tuple[str, int]]:
    """Return the ids of a collection with their rowids, in order of the ids.

    SQLite answers this from its index, without reading the vectors.
    """
    sql = "select id, rowid from embeddings where collection_id = ? order by id"
    return db.execute(sql, [collection_id]).fetchall()


def rowids(db: Database, collection_id: int) -> Iterator[int]:
    """Yield the rowids of a collection in the order of its ids."""
    sql = "select rowid from embeddings where collection_id = ? order by id"
    return (row[0] for row in db.execute(sql, [collection_id]))


def has(db: Database, collection_id: int, item_id: str) -> bool:
    """Return whether a collection has a vector with this id."""
    sql = "select 1 from embeddings where collection_id = ? and id = ?"
    return db.execute(sql, [collection_id, item_id]).fetchone() is not None


def vector(db: Database, collection_id: int, item_id: str) -> bytes | None:
    """Return a vector as stored, or None if there is none with this id."""
    sql = """
        select ifnull(embedding, x'') from embeddings where collection_id = ? and id = ?
    """
    row = db.execute(sql, [collection_id, item_id]).fetchone()
    return row[0] if row else None


def stored_vector(db: Database, collection: Collection, item_id: str) -> Vector:
    """Return the vector of an item, shape (dimensions,), float64.

    :raises UnknownItem: there is no such id
    :raises VectorsDiffer: the stored bytes are not a vector of the collection's length, or not all
        of its numbers are finite
    """
    stored = vector(db, collection.id, item_id)
    if stored is None:
        raise UnknownItem(
            f"There is no '{item_id}' in the collection '{collection.name}'."
        )
    if not is_usable(stored, collection.dimensions):
        raise VectorsDiffer(
            f"The vector of '{item_id}' in the collection '{collection.name}' is damaged: another "
            "program has written to it. Embed its pictures into a new collection."
        )
    return from_bytes(stored).astype(np.float64)


def ids_and_vectors_of_rows(
    db: Database, rows: Sequence[int]
) -> list[tuple[str, bytes]]:
    """Return the ids and vectors of some rows, by rowid, in no particular order."""
    sql = f"select id, embedding from embeddings where rowid in ({placeholders(rows)})"
    return db.execute(sql, rows).fetchall()


def vectors_of_rows(db: Database, rows: Sequence[int]) -> list[bytes]:
    """Return the vectors of some rows, in the order of their rowids."""
    which = f"rowid in ({placeholders(rows)})"
    sql = f"select embedding from embeddings where {which} order by rowid"
    return [row[0] for row in db.execute(sql, rows)]


def all_vectors(db: Database, collection_id: int) -> sqlite3.Cursor:
    """Return a cursor over a collection's vectors in rowid order, in one pass over the table.

    The ``+`` stops SQLite from using the index, which would read the file in random order.
    """
    sql = "select embedding from embeddings where +collection_id = ? order by rowid"
    return db.execute(sql, [collection_id])


def vectors_between(
    db: Database, collection_id: int, first: int, last: int, number: int
) -> sqlite3.Cursor:
    """Return a cursor over a collection's vectors in rowid order.

    :param first: the collection's lowest rowid, ``last`` its highest
    :param number: how many rows the collection has; if that part of the table is mostly other
        collections', the index is used instead of a pass over it, because that is faster
    """
    if last - first < 4 * number:
        which = "rowid between :first and :last and +collection_id = :id"
    else:
        which = "rowid in (select rowid from embeddings where collection_id = :id)"
    sql = f"""
        select embedding from embeddings where {which} order by rowid
    """
    return db.execute(sql, {"id": collection_id, "first": first, "last": last})


def content_hashes(
    db: Database, collection: Collection, ids: Sequence[str]
) -> dict[str, bytes]:
    """Return the MD5 of the embedded content by id; unknown ids are left out.

    It is empty where the stored vector is damaged, as another program may have left it.
    """
    sql = f"""
        select id, content_hash, embedding from embeddings
        where collection_id = ? and id in ({placeholders(ids)})
    """
    return {
        item_id: content_hash if is_usable(stored, collection.dimensions) else b""
        for item_id, content_hash, stored in db.execute(sql, [collection.id, *ids])
    }


def vectors_and_times(
    db: Database, collection_id: int, ids: Sequence[str]
) -> dict[str, tuple[bytes, int]]:
    """Return vectors with the Unix times they were made at, by id; unknown ids are left out."""
    sql = f"""
        select id, embedding, updated from embeddings
        where collection_id = ? and id in ({placeholders(ids)})
    """
    rows = db.execute(sql, [collection_id, *ids]).fetchall()
    return {row_id: (vector, updated) for row_id, vector, updated in rows}


def vectors_by_hash(
    db: Database, collection_id: int, hashes: Sequence[bytes]
) -> dict[bytes, bytes]:
    """Return vectors by the MD5 of their content; unknown hashes are left out."""
    sql = f"""
        select content_hash, embedding from embeddings
        where collection_id = ? and content_hash in ({placeholders(hashes)})
    """
    return dict(db.execute(sql, [collection_id, *hashes]).fetchall())


def content(db: Database, collection_id: int, item_id: str) -> str | bytes | None:
    """Return the text or picture that ``--store`` stored with a vector, or None."""
    sql = "select content, content_blob from embeddings where collection_id = ? and id = ?"
    row = db.execute(sql, [collection_id, item_id]).fetchone()
    text, blob = row or (None, None)
    return text if text is not None else blob


def contents(
    db: Database, collection_id: int, limit: int
) -> list[tuple[str, str | bytes]]:
    """Return up to ``limit`` ids with the text or picture that ``--store`` stored with them."""
    sql = """
        select id, content, content_blob from embeddings
        where collection_id = ? and (content is not null or content_blob is not null)
        order by id limit ?
    """
    rows = db.execute(sql, [collection_id, limit]).fetchall()
    return [(key, text if text is not None else blob) for key, text, blob in rows]


def text_and_metadata(
    db: Database, collection_id: int, item_id: str
) -> tuple[str | None, dict[str, Any] | None]:
    """Return the stored text and the metadata of an item, which LLM shows for a result."""
    sql = "select content, metadata from embeddings where collection_id = ? and id = ?"
    text, metadata = db.execute(sql, [collection_id, item_id]).fetchone()
    return text, json.loads(metadata) if metadata else None


def records(
    db: Database, collection_id: int, items_table: str, hash_column: str
) -> Iterator[dict[str, Any]]:
    """Yield the records of a collection's pictures, in the order of their ids.

    :param hash_column: the name of an extra column with the MD5 of the picture, or its id if the
        MD5 is not known
    """
    sql = f"""
        select i.*, ifnull(e.content_hash, e.id) as {quote_identifier(hash_column)}
        from embeddings e join {quote_identifier(items_table)} i on i.id = e.id
        where e.collection_id = ? and e.content is null
        order by e.id
    """
    yield from db.query(sql, [collection_id])


def rowids_with_records(
    db: Database, collection_id: int, items_table: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rowids of a collection's vectors, and those of their records, in the same order.

    Two texts are faster than many rows, each of which would acquire Python's GIL anew.
    """
    sql = f"""
        select ifnull(group_concat(e.rowid), ''), ifnull(group_concat(i.rowid), '')
        from {quote_identifier(items_table)} i
        join embeddings e on e.id = i.id and e.collection_id = ?
    """
    vectors, records = db.execute(sql, [collection_id]).fetchone()
    return parsed_rowids(vectors), parsed_rowids(records)


def parsed_rowids(joined: str) -> NDArray[np.int64]:
    """Return the rowids that SQLite's ``group_concat`` has joined."""
    return np.fromstring(joined, np.int64, sep=",")


def ids_of_rows(
    db: Database, rows: Sequence[int], items_table: str, condition: str
) -> dict[int, str]:
    """Return the ids, by rowid, of those rows whose records fulfil a condition.

    :param condition: SQL on the items table
    """
    sql = f"""
        select e.rowid, i.id from embeddings e
        join {quote_identifier(items_table)} i on i.id = e.id
        where e.rowid in (select value from json_each(?)) and {condition}
    """
    return dict(db.execute(sql, [json.dumps(list(rows))]).fetchall())


def missing_in(db: Database, old: int, new: Collection) -> Iterator[dict[str, Any]]:
    """Yield ``id``, ``content_hash`` and ``is_text`` of the items in ``old`` but not in ``new``.

    Items whose vector in ``new`` is damaged are missing too.
    """
    stored = "select id, embedding from embeddings where collection_id = ?"
    present = {
        item_id
        for item_id, vector in db.execute(stored, [new.id])
        if is_usable(vector, new.dimensions)
    }
    sql = """
        select id, content_hash, content is not null as is_text from embeddings
        where collection_id = ? order by id
    """
    yield from (row for row in db.query(sql, [old]) if row["id"] not in present)


def write(db: Database, row: dict[str, Any]) -> None:
    """Insert a row, replacing any with the same collection and id."""
    db.table(TABLE).insert(row, replace=True)


def rename(db: Database, collection_id: int, old: str, new: str) -> None:
    """Give a vector another id, unless that id is in use."""
    sql = "update or ignore embeddings set id = ? where collection_id = ? and id = ?"
    db.execute(sql, [new, collection_id, old])


def delete_all(db: Database, collection_id: int) -> None:
    """Delete all vectors of a collection."""
    db.execute("delete from embeddings where collection_id = ?", [collection_id])


def delete_contents(db: Database, collection_id: int, hashes: Sequence[bytes]) -> int:
    """Delete a collection's vectors of contents with these MD5s; return how many there were."""
    deleted = 0
    for chunk in chunks(hashes):
        which = f"collection_id = ? and content_hash in ({placeholders(chunk)})"
        sql = f"delete from embeddings where {which}"
        deleted += db.execute(sql, [collection_id, *chunk]).rowcount
    return deleted


def is_in_set(db: Database, items_table: str, item_id: str) -> bool:
    """Return whether any collection with this items table has a vector with this id."""
    sql = f"select 1 from embeddings where id = ? and {OF_SET}"
    return db.execute(sql, [item_id, items_table]).fetchone() is not None


def delete_in_set(db: Database, items_table: str, item_id: str) -> None:
    """Delete the vectors with this id from all collections with this items table."""
    sql = f"delete from embeddings where id = ? and {OF_SET}"
    db.execute(sql, [item_id, items_table])


def rename_in_set(db: Database, items_table: str, old: str, new: str) -> None:
    """Give the vectors with this id another one, in all collections with this items table."""
    sql = f"update or replace embeddings set id = ? where id = ? and {OF_SET}"
    db.execute(sql, [new, old, items_table])
