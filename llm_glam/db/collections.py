"""Find, create and delete collections in the database that LLM and Datasette share.

Reading works on any database, including read-only ones and those without our tables. Writing
first applies migrations and deletes rows about collections that no longer exist.
"""

import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from llm.embeddings_migrations import embeddings_migrations
from sqlite_utils import Database

from ..errors import CheckpointChanged, UnknownCollection
from ..formats.tables import Row
from ..models import registry
from ..models.registry import Checkpoint
from . import connection, embeddings, items
from .collection import Collection
from .migrations import glam_migrations

# Of glam_collections, in the order of the fields of a Collection.
OUR_COLUMNS = (
    "fingerprint",
    "precision",
    "dimensions",
    "items_table",
    "created",
    "uid",
)


def prepare(db: Database) -> None:
    """Migrate LLM's and our tables and delete orphaned rows. Call this before writing.

    Of several programs that do this at once, one migrates the tables while the others wait.
    """
    with connection.writing(db):
        embeddings_migrations.apply(db)
        glam_migrations.apply(db)
        drop_orphans(db)


def find(db: Database, name: str) -> Collection | None:
    """Return the collection with this name, or None."""
    return next(_collections(db, "c.name = ?", [name]), None)


def find_in(path: str | Path, name: str) -> Collection | None:
    """Return the collection with this name in a database file, or None.

    A file that does not exist is not created.
    """
    return (
        find(connection.connect(path, readonly=True), name)
        if Path(path).is_file()
        else None
    )


def get(db: Database, name: str) -> Collection:
    """Return the collection with this name.

    :raises UnknownCollection: there is none, or it was not made with a glam-clip model
    """
    found = find(db, name)
    if found is None:
        names = ", ".join(c.name for c in every(db)) or "none yet"
        raise UnknownCollection(
            f"There is no collection '{name}' in this database (it has: {names}). Use -d to give "
            "another database."
        )
    if not found.is_ours:
        raise UnknownCollection(
            f"The collection '{name}' was made with {found.model_id}. If it was made by llm-clip, "
            f"adopt it with: llm glam adopt {name} -m glam-clip"
        )
    return found


def every(db: Database) -> list[Collection]:
    """Return all collections made with glam-clip models, sorted by name."""
    return [c for c in _collections(db, "1", []) if c.is_ours]


def made_with(path: Path, entry: Checkpoint) -> list[str]:
    """Return the names of the collections made with a checkpoint.

    Collections made with another checkpoint of the same name are marked "(other weights)".

    :param path: the database file; if it does not exist, the list is empty
    """
    if not path.is_file():
        return []
    return [
        c.name if _is_same(c.fingerprint, entry) else f"{c.name} (other weights)"
        for c in every(connection.connect(path, readonly=True))
        if c.model_id == entry.model_id
    ]


def _is_same(fingerprint: str | None, entry: Checkpoint) -> bool:
    return None in (fingerprint, entry.fingerprint) or fingerprint == entry.fingerprint


def sharing(db: Database, items_table: str) -> list[Collection]:
    """Return the collections that share an items table, and so embed the same pictures."""
    return [c for c in every(db) if c.items_table == items_table]


def create(db: Database, name: str, model_id: str) -> Collection:
    """Create an empty collection as LLM does.

    Call :func:`claim` next, which records its checkpoint and gives it an items table.
    """
    row = db.table("collections").insert({"name": name, "model": model_id})
    made = Collection(int(str(row.last_pk)), name, model_id)
    # SQLite gives the id of a deleted collection again, whose rows may have been left behind.
    embeddings.delete_all(db, made.id)
    _delete_our_row(db, made.id)
    return made


def check_still_there(db: Database, collection: Collection) -> None:
    """Check that a collection is still the one it was when it was opened.

    Call this in the transaction that writes to it: meanwhile another program may have deleted it,
    and its id may belong to another collection.

    :raises UnknownCollection: it is not there any more
    """
    found = find(db, collection.name)
    if found is None or _identity(found) != _identity(collection):
        raise UnknownCollection(
            f"The collection '{collection.name}' was deleted by another program while this one "
            "was writing to it. Repeat the command to begin it again."
        )


def _identity(collection: Collection) -> tuple[int, str, str | None, str | None]:
    return collection.id, collection.model_id, collection.created, collection.uid


def claim(
    db: Database,
    collection: Collection,
    fingerprint: str,
    dimensions: int,
    precision: str,
) -> Collection:
    """Record a collection's checkpoint and give it an items table.

    A collection that already has an items table is returned unchanged.

    :raises CheckpointChanged: it was made with another checkpoint of the same name
    """
    check_fingerprint(collection, fingerprint)
    if collection.items_table is not None:
        if items.is_items_table(db, collection.items_table):
            items.ensure_searchable(db, collection.items_table)
        return collection
    table = items.table_name(db, collection.name, _in_use(db))
    items.create(db, table)
    made = replace(collection, precision=precision)
    link(db, made, fingerprint, dimensions, table)
    found = find(db, collection.name)
    assert found is not None
    return found


def link(
    db: Database,
    collection: Collection,
    fingerprint: str,
    dimensions: int,
    items_table: str,
) -> None:
    """Record a collection's checkpoint and items table in ``glam_collections``."""
    db.table("glam_collections").insert(
        {
            "collection_id": collection.id,
            "name": collection.name,
            "model": collection.model_id,
            "fingerprint": fingerprint,
            "precision": collection.precision,
            "dimensions": dimensions,
            "items_table": items_table,
            "created": collection.created or registry.now(),
            "uid": collection.uid if collection.created else secrets.token_hex(8),
        },
        replace=True,
    )


