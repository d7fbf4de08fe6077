"""Limit what SQL can read of a database, whoever has written it.

SQLite asks an authorizer about every column that a statement reads
(https://www.sqlite.org/c3ref/set_authorizer.html), also through views, joins and functions.
Columns that are hidden are null, tables that are closed are refused. Full-text search does not
read columns but words, so that an index with words of a hidden column is closed. What decides about
all this cannot be written, either.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sqlite_utils import Database

from .. import full_text, sensitive
from . import columns

# Records as they came, also of private columns; paths on this computer; SQLite's own samples.
CLOSED = frozenset(
    {
        *("glam_sources", "glam_columns", "glam_kept_records", "glam_runs"),
        "glam_folders",
        *("sqlite_stat3", "sqlite_stat4", "sqlite_dbpage"),
    }
)
WRITES = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)
# A table of another name, or whose columns have others, has no private ones. Tools that change a
# table copy what they can read of it, and drop it.
CHANGES = (sqlite3.SQLITE_ALTER_TABLE, sqlite3.SQLITE_DROP_TABLE)


@dataclass(frozen=True)
class Hidden:
    """What is hidden of a database: columns by items table, and tables; all in lower case.

    ``triggers`` are those that keep full-text search up to date. A row cannot be written while they
    would index what is hidden.
    """

    columns: Mapping[str, frozenset[str]]
    tables: frozenset[str]
    triggers: frozenset[str]


def hidden(
    db: Database,
    items_tables: Iterable[str],
    named: Callable[[str], Iterable[str]] = lambda table: (),
    *,
    hold_back: bool = False,
) -> Hidden:
    """Return what is hidden of a database.

    :param named: the further private columns of an items table, by name or heading
    :param hold_back: whether columns about which the owner has not decided are hidden, too
    """
    by_table, tables, triggers = {}, set(CLOSED), set()
    for table in items_tables:
        found = set(columns.private(db, table, named(table)))
        if hold_back:
            found |= set(columns.undecided(db, table))
        found.discard(sensitive.COLUMN)  # by which pictures are left out
        if found:
            found |= _computed(db, table)
        by_table[table.lower()] = frozenset(name.lower() for name in found)
        triggers |= {name.lower() for name in full_text.triggers_of(table)}
        for index, searched in full_text.indexes(db, table).items():
            if by_table[table.lower()] & {name.lower() for name in searched}:
                tables |= {n.lower() for n in full_text.tables_with_words(index)}
    return Hidden(by_table, frozenset(tables), frozenset(triggers))


def _computed(db: Database, table: str) -> set[str]:
    """Return the generated columns of a table.

    SQLite does not ask about the columns that they are computed from.
    """
    sql = "select name from pragma_table_xinfo(?) where hidden in (2, 3)"
    return {row[0] for row in db.execute(sql, [table]).fetchall()}


class Authorizer:
    """An authorizer for ``sqlite3.Connection.set_authorizer``.

    :param read: returns what is hidden of a schema of the connection, such as ``main``
    """

    def __init__(self, read: Callable[[str], Hidden]) -> None:
        self._read = read

    def __call__(
        self,
        action: int,
        table: str | None,
        column: str | None,
        schema: str | None,
        inner: str | None,
    ) -> int:
        """Return whether a statement may do something.

        :param inner: the trigger, the view or the common table expression that does it
        """
        if action == sqlite3.SQLITE_ALTER_TABLE:
            schema, table = table, column
        if table is None or action not in (sqlite3.SQLITE_READ, *WRITES, *CHANGES):
            return sqlite3.SQLITE_OK
        found = self._read(schema or "main")
        if table.lower() in found.tables:
            return sqlite3.SQLITE_DENY
        if action != sqlite3.SQLITE_READ:
            is_hiding = action in CHANGES and found.columns.get(table.lower())
            return sqlite3.SQLITE_DENY if is_hiding else sqlite3.SQLITE_OK
        if (column or "").lower() not in found.columns.get(table.lower(), ()):
            return sqlite3.SQLITE_OK
        # Null would damage the index. To allow it would allow it to "with photos_ai as (…)", too.
        is_indexed = (inner or "").lower() in found.triggers
        return sqlite3.SQLITE_DENY if is_indexed else sqlite3.SQLITE_IGNORE


@contextmanager
def lifted(conn: sqlite3.Connection, authorizer: Authorizer) -> Iterator[None]:
    """Let our own code read everything.

    SQLite checks statements that were prepared meanwhile again, once the authorizer is back. It
    does not if there is none: a statement that Python has kept would go on reading null.
    """
    conn.set_authorizer(_allow_everything)
    try:
        yield
    finally:
        conn.set_authorizer(authorizer)


def _allow_everything(*_: object) -> int:
    return sqlite3.SQLITE_OK
