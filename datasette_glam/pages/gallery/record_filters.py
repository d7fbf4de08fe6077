"""Filter the pictures of a collection by their records, within a time limit."""

import sqlite3
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from typing import Any
from urllib.parse import urlencode

from datasette.database import QueryInterrupted
from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import embeddings, filters
from llm_glam.db.collection import Collection
from llm_glam.db.connection import primary_code
from llm_glam.db.filters import Conditions
from llm_glam.db.sensitive import SHOWABLE
from llm_glam.errors import BadFilter
from llm_glam.formats.tables import Row
from llm_glam.search import record_columns
from llm_glam.search.record_columns import Matches

from ... import items
from ...access.context import CollectionRequest
from ...web import cache
from ...web.page import Refused
from . import indexed_records
from .query_string import EXCEPT, Search

INTERRUPT_AGAIN_S = 0.05
# The choices in the form; URLs may have any of Datasette's operators.
OPERATORS = {
    "exact": "is",
    EXCEPT: "is not",
    "contains": "contains",
    "gte": "≥",
    "lte": "≤",
    "isblank": "is blank",
    "notblank": "is not blank",
}
SIGNS = {
    "exact": "=",
    "not": "≠",
    "gt": ">",
    "gte": "≥",
    "lt": "<",
    "lte": "≤",
    "in": "is one of",
    "notin": "is none of",
    "startswith": "starts with",
    "endswith": "ends with",
    "arraycontains": "has",
    "arraynotcontains": "has not",
    "notlike": "not like",
    "isnull": "is null",
    "notnull": "is not null",
    "isblank": "is blank",
    "notblank": "is not blank",
}


def shown(wanted: Search) -> Conditions:
    """Return the conditions of a search, without sensitive records unless they are requested."""
    always = [] if wanted.with_sensitive else [SHOWABLE]
    conditions = wanted.conditions
    return replace(conditions, where=[*conditions.where, *always])


async def whole(page_request: CollectionRequest, wanted: Search) -> Conditions:
    """Return the conditions of a search on records whose pictures have a vector."""
    conditions = shown(wanted)
    cached = cache.of(page_request.datasette)
    if await cached.read(page_request, "complete", items.is_complete):
        return conditions  # all have one, and checking each takes the longest
    number = int(page_request.collection.id)
    has_vector = embeddings.WITH_VECTOR.format(collection_id=number)
    return replace(conditions, where=[*conditions.where, has_vector])


async def ids(page_request: CollectionRequest, wanted: Search) -> Sequence[str] | None:
    """Return the ids of the pictures that match; None for a search without conditions.

    :raises Refused: a condition in SQL from an actor who may not run SQL
    :raises BadFilter: a condition that is not valid, or takes too long
    """
    if not wanted.conditions:
        return None
    if wanted.where and not await page_request.may_run_sql():
        raise Refused(403, "You may not run SQL here: remove _where from the URL.")
    if matches := await matching(page_request, wanted):
        return matches.subset()
    limit = page_request.datasette.setting("sql_time_limit_ms")
    return await page_request.read(_ids, await whole(page_request, wanted), limit)


def _ids(
    db: Database, collection: Collection, conditions: Conditions, limit: float
) -> list[str]:
    with limited(db, limit):
        return filters.ids(db, collection, conditions)


async def matching(page_request: CollectionRequest, wanted: Search) -> Matches | None:
    """Return the pictures that match, found in memory.

    :return: None if SQLite has to find them, or to say why it cannot: a condition that cannot be
        applied to a record does not matter where others exclude that record
    :raises TooSlow: a condition takes too long
    """
    if wanted.where:  # its result may differ each time, such as that of random()
        return None
    limit = page_request.datasette.setting("sql_time_limit_ms")

    def work(db: Database, collection: Collection, *read: Any) -> Matches:
        with limited(db, limit):
            return record_columns.matching(db, collection, *read)

    try:
        return await indexed_records.matching(page_request, shown(wanted), work)
    except TooSlow:
        raise
    except BadFilter:
        return None


