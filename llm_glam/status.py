"""Report the contents of a collection and any problems with it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from .db import embeddings, folders, items, sources
from .db.collection import Collection
from .db.privacy import columns
from .db.sensitive import NO_TRAIN, SENSITIVE
from .errors import GlamError
from .formats.tables import Row
from .models import registry
from .records import withdrawn
from .search import index

# Columns that say how to treat a picture, or where it belongs, but not what it shows.
NOT_RECORDS = {*items.TECHNICAL, *sources.PLACE, "sensitive", NO_TRAIN}
AT_ONCE = 100  # columns in one function of SQL, which takes no more than 127
WITHOUT_PICTURE = "from glam_sources where items_table = ? and id is null"


def status(db: Database, collection: Collection) -> Row:
    """Return counts and sizes of a collection and the state of its checkpoint.

    ``missing_files`` counts pictures whose file is no longer in its folder, and ``missing_folders``
    lists folders that do not exist on this computer. Nothing is written.
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
    """Yield the files of an items table that could not be used, with the reasons."""
    sql = "select id, reason, seen from glam_problems where items_table = ? order by id"
    yield from db.query(sql, [items_table])


def unmatched(db: Database, items_table: str) -> Iterator[Row]:
    """Yield the pictures of an items table without a record, and the records without a picture.

    ``line`` is where the record begins in its source.
    """
    without = f"{_without_record(db, items_table)} order by id"
    for row in db.execute(f"select id {without}", [items_table]).fetchall():
        yield _unmatched("picture without record", item_id=row[0])
    if not _has_sources(db):
        return
    sql = f"select source, record_key, position {WITHOUT_PICTURE} order by source, position"
    for row in db.execute(sql, [items_table]).fetchall():
        yield _unmatched("record without picture", None, *row)


def checkpoint_state(collection: Collection) -> str:
    """Return ``ready``, or why the collection's checkpoint cannot be used here.

    The checkpoint is not loaded.
    """
    try:
        entry = registry.get(registry.bare(collection.model_id))
    except GlamError as error:
        return error.message
    if entry.is_local and not Path(entry.source).is_dir():
        return f"its folder {entry.source} does not exist"
    fingerprints = collection.fingerprint, entry.fingerprint
    if None not in fingerprints and fingerprints[0] != fingerprints[1]:
        return (
            "another checkpoint has this name on this computer (fingerprint "
            f"{entry.fingerprint})"
        )
    return "ready"


def _pictures(db: Database, collection: Collection, table: str) -> Row:
    quoted = quote_identifier(table)
    has_vector = embeddings.WITH_VECTOR.format(collection_id=int(collection.id))
    folder_ids = folders.ids_by_path(db, table)
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
        "sensitive": _one(db, f"select count(*) from {quoted} where {SENSITIVE}"),
        "private_columns": columns.private(db, table),
        "undecided_columns": columns.undecided(db, table),
        "pictures_without_record": _one(
            db, f"select count(*) {_without_record(db, table)}", table
        ),
        "records_without_picture": (
            _one(db, f"select count(*) {WITHOUT_PICTURE}", table)
            if _has_sources(db)
            else 0
        ),
        "kept_records": _one(
            db, "select count(*) from glam_kept_records where items_table = ?", table
        ),
        "withdrawn": withdrawn.count(db),
        "problems": _one(
            db, "select count(*) from glam_problems where items_table = ?", table
        ),
        "folders": list(folder_ids),
        "missing_folders": [path for path in folder_ids if not Path(path).is_dir()],
        "missing_files": _missing_files(db, table, folder_ids),
    }


def _missing_files(db: Database, table: str, folder_ids: dict[str, int]) -> int:
    """Count the missing files of all folders that exist, given their ids by path."""
    present = {Path(path): n for path, n in folder_ids.items() if Path(path).is_dir()}
    return sum(len(folders.missing_files(db, table, p, n)) for p, n in present.items())


def _without_record(db: Database, table: str) -> str:
    """Return SQL that selects from the pictures of which nobody has written anything.

    Its parameter is the name of the table.
    """
    names = [
        f"nullif({quote_identifier(name)}, '')"
        for name in db.table(table).columns_dict
        if name.lower() not in NOT_RECORDS
    ]
    # All columns in one expression would be nested more deeply than SQLite allows.
    empty = [
        f"coalesce({', '.join(chunk)}, null) is null"
        for chunk in embeddings.chunks(names, AT_ONCE)
    ]
    quoted = quote_identifier(table)
    record = (
        f"exists (select 1 from glam_sources s where s.items_table = ? and s.id = {quoted}.id "
        f"and s.kind != '{sources.PERSON}')"
        if _has_sources(db)
        else "? is null"
    )
    return f"from {quoted} where {' and '.join(empty)} and not {record}"


def _has_sources(db: Database) -> bool:
    return db.table("glam_sources").exists()


def _unmatched(
    what: str,
    item_id: str | None = None,
    source: str | None = None,
    key: str | None = None,
    line: int | None = None,
) -> Row:
    return {
        "unmatched": what,
        "id": item_id,
        "source": source,
        "key": key,
        "line": line or None,
    }


def _one(db: Database, sql: str, *values: Any) -> int:
    return int(db.execute(sql, list(values)).fetchone()[0])
