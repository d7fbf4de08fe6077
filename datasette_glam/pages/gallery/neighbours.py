"""Find the pictures before and after one in the results that a visitor came from."""

from dataclasses import replace

from llm_glam.errors import GlamError
from llm_glam.formats.tables import Row

from ...access.context import CollectionRequest
from ...web import urls
from ...web.page import Refused
from . import finding, query_string
from .query_string import Search


async def of(page_request: CollectionRequest, item_id: str) -> Row | None:
    """Return where a picture is in the search whose query string its page has.

    That are the addresses of the results (``back``) and of the pictures before and after it
    (``previous`` and ``next``), across pages of results. They are None where there is no such
    picture, and both are for a search that cannot be repeated. Without a search, all is None.
    """
    wanted = await _search(page_request)
    if wanted is None:
        return None
    place: Row = {
        "back": _gallery(page_request, wanted),
        "previous": None,
        "next": None,
    }
    if not wanted.terms and wanted.seed is None:
        return place  # a random sample of which nobody knows which it was
    try:
        ids, has_more = await finding.ids_on_page(page_request, wanted)
        if item_id in ids:
            place["previous"] = await _before(page_request, wanted, ids, item_id)
            place["next"] = await _after(page_request, wanted, ids, item_id, has_more)
    except (GlamError, Refused):  # the page of the results says why
        pass
    return place


async def _search(page_request: CollectionRequest) -> Search | None:
    """Return the search in the query string; None if there is none, or none that can be read."""
    args, _ = query_string.known(
        page_request.request.args, await page_request.columns()
    )
    if not args or page_request.request.method == "POST":
        return None
    try:
        return query_string.of_request(page_request, args)
    except GlamError:
        return None


async def _before(
    page_request: CollectionRequest, wanted: Search, ids: list[str], item_id: str
) -> str | None:
    place = ids.index(item_id)
    if place > 0:
        return _item(page_request, wanted, ids[place - 1])
    if wanted.page == 1:
        return None
    earlier = replace(wanted, page=wanted.page - 1)
    before, _ = await finding.ids_on_page(page_request, earlier)
    return _item(page_request, earlier, before[-1]) if before else None


async def _after(
    page_request: CollectionRequest,
    wanted: Search,
    ids: list[str],
    item_id: str,
    has_more: bool,
) -> str | None:
    place = ids.index(item_id)
    if place + 1 < len(ids):
        return _item(page_request, wanted, ids[place + 1])
    if not has_more:
        return None
    later = replace(wanted, page=wanted.page + 1)
    try:
        after, _ = await finding.ids_on_page(page_request, later)
    except GlamError:  # further down than results can be reached
        return None
    return _item(page_request, later, after[0]) if after else None


def _gallery(page_request: CollectionRequest, wanted: Search) -> str:
    name = page_request.collection.name
    address = urls.collection(page_request.datasette, page_request.database, name)
    query = wanted.query()
    return f"{address}?{query}" if query else address


def _item(page_request: CollectionRequest, wanted: Search, item_id: str) -> str:
    name = page_request.collection.name
    address = urls.collection(page_request.datasette, page_request.database, name)
    return f"{address}/item/{urls.encoded(item_id)}?{wanted.query()}"
