"""Write a spreadsheet with a row for each picture, for a person to fill in."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import embeddings, items, sources
from ..db.collection import Collection
from ..formats.spreadsheets import writer
from ..formats.spreadsheets.writer import Thumbnail
from .join import PICTURE, table_of

SUGGESTED = ("title", "caption", "creator", "date", "rights", "sensitive")


def write_template(db: Database, collection: Collection, path: Path) -> int:
    """Write a workbook with the id, file and thumbnail of each picture, and its record so far.

    A collection without records gets a few empty columns to begin with. Once it is filled in,
    :func:`llm_glam.records.join.join` attaches it by its ids.

    :return: how many rows it has
    :raises BadRecords: the file cannot be written
    """
    table = table_of(collection)
    columns = sources.columns(db, table)
    names = {c.name: c.heading or c.name for c in columns} or dict.fromkeys(SUGGESTED)
    headings = [
        "id",
        "file",
        PICTURE,
        *(heading or name for name, heading in names.items()),
    ]
    rows = list(_rows(db, table, list(names)))
    writer.write_new(path, {"records": (headings, rows)})
    return len(rows)


def _rows(db: Database, table: str, names: list[str]) -> Iterator[tuple[Any, ...]]:
    ids = [
        row[0]
        for row in db.execute(f"select id from {quote_identifier(table)} order by id")
    ]
    for chunk in embeddings.chunks(ids):
        found = items.fetch(db, table, chunk)
        thumbnails = _thumbnails(db, table, chunk)
        for item_id in chunk:
            row = found[item_id]
            values = (row.get(name) for name in names)
            yield item_id, row["file"], thumbnails.get(item_id), *values


def _thumbnails(db: Database, table: str, ids: list[str]) -> dict[str, Thumbnail]:
    sql = f"""
        select id, content from glam_thumbnails
        where items_table = ? and id in ({embeddings.placeholders(ids)})
    """
    return {i: Thumbnail(c) for i, c in db.execute(sql, [table, *ids]).fetchall()}
