"""The page of a gallery: a random sample, or the pictures nearest to a query or an upload."""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import urlencode

import numpy as np
from datasette.utils import MultiParams
from datasette.utils.asgi import Response

from llm_glam.errors import (
    BadFilter,
    BadTerm,
    GlamError,
    UnknownColumn,
    UnknownItem,
)
from llm_glam.formats.tables import Row
from llm_glam.search import terms
from llm_glam.search.exact import Hit
from llm_glam.search.matching import PICTURE, RECORD, Found
from llm_glam.search.subset import Subset

from ... import items, random_sample
from ...access import gate
from ...access.context import CollectionRequest
from ...media import decoder
from ...web import cache, errors, head, metadata, search_pool, urls
from ...web.page import Page, Refused
from .. import model, search_summary
from . import (
    chips,
    exports,
    matches,
    narrow,
    position,
    query_string,
    record_filters,
    results,
    selection,
    sql_query,
)
from .query_string import Search

PAGE = 36
MOST_EXAMPLES = 6
DEEPEST = 10_000  # results that can be reached page by page
PURPOSE = "Pictures to look through, and to search by words or by another picture."
NOTHING = "The collection has no pictures to show yet."
NO_MATCH = "No picture matches all of these conditions. Remove one of them."
NO_RECORD = "No record contains all of these words. Look for them in the pictures, too."
NO_SEARCH = (
    "Words and pictures cannot be searched here right now. You can still compare the pictures of "
    "the collection: click “similar”."
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
    try:
        args = await _parameters(page_request, page)
        wanted = replace(
            read := query_string.read(args, await page_request.columns()),
            hidden=page_request.hidden,
            with_sensitive=read.with_sensitive and page_request.may_show_sensitive,
        )
        if query_string.is_form(args) and request.method != "POST":
            return Response.redirect(query_string.address(page_request, wanted))
        await _check_terms(page_request, wanted)
        if page_request.format in exports.FORMATS and wanted.picked:
            wanted = wanted.only_picked()
        found = await _found(page_request, page, wanted)
        if page_request.format in exports.FORMATS:
            return await exports.response(page_request, wanted, found, page.data)
        query = _handed_on(page_request, page, wanted)
        page.data["items"] = await results.cards(
            page_request, found, page.form.get("best", 0), query
        )
        matches.explain(page)
        if page_request.format and wanted.with_records:
            await results.add_records(page_request, page.data["items"])
        if not page_request.format:
            decoder.of(page_request.datasette).prepare()
            page.form["head"] = _head(page_request, page, wanted)
            page.form["summary"] = await search_summary.of(page_request)
            page.form["languages"] = search_summary.in_words(
                page.form["summary"]["languages"]
            )
            page.form["examples"] = _examples(page_request)
            page.form["show_scores"] = metadata.setting(page_request, "show_scores")
            page.form |= selection.of(page_request, wanted, found)
    except Refused as refusal:
        page.status, page.message = refusal.status, str(refusal)
        page.headers = refusal.headers
    except (BadTerm, BadFilter, UnknownColumn) as error:
        page.status, page.message = 400, error.message
    except UnknownItem as error:
        page.status, page.message = 404, error.message
    except GlamError as error:
        errors.note(error.message)
        page.status, page.message = 503, NO_SEARCH
        page.for_programs = f"{NO_SEARCH} {errors.disclosed(error.message)}"
    if page_request.format in exports.FOR_PEOPLE:
        return await _error(page_request, page)
    return page


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


async def _check_terms(page_request: CollectionRequest, wanted: Search) -> None:
    """Check that the pictures in a query are there.

    :raises UnknownItem: one is not
    """
    for term in wanted.terms:
        if term.id is not None and await page_request.is_absent(term.id):
            raise UnknownItem(gate.unknown_item(term.id, page_request.collection.name))


async def count(page_request: CollectionRequest) -> int:
    """Count the pictures of a collection that are there for visitors."""
    cached = cache.of(page_request.datasette)
    shown = partial(items.count, with_sensitive=page_request.may_show_sensitive)
    return await cached.read(page_request, "count", shown)


async def _found(
    page_request: CollectionRequest, page: Page, wanted: Search
) -> dict[str, float | None]:
    """Return ids and scores of the page's pictures, and add their description to the page."""
    size = _size(page_request, wanted)
    is_upload = page_request.request.method == "POST"
    if wanted.terms or is_upload:
        with search_pool.of(page_request.datasette).expecting(page_request):
            among = await record_filters.ids(page_request, wanted)
            await _describe(page_request, page, wanted, among)
            found, has_more = await _nearest(page_request, page, wanted, among, size)
    else:
        seed = wanted.seed or random.randrange(1, 10_000)
        wanted = replace(wanted, seed=seed)
        among = await record_filters.ids(
            page_request, replace(wanted, with_sensitive=False)
        )
        await _describe(page_request, page, wanted, among)
        _link_another_sample(page_request, page, wanted, seed)
        found, has_more = await _sample(page_request, wanted.page, seed, among, size)
    page.data["page"] = wanted.page
    has_next = has_more and not is_upload
    after = replace(wanted, page=wanted.page + 1)
    following = query_string.address(page_request, after) if has_next else None
    page.data["next"] = following
    page.data["next_url"] = following and page_request.datasette.absolute_url(
        page_request.request, following
    )
    if not is_upload:
        page.data |= exports.addresses(page_request, wanted)
        if page.data["match"] in (None, PICTURE):
            page.data["sql_url"] = await sql_query.address(page_request, wanted, size)
    if not found:
        page.message = _why_empty(page, wanted, among)
        if among is not None and wanted.page == 1:
            columns = await page_request.columns()
            page.data["leave_out"] = await narrow.left_out(
                page_request, wanted, columns
            )
    elif not page_request.format:
        page.form |= (
            position.of_upload(len(found))
            if is_upload
            else await position.of(
                *(page_request, wanted, (wanted.page - 1) * size + 1),
                *(len(found), among, has_more),
            )
        )
    return found


def _link_another_sample(
    page_request: CollectionRequest, page: Page, wanted: Search, seed: int
) -> None:
    page.data["seed"] = seed
    another = replace(wanted, page=1, seed=seed + 1)
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


async def _nearest(
    page_request: CollectionRequest,
    page: Page,
    wanted: Search,
    among: Sequence[str] | None,
    size: int,
) -> tuple[dict[str, float | None], bool]:
    last = wanted.page * size
    hits: Sequence[Hit | Found] | None
    hits = await matches.found(page_request, page, wanted, among, last + 1)
    if hits is None:
        hits = await _nearest_pictures(page_request, page, wanted, among, last + 1)
    scores = [hit.score for hit in hits if hit.score is not None]
    page.form["best"] = max(scores, default=0)
    least = wanted.min_score
    high = [
        hit
        for hit in hits
        if least is None or (hit.score is not None and hit.score >= least)
    ]
    page.data["is_cut_off"] = len(high) < len(hits) and len(high) <= last
    if page.data["is_cut_off"]:
        page.data["uncut_url"] = query_string.address(
            page_request, replace(wanted, min_score=None)
        )
    return {hit.id: hit.score for hit in high[last - size : last]}, len(high) > last


async def _nearest_pictures(
    page_request: CollectionRequest,
    page: Page,
    wanted: Search,
    among: Sequence[str] | None,
    number: int,
) -> list[Hit]:
    weights = [term.weight for term in wanted.terms]
    vectors = await results.of_terms(page_request, wanted.terms)
    if page_request.request.method == "POST":
        uploaded, thumbnail = await results.of_upload(page_request)
        vectors.append(uploaded)
        weights.append(1)
        page.data["uploaded"] = True
        page.form["uploaded_thumbnail"] = urls.data_uri(thumbnail)
    vector = terms.total(weights, vectors)
    return await results.nearest(
        page_request,
        vector,
        number,
        skip=[term.id for term in wanted.terms if term.id is not None],
        among=among,
        with_sensitive=wanted.with_sensitive,
    )


async def _sample(
    page_request: CollectionRequest,
    page: int,
    seed: int,
    among: Sequence[str] | None,
    size: int,
) -> tuple[dict[str, float | None], bool]:
    skip = (page - 1) * size
    if among is None:
        cached = cache.of(page_request.datasette)
        rows = await cached.read(page_request, "rows", random_sample.rowids)
        ids = await page_request.read(
            random_sample.sample, rows, number=size + 1, seed=seed, skip=skip
        )
    else:
        # Subsets are sorted.
        ordered = among if isinstance(among, Subset) else sorted(among)
        order = np.random.default_rng(seed).permutation(len(ordered))
        ids = [ordered[i] for i in order[skip : skip + size + 1].tolist()]
    return dict.fromkeys(ids[:size]), len(ids) > size


def _size(page_request: CollectionRequest, wanted: Search) -> int:
    """Return how many pictures a page has.

    :raises BadFilter: that is no number, or the page is too far down
    """
    size = _size_of_page(page_request, wanted)
    if wanted.page * size > DEEPEST and wanted.terms:
        raise BadFilter(
            f"Only the first {DEEPEST:,} results are shown. Narrow down the search."
        )
    return size


def _size_of_page(page_request: CollectionRequest, wanted: Search) -> int:
    most = int(page_request.datasette.setting("max_returned_rows"))
    asked = wanted.size
    if page_request.format in exports.FORMATS:
        asked = exports.size(page_request.format, asked, most)
    if asked == "max":
        return most
    if not asked:
        return PAGE
    if query_string.WHOLE.fullmatch(asked) and int(asked) <= most:
        return int(asked)
    raise BadFilter(f"_size must be a whole number from 1 to {most:,}, or max.")


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


async def ids_on_page(
    page_request: CollectionRequest, wanted: Search
) -> tuple[list[str], bool]:
    """Return the ids on a page of results, in their order, and whether there are more.

    :raises GlamError: the search cannot be done
    :raises Refused: the actor may not search so, or too many searches are running
    """
    size = _size(page_request, wanted)
    await _check_terms(page_request, wanted)
    if wanted.terms:
        among = await record_filters.ids(page_request, wanted)
        page = Page("", {})
        found, has_more = await _nearest(page_request, page, wanted, among, size)
    else:
        shown = replace(wanted, with_sensitive=False)
        among = await record_filters.ids(page_request, shown)
        seed = wanted.seed or 1
        found, has_more = await _sample(page_request, wanted.page, seed, among, size)
    return list(found), has_more
