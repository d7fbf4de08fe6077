"""The pages: each a function that gives its data, shown as HTML or as its JSON twin."""

from dataclasses import replace
from typing import Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import NotFound, Response

from llm_glam.db import embeddings

from .. import items
from ..access import gate
from ..media import originals
from ..web import cache, urls
from ..web.request import Page, PageRequest, jpeg
from . import model
from .gallery import results
from .gallery.view import about

NEIGHBOURS = 24

Row = dict[str, Any]


async def collections(page_request: PageRequest) -> Page:
    """The collections of a database."""
    place = page_request.place
    found = await gate.visible(page_request.datasette, page_request.request, place)
    kept = cache.of(page_request.datasette)
    rows = []
    for collection in found:
        of_it = replace(page_request, place=replace(place, collection=collection))
        row = await kept.read(of_it, "overview", items.overview)
        rows.append(row)
        row["url"] = urls.collection(
            page_request.datasette, place.database, row["name"]
        )
        row["model_url"] = model.address(page_request.datasette, row["model"])
        urls.add(page_request.datasette, place.database, row["name"], row["items"])
    return Page(
        "glam_collections.html", {"database": place.database, "collections": rows}
    )


async def item(page_request: PageRequest) -> Page:
    """One picture, its record, and the pictures most similar to it."""
    collection = page_request.place.collection
    assert collection is not None
    item_id = tilde_decode(page_request.request.url_vars["item"])
    row = await page_request.read(items.item, collection, item_id)
    if row is None:
        raise NotFound(f"There is no picture {item_id} in {collection.name}")
    page = Page("glam_item.html", {**about(page_request), "item": row, "items": []})
    urls.add(
        page_request.datasette, page_request.place.database, collection.name, [row]
    )
    row["row_url"] = urls.row(
        page_request.datasette,
        page_request.place.database,
        page_request.place.table,
        item_id,
    )
    file = await page_request.read(items.file_of, collection, item_id)
    root = originals.root_of(page_request.datasette, page_request.place.table)
    if originals.path_of(root, file):
        row["larger_url"] = row["url"].replace("/item/", "/image/")
    if row["has_vector"]:
        vector = await page_request.read(embeddings.stored_vector, collection, item_id)
        hits = await results.nearest(page_request, vector, NEIGHBOURS, skip=[item_id])
        scores: dict[str, float | None] = {hit.id: hit.score for hit in hits}
        page.data["items"] = await results.cards(page_request, scores)
    return page


async def thumbnail(page_request: PageRequest) -> Response:
    """A picture's thumbnail, to be kept for ever under its address."""
    item_id = tilde_decode(page_request.request.url_vars["item"])
    row = await page_request.read(
        items.thumbnail, page_request.place.collection, item_id
    )
    if row is None:
        raise NotFound(f"There is no thumbnail of {item_id}")
    version = page_request.request.args.get("v")
    is_versioned = version == urls.version_of(row["image_md5"])
    age = "max-age=31536000, immutable" if is_versioned else "max-age=60"
    tag = f'"{row["image_md5"]}"'
    is_known = page_request.request.headers.get("if-none-match") == tag
    return jpeg(page_request, None if is_known else row["content"], tag=tag, age=age)
