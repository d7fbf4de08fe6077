"""Find the pictures nearest to a vector and return them as cards with scores."""

from collections.abc import Awaitable, Iterable, Sequence

from llm_glam.db import embeddings
from llm_glam.formats.tables import Row
from llm_glam.search.exact import Hit, Query, Vector
from llm_glam.search.terms import Term

from ... import items
from ...access.context import CollectionRequest
from ...media import decoder, uploads
from ...web import cache, card_text, search_pool, urls
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


async def of_upload(page_request: CollectionRequest) -> tuple[Vector, bytes | None]:
    """Return the vector of the uploaded picture, which is not stored anywhere, and a thumbnail.

    :raises Refused: it cannot be used, or too many searches are running
    """
    with uploads.place(page_request) as reserve:
        body = await uploads.received(page_request, reserve)
        decoded = await page_request.timed("decode", _decoded(page_request, body))
    work = search_pool.of(page_request.datasette).of_picture(
        page_request.collection, decoded.content
    )
    return await from_model(page_request, work), decoded.thumbnail


async def _decoded(page_request: CollectionRequest, body: bytes) -> decoder.Decoded:
    most = page_request.setting("max_upload_megapixels")
    decoders = decoder.of(page_request.datasette)
    try:
        async with decoders.place():
            return await decoders.decode(body, most, thumbnail=True)
    except decoder.Busy as error:
        raise busy() from error
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
    page_request: CollectionRequest,
    scores: dict[str, float | None],
    best: float = 0,
    query: str = "",
) -> list[Row]:
    """Return what a page shows of pictures, with their scores and the length of their bars.

    :param best: the highest score of the whole search, of which a bar shows the part
    :param query: the query string of their search, for the links to their pages
    """
    found = await page_request.read(items.cards, list(scores))
    await card_text.add(page_request, found)
    for card in found:
        card["score"] = score = scores[card["id"]]
        if score is not None:
            card["bar"] = round(max(score / best, 0), 3) if best > 0 else 0.0
    name = page_request.collection.name
    urls.add(page_request.datasette, page_request.database, name, found, query)
    return found


async def add_records(page_request: CollectionRequest, cards: list[Row]) -> None:
    """Add to pictures their record, as their own pages have it."""
    ids = [card["id"] for card in cards]
    headings = await page_request.read_everything(items.headings)
    records = await page_request.read(items.records_as_in_the_source, ids, headings)
    for card in cards:  # a picture may have been deleted meanwhile
        card["record"] = records.get(card["id"], {})
