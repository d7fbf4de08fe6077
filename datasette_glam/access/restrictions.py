"""What is closed to everybody on the site, whatever Datasette's permissions say.

Private columns are null in every statement, since an authorizer of SQLite's sees to it, and tables
with records as they came, or with paths, are refused. A public site also closes all tables, SQL and
downloads of databases with collections, so that there are only our pages.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock, local
from typing import Any, TypeVar

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import items
from llm_glam.db.privacy import authorizer, columns
from llm_glam.db.privacy.authorizer import Authorizer, Hidden
from llm_glam.db.sensitive import COLUMN, SENSITIVE

from . import instance, settings
from .settings import Settings

log = logging.getLogger("datasette_glam")
OURS = "glam_"
T = TypeVar("T")
NOTHING = Hidden({}, frozenset(), frozenset())
# Actions on a database, which read all of it or add to it.
DOWNLOAD = "view-database-download"
WHOLE = (
    *("execute-sql", "execute-write-sql", "store-query", DOWNLOAD),
    *("create-table", "create-view"),
)
# Actions on a table: Datasette 1.0 returns what it writes.
VIEW = "view-table"
TABLE = (
    *(VIEW, "insert-row", "update-row", "delete-row", "alter-table", "drop-table"),
    *("set-column-type", "drop-view"),
)
# Seconds to wait for a database that is locked: at first, as Datasette does, and when there is what
# was read of it before.
FIRST_WAIT_S, WAIT_S = 5, 0.1

_applied = local()  # what was closed when a thread last read a database
_is_our_page: ContextVar[bool] = ContextVar("is_our_page", default=False)


@dataclass(frozen=True)
class Restrictions:
    """What is closed of a database: columns and tables, or with ``is_closed`` all but our pages.

    ``unknown`` are the names in the configuration's private columns that no items table has.
    """

    hidden: Hidden = NOTHING
    is_closed: bool = False
    unknown: frozenset[str] = frozenset()

    def __or__(self, other: "Restrictions") -> "Restrictions":
        """Return what is closed by either."""
        one, two = self.hidden, other.hidden
        by_table = {
            table: one.columns.get(table, frozenset())
            | two.columns.get(table, frozenset())
            for table in {*one.columns, *two.columns}
        }
        hidden = Hidden(by_table, one.tables | two.tables, one.triggers | two.triggers)
        return Restrictions(hidden, self.is_closed or other.is_closed, other.unknown)


class Watch:
    """The restrictions of a database, which are read again when it has changed.

    It has a connection of its own, since an authorizer must not use the one that it is asked for.
    When there is another file at the path, Datasette's connections may be to either: the
    restrictions of both hold until the site is started again.
    """

    def __init__(self, datasette: Any, database: str) -> None:
        self._datasette, self._database = datasette, database
        self._lock = Lock()
        self._conn: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None  # its device and inode
        self._version: int | None = None
        self._now: Restrictions | None = None
        self._earlier = Restrictions()  # of files that were there before

    def now(self) -> Restrictions:
        """Return the restrictions.

        :raises sqlite3.Error: the database cannot be read, and has not been before
        """
        with self._lock:
            try:
                self._refresh()
            except sqlite3.OperationalError:  # it is locked
                if self._now is None:
                    raise
            return self._now or self._earlier

    def _refresh(self) -> None:
        database = self._datasette.get_database(self._database)
        file = _file_at(database.path)
        if self._conn is None or file not in (None, self._file):
            if self._conn is not None:
                self._earlier = self._now or self._earlier
                self._conn.close()
            self._conn, self._now, self._file = None, None, file
            self._conn = database.connect()
            _wait(self._conn, FIRST_WAIT_S)
        version = self._conn.execute("pragma data_version").fetchone()[0]
        if self._now is None or version != self._version:
            db = Database(self._conn, recursive_triggers=False, execute_plugins=False)
            self._now = self._earlier | _read(db, self._datasette, self._database)
            self._version = version
            _wait(self._conn, WAIT_S)


def of(datasette: Any, database: str) -> Restrictions:
    """Return what is closed of a database."""
    db = datasette.databases.get(database)
    if db is None or db.path is None:
        return Restrictions()
    return (
        instance.only(datasette, _no_watches)
        .setdefault(database, Watch(datasette, database))
        .now()
    )


def note_unknown_columns(datasette: Any) -> None:
    """Note in the log the private columns of the configuration that no set has: they hide nothing."""
    for database in datasette.databases:
        try:
            unknown = of(datasette, database).unknown
        except sqlite3.OperationalError as error:  # the first page says it, or mends it
            log.warning("private_columns: %s cannot be read yet: %s", database, error)
            continue
        for name in sorted(unknown):
            log.warning("private_columns: no set in %s has a column %r", database, name)


def restrict(conn: sqlite3.Connection, datasette: Any, database: str | None) -> None:
    """Restrict what SQL can read on a connection of Datasette's."""
    conn.set_authorizer(authorizer_of(datasette, database))


