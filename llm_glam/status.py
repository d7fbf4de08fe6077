"""What is in a collection, and what is not as it should be."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from .db import embeddings, folders
from .db.collection import Collection
from .errors import GlamError
from .formats.tables import Row
from .models import registry
from .search import index


def status(db: Database, collection: Collection) -> Row:
    """Numbers of a collection and the state of its checkpoint; reads only.

    ``missing_files`` counts pictures whose folder is here and whose file is gone;
    ``missing_folders`` names folders that are not here at all.
    """
    row: Row = {
        "collection": collection.name,
        "model": collection.model_id,
        "checkpoint": checkpoint_state(collection),
        "fingerprint": collection.fingerprint,
        "precision": collection.precision,
        "vectors": embeddings.count(db, collection.id),
        "dimensions": collection.dimensions,
        "vector_bytes": embeddings.vector_bytes(db, collection.id),
        "index_bytes": index.size(db, collection),
        "items_table": collection.items_table,
    }
    if collection.items_table is not None:
        row.update(_pictures(db, collection, collection.items_table))
    return row


def problems(db: Database, items_table: str) -> Iterator[Row]:
    """The files of a set that could not be used, with their reasons."""
    sql = "select id, reason, seen from glam_problems where items_table = ? order by id"
    yield from db.query(sql, [items_table])


def checkpoint_state(collection: Collection) -> str:
    """``ready``, or why the collection's checkpoint cannot be used here; loads nothing."""
    try:
        entry = registry.get(registry.bare(collection.model_id))
    except GlamError as error:
        return error.message
    if entry.is_local and not Path(entry.source).is_dir():
        return f"its folder {entry.source} is gone"
    known = collection.fingerprint, entry.fingerprint
    if None not in known and known[0] != known[1]:
        return (
            f"another checkpoint has this name here (fingerprint {entry.fingerprint})"
        )
    return "ready"


def _pictures(db: Database, collection: Collection, table: str) -> Row:
    quoted = quote_identifier(table)
    has_vector = embeddings.WITH_VECTOR.format(collection_id=int(collection.id))
    known = folders.numbers(db, table)
    return {
        "items": _one(db, f"select count(*) from {quoted}"),
        "items_without_vector": _one(
            db,
            f"select count(*) from {quoted} where not {has_vector}",
        ),
        "thumbnails": _one(
            db, "select count(*) from glam_thumbnails where items_table = ?", table
        ),
        "thumbnail_bytes": _one(
            db,
            "select coalesce(sum(length(content)), 0) from glam_thumbnails where items_table = ?",
            table,
        ),
        "labels": _one(
            db, "select count(*) from glam_labels where items_table = ?", table
        ),
        "kept_records": _one(
            db, "select count(*) from glam_kept_records where items_table = ?", table
        ),
        "problems": _one(
            db, "select count(*) from glam_problems where items_table = ?", table
        ),
        "folders": list(known),
        "missing_folders": [path for path in known if not Path(path).is_dir()],
        "missing_files": _missing_files(db, table, known),
    }


def _missing_files(db: Database, table: str, known: dict[str, int]) -> int:
    here = {Path(path): n for path, n in known.items() if Path(path).is_dir()}
    return sum(len(folders.missing_files(db, table, p, n)) for p, n in here.items())


def _one(db: Database, sql: str, *values: Any) -> int:
    return int(db.execute(sql, list(values)).fetchone()[0])
