"""The pages: each a function that gives its data, shown as HTML or as its JSON twin."""

import random
import re
from collections.abc import Awaitable
from typing import Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import NotFound, Response

from llm_glam import search
from llm_glam.errors import GlamError, UnknownItem

from . import addresses, data, decoder, gate, originals, uploads, vectors
from .pages import Asked, Page, Refused, jpeg

PAGE = 48
WHOLE = re.compile("[1-9][0-9]{0,8}")
NEIGHBOURS = 24
STRIP = 8
NOTHING = "There is nothing to show here yet."
LONGEST_QUERY = 2000

Row = dict[str, Any]


async def collections(asked: Asked) -> Page:
    """The collections of a database."""
    place = asked.place
    found = await gate.visible(asked.datasette, asked.request, place)
    rows = [await asked.read(data.overview, c, STRIP) for c in found]
    for row in rows:
        row["url"] = addresses.collection(asked.datasette, place.database, row["name"])
        addresses.add(asked.datasette, place.database, row["name"], row["items"])
    return Page(
        "glam_collections.html", {"database": place.database, "collections": rows}
    )


async def gallery(asked: Asked) -> Page:
    """A random sample, or the pictures nearest to words, to a picture, or to an upload."""
    args = asked.request.args
    words, item_id = (args.get("q") or "").strip(), args.get("id")
    number, with_sensitive = _number(args.get("page")), args.get("_sensitive") == "1"
    seed = args.get("seed")
    page = Page("glam_gallery.html", {**_about(asked), "q": words, "id": item_id})
    page.data["pictures"] = await asked.read(data.count, asked.place.collection)
    try:
        if asked.request.method == "POST":
            vector = await _uploaded(asked)
            page.data["uploaded"] = True
            number = 1
        elif words:
            vector = await _of_words(asked, words)
        elif item_id:
            vector = await asked.read(
                search.stored_vector, asked.place.collection, item_id
            )
        else:
            page.data["seed"] = _seed(seed)
            ids = await asked.read(
                data.sample,
                asked.place.collection,
                number=PAGE + 1,
                seed=page.data["seed"],
                skip=(number - 1) * PAGE,
            )
            return await _with_items(asked, page, [(i, None) for i in ids], number)
        hits = await _nearest(asked, vector, item_id, number, with_sensitive)
        return await _with_items(asked, page, hits, number)
    except Refused as refusal:
        page.status, page.message = refusal.status, str(refusal)
        page.headers = refusal.headers
    except UnknownItem as error:
        page.status, page.message = 404, error.message
    except GlamError as error:
        page.status = 503
        page.message = (
            f"Words and pictures cannot be searched here: {error.message} "
            "What is in the collection can still be compared: follow “similar”."
        )
    page.data.setdefault("items", [])
    return page


async def item(asked: Asked) -> Page:
    """One picture, its record, and the pictures most similar to it."""
    collection = asked.place.collection
    assert collection is not None
    item_id = tilde_decode(asked.request.url_vars["item"])
    row = await asked.read(data.item, collection, item_id)
    if row is None:
        raise NotFound(f"There is no picture {item_id} in {collection.name}")
    page = Page("glam_item.html", {**_about(asked), "item": row, "items": []})
    addresses.add(asked.datasette, asked.place.database, collection.name, [row])
    row["row_url"] = addresses.row(
        asked.datasette, asked.place.database, asked.place.table, item_id
    )
    file = await asked.read(data.file_of, collection, item_id)
    root = originals.root_of(asked.datasette, asked.place.table)
    if originals.path_of(root, file):
        row["larger_url"] = row["url"].replace("/item/", "/image/")
    if row["has_vector"]:
        vector = await asked.read(search.stored_vector, collection, item_id)
        hits = await _nearest(asked, vector, item_id, 1, False, NEIGHBOURS)
        page = await _with_items(asked, page, hits[:NEIGHBOURS], 1)
    return page


