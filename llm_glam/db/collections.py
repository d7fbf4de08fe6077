"""Collections and the tables around them, in the one database LLM and Datasette open.

Reading works on any database, read-only ones and those without our tables included; writing
first applies migrations and drops what no longer belongs to a living collection.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import llm
from llm.embeddings_migrations import embeddings_migrations
from sqlite_utils import Database

from ..errors import CheckpointChanged, UnknownCollection
from ..models import registry
from ..models.registry import Checkpoint
from . import embeddings, items
from .collection import Collection
from .migrations import glam_migrations

TIMEOUT_SECONDS = 30


def default_path() -> Path:
    """LLM's embeddings database."""
    return llm.user_dir() / "embeddings.db"


def connect(path: str | Path, *, readonly: bool = False) -> Database:
    """Open a database; ``readonly`` neither creates it nor changes anything in it.

    A run that was killed leaves a journal which only a connection that may write can take back,
    so that such a connection is opened even for reading, where permissions allow it.

    :raises sqlite3.DatabaseError: see :func:`llm_glam.errors.explained`
    """
    if not readonly:
        return Database(sqlite3.connect(path, timeout=TIMEOUT_SECONDS))
    db = Database(sqlite3.connect(existing(path), uri=True, timeout=TIMEOUT_SECONDS))
    db.execute("pragma query_only = on")
    return db


def existing(path: str | Path) -> str:
    """A URI that opens a database but does not make one."""
    return f"{Path(path).resolve().as_uri()}?mode=rw"


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """A transaction that takes the lock for writing at once, waiting for other writers.

    A transaction that reads first and then wants to write fails without waiting when somebody
    else wrote in between.
    """
    if db.conn.in_transaction:
        with db.atomic():
            yield
        return
    db.conn.execute("begin immediate")
    try:
        yield
    except BaseException:
        db.conn.rollback()
        raise
    db.conn.commit()


def prepare(db: Database) -> None:
    """Bring LLM's and our tables up to date and drop orphans; before anything is written."""
    embeddings_migrations.apply(db)
    glam_migrations.apply(db)
    drop_orphans(db)


def find(db: Database, name: str) -> Collection | None:
    """The collection of this name, or None."""
    return next(_collections(db, "c.name = ?", [name]), None)


def find_in(path: str | Path, name: str) -> Collection | None:
    """The collection of this name in a database file, which is not created if it is not there."""
    return find(connect(path, readonly=True), name) if Path(path).is_file() else None


def get(db: Database, name: str) -> Collection:
    """The collection of this name.

    :raises UnknownCollection: there is none, or it is not made with one of our models
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
    """All collections made with our models, by name."""
    return [c for c in _collections(db, "1", []) if c.is_ours]


def made_with(path: Path, entry: Checkpoint) -> list[str]:
    """The collections in a database file made with a checkpoint, or with others of its name.

    :param path: of a database that may not be there
    """
    if not path.is_file():
        return []
    return [
        c.name if _is_same(c.fingerprint, entry) else f"{c.name} (other weights)"
        for c in every(connect(path, readonly=True))
        if c.model_id == entry.model_id
    ]


def _is_same(fingerprint: str | None, entry: Checkpoint) -> bool:
    return None in (fingerprint, entry.fingerprint) or fingerprint == entry.fingerprint


def sharing(db: Database, items_table: str) -> list[Collection]:
    """The collections that embed the same set of pictures."""
    return [c for c in every(db) if c.items_table == items_table]


def create(db: Database, name: str, model_id: str) -> Collection:
    """Make an empty collection as LLM does; ours once :func:`claim` was called."""
    row_id = db.table("collections").insert({"name": name, "model": model_id}).last_pk
    return Collection(int(str(row_id)), name, model_id)


def claim(
    db: Database,
    collection: Collection,
    fingerprint: str,
    dimensions: int,
    precision: str,
) -> Collection:
    """Tie a collection to its checkpoint and its set of pictures; repeated calls change nothing.

    :raises CheckpointChanged: it was made with other weights of the same name
    """
    check_fingerprint(collection, fingerprint)
    if collection.items_table is not None:
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
    """Write which checkpoint and which set of pictures a collection has."""
    db.table("glam_collections").insert(
        {
            "collection_id": collection.id,
            "name": collection.name,
            "model": collection.model_id,
            "fingerprint": fingerprint,
            "precision": collection.precision,
            "dimensions": dimensions,
            "items_table": items_table,
            "created": registry.now(),
        },
        replace=True,
    )


def check_fingerprint(collection: Collection, fingerprint: str) -> None:
    """Refuse to compare vectors of two checkpoints.

    :raises CheckpointChanged: says which and what to do
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
    """Forget what we knew of collections that LLM has deleted, or whose id it gave away."""
    with db.atomic():
        db.execute("""
            delete from glam_collections where not exists (
                select 1 from collections c
                where c.id = glam_collections.collection_id
                and c.name = glam_collections.name and c.model = glam_collections.model
            )
            """)


def delete(db: Database, collection: Collection) -> None:
    """Delete a collection and its vectors; its records, labels and thumbnails stay."""
    with writing(db):
        embeddings.delete_all(db, collection.id)
        db.execute("delete from collections where id = ?", [collection.id])
        if db.table("glam_collections").exists():
            db.execute(
                "delete from glam_collections where collection_id = ?", [collection.id]
            )


def begin_run(
    db: Database, collection: Collection, command: str, arguments: dict[str, Any]
) -> int:
    """Note that a command has begun to write; :func:`end_run` completes it."""
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
    with writing(db):
        return int(str(db.table("glam_runs").insert(row).last_pk))


def end_run(db: Database, run: int, counts: dict[str, int], seconds: float) -> None:
    """Note what a command has done."""
    values = {"counts": json.dumps(counts), "seconds": round(seconds, 3)}
    with writing(db):
        db.table("glam_runs").update(run, values)


def _collections(db: Database, where: str, values: list[Any]) -> Iterator[Collection]:
    tables = set(db.table_names())
    if "collections" not in tables:
        return
    ours = """
        left join glam_collections g
        on g.collection_id = c.id and g.name = c.name and g.model = c.model
    """
    known = "glam_collections" in tables
    columns = "g.fingerprint, g.precision, g.dimensions, g.items_table"
    sql = f"""
        select c.id, c.name, c.model{", " + columns if known else ""}
        from collections c {ours if known else ""}
        where {where} and typeof(c.model) = 'text' order by c.name
    """
    for row_id, name, model, *rest in db.execute(sql, values).fetchall():
        fingerprint, precision, dimensions, table = rest or [None] * 4
        yield Collection(
            row_id, name, model, fingerprint, precision or "fp32", dimensions, table
        )


def _in_use(db: Database) -> set[str]:
    return {c.items_table for c in every(db) if c.items_table}


def _versions() -> dict[str, str]:
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
