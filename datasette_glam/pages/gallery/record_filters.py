"""Which pictures of a collection a search is among: filters on their records, within limits."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event, Thread
from urllib.parse import urlencode

from sqlite_utils import Database

from llm_glam.db import embeddings, filters
from llm_glam.db.collection import Collection
from llm_glam.db.filters import Conditions
from llm_glam.errors import BadFilter, primary_code
from llm_glam.formats.tables import Row

from ... import items
from ...access.context import CollectionRequest
from ...web import cache
from ...web.page import Refused
from .query_string import Search

AGAIN = 0.05  # seconds after which what went on nevertheless is interrupted again
# What people choose from in the form; addresses may have any of Datasette's.
OPERATORS = {
    "exact": "is",
    "not": "is not",
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
    """What is asked of records, and that they are not sensitive unless these are asked for."""
    always = [] if wanted.with_sensitive else [filters.SHOWABLE]
    conditions = wanted.conditions
    return replace(conditions, where=[*conditions.where, *always])


async def whole(page_request: CollectionRequest, wanted: Search) -> Conditions:
    """What is asked of records, and that their pictures have a vector in the collection."""
    conditions = shown(wanted)
    kept = cache.of(page_request.datasette)
    if await kept.read(page_request, "complete", items.is_complete):
        return conditions  # all have: to look for each takes longer than all else
    number = int(page_request.collection.id)
    has_vector = embeddings.WITH_VECTOR.format(collection_id=number)
    return replace(conditions, where=[*conditions.where, has_vector])


async def ids(page_request: CollectionRequest, wanted: Search) -> list[str] | None:
    """The ids of the pictures that fit; None where nothing narrows the search.

    :raises Refused: SQL from somebody who may not run any
    :raises BadFilter: what cannot be asked, or takes too long
    """
    if not wanted.conditions:
        return None
    if wanted.where and not await page_request.may_run_sql():
        raise Refused(403, "_where is SQL, which you may not run here.")
    limit = page_request.datasette.setting("sql_time_limit_ms")
    return await page_request.read(_ids, await whole(page_request, wanted), limit)


def _ids(
    db: Database, collection: Collection, conditions: Conditions, limit: float
) -> list[str]:
    with _limited(db, limit / 1000):
        try:
            return filters.ids(db, collection, conditions)
        except (BadFilter, sqlite3.OperationalError) as error:
            # filters.ids raises BadFilter from what SQLite raised.
            cause = error.__cause__ if isinstance(error, BadFilter) else error
            if primary_code(cause) == sqlite3.SQLITE_INTERRUPT:
                text = f"The records take longer than {limit / 1000:g} s to filter."
                raise BadFilter(text) from error
            raise


@contextmanager
def _limited(db: Database, seconds: float) -> Iterator[None]:
    """Interrupt what takes longer, again and again until it has ended.

    Datasette's own ``sqlite_timelimit`` counts SQLite's steps, of which few slow ones may take
    for ever, and between them waits for Python's other threads.
    """
    ended = Event()

    def interrupt() -> None:
        wait = seconds
        while not ended.wait(wait):
            db.conn.interrupt()
            wait = AGAIN

    watch = Thread(target=interrupt, name="glam-limit", daemon=True)
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()  # so that it never interrupts what the connection does next


def described(text: str, columns: list[str], table: str) -> str:
    """A filter in a few words: ``year ≥ 1900``."""
    one = filters.split(text, columns, table)
    said = f"{one.column} {SIGNS.get(one.suffix, one.suffix)}"
    return said if one.value is None else f"{said} {one.value}"


def form(wanted: Search, columns: list[str], facets: list[Row]) -> Row:
    """What the forms need: columns, operators, and what they hand on without showing it."""
    every = list(wanted.kept())
    shown = {
        (facet["key"], str(one["value"]))
        for facet in facets
        for one in facet["values"]
        if one["selected"]
    }
    hidden = [
        (name, value)
        for name, value in every
        if (name, value) not in shown and name not in ("_min_score", "_search")
    ]
    return {
        "columns": columns,
        "operators": OPERATORS,
        "hidden": hidden,
        "every": every,
        "upload": urlencode(every),
    }