async def thumbnail(asked: Asked) -> Response:
    """A picture's thumbnail, to be kept for ever under its address."""
    item_id = tilde_decode(asked.request.url_vars["item"])
    row = await asked.read(data.thumbnail, asked.place.collection, item_id)
    if row is None:
        raise NotFound(f"There is no thumbnail of {item_id}")
    version = asked.request.args.get("v")
    is_versioned = version == addresses.version_of(row["image_md5"])
    age = "max-age=31536000, immutable" if is_versioned else "max-age=60"
    tag = f'"{row["image_md5"]}"'
    is_known = asked.request.headers.get("if-none-match") == tag
    return jpeg(asked, None if is_known else row["content"], tag=tag, age=age)


async def _of_words(asked: Asked, words: str) -> Any:
    if len(words) > LONGEST_QUERY:
        raise Refused(400, f"A query may have {LONGEST_QUERY:,} characters at most.")
    assert asked.place.collection is not None
    work = vectors.of(asked.datasette).of_words(asked.place.collection, words)
    return await _modelled(asked, work)


async def _uploaded(asked: Asked) -> Any:
    """The vector of the picture that a request carries; it is not kept anywhere."""
    assert asked.place.collection is not None
    body = await uploads.received(asked)
    async with vectors.of(asked.datasette).decoding() as may_decode:
        if not may_decode:
            raise _busy()
        try:
            small = await asked.timed(
                "decode",
                decoder.decode(body, asked.setting("max_upload_megapixels")),
            )
        except decoder.BadUpload as error:
            raise Refused(400, f"The picture cannot be used: {error}.") from error
    work = vectors.of(asked.datasette).of_picture(asked.place.collection, small)
    return await _modelled(asked, work)


async def _modelled(asked: Asked, work: Awaitable[Any]) -> Any:
    try:
        return await asked.timed("model", work)
    except vectors.Busy as error:
        raise _busy() from error


def _busy() -> Refused:
    headers = {"retry-after": "5"}
    return Refused(503, "Too many visitors search at once. Try again soon.", **headers)


async def _nearest(
    asked: Asked,
    vector: Any,
    skip_id: str | None,
    number: int,
    with_sensitive: bool,
    per_page: int = PAGE,
) -> list[tuple[str, float | None]]:
    """One more hit than the page shows, so that it is known whether there is a next one."""
    collection = asked.place.collection
    hidden = set()
    if not with_sensitive:
        hidden = await asked.read(data.sensitive_ids, collection)
    wanted = number * per_page + 1
    query = search.Query(
        vector, wanted + len(hidden), skip=[skip_id] if skip_id else []
    )
    work = vectors.of(asked.datasette).nearest(asked.place, query)
    hits = await asked.timed("index", work)
    shown = [(hit.id, hit.score) for hit in hits if hit.id not in hidden]
    return shown[(number - 1) * per_page : wanted]


async def _with_items(
    asked: Asked, page: Page, hits: list[tuple[str, float | None]], number: int
) -> Page:
    collection = asked.place.collection
    assert collection is not None
    shown = hits[:PAGE]
    cards = await asked.read(data.cards, collection, [item_id for item_id, _ in shown])
    scores = dict(shown)
    best = max((s for s in scores.values() if s is not None), default=0)
    worst = min((s for s in scores.values() if s is not None), default=0)
    for card in cards:
        score = scores[card["id"]]
        card["score"] = score
        if score is not None:
            span = best - worst
            card["bar"] = round((score - worst) / span, 3) if span > 0 else 1.0
    addresses.add(asked.datasette, asked.place.database, collection.name, cards)
    page.data["items"] = cards
    page.data["page"] = number
    more = len(hits) > PAGE and not page.data.get("uploaded")
    extra = {"seed": page.data["seed"]} if "seed" in page.data else {}
    page.data["next"] = (
        addresses.next_page(asked.request, number, **extra) if more else None
    )
    if not cards and page.message is None:
        page.message = "There are no more pictures." if number > 1 else NOTHING
    return page


def _about(asked: Asked) -> Row:
    collection = asked.place.collection
    assert collection is not None
    return {
        "database": asked.place.database,
        "collection": collection.name,
        "model": collection.model_id,
        "fingerprint": collection.fingerprint,
    }


def _number(text: str | None) -> int:
    return int(text) if text and WHOLE.fullmatch(text) else 1


def _seed(text: str | None) -> int:
    return int(text) if text and WHOLE.fullmatch(text) else random.randrange(1, 10_000)