def renew(database: Any, conn: sqlite3.Connection) -> None:
    """Have SQLite check prepared statements again, if what is closed has changed since the last call.

    It asks an authorizer when it prepares a statement, and Python keeps statements for a while.

    :param database: Datasette's, of which the connection is this thread's
    """
    datasette, name = database.ds, database.name
    names = list(datasette.databases) if database.path is None else [name]
    found = [of(datasette, one) for one in names]
    applied: dict[str, list[Restrictions]] = _applied.__dict__
    key = f"{id(datasette)} {name}"
    if name in datasette.databases and applied.get(key) != found:
        restrict(conn, datasette, name)
        applied[key] = found


def authorizer_of(datasette: Any, database: str | None) -> Authorizer:
    """Return the authorizer for connections to a database, and to those attached to it."""

    def read(schema: str) -> Hidden:
        name = database if schema in ("main", "temp") else schema
        return of(datasette, str(name)).hidden

    return Authorizer(read)


async def read_everything(
    datasette: Any, database: str, function: Callable[[sqlite3.Connection], T]
) -> T:
    """Call a function of ours with a connection on which nothing is hidden."""
    checks = authorizer_of(datasette, database)

    def work(conn: sqlite3.Connection) -> T:
        with authorizer.lifted(conn, checks):
            return function(conn)

    found: T = await datasette.databases[database].execute_fn(work)
    return found


def closes(datasette: Any, action: str, database: str, table: str | None) -> bool:
    """Return whether an action is closed to everybody, apart from on our own pages."""
    hidden = of(datasette, database).hidden
    if table is not None and table.lower() in hidden.tables:
        return True
    if action == DOWNLOAD and any(hidden.columns.values()):
        return True
    if _is_our_page.get() or action not in (*TABLE, *WHOLE):
        return False
    return is_closed(datasette, database)


def is_closed(datasette: Any, database: str) -> bool:
    """Return whether all of a database but our pages is closed.

    So is a database in memory to which closed ones are attached.
    """
    db = datasette.databases.get(database)
    if db is not None and db.path is None and datasette.crossdb:
        others = [name for name, other in datasette.databases.items() if other.path]
        return any(of(datasette, name).is_closed for name in others)
    return of(datasette, database).is_closed


@contextmanager
def our_page() -> Iterator[None]:
    """Ask for permissions of one of our pages, which a public site shows."""
    token = _is_our_page.set(True)
    try:
        yield
    finally:
        _is_our_page.reset(token)


def _wait(conn: sqlite3.Connection, seconds: float) -> None:
    conn.execute(f"pragma busy_timeout = {int(seconds * 1000)}")


def _file_at(path: Any) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _no_watches() -> dict[str, Watch]:
    """Return the watches of a Datasette instance that has none yet."""
    return {}


def _read(db: Database, datasette: Any, database: str) -> Restrictions:
    chosen = settings.of(datasette)
    # Also those that lack a column of ours, which somebody may have dropped
    tables = items.every(db) | (items.named(db) & set(db.table_names()))
    private = {t: settings.private_columns(datasette, database, t) for t in tables}
    hidden = authorizer.hidden(db, tables, private.__getitem__, hold_back=chosen.public)
    named = {name for names in private.values() for name in names}
    known = {
        n for t, names in private.items() for n in names if columns.named(db, t, [n])
    }
    is_closed = chosen.public and _is_closed(db, tables, chosen)
    return Restrictions(hidden, is_closed, frozenset(named - known))


def _is_closed(db: Database, tables: set[str], chosen: Settings) -> bool:
    if not any(name.startswith(OURS) for name in db.table_names()):
        return False
    return not chosen.open_data or (
        not chosen.show_sensitive and any(_has_sensitive(db, name) for name in tables)
    )


def _has_sensitive(db: Database, table: str) -> bool:
    """Return whether a table has pictures that visitors may not see; Datasette hides no rows."""
    if items.column_named(db, table, COLUMN) is None:
        return False
    where = f"select exists (select 1 from {quote_identifier(table)} where {SENSITIVE})"
    return bool(db.execute(where).fetchone()[0])