def check_fingerprint(collection: Collection, fingerprint: str) -> None:
    """Check that a collection was made with the checkpoint that has this fingerprint.

    :raises CheckpointChanged: it was made with another one, so vectors cannot be compared
    """
    if collection.fingerprint in (None, fingerprint):
        return
    name = registry.bare(collection.model_id)
    raise CheckpointChanged(
        f"The collection '{collection.name}' was made with another checkpoint named '{name}' "
        f"(fingerprint {collection.fingerprint}; the one on this computer is {fingerprint}). Get "
        "the original checkpoint, or embed the pictures again into a new collection: llm glam "
        f"reembed {collection.name} {collection.name}-2 -m {collection.model_id}"
    )


def drop_orphans(db: Database) -> None:
    """Delete our rows about collections that LLM has deleted.

    LLM may have given the id to a new collection, so the name and the model must match as well.
    """
    with db.atomic():
        db.execute("""
            delete from glam_collections where not exists (
                select 1 from collections c
                where c.id = glam_collections.collection_id
                and c.name = glam_collections.name and c.model = glam_collections.model
            )
            """)


def delete(db: Database, collection: Collection) -> None:
    """Delete a collection and its vectors, but not its records, labels and thumbnails."""
    with connection.writing(db):
        embeddings.delete_all(db, collection.id)
        db.execute("delete from collections where id = ?", [collection.id])
        _delete_our_row(db, collection.id)


def _delete_our_row(db: Database, collection_id: int) -> None:
    for name in ("glam_collections", "glam_evaluations"):
        if db.table(name).exists():
            db.execute(f"delete from {name} where collection_id = ?", [collection_id])


def begin_run(
    db: Database, collection: Collection, command: str, arguments: dict[str, Any]
) -> int:
    """Record in ``glam_runs`` that a command has started to write.

    :return: the id of the run, for :func:`end_run`
    """
    row = {
        "collection": collection.name,
        "items_table": collection.items_table,
        "command": command,
        "arguments": json.dumps(arguments, default=str),
        "model": collection.model_id,
        "fingerprint": collection.fingerprint,
        "versions": json.dumps(_versions()),
        "started": registry.now(),
    }
    with connection.writing(db):
        return int(str(db.table("glam_runs").insert(row).last_pk))


def end_run(db: Database, run: int, counts: dict[str, int], seconds: float) -> None:
    """Record in ``glam_runs`` what a command has done and how long it took."""
    values = {"counts": json.dumps(counts), "seconds": round(seconds, 3)}
    with connection.writing(db):
        db.table("glam_runs").update(run, values)


def note_evaluation(db: Database, collection: Collection, rows: list[Row]) -> None:
    """Keep the result of an evaluation, in place of the one before.

    :param rows: with the columns of ``glam_evaluations`` that say what was measured
    :raises UnknownCollection: the collection was deleted meanwhile; nothing is written
    """
    prepare(db)
    known = {
        "collection_id": collection.id,
        "uid": collection.uid,
        "fingerprint": collection.fingerprint,
        "evaluated": registry.now(),
    }
    table = db.table("glam_evaluations")
    with connection.writing(db):
        check_still_there(db, collection)
        table.delete_where("collection_id = ?", [collection.id])
        table.insert_all({**known, **row} for row in rows)


def evaluation(db: Database, collection: Collection) -> list[Row]:
    """Return the result of the last evaluation, if it is of this collection and checkpoint."""
    if not db.table("glam_evaluations").exists():
        return []
    where = "collection_id = ? and uid is ? and fingerprint is ?"
    values = [collection.id, collection.uid, collection.fingerprint]
    return list(db.table("glam_evaluations").rows_where(where, values))


def _collections(db: Database, where: str, values: list[Any]) -> Iterator[Collection]:
    if "collections" not in db.table_names():
        return
    sql = f"""
        select c.id, c.name, c.model{_our_columns(db)} where {where}
        and typeof(c.model) = 'text' order by c.name
    """
    for row_id, name, model, *ours in db.execute(sql, values).fetchall():
        fingerprint, precision, *rest = ours or [None] * 2
        yield Collection(row_id, name, model, fingerprint, precision or "fp32", *rest)


def _our_columns(db: Database) -> str:
    """Return SQL with the columns of ``glam_collections`` that this database has, and the tables.

    A database that this version has not written to yet has no ``uid``.
    """
    present = db.table("glam_collections").columns_dict
    if not present:
        return " from collections c"
    columns = "".join(f", g.{name}" for name in OUR_COLUMNS if name in present)
    return f"""
        {columns} from collections c left join glam_collections g
        on g.collection_id = c.id and g.name = c.name and g.model = c.model
    """


def _in_use(db: Database) -> set[str]:
    return {c.items_table for c in every(db) if c.items_table}


@cache
def _versions() -> dict[str, str]:
    """Return the versions of what made the vectors; finding them takes milliseconds."""
    from importlib.metadata import version

    packages = (
        "llm-glam",
        "llm",
        "sentence-transformers",
        "transformers",
        "torch",
        "pillow",
    )
    return {name: version(name) for name in packages}
