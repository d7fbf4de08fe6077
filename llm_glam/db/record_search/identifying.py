"""Find pictures by what identifies them: the id, the title, and the columns that join records."""

from collections.abc import Sequence

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from .. import items
from ..filters import Clause
from ..full_text import index_name, indexes
from . import expression

COLUMNS = "glam_columns"
MOST_WORDS = 12  # of an identifier
MOST_CANDIDATES = 1_000


def columns(db: Database, table: str) -> list[str]:
    """Return the columns that identify pictures: id, title and those by which records were joined."""
    found = [items.KEY, "title"]
    if db.table(COLUMNS).exists():
        sql = f"select column from {COLUMNS} where items_table = ? and identifier"
        found += [row[0] for row in db.execute(sql, [table]).fetchall()]
    known = [items.column_named(db, table, name) for name in dict.fromkeys(found)]
    return [name for name in dict.fromkeys(known) if name is not None]


def candidates(
    db: Database, table: str, text: str, columns: Sequence[str], clause: Clause
) -> list[tuple[str | None, ...]]:
    """Return rows that may have a text in one of some columns, whatever is between its words.

    :param columns: those to look in, which are what is returned; the id is the first of them
    """
    words = expression.tokens(text)
    searched = indexes(db, table).get(index_name(table), [])
    usable = [name for name in columns if name in searched]
    if not 0 < len(words) <= MOST_WORDS or not usable:
        return []
    names = ", ".join(quote_identifier(name) for name in columns)
    index, rows = quote_identifier(index_name(table)), quote_identifier(table)
    sql = f"""
        select {names} from {rows}
        where rowid in (select rowid from {index} where {index} match :glam_words)
        and ({clause.sql}) limit {MOST_CANDIDATES}
    """
    query = expression.in_columns(expression.with_any_zeros(words), usable)
    return db.execute(sql, {**clause.values, "glam_words": query}).fetchall()
