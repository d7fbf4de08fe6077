"""The gallery: a random sample, or what is nearest to words, pictures and an upload."""

import random
from dataclasses import replace
from typing import Any

from datasette.utils.asgi import Response

from llm_glam.errors import BadFilter, BadTerm, GlamError, UnknownItem
from llm_glam.search import terms

from ... import items
from ...web import cache, search_pool
from ...web.request import Asked, Page, Refused
from .. import model
from . import chips, exports, facets, query_string, record_filters, results
from .query_string import Search

Row = dict[str, Any]

PAGE = 36
DEEPEST = 10_000  # results that somebody can page to
NOTHING = "There is nothing to show here yet."
NONE_FIT = "No picture fits all of this."
ENDED = "There are no more pictures."
BLANK: Row = {
    "q": "",
    "id": None,
    "chips": [],
    "facets": [],
    "facets_timed_out": [],
    "fitting": None,
    "items": [],
    "csv_url": None,
    "sql_url": None,
}


async def gallery(asked: Asked) -> Page | Response:
    """A random sample, or the pictures nearest to words, to pictures, or to an upload."""
    typed = asked.request.args.get("q") or ""
    page = Page("glam_gallery.html", {**about(asked), **BLANK, "q": typed})
    page.data["pictures"] = await _count(asked)
    try:
        wanted = query_string.read(asked.request.args)
        if query_string.is_form(asked.request.args) and asked.request.method != "POST":
            return Response.redirect(query_string.address(asked, wanted))
        found = await _found(asked, page, wanted)
        if asked.format == ".csv":
            return await exports.csv_response(asked, found)
        page.data["items"] = await results.cards(asked, found)
    except Refused as refusal:
        page.status, page.message = refusal.status, str(refusal)
        page.headers = refusal.headers
    except (BadTerm, BadFilter) as error:
        page.status, page.message = 400, error.message
    except UnknownItem as error:
        page.status, page.message = 404, error.message
    except GlamError as error:
        page.status = 503
        page.message = (
            f"Words and pictures cannot be searched here: {error.message} "
            "What is in the collection can still be compared: follow “similar”."
        )
    return page


def about(asked: Asked) -> Row:
    """What pages say of their collection."""
    collection = asked.place.collection
    assert collection is not None
    return {
        "database": asked.place.database,
        "collection": collection.name,
        "model": collection.model_id,
        "fingerprint": collection.fingerprint,
        "model_url": model.address(asked.datasette, collection.model_id),
    }


async def _count(asked: Asked) -> int:
    kept = cache.of(asked.datasette)
    count: int = await kept.read(asked, "count", items.count)
    return count


async def _found(asked: Asked, page: Page, wanted: Search) -> dict[str, float | None]:
    """Ids and scores of the page's pictures; tells the page what it has to say of them."""
    size = _size(asked, wanted)
    is_upload = asked.request.method == "POST"
    if wanted.page * size > DEEPEST and wanted.terms:
        raise BadFilter(f"Only the first {DEEPEST:,} results are shown.")
    if wanted.terms or is_upload:
        with search_pool.of(asked.datasette).expecting(asked.place, asked):
            among = await record_filters.ids(asked, wanted)
            await _describe(asked, page, wanted, among)
            found, has_more = await _nearest(asked, page, wanted, among, size)
    else:
        wanted = replace(wanted, seed=wanted.seed or random.randrange(1, 10_000))
        among = await record_filters.ids(asked, replace(wanted, with_sensitive=False))
        await _describe(asked, page, wanted, among)
        _offer_another(asked, page, wanted)
        found, has_more = await _sample(asked, wanted, among, size)
    page.data["page"] = wanted.page
    has_next = has_more and not is_upload
    after = replace(wanted, page=wanted.page + 1)
    page.data["next"] = query_string.address(asked, after) if has_next else None
    if not is_upload:
        page.data["csv_url"] = exports.csv_address(asked, wanted)
        page.data["sql_url"] = await exports.sql_address(asked, wanted, size)
    if not found:
        page.message = _why_empty(page, wanted, among)
    return found


def _offer_another(asked: Asked, page: Page, wanted: Search) -> None:
    assert wanted.seed is not None
    page.data["seed"] = wanted.seed
    another = replace(wanted, page=1, seed=wanted.seed + 1)
    page.form["another"] = query_string.address(asked, another)


async def _describe(
    asked: Asked, page: Page, wanted: Search, among: list[str] | None
) -> None:
    """What was understood, and what it can be narrowed by."""
    columns = await asked.read(items.columns, asked.place.collection)
    page.data["q"], page.data["id"] = wanted.line, wanted.only_id
    page.data["min_score"], page.data["words"] = wanted.min_score, wanted.words
    page.data["fitting"] = None if among is None else len(among)
    page.data["chips"] = await chips.of(asked, wanted, columns)
    counted, late = await facets.of(asked, wanted)
    page.data["facets"], page.data["facets_timed_out"] = counted, late
    if not asked.format:
        known = [column for column in columns if column not in items.TECHNICAL]
        page.form |= record_filters.form(wanted, known, counted)


async def _nearest(
    asked: Asked, page: Page, wanted: Search, among: list[str] | None, size: int
) -> tuple[dict[str, float | None], bool]:
    weights = [term.weight for term in wanted.terms]
    vectors = await results.of_terms(asked, wanted.terms)
    if asked.request.method == "POST":
        vectors.append(await results.of_upload(asked))
        weights.append(1)
        page.data["uploaded"] = True
    vector = terms.total(weights, vectors)
    last = wanted.page * size
    hits = await results.nearest(
        asked,
        vector,
        last + 1,
        skip=[term.id for term in wanted.terms if term.id is not None],
        among=among,
        with_sensitive=wanted.with_sensitive,
    )
    least = -1 if wanted.min_score is None else wanted.min_score
    kept = [hit for hit in hits if hit.score >= least]
    page.data["is_cut_off"] = len(kept) < len(hits) and len(kept) <= last
    if page.data["is_cut_off"]:
        page.data["uncut_url"] = query_string.address(
            asked, replace(wanted, min_score=None)
        )
    return {hit.id: hit.score for hit in kept[last - size : last]}, len(kept) > last


async def _sample(
    asked: Asked, wanted: Search, among: list[str] | None, size: int
) -> tuple[dict[str, float | None], bool]:
    skip = (wanted.page - 1) * size
    assert wanted.seed is not None
    if among is None:
        kept = cache.of(asked.datasette)
        rows = await kept.read(asked, "rows", items.rowids)
        page = {"number": size + 1, "seed": wanted.seed, "skip": skip}
        ids = await asked.read(items.sample, asked.place.collection, rows, **page)
    else:
        shuffled = sorted(among)
        random.Random(wanted.seed).shuffle(shuffled)
        ids = shuffled[skip : skip + size + 1]
    return dict.fromkeys(ids[:size]), len(ids) > size


def _size(asked: Asked, wanted: Search) -> int:
    most = int(asked.datasette.setting("max_returned_rows"))
    if wanted.size == "max" or (not wanted.size and asked.format == ".csv"):
        return most
    if not wanted.size:
        return PAGE
    if query_string.WHOLE.fullmatch(wanted.size) and int(wanted.size) <= most:
        return int(wanted.size)
    raise BadFilter(f"_size is a whole number from 1 to {most:,}, or max.")


def _why_empty(page: Page, wanted: Search, among: list[str] | None) -> str:
    if wanted.page > 1:
        return ENDED
    if page.data.get("is_cut_off"):
        return f"Nothing scores {wanted.min_score:g} or more."
    return NONE_FIT if among is not None else NOTHING
