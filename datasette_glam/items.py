"""Read the items of a collection as plain dictionaries; ``web.urls`` adds the URLs."""

import json
from collections.abc import Container
from dataclasses import asdict, dataclass
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import embeddings, sources
from llm_glam.db.collection import Collection
from llm_glam.db.sensitive import SENSITIVE, SHOWABLE
from llm_glam.formats import local_contexts
from llm_glam.formats.tables import Row

from . import random_sample

OUR_COLUMNS = {"id", "title", "caption", "rights", "image_url", "page_url"}
TECHNICAL = {
    "file",
    "file_name",
    "image_folder",
    "image_md5",
    "image_modified",
    "image_bytes",
    "sensitive",
}
NOT_RECORD = OUR_COLUMNS | TECHNICAL | {"image_width", "image_height", "image_format"}
NO_THUMBNAILS = """(
    select null as items_table, null as id, null as image_md5, null as width, null as height
)"""
STRIP = 12  # pictures in an overview


@dataclass(frozen=True)
class Field:
    """A value of a record, its column, and the heading of that in the source."""

    column: str
    heading: str
    value: Any


def plain(value: Any) -> Any:
    """Return a value that pages, JSON and CSV can show: bytes are replaced by their number."""
    return f"({len(value):,} bytes)" if isinstance(value, bytes) else value


def overview(
    db: Database, collection: Collection, *, with_sensitive: bool = True
) -> Row:
    """Return a collection's name, size and checkpoint, and a few of its pictures."""
    total = count(db, collection, with_sensitive=with_sensitive)
    rows = random_sample.rowids(db, collection)
    ids = random_sample.sample(db, collection, rows, number=STRIP, seed=0)
    return {
        "name": collection.name,
        "pictures": total,
        "model": collection.model_id,
        "fingerprint": collection.fingerprint,
        "items": cards(db, collection, ids),
    }


def count(db: Database, collection: Collection, *, with_sensitive: bool = True) -> int:
    """Count the pictures of the items table that have a vector in this collection."""
    table = quote_identifier(str(collection.items_table))
    sql = f"""
        select count(*) from {table}
        where {embeddings.WITH_VECTOR.format(collection_id=int(collection.id))}
        and {1 if with_sensitive else SHOWABLE}
    """
    return int(db.execute(sql).fetchone()[0])


def is_complete(db: Database, collection: Collection) -> bool:
    """Return whether every picture of the items table has a vector in the collection."""
    table = quote_identifier(str(collection.items_table))
    total = db.execute(f"select count(*) from {table}").fetchone()[0]
    return bool(count(db, collection) == total)


def columns(db: Database, collection: Collection) -> list[str]:
    """Return the columns of the items table."""
    return list(db.table(str(collection.items_table)).columns_dict)


def records(db: Database, collection: Collection, ids: list[str]) -> list[Row]:
    """Return the records of pictures as they are stored, in the order of ``ids``."""
    table = quote_identifier(str(collection.items_table))
    sql = f"select * from {table} where id in (select value from json_each(?))"
    found = {row["id"]: row for row in db.query(sql, [json.dumps(ids)])}
    return [found[item_id] for item_id in ids if item_id in found]


def records_as_in_the_source(
    db: Database, collection: Collection, ids: list[str], headings: dict[str, str]
) -> dict[str, Row]:
    """Return the record of each picture as its page shows it, by id.

    :param headings: those of the columns, in the order of the record
    """
    rows = records(db, collection, ids)
    return {row["id"]: _as_in_the_source(row, headings) for row in rows}


def sensitive_ids(db: Database, collection: Collection) -> set[str]:
    """Return the ids of pictures that are only shown on request."""
    table = quote_identifier(str(collection.items_table))
    rows = db.execute(f"select id from {table} where {SENSITIVE}")
    return {row[0] for row in rows.fetchall()}


def is_there(
    db: Database, collection: Collection, item_id: str, *, with_sensitive: bool = True
) -> bool:
    """Return whether there is such a picture."""
    table = quote_identifier(str(collection.items_table))
    condition = 1 if with_sensitive else SHOWABLE
    sql = f"select 1 from {table} where id = ? and {condition}"
    return db.execute(sql, [item_id]).fetchone() is not None


def cards(db: Database, collection: Collection, ids: list[str]) -> list[Row]:
    """Return what a gallery shows of pictures, in the order of ``ids``."""
    table = quote_identifier(str(collection.items_table))
    sql = f"""
        select i.id, i.title as title, i.caption as caption, {SENSITIVE} as sensitive, i.image_md5,
            t.width, t.height, t.image_md5 as thumbnail_md5
        from {table} i left join {_thumbnails(db)} t on t.id = i.id and t.items_table = ?
        where i.id in (select value from json_each(?))
    """
    rows = db.query(sql, [collection.items_table, json.dumps(ids)])
    found = {row["id"]: _card(row) for row in rows}
    return [found[item_id] for item_id in ids if item_id in found]


def headings(db: Database, collection: Collection) -> dict[str, str]:
    """Return the headings of columns as written, in their order in the source joined last."""
    return sources.headings_by_column(db, str(collection.items_table))


