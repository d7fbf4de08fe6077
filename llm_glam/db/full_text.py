"""The full-text search of an items table: its index, and the triggers that keep it up to date.

The tables and triggers are those that sqlite-utils creates. Its own function for removing them
looks for them by patterns, which fail on names with quotes, and in which the ``_`` of one name
matches any character of another.

The index knows rows by their rowids. SQLite numbers the rows of a table anew when the table is
written again, as by ``sqlite3 old.db .dump | sqlite3 new.db``, and copies the index as it is. The
index then finds other rows than those with the words, so its rowids are compared with the table's.
"""

import re
from collections.abc import Sequence

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from . import connection

TOKENIZER = "unicode61 remove_diacritics 2"
# SQLite's full-text search stores its data in further tables.
TABLES = tuple(
    f"_fts{part}" for part in ("", "_data", "_idx", "_content", "_docsize", "_config")
)
TRIGGERS = ("_ai", "_ad", "_au")
# Of versions 3 to 5
WITH_WORDS = (
    *("", "_data", "_idx", "_content", "_docsize"),
    *("_segments", "_segdir", "_stat"),
)
CONTENT = re.compile(
    r"""[,(]\s*content\s*=\s*("(?:[^"]|"")*"|'(?:[^']|'')*'|`[^`]*`|\[[^]]*\]|[^\s,)]+)""",
    re.IGNORECASE,
)


def index_name(table: str) -> str:
    """Return the name of the full-text table of an items table."""
    return f"{table}_fts"


def tables_of(table: str) -> list[str]:
    """Return the names of the tables that the full-text search of an items table consists of."""
    return [f"{table}{part}" for part in TABLES]


def indexes(db: Database, table: str) -> dict[str, list[str]]:
    """Return the columns that each index of a table searches, of indexes that others made, too."""
    sql = "select name, sql from sqlite_master where sql like 'create virtual table%using fts%'"
    return {
        name: list(db.table(name).columns_dict)
        for name, made in db.execute(sql).fetchall()
        if name == index_name(table) or _content(made).lower() == table.lower()
    }


def tables_with_words(index: str) -> list[str]:
    """Return the names of an index's tables that tell of words, so without the settings.

    SQLite reads the settings whenever it looks at the index, if only for the names of its columns.
    """
    return [f"{index}{part}" for part in WITH_WORDS]


def triggers_of(table: str) -> list[str]:
    """Return the names of the triggers that keep it up to date."""
    return [f"{table}{part}" for part in TRIGGERS]


def columns(db: Database, table: str) -> list[str] | None:
    """Return the columns that are searched; None if the index or one of its triggers is missing."""
    if index_name(table) not in db.table_names():
        return None
    if len(_existing_triggers(db, table)) < len(TRIGGERS):
        return None
    return list(db.table(index_name(table)).columns_dict)


def fits(db: Database, table: str) -> bool:
    """Return whether the index has the rowids of the items table, which takes 4 ms for 77,000."""
    index, indexed = (f"{table}_fts{part}" for part in ("", "_docsize"))
    if not {index, indexed} <= set(db.table_names()):
        return False
    rows, known = quote_identifier(table), quote_identifier(indexed)
    sql = f"""
        select (select count(*) from {rows}) = (select count(*) from {known})
        and not exists (select 1 from {rows} where rowid not in (select id from {known}))
    """
    return bool(db.execute(sql).fetchone()[0])


def create(db: Database, table: str, columns: Sequence[str]) -> None:
    """Make columns searchable, in place of those that were so far."""
    with connection.writing(db):
        drop(db, table)
        for statement in _statements(table, columns):
            db.execute(statement)


def drop(db: Database, table: str) -> None:
    """Remove the full-text search of an items table."""
    with connection.writing(db):
        for name in _existing_triggers(db, table):
            db.execute(f"drop trigger {quote_identifier(name)}")
        db.execute(f"drop table if exists {quote_identifier(index_name(table))}")


def matching(table: str, parameter: str) -> str:
    """Return an SQL condition on an items table: its full-text search finds a query.

    :param parameter: stands for the query, such as ``:p0``
    """
    index = quote_identifier(index_name(table))
    rows = f"select rowid from {index} where {index} match {parameter}"
    return f"{quote_identifier(table)}.rowid in ({rows})"


def _content(made: str) -> str:
    """Return the table that an index searches, by the statement that made the index."""
    found = CONTENT.search(made)
    if not found:
        return ""
    name = found[1]
    end = "]" if name[0] == "[" else name[0]
    return name[1:-1].replace(end * 2, end) if end in "\"'`]" else name


def _existing_triggers(db: Database, table: str) -> list[str]:
    sql = "select name from sqlite_master where type = 'trigger' and tbl_name = ?"
    found = {row[0] for row in db.execute(sql, [table]).fetchall()}
    return [name for name in triggers_of(table) if name in found]


def _statements(table: str, columns: Sequence[str]) -> list[str]:
    name, index = quote_identifier(table), quote_identifier(index_name(table))
    names = ", ".join(quote_identifier(column) for column in columns)
    old = ", ".join(f"old.{quote_identifier(column)}" for column in columns)
    new = ", ".join(f"new.{quote_identifier(column)}" for column in columns)
    add = f"insert into {index} (rowid, {names}) values (new.rowid, {new});"
    remove = (
        f"insert into {index} ({index}, rowid, {names}) "
        f"values ('delete', old.rowid, {old});"
    )
    happening = {"_ai": ("insert", add), "_ad": ("delete", remove)}
    happening["_au"] = ("update", f"{remove} {add}")
    # Datasette looks for "USING FTS" and content="…".
    return [
        f"CREATE VIRTUAL TABLE {index} USING FTS5 (\n    {names},\n"
        f"    tokenize='{TOKENIZER}',\n    content={name}\n)",
        f"insert into {index} (rowid, {names}) select rowid, {names} from {name}",
        *(
            f"create trigger {quote_identifier(f'{table}{part}')} after {event} on {name} "
            f"begin {action} end"
            for part, (event, action) in happening.items()
        ),
    ]
