"""The page of a gallery: a random sample, or the pictures nearest to a query or an upload."""

import random
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlencode

from datasette.utils import MultiParams
from datasette.utils.asgi import Response

from llm_glam.formats.tables import Row
from llm_glam.images import data_urls
from llm_glam.search.matching import PICTURE, RECORD

from ... import items
from ...access.context import CollectionRequest
from ...media import decoder
from ...web import errors, head, metadata, search_pool, urls
from ...web.page import Page, refusals_said
from .. import model, search_summary
from . import (
    chips,
    exports,
    finding,
    matches,
    narrow,
    position,
    query_string,
    record_filters,
    results,
    sql_query,
)
from .finding import Ranked
from .query_string import Search

MOST_EXAMPLES = 6
PURPOSE = "Pictures to look through, and to search by words or by another picture."
NOTHING = "The collection has no pictures to show yet."
NO_MATCH = "No picture matches all of these conditions. Remove one of them."
NO_RECORD = "No record contains all of these words. Look for them in the pictures, too."
NO_SEARCH = (
    "Words and pictures cannot be searched here right now. You can still compare the pictures of "
    "the collection: click “Similar”."
)
ENDED = "There are no more pictures. Go back to an earlier page."
BLANK: Row = {
    "q": "",
    "id": None,
    "chips": [],
    "facets": [],
    "ranges": [],
    "facets_timed_out": [],
    "leave_out": [],
    "fitting": None,
    "items": [],
    "csv_url": None,
    "xlsx_url": None,
    "html_url": None,
    "sql_url": None,
    **matches.BLANK,
}


async def gallery(page_request: CollectionRequest) -> Page | Response:
    """Return a random sample, or the pictures nearest to a query or an upload."""
    typed = page_request.request.args.get("q") or ""
    data = {**await about(page_request), **BLANK, "q": typed}
    page = Page("glam_gallery.html", data)
    page.data["pictures"] = await count(page_request)
    request = page_request.request
    with refusals_said(page, NO_SEARCH):
        args = await _parameters(page_request, page)
        columns = await page_request.columns()
        wanted = query_string.of_request(page_request, args, columns)
        if query_string.is_form(args) and request.method != "POST":
            return Response.redirect(query_string.address(page_request, wanted))
        await finding.check_terms(page_request, wanted)
        if page_request.format in exports.FORMATS and wanted.picked:
            wanted = wanted.only_picked()
        ranked = await _found(page_request, page, wanted)
        if page_request.format in exports.FORMATS:
            return await exports.response(
                page_request, wanted, ranked.scores, page.data
            )
        query = _handed_on(page_request, page, wanted)
        page.data["items"] = await results.cards(
            page_request, ranked.scores, ranked.best, query
        )
        matches.explain(page)
        if page_request.format and wanted.with_records:
            await results.add_records(page_request, page.data["items"])
        if not page_request.format:
            decoder.of(page_request.datasette).prepare()
            page.form |= await _for_people(page_request, page, wanted)
            page.form |= exports.selection(page_request, wanted, ranked.scores)
    if page_request.format in exports.FOR_PEOPLE:
        return await _error(page_request, page)
    return page


async def _for_people(
    page_request: CollectionRequest, page: Page, wanted: Search
) -> Row:
    """Return what only the HTML of a gallery says besides its pictures."""
    summary = await search_summary.of(page_request)
    return {
        "head": _head(page_request, page, wanted),
        "summary": summary,
        "languages": search_summary.in_words(summary["languages"]),
        "examples": _examples(page_request),
        "show_scores": metadata.setting(page_request, "show_scores"),
    }


async def _error(page_request: CollectionRequest, page: Page) -> Response:
    """Return an error as a page of its own, for those who followed a link to a file."""
    datasette, request = page_request.datasette, page_request.request
    response = await errors.answer(
        datasette, request, page.status, page.message or errors.FAILED
    )
    response.headers.update(page.headers)
    return response


async def _parameters(page_request: CollectionRequest, page: Page) -> MultiParams:
    """Return the parameters that there are; pages ignore others, and say so of filters.

    :raises BadFilter: JSON or CSV with another parameter
    """
    columns = await page_request.columns()
    args, unknown = query_string.known(page_request.request.args, columns)
    if page_request.format:
        for name in unknown:
            query_string.refuse(name, columns, page_request.table)
    page.query = query_string.encoded(args)
    page.form["ignored"] = query_string.left_out(unknown)
    return args


def _handed_on(page_request: CollectionRequest, page: Page, wanted: Search) -> str:
    """Return the query string by which the pages of pictures know the search; empty for programs."""
    if page_request.format or page_request.request.method == "POST":
        return ""
    return replace(wanted, seed=page.data.get("seed")).query()


def _head(page_request: CollectionRequest, page: Page, wanted: Search) -> Row:
    """Return what the head of a gallery says; its address does not depend on how it is shown."""
    identity = replace(wanted, seed=None, facets=(), size="", picked=())
    if not wanted.terms:
        identity = replace(identity, page=1)
    address = urls.collection(
        *(page_request.datasette, page_request.database, page_request.collection.name)
    )
    query = identity.query()
    title = page.data["title"]
    # The title of a picture that was searched by is left out: it may be a sensitive one.
    if wanted.terms and all(term.id is None for term in wanted.terms):
        title = f"{wanted.line} in {title}"
    return head.of_page(
        *(page_request, f"{address}?{query}" if query else address),
        title=title,
        description=page.data["description"] or PURPOSE,
        picture=head.first_shown(page.data["items"]),
    )


