"""Look for the words of a search in the records as well as in the pictures."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from llm_glam.db import filters
from llm_glam.db.collection import Collection
from llm_glam.db.filters import Conditions
from llm_glam.db.record_search import identifying, mentioned
from llm_glam.db.record_search.containing import TooCommon
from llm_glam.db.record_search.mentioned import Mentioned
from llm_glam.errors import BadFilter, BadTerm, GlamError
from llm_glam.formats.tables import Row
from llm_glam.search import matching
from llm_glam.search.exact import Hit, Query, Vector
from llm_glam.search.matching import (
    BOTH,
    MATCHES,
    PICTURE,
    RECORD,
    Found,
    RecordMatches,
)
from llm_glam.search.terms import Term

from ... import items
from ...access.context import CollectionRequest
from ...web import cache, errors
from ...web.page import Page
from . import query_string, record_filters, results
from .query_string import Search

SHOWN = 6  # records above the results
ONLY_RECORDS = (
    "Pictures cannot be searched by words here right now. These are the pictures whose records "
    "contain the words."
)
BLANK: Row = {
    "match": None,
    "matches": [],
    "record_matches": None,
    "records_left_out": False,
    "suggested_filters": [],
}


def words(page_request: CollectionRequest, wanted: Search) -> str | None:
    """Return the words to look for; None for sums, pictures and samples, which have none."""
    is_upload = page_request.request.method == "POST"
    return None if is_upload else matching.words(wanted.terms)


async def describe(page_request: CollectionRequest, page: Page, wanted: Search) -> None:
    """Add to the page what words can be looked for in, and the values that they mention."""
    text = words(page_request, wanted)
    if text is None or not await _is_searchable(page_request):
        return
    page.data["match"] = wanted.match
    page.data["matches"] = [
        {"match": one, "url": _address(page_request, wanted, match=one)}
        for one in MATCHES
    ]
    if wanted.page == 1:
        page.data["suggested_filters"] = await _suggested(page_request, wanted, text)


@dataclass(frozen=True)
class Matched:
    """What words found.

    ``hits`` are all results, and ``in_records`` those whose records contain the words, ``count`` of
    them in all. ``hits`` is None where the records were left out, since too many contain the words
    or looking took too long. ``is_without_scores`` is whether the checkpoint could not be used.
    """

    hits: list[Found] | None = None
    in_records: Sequence[Found] = ()
    count: int = 0
    is_without_scores: bool = False


async def found(
    page_request: CollectionRequest,
    wanted: Search,
    among: Sequence[str] | None,
    number: int,
) -> Matched | None:
    """Return results by pictures and records, or None where only pictures are to be searched.

    :param among: the pictures to search, if not all
    :param number: how many, from the first one
    :raises BadFilter: only records are to be searched, and that is not possible
    :raises llm_glam.errors.GlamError: the checkpoint cannot be used, and no record has the words
    """
    text = words(page_request, wanted)
    if text is None or wanted.match == PICTURE:
        return None
    if not await _is_searchable(page_request):
        if wanted.match == RECORD:
            await page_request.read(_check, wanted.hidden)
        return None
    records = await _records(page_request, wanted, text)
    if records is None:
        return Matched()
    vector = await _vector(page_request, wanted, bool(records))
    if vector is None:
        every = matching.without_scores(records)
        return Matched(every, every, len(records), is_without_scores=True)
    queries = matching.queries(vector, records, wanted.match, number, among)
    hits = await _hits(page_request, queries, wanted)
    in_records = matching.merge(records, [[], *hits[1:]])
    return Matched(matching.merge(records, hits), in_records, len(records))


async def add(
    page_request: CollectionRequest, page: Page, wanted: Search, matched: Matched
) -> None:
    """Add to the page what was found in the records, and why it is as it is."""
    page.data["records_left_out"] = matched.hits is None
    if matched.is_without_scores:
        page.message = ONLY_RECORDS
    page.form["why"] = {one.id: one.match for one in matched.hits or ()}
    if wanted.match == BOTH and wanted.page == 1 and matched.in_records:
        scores = {one.id: one.score for one in matched.in_records[:SHOWN]}
        page.data["record_matches"] = {
            "count": matched.count,
            "items": await results.cards(page_request, scores),
            "url": _address(page_request, wanted, match=RECORD),
        }


def explain(page: Page) -> None:
    """Add to the pictures of a page why each is there."""
    why = page.form.get("why", {})
    for card in page.data["items"]:
        card["match"] = why.get(card["id"], None if card["score"] is None else PICTURE)


async def _records(
    page_request: CollectionRequest, wanted: Search, text: str
) -> RecordMatches | None:
    """Return what the words find in the records; None where they are too many, or it takes long.

    :raises BadFilter: only records are to be searched
    """
    conditions = await record_filters.whole(page_request, wanted)
    columns = await _identifiers(page_request)
    limit = page_request.datasette.setting("sql_time_limit_ms")
    try:
        return await page_request.read(_in_records, text, conditions, columns, limit)
    except (record_filters.TooSlow, TooCommon):
        if wanted.match == RECORD:
            raise
        return None


def _in_records(
    db: Database,
    collection: Collection,
    text: str,
    conditions: Conditions,
    identifiers: Sequence[str],
    limit: float,
) -> RecordMatches:
    with record_filters.limited(db, limit):
        return matching.in_records(db, collection, text, conditions, identifiers)


async def _is_searchable(page_request: CollectionRequest) -> bool:
    hidden = page_request.hidden

    def read(db: Database, collection: Collection) -> bool:
        try:
            _check(db, collection, hidden)
        except BadFilter:
            return False
        return True

    what = f"searchable {sorted(hidden)}"
    return await cache.of(page_request.datasette).read(page_request, what, read)


def _check(db: Database, collection: Collection, hidden: frozenset[str]) -> None:
    filters.check_searchable(db, str(collection.items_table), hidden)


async def _identifiers(page_request: CollectionRequest) -> list[str]:
    """Return the columns that identify pictures and may be seen."""
    found = await cache.of(page_request.datasette).get(
        page_request,
        "identifiers",
        lambda: page_request.read_everything(
            lambda db, collection: identifying.columns(db, str(collection.items_table))
        ),
    )
    hidden = page_request.hidden
    return [name for name in found if name.lower() not in hidden]


async def _vector(
    page_request: CollectionRequest, wanted: Search, has_records: bool
) -> Vector | None:
    """Return the vector of the words; None where the checkpoint cannot be used, but records help."""
    try:
        (vector,) = await results.of_terms(page_request, wanted.terms)
    except BadTerm:
        raise
    except GlamError as error:
        if not has_records or wanted.min_score is not None:
            raise
        errors.note(error.message)
        return None
    return vector


async def _hits(
    page_request: CollectionRequest, queries: Sequence[Query], wanted: Search
) -> list[list[Hit]]:
    async def hits(query: Query) -> list[Hit]:
        if not query.number or (query.among is not None and not query.among):
            return []
        return await results.nearest(
            *(page_request, query.vector, query.number),
            among=query.among,
            with_sensitive=wanted.with_sensitive,
        )

    return await asyncio.gather(*map(hits, queries))


async def _suggested(
    page_request: CollectionRequest, wanted: Search, text: str
) -> list[Row]:
    """Return the filters for values that occur in the words, with the search that each leads to."""
    hidden = page_request.hidden
    leave_out = {*hidden, *(name.lower() for name in items.NOT_RECORD)}
    columns = await cache.of(page_request.datasette).read(
        page_request,
        f"mentioned {sorted(hidden)}",
        lambda db, collection: mentioned.columns(
            db, str(collection.items_table), leave_out
        ),
    )
    conditions = await record_filters.whole(page_request, wanted)
    limit = page_request.datasette.setting("facet_time_limit_ms")
    values = await page_request.read(_mentioned, text, columns, conditions, limit)
    return [_suggestion(page_request, wanted, one) for one in values]


def _mentioned(
    db: Database,
    collection: Collection,
    text: str,
    columns: Sequence[str],
    conditions: Conditions,
    limit: float,
) -> list[Mentioned]:
    """Return the values that are found in time."""
    table = str(collection.items_table)
    clause = filters.clause(db, collection, conditions)
    found: list[Mentioned] = []
    try:
        with record_filters.limited(db, limit):
            found.extend(mentioned.values(db, table, text, columns, clause))
    except record_filters.TooSlow:
        pass
    return found


def _suggestion(page_request: CollectionRequest, wanted: Search, one: Mentioned) -> Row:
    text = f"{query_string.key(one.column, 'exact')}={one.value}"
    terms = (Term(1, words=one.rest),) if one.rest else ()
    narrower = wanted.without(terms=terms, filters=(*wanted.filters, text))
    return {
        "column": one.column,
        "value": one.value,
        "count": one.count,
        "url": query_string.address(page_request, narrower),
    }


def _address(page_request: CollectionRequest, wanted: Search, *, match: str) -> str:
    return query_string.address(page_request, replace(wanted, page=1, match=match))