def item(
    db: Database, collection: Collection, item_id: str, headings: dict[str, str]
) -> Row | None:
    """Return everything about one picture: its record, its labels and its properties.

    :param headings: those of the columns, in the order of the record
    """
    table = quote_identifier(str(collection.items_table))
    stored = next(db.query(f"select * from {table} where id = ?", [item_id]), None)
    if stored is None:
        return None
    row = {column: plain(value) for column, value in stored.items()}
    (card,) = cards(db, collection, [item_id])
    return {
        **card,
        "caption": row["caption"],
        "rights": row["rights"],
        "local_contexts": [asdict(one) for one in local_contexts.of_record(stored)],
        "image_url": row["image_url"],
        "page_url": row["page_url"],
        "image_width": row["image_width"],
        "image_height": row["image_height"],
        "image_format": row["image_format"],
        "record": _as_in_the_source(row, headings),
        "labels": _labels(db, collection, row),
        "has_vector": embeddings.has(db, collection.id, item_id),
    }


def fields(
    db: Database, collection: Collection, item_id: str, headings: dict[str, str]
) -> list[Field]:
    """Return the values of a picture's record, in the order of its source.

    :param headings: those of the columns, in the order of the record
    """
    return [
        one
        for row in records(db, collection, [item_id])
        for one in _fields(row, headings)
    ]


def further_records(
    db: Database, collection: Collection, item_id: str, hidden: Container[str]
) -> list[Row]:
    """Return the records of a picture that are not merged, as they came.

    :param hidden: columns to leave out, in lower case; what a source says without filling a column
        is left out too
    """
    table = str(collection.items_table)
    filled = sources.columns(db, table)
    shown = {c.heading for c in filled if c.name.lower() not in hidden}
    shown -= {c.heading for c in filled if c.name.lower() in hidden}
    return [
        {k: plain(value) for k, value in record.items() if value and k in shown}
        for record in sources.further_records(db, table, item_id)
    ]


def file_of(db: Database, collection: Collection, item_id: str) -> Row | None:
    """Return a picture's file relative to its folder, its format, its sizes and its MD5."""
    table = quote_identifier(str(collection.items_table))
    sql = f"""
        select id, file, image_format, image_width, image_height, image_bytes, image_md5
        from {table} where id = ?
    """
    return next(db.query(sql, [item_id]), None)


def folder_of(db: Database, collection: Collection, item_id: str) -> str | None:
    """Return the folder that a picture's file was embedded from; None where it is not known."""
    if not db.table("glam_folders").exists():
        return None
    table = str(collection.items_table)
    if "image_folder" not in db.table(table).columns_dict:
        return None
    sql = f"""
        select f.path from {quote_identifier(table)} i join glam_folders f on f.id = i.image_folder
        where i.id = ? and f.items_table = ?
    """
    row = db.execute(sql, [item_id, table]).fetchone()
    return str(row[0]) if row else None


def thumbnail(db: Database, collection: Collection, item_id: str) -> Row | None:
    """Return a picture's thumbnail: its JPEG and the hash of the picture it was made from."""
    if not db.table("glam_thumbnails").exists():
        return None
    sql = "select content, image_md5 from glam_thumbnails where items_table = ? and id = ?"
    return next(db.query(sql, [collection.items_table, item_id]), None)


def _thumbnails(db: Database) -> str:
    return "glam_thumbnails" if db.table("glam_thumbnails").exists() else NO_THUMBNAILS


def _card(row: Row) -> Row:
    title = plain(row["title"] or row["caption"] or row["id"])
    return {
        "id": row["id"],
        "title": title,
        "alt": title,
        "sensitive": bool(row["sensitive"]),
        "width": row["width"],
        "height": row["height"],
        "thumbnail_md5": row["thumbnail_md5"],
    }


def _as_in_the_source(row: Row, headings: dict[str, str]) -> Row:
    """Return a record in the order of its source and with the headings as written there."""
    return {one.heading: plain(one.value) for one in _fields(row, headings)}


def _fields(row: Row, headings: dict[str, str]) -> list[Field]:
    """Return the values of a record in the order of its source.

    What no source has comes last. Our own columns and what is empty are left out. A heading that
    occurs twice is replaced by the name of the column.
    """
    values = {k: v for k, v in row.items() if k not in NOT_RECORD and v is not None}
    ordered = dict.fromkeys([*(n for n in headings if n in values), *values])
    shown: dict[str, Field] = {}
    for name in ordered:
        heading = headings.get(name, name)
        heading = name if heading in shown else heading
        shown[heading] = Field(name, heading, values[name])
    return list(shown.values())


def _labels(db: Database, collection: Collection, row: Row) -> list[Row]:
    if not db.table("glam_labels").exists():
        return []
    sql = """
        select label, score, source, image_md5 from glam_labels
        where items_table = ? and id = ? order by source, label
    """
    rows = db.query(sql, [collection.items_table, row["id"]])
    return [
        {
            "label": r["label"],
            "score": r["score"],
            "source": r["source"],
            "stale": r["image_md5"] != row["image_md5"],
        }
        for r in rows
    ]