def _examples(page_request: CollectionRequest) -> list[Row]:
    """Return the searches that the owner suggests, with their URLs."""
    given = metadata.setting(page_request, "examples")
    texts = [str(one) for one in given] if isinstance(given, list) else []
    path = page_request.request.path
    return [
        {"text": text, "url": f"{path}?{urlencode({'q': text})}"}
        for text in texts[:MOST_EXAMPLES]
    ]


async def about(page_request: CollectionRequest) -> Row:
    """Return what pages say about their collection."""
    collection = page_request.collection
    said = await metadata.of(page_request)
    return {
        "database": page_request.database,
        "collection": collection.name,
        "title": said["title"],
        "description": said["description"],
        "model": collection.model_id,
        "fingerprint": collection.fingerprint,
        "model_url": model.address(page_request.datasette, collection.model_id),
    }


async def count(page_request: CollectionRequest) -> int:
    """Count the pictures of a collection that are there for visitors."""
    shown = page_request.may_show_sensitive
    return await position.count(page_request, with_sensitive=shown)


async def _found(page_request: CollectionRequest, page: Page, wanted: Search) -> Ranked:
    """Return the page's pictures, and add to the page what it says of them and of their search."""
    size = finding.size_of_page(page_request, wanted)
    is_upload = page_request.request.method == "POST"
    if wanted.terms or is_upload:
        with search_pool.of(page_request.datasette).expecting(page_request):
            among = await finding.among(page_request, wanted)
            await _describe(page_request, page, wanted, among)
            ranked = await finding.nearest(page_request, wanted, among, size)
        await _add_ranked(page_request, page, wanted, ranked)
    else:
        wanted = replace(wanted, seed=wanted.seed or random.randrange(1, 10_000))
        among = await finding.among(page_request, wanted)
        await _describe(page_request, page, wanted, among)
        _link_another_sample(page_request, page, wanted)
        ranked = await finding.sample(page_request, wanted, among, size)
    _link_next(page_request, page, wanted, ranked.has_more and not is_upload)
    if not is_upload:
        page.data |= exports.addresses(page_request, wanted)
        if page.data["match"] in (None, PICTURE):
            page.data["sql_url"] = await sql_query.address(page_request, wanted, size)
    if not ranked.scores:
        await _say_why_empty(page_request, page, wanted, among)
    elif not page_request.format:
        number = len(ranked.scores)
        first = (wanted.page - 1) * size + 1
        page.form |= (
            position.of_upload(number)
            if is_upload
            else await position.of(
                page_request, wanted, first, number, among, ranked.has_more
            )
        )
    return ranked


async def _add_ranked(
    page_request: CollectionRequest, page: Page, wanted: Search, ranked: Ranked
) -> None:
    """Add to the page what was found besides its pictures."""
    if page_request.request.method == "POST":
        page.data["uploaded"] = True
        page.form["uploaded_thumbnail"] = data_urls.address(ranked.thumbnail)
    page.data["is_cut_off"] = ranked.is_cut_off
    if ranked.is_cut_off:
        page.data["uncut_url"] = query_string.address(
            page_request, replace(wanted, min_score=None)
        )
    if ranked.matched is not None:
        await matches.add(page_request, page, wanted, ranked.matched)


def _link_next(
    page_request: CollectionRequest, page: Page, wanted: Search, has_next: bool
) -> None:
    after = replace(wanted, page=wanted.page + 1)
    following = query_string.address(page_request, after) if has_next else None
    page.data["page"], page.data["next"] = wanted.page, following
    page.data["next_url"] = following and page_request.datasette.absolute_url(
        page_request.request, following
    )


def _link_another_sample(
    page_request: CollectionRequest, page: Page, wanted: Search
) -> None:
    page.data["seed"] = wanted.seed
    another = replace(wanted, page=1, seed=(wanted.seed or 0) + 1)
    page.form["another"] = query_string.address(page_request, another)


async def _describe(
    page_request: CollectionRequest,
    page: Page,
    wanted: Search,
    among: Sequence[str] | None,
) -> None:
    """Add to the page the search as it was parsed, and the facets to narrow it down."""
    columns = await page_request.columns()
    page.data["q"], page.data["id"] = wanted.line, wanted.only_id
    page.data["min_score"], page.data["words"] = wanted.min_score, wanted.words
    page.data["fitting"] = None if among is None else len(among)
    page.data["chips"] = await chips.of(page_request, wanted, columns)
    narrowed = await narrow.of(page_request, wanted)
    page.data |= narrowed.data
    await matches.describe(page_request, page, wanted)
    if not page_request.format:
        page.form |= wanted.boxes
        known = [column for column in columns if column not in items.TECHNICAL]
        page.form |= record_filters.form(wanted, known, narrowed.shown)
        page.form["clear_url"] = query_string.address(page_request, wanted.unfiltered())


async def _say_why_empty(
    page_request: CollectionRequest,
    page: Page,
    wanted: Search,
    among: Sequence[str] | None,
) -> None:
    """Say why a page has no pictures, and which condition to leave out."""
    page.message = _why_empty(page, wanted, among)
    if among is not None and wanted.page == 1:
        columns = await page_request.columns()
        page.data["leave_out"] = await narrow.left_out(page_request, wanted, columns)


def _why_empty(page: Page, wanted: Search, among: Sequence[str] | None) -> str:
    if wanted.page > 1:
        return ENDED
    if page.data.get("is_cut_off"):
        return (
            f"No picture scores {wanted.min_score:g} or more. Lower the minimum score."
        )
    if page.data["match"] == RECORD:
        return NO_RECORD
    return NO_MATCH if among is not None else NOTHING
