"""What is closed to everybody on the site, whatever Datasette's permissions say.

Private columns are null in every statement, since an authorizer of SQLite's sees to it, and tables
with records as they came, or with paths, are refused. A public site also closes all tables, SQL and
downloads of databases with collections, so that there are only our pages.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import items
from llm_glam.db.privacy import authorizer
from llm_glam.db.privacy.authorizer import Authorizer, Hidden
from llm_glam.db.sensitive import SENSITIVE

from . import settings
from .settings import Settings

OURS = "glam_"
T = TypeVar("T")
NOTHING = Hidden({}, frozenset(), frozenset())
# Actions on a database, which read all of it or add to it.
WHOLE = (
    *("execute-sql", "execute-write-sql", "store-query", "view-database-download"),
    *("create-table", "create-view"),
)
# Actions on a table: Datasette 1.0 returns what it writes.
VIEW = "view-table"
TABLE = (
    *(VIEW, "insert-row", "update-row", "delete-row", "alter-table", "drop-table"),
    *("set-column-type", "drop-view"),
)
WAIT_S = (
    0.1  # for a database that is locked; what was read of it last is used meanwhile
)

_is_our_page: ContextVar[bool] = ContextVar("is_our_page", default=False)


@dataclass(frozen=True)
class Restrictions:
    """What is closed of a database: columns and tables, or with ``is_closed`` all but our pages."""

    hidden: Hidden = NOTHING
    is_closed: bool = False


class Watch:
    """The restrictions of a database, which are read again when it has changed.

    It has a connection of its own, since an authorizer must not use the one that it is asked for.
    """

    def __init__(self, datasette: Any, database: str) -> None:
        self._datasette, self._database = datasette, database
        self._lock = Lock()
        self._conn: sqlite3.Connection | None = None
        self._version: int | None = None
        self._read: Restrictions | None = None

    def now(self) -> Restrictions:
        """Return the restrictions.

        :raises sqlite3.Error: the database cannot be read, and has not been before
        """
        with self._lock:
            try:
                self._refresh()
            except sqlite3.OperationalError:  # it is locked
                if self._read is None:
                    raise
            return self._read or Restrictions()

    def _refresh(self) -> None:
        if self._conn is None:
            self._conn = self._datasette.get_database(self._database).connect()
            self._conn.execute(f"pragma busy_timeout = {int(WAIT_S * 1000)}")
        version = self._conn.execute("pragma data_version").fetchone()[0]
        if self._read is None or version != self._version:
            db = Database(self._conn, recursive_triggers=False, execute_plugins=False)
            self._read = _read(db, self._datasette, self._database)
            self._version = version


def of(datasette: Any, database: str) -> Restrictions:
    """Return what is closed of a database."""
    db = datasette.databases.get(database)
    if db is None or db.path is None:
        return Restrictions()
    return _watches(datasette).setdefault(database, Watch(datasette, database)).now()


def restrict(conn: sqlite3.Connection, datasette: Any, database: str | None) -> None:
    """Restrict what SQL can read on a connection of Datasette's."""
    conn.set_authorizer(authorizer_of(datasette, database))


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
    if table is not None and table.lower() in of(datasette, database).hidden.tables:
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


def _watches(datasette: Any) -> dict[str, Watch]:
    if not hasattr(datasette, "_glam_watches"):
        datasette._glam_watches = {}
    found: dict[str, Watch] = datasette._glam_watches
    return found


def _read(db: Database, datasette: Any, database: str) -> Restrictions:
    chosen = settings.of(datasette)
    tables = items.every(db)
    hidden = authorizer.hidden(
        db,
        tables,
        lambda table: settings.private_columns(datasette, database, table),
        hold_back=chosen.public,
    )
    return Restrictions(hidden, chosen.public and _is_closed(db, tables, chosen))


def _is_closed(db: Database, tables: set[str], chosen: Settings) -> bool:
    if not any(name.startswith(OURS) for name in db.table_names()):
        return False
    return not chosen.open_data or (
        not chosen.show_sensitive and any(_has_sensitive(db, name) for name in tables)
    )


def _has_sensitive(db: Database, table: str) -> bool:
    """Return whether a table has pictures that visitors may not see; Datasette hides no rows."""
    where = f"select exists (select 1 from {quote_identifier(table)} where {SENSITIVE})"
    return bool(db.execute(where).fetchone()[0])
