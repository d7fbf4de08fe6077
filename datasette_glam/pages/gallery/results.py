"""Find the pictures nearest to a vector and return them as cards with scores."""

from collections.abc import Awaitable, Iterable, Sequence

from llm_glam.db import embeddings
from llm_glam.formats.tables import Row
from llm_glam.search.exact import Hit, Query, Vector
from llm_glam.search.terms import Term

from ... import items
from ...access.context import CollectionRequest
from ...media import decoder, uploads
from ...web import cache, search_pool, urls
from ...web.page import Refused


async def of_terms(
    page_request: CollectionRequest, terms: Iterable[Term]
) -> list[Vector]:
    """Return the vector of each term: of words from the model, of pictures from the database.

    :raises Refused: too many searches are running
    :raises UnknownItem: there is no picture with that id
    """
    found = []
    for term in terms:
        if term.id is not None:
            found.append(await page_request.read(embeddings.stored_vector, term.id))
        else:
            work = search_pool.of(page_request.datasette).of_words(
                page_request.collection, str(term.words)
            )
            found.append(await from_model(page_request, work))
    return found


async def of_upload(page_request: CollectionRequest) -> Vector:
    """Return the vector of the uploaded picture, which is not stored anywhere.

    :raises Refused: it cannot be used, or too many searches are running
    """
    with uploads.in_memory(page_request) as reserve:
        small = await _decoded(
            page_request, await uploads.received(page_request, reserve)
        )
    work = search_pool.of(page_request.datasette).of_picture(
        page_request.collection, small
    )
    return await from_model(page_request, work)


async def _decoded(page_request: CollectionRequest, body: bytes) -> bytes:
    async with search_pool.of(page_request.datasette).decoding() as may_decode:
        if not may_decode:
            raise busy()
        most = page_request.setting("max_upload_megapixels")
        try:
            return await page_request.timed("decode", decoder.decode(body, most))
        except decoder.BadUpload as error:
            raise Refused(
                400, f"The picture cannot be used: {error}. Upload another one."
            ) from error


async def from_model(
    page_request: CollectionRequest, work: Awaitable[Vector]
) -> Vector:
    """Wait for the model and return the vector.

    :raises Refused: too many searches are running
    """
    try:
        return await page_request.timed("model", work)
    except search_pool.Busy as error:
        raise busy() from error


def busy() -> Refused:
    """Return the refusal of a search while too many are running."""
    headers = {"retry-after": "5"}
    return Refused(
        503, "Too many searches are running. Try again in a few seconds.", **headers
    )


async def nearest(
    page_request: CollectionRequest,
    vector: Vector,
    number: int,
    *,
    skip: Iterable[str] = (),
    among: Sequence[str] | None = None,
    with_sensitive: bool = False,
) -> list[Hit]:
    """Return the pictures nearest to a vector; sensitive ones only if they are requested."""
    hidden = set(skip)
    if among is None and not with_sensitive:
        hidden |= await _sensitive(page_request)
    query = Query(vector, number, among=among, skip=hidden)
    work = search_pool.of(page_request.datasette).nearest(page_request, query)
    return await page_request.timed("index", work)


async def _sensitive(page_request: CollectionRequest) -> set[str]:
    cached = cache.of(page_request.datasette)
    return await cached.read(page_request, "sensitive", items.sensitive_ids)


async def cards(
    page_request: CollectionRequest, scores: dict[str, float | None], query: str = ""
) -> list[Row]:
    """Return what a page shows of pictures, with their scores and the length of their bars.

    :param query: the query string of their search, for the links to their pages
    """
    found = await page_request.read(items.cards, list(scores))
    known = [score for score in scores.values() if score is not None]
    best, worst = max(known, default=0), min(known, default=0)
    for card in found:
        score = scores[card["id"]]
        card["score"] = score
        if score is not None:
            span = best - worst
            card["bar"] = round((score - worst) / span, 3) if span > 0 else 1.0
    name = page_request.collection.name
    urls.add(page_request.datasette, page_request.database, name, found, query)
    return found


async def add_records(page_request: CollectionRequest, cards: list[Row]) -> None:
    """Add to pictures their record, as their own pages have it."""
    ids = [card["id"] for card in cards]
    headings = await page_request.read_everything(items.headings)
    records = await page_request.read(items.records_as_in_the_source, ids, headings)
    for card in cards:
        card["record"] = records[card["id"]]
