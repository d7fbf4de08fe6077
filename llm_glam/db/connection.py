"""Open the database that LLM and Datasette share, and write to it in transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import llm
from sqlite_utils import Database

TIMEOUT_SECONDS = 30


def default_path() -> Path:
    """Return the path of LLM's embeddings database."""
    return llm.user_dir() / "embeddings.db"


def connect(path: str | Path, *, readonly: bool = False) -> Database:
    """Open a database.

    With ``readonly``, the connection refuses every change, but SQLite still opens the file for
    writing if permissions allow it: a run that was killed may have left a journal, which only such
    a connection can roll back.

    :param readonly: do not create the file, and do not change anything in it
    :raises sqlite3.DatabaseError: see :func:`llm_glam.errors.explained`
    """
    if not readonly:
        return Database(sqlite3.connect(path, timeout=TIMEOUT_SECONDS))
    uri = existing_uri(path)
    db = Database(sqlite3.connect(uri, uri=True, timeout=TIMEOUT_SECONDS))
    db.execute("pragma query_only = on")
    return db


def roll_back_killed(path: str | Path) -> None:
    """Undo what a killed program left half written, which no read-only connection can do."""
    db = connect(path, readonly=True)
    db.execute("select 1 from sqlite_master limit 1").fetchall()
    db.conn.close()


def existing_uri(path: str | Path) -> str:
    """Return a URI that opens a database file and fails if there is none."""
    return uri_of(Path(path).resolve())


def uri_of(path: PurePath) -> str:
    """Do what :func:`existing_uri` does, for an absolute path of any system.

    SQLite accepts no host, where the name of a Windows server would be: it follows four slashes.
    """
    address = path.as_uri().removeprefix("file://")
    return f"file://{address if address.startswith('/') else f'//{address}'}?mode=rw"


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """Run a block in one transaction, which is rolled back if the block raises.

    The write lock is taken at the start, after waiting for other writers. A transaction that only
    asks for it after reading fails without waiting if another process has written in between.
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
