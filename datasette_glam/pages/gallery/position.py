"""Where the pictures of a page are among the results."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from llm_glam.formats.tables import Row

from ... import items
from ...access.context import CollectionRequest
from ...web import cache
from . import query_string, record_filters
from .query_string import Search


async def of(
    page_request: CollectionRequest,
    wanted: Search,
    first: int,
    number: int,
    among: Sequence[str] | None,
    has_more: bool,
) -> Row:
    """Return the place of a page's pictures in words, and the URL of the page before it.

    :param first: the place of the first picture, from 1
    :param number: of pictures on the page
    :param among: the ids of the pictures that match the conditions; None without conditions
    :param has_more: whether there is a page after it
    """
    last = first + number - 1
    total = await _total(page_request, wanted, among) if has_more else last
    before = replace(wanted, page=wanted.page - 1)
    return {
        "position": _in_words(first, last, total),
        "previous": (
            query_string.address(page_request, before) if wanted.page > 1 else None
        ),
        "is_least": bool(wanted.terms) and all(t.weight < 0 for t in wanted.terms),
    }


def of_upload(number: int) -> Row:
    """Return what a page says of the pictures similar to an upload, which has no second page."""
    return {"position": f"The {number:,} most similar pictures"}


def _in_words(first: int, last: int, total: int | None) -> str:
    if first == 1 and last == total:
        return f"{total:,} picture{'' if total == 1 else 's'}"
    of_all = "" if total is None else f" of {total:,}"
    return f"{first:,}–{last:,}{of_all}"


async def _total(
    page_request: CollectionRequest, wanted: Search, among: Sequence[str] | None
) -> int | None:
    """Return the number of results; None where it would have to be counted for this search only."""
    if wanted.min_score is not None:
        return None
    # The pictures that are searched by are no results.
    own = {term.id for term in wanted.terms if term.id is not None}
    if among is not None:
        return len(among) - await _matching(page_request, wanted, own)
    with_sensitive = wanted.with_sensitive and bool(wanted.terms)
    total = await count(page_request, with_sensitive=with_sensitive)
    there = [
        await page_request.read(items.is_there, one, with_sensitive=with_sensitive)
        for one in own
    ]
    return total - sum(there)


async def count(page_request: CollectionRequest, *, with_sensitive: bool) -> int:
    """Count the pictures of a collection, with or without sensitive ones."""
    counted = partial(items.count, with_sensitive=with_sensitive)
    what = f"count {with_sensitive}"
    return await cache.of(page_request.datasette).read(page_request, what, counted)


async def _matching(
    page_request: CollectionRequest, wanted: Search, own: set[str]
) -> int:
    """Return how many of these pictures match the conditions."""
    if not own:
        return 0
    only = f"id__in={json.dumps(sorted(own), ensure_ascii=False)}"
    among = replace(wanted, filters=(*wanted.filters, only))
    return len(await record_filters.ids(page_request, among) or ())
