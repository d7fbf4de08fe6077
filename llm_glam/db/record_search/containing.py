"""Find the records that contain words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ...errors import BadFilter
from ..filters import Clause
from ..full_text import index_name
from . import expression

RANKED = 1_000  # records; where more contain the words, these hardly distinguish them


MOST = 200_000  # records, whose ids take a quarter of a second to read


class TooCommon(BadFilter):
    """Too many records contain the words to tell them apart."""


@dataclass(frozen=True)
class Containing:
    """The pictures whose records contain words, and how well each fits: less is better.

    ``fits`` is None where there are more than :data:`RANKED`, which count as equally good.
    """

    ids: Sequence[str] = ()
    fits: Mapping[str, float] | None = None


def find(db: Database, table: str, words: str, clause: Clause) -> Containing:
    """Return the pictures whose records contain all words and fulfil a condition.

    How well they fit is BM25 as SQLite computes it (https://www.sqlite.org/fts5.html#the_bm25_function).

    :raises TooCommon: more than :data:`MOST` do
    """
    query = expression.all_words(words)
    if query is None:
        return Containing()
    values = {**clause.values, "glam_words": query}
    rows = db.execute(
        f"{_matching(table, clause, 'rank')} limit {RANKED + 1}", values
    ).fetchall()
    if len(rows) <= RANKED:
        return Containing([row[0] for row in rows], dict(rows))
    some = f"{_matching(table, clause, 'null')} limit {MOST + 1}"
    sql = f"select json_group_array(id) from ({some})"
    ids: list[str] = json.loads(db.execute(sql, values).fetchone()[0])
    if len(ids) > MOST:
        raise TooCommon(
            f"More than {MOST:,} records contain these words. Add another word."
        )
    return Containing(ids)


def _matching(table: str, clause: Clause, value: str) -> str:
    """Return a statement for the ids of the rows that match ``:glam_words``, each with a value."""
    index, rows = quote_identifier(index_name(table)), quote_identifier(table)
    # The index has columns of the same names: the condition must not see them.
    return f"""
        select id, "glam fit" from (
            select rowid as "glam row", {value} as "glam fit" from {index}
            where {index} match :glam_words
        ) cross join {rows} on {rows}.rowid = "glam row"
        where id is not null and ({clause.sql})
    """
