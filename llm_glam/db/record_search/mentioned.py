"""Find values of columns among words: *a brooch from Italy* mentions a place."""

import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..filters import Clause
from ..full_text import index_name, indexes
from . import expression

SAMPLED = 1_000  # records, to choose the columns
REPEATED = 0.1  # of the values of such a column, at least
MOST_WORDS = 12  # of a query, in which values are looked for
LONGEST = 4  # words of a value
ROWS = 50  # that begin with the words, among which the value is looked for
MOST = 5  # values


@dataclass(frozen=True)
class Mentioned:
    """A value of a column that occurs in a text, how many records have it, and the other words."""

    column: str
    value: str
    count: int
    rest: str


def columns(db: Database, table: str, leave_out: Collection[str]) -> list[str]:
    """Return the columns of text that repeat some of their values.

    :param leave_out: columns in lower case
    """
    searched = indexes(db, table).get(index_name(table), [])
    names = [name for name in searched if name.lower() not in leave_out]
    if not names:
        return []
    quoted = [quote_identifier(name) for name in names]
    counted = ", ".join(f"count(distinct {c}), count(nullif({c}, ''))" for c in quoted)
    some = f"select * from {quote_identifier(table)} limit {SAMPLED}"
    row = db.execute(f"select {counted} from ({some})").fetchone()
    counts = zip(names, row[::2], row[1::2], strict=True)
    return [c for c, values, filled in counts if 0 < values <= filled * (1 - REPEATED)]


def values(
    db: Database, table: str, text: str, columns: Sequence[str], clause: Clause
) -> Iterator[Mentioned]:
    """Yield values that occur in a text and that several records have, longer ones first.

    :param columns: those to look in
    :param clause: the condition that counted records fulfil
    """
    text = unicodedata.normalize("NFC", text)
    words = list(expression.WORD.finditer(text))[:MOST_WORDS]
    used: set[int] = set()
    number = 0
    for length in range(min(LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            places = set(range(start, start + length))
            if places & used or not columns or number >= MOST:
                continue
            part = slice(words[start].start(), words[start + length - 1].end())
            rest = _joined(text[: part.start], text[part.stop :])
            for column, value, count in _counted(
                db, table, text[part], columns, clause
            ):
                used |= places
                number += 1
                yield Mentioned(column, value, count, rest)


def _counted(
    db: Database, table: str, text: str, columns: Sequence[str], clause: Clause
) -> Iterator[tuple[str, str, int]]:
    rows, index = quote_identifier(table), quote_identifier(index_name(table))
    query = f"^{expression.phrase(expression.tokens(text))}"
    found = f"rowid in (select rowid from {index} where {index} match :glam_words"
    names = ", ".join(map(quote_identifier, columns))
    asked = expression.in_columns(query, columns)
    sample = db.execute(
        f"select {names} from {rows} where {found} limit {ROWS})", {"glam_words": asked}
    ).fetchall()
    wanted = _folded(text)
    pairs = [
        (column, value)
        for row in sample
        for column, value in zip(columns, row, strict=True)
        if isinstance(value, str) and _folded(value) == wanted
    ]
    for column, value in dict.fromkeys(pairs):
        asked = expression.in_columns(query, [column])
        given = {**clause.values, "glam_words": asked, "glam_value": value}
        sql = f"""
            select count(*) from {rows} where {found})
            and {quote_identifier(column)} = :glam_value and ({clause.sql})
        """
        count = db.execute(sql, given).fetchone()[0]
        if count > 1:
            yield column, value, count


def _folded(text: str) -> list[str]:
    """Return the words of a text as the index compares them: without case and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return expression.tokens(
        "".join(c for c in letters if not unicodedata.combining(c))
    )


def _joined(*parts: str) -> str:
    """Return what is left of a text, without pieces that have no words."""
    pieces = " ".join(parts).split()
    return " ".join(piece for piece in pieces if expression.tokens(piece))