@contextmanager
def limited(db: Database, milliseconds: float) -> Iterator[None]:
    """Interrupt statements on the records that take longer.

    :raises BadFilter: they do
    """
    with _interrupted(db, milliseconds / 1000):
        try:
            yield
        except (BadFilter, sqlite3.OperationalError) as error:
            # llm_glam.db.filters raises BadFilter from what SQLite raised.
            cause = error.__cause__ if isinstance(error, BadFilter) else error
            if primary_code(cause) == sqlite3.SQLITE_INTERRUPT:
                text = (
                    f"Filtering the records takes longer than {milliseconds / 1000:g} s. "
                    "Use fewer or simpler conditions."
                )
                raise TooSlow(text) from error
            raise


class TooSlow(BadFilter):
    """Reading the records takes longer than it may."""


@contextmanager
def _interrupted(db: Database, seconds: float) -> Iterator[None]:
    """Interrupt statements that take longer, repeatedly until they have ended.

    Datasette's own ``sqlite_timelimit`` counts SQLite's steps, of which a few slow ones may take
    for ever, and waits for Python's other threads between them.
    """
    ended = Event()

    def interrupt() -> None:
        wait = seconds
        while not ended.wait(wait):
            db.conn.interrupt()
            wait = INTERRUPT_AGAIN_S

    watch = Thread(target=interrupt, name="glam-limit", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()  # so that it never interrupts the next statement


def described(text: str, columns: list[str], table: str) -> str:
    """Describe a filter in a few words: ``year ≥ 1900``."""
    one = filters.split(text, columns, table)
    if (one.column, one.suffix) == ("id", "in"):
        number = len(filters.listed(str(one.value)))
        return f"{number:,} chosen picture{'' if number == 1 else 's'}"
    text = f"{one.column} {SIGNS.get(one.suffix, one.suffix)}"
    if one.suffix in ("in", "notin"):
        return f"{text} {', '.join(filters.values_of(one))}"
    return text if one.value is None else f"{text} {one.value}"


async def count(page_request: CollectionRequest, wanted: Search) -> int | None:
    """Count the pictures that match, as cached; None where that takes longer than a facet may."""
    return await cache.of(page_request.datasette).get(
        page_request,
        f"number {shown(wanted)}",
        lambda: _number(page_request, wanted),
        lambda number: number is not None,
    )


async def _number(page_request: CollectionRequest, wanted: Search) -> int | None:
    try:
        if matches := await matching(page_request, wanted):
            return matches.number
    except TooSlow:
        return None
    conditions = await whole(page_request, wanted)
    rows = await summary(page_request, conditions, "select count(*) from found")
    return None if rows is None else int(rows[0][0])


async def summary(
    page_request: CollectionRequest, conditions: Conditions, sql: str
) -> list[tuple[Any, ...]] | None:
    """Return the rows of a statement on the records that match.

    :param sql: the statement, in which the records that match are called ``found``
    :return: None where it takes longer than Datasette's ``facet_time_limit_ms``
    """
    clause = await page_request.read(filters.clause, conditions)
    table = quote_identifier(page_request.table)
    found = f"select * from {table} where {clause.sql}"
    limit = page_request.datasette.setting("facet_time_limit_ms")
    try:
        work = page_request.db.execute(
            f"with found as ({found}) {sql}", clause.values, custom_time_limit=limit
        )
        result = await page_request.timed("facets", work)
    except QueryInterrupted:
        return None
    return [tuple(row) for row in result.rows]


def form(wanted: Search, columns: list[str], shown: AbstractSet[str]) -> Row:
    """Return what the forms need: columns, operators and hidden fields.

    :param shown: the filters that facets and ranges show
    """
    refinements = list(wanted.refinements())
    rest = tuple(text for text in wanted.filters if text not in shown)
    hidden = replace(wanted, filters=rest, words="", min_score=None)
    conditions = (*wanted.filters, *wanted.exceptions, *wanted.where, wanted.words)
    return {
        "active": len(list(filter(None, conditions))) + (wanted.min_score is not None),
        "columns": columns,
        "operators": OPERATORS,
        "hidden": list(hidden.refinements()),
        "refinements": refinements,
        "upload": urlencode(refinements),
    }
