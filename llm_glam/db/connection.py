"""Open the database that LLM and Datasette share, and write to it in transactions."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath

import llm
from sqlite_utils import Database

from .. import errors

TIMEOUT_SECONDS = 30
_ADVICE = {
    sqlite3.SQLITE_BUSY: (
        "is in use by another program; close that program (or wait for it) and repeat the command"
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written to; check its permissions, or copy it to a folder of your own"
    ),
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; give another path with -d",
    sqlite3.SQLITE_CORRUPT: (
        "is damaged; restore a backup, or save what can be read with: sqlite3 FILE .recover"
    ),
    sqlite3.SQLITE_FULL: (
        "could not be extended because the disk is full; free some space and repeat the command, "
        "which continues where it left off"
    ),
    sqlite3.SQLITE_IOERR: (
        "could not be read or written (disk I/O error: a full or failing disk, or a network "
        "share); everything committed so far is kept"
    ),
    # The code of all errors in SQL. What users type is explained where it is run; our own
    # statements fail only if a table or column is missing.
    sqlite3.SQLITE_ERROR: (
        "has been changed since llm-glam wrote it ({error}); restore a backup, or undo that change"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; check that its folder exists and is writable"
    ),
}
_ADVICE[sqlite3.SQLITE_LOCKED] = _ADVICE[sqlite3.SQLITE_BUSY]


def default_path() -> Path:
    """Return the path of LLM's embeddings database."""
    return llm.user_dir() / "embeddings.db"


def connect(path: str | Path, *, readonly: bool = False) -> Database:
    """Open a database.

    With ``readonly``, the connection refuses every change, but SQLite still opens the file for
    writing if permissions allow it: a run that was killed may have left a journal, which only such
    a connection can roll back.

    :param readonly: do not create the file, and do not change anything in it
    :raises sqlite3.DatabaseError: see :func:`explained`
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


@contextmanager
def explained(database: Callable[[], Path]) -> Iterator[None]:
    """Turn errors of SQLite and the system into one sentence that says what to do.

    :param database: returns the path of the database in use, for the message
    :raises DatabaseProblem: for errors of SQLite that the user can fix
    :raises GlamError: for those of the system, see :func:`llm_glam.errors.explained`
    """
    with errors.explained():
        try:
            yield
        except sqlite3.DatabaseError as error:
            advice = _ADVICE.get(primary_code(error) or 0) or _undecodable(error)
            if advice is None:
                raise
            text = f"The database {database()} {advice.format(error=error)}."
            raise errors.DatabaseProblem(text) from error


def primary_code(error: BaseException | None) -> int | None:
    """Return SQLite's primary result code for an error (https://www.sqlite.org/rescode.html).

    :return: None for errors not raised by SQLite itself
    """
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _undecodable(error: sqlite3.DatabaseError) -> str | None:
    """Return what to do where a column has bytes that are no text, which Python's sqlite3 finds."""
    found = re.match(
        r"Could not decode to UTF-8 column (?P<column>.+?) with", str(error)
    )
    if found is None:
        return None
    return (
        f"has text that is not valid UTF-8 in the column {found['column']}, which another program "
        "has written; correct it there, or restore a backup"
    )
