"""The list of collections, the page of a picture, and thumbnails."""

from functools import partial

from datasette.utils.asgi import NotFound, Response

from llm_glam.db import embeddings

from .. import items
from ..access import gate
from ..access.context import CollectionRequest, DatabaseRequest, SiteRequest
from ..media import originals
from ..web import cache, headers, urls
from ..web.page import Page, jpeg
from . import model
from .gallery import results
from .gallery.view import about

NEIGHBOURS = 24


async def collections(page_request: DatabaseRequest) -> Page:
    """Return the list of a database's collections."""
    page = await listed(page_request, await gate.visible_collections(page_request))
    page.data["database"] = page_request.database
    return page


async def listed(page_request: SiteRequest, found: list[CollectionRequest]) -> Page:
    """Return a list of collections."""
    datasette = page_request.datasette
    cached = cache.of(datasette)
    rows = []
    for one in found:
        shown = partial(items.overview, with_sensitive=one.may_show_sensitive)
        row = await cached.read(one, "overview", shown)
        rows.append(row)
        row["url"] = urls.collection(datasette, one.database, row["name"])
        row["model_url"] = model.address(datasette, row["model"])
        urls.add(datasette, one.database, row["name"], row["items"])
    return Page("glam_collections.html", {"database": None, "collections": rows})


async def item(page_request: CollectionRequest) -> Page:
    """Return the page of a picture: its record and the pictures most similar to it."""
    datasette, database = page_request.datasette, page_request.database
    name = page_request.collection.name
    item_id = page_request.url_name("item")
    headings = await page_request.read_everything(items.headings)
    row = await page_request.read(items.item, item_id, headings)
    if row is None:
        raise NotFound(gate.unknown_item(item_id, name))
    row["further_records"] = await page_request.read_everything(
        items.further_records, item_id, await page_request.hidden_columns()
    )
    page = Page("glam_item.html", {**about(page_request), "item": row, "items": []})
    urls.add(datasette, database, name, [row])
    row["row_url"] = urls.row(datasette, database, page_request.table, item_id)
    file = await page_request.read(items.file_of, item_id)
    root = originals.root_of(datasette, page_request.table)
    if originals.path_of(root, file):
        row["larger_url"] = row["url"].replace("/item/", "/image/")
    elif not row["thumbnail_url"] and headers.is_on_picture_host(
        datasette, row["image_url"]
    ):
        row["larger_url"] = row["image_url"]
    if row["has_vector"]:
        vector = await page_request.read(embeddings.stored_vector, item_id)
        hits = await results.nearest(page_request, vector, NEIGHBOURS, skip=[item_id])
        scores: dict[str, float | None] = {hit.id: hit.score for hit in hits}
        page.data["items"] = await results.cards(page_request, scores)
    return page


async def thumbnail(page_request: CollectionRequest) -> Response:
    """Return a picture's thumbnail, which may be cached for ever under its versioned URL."""
    item_id = page_request.url_name("item")
    row = await page_request.read(items.thumbnail, item_id)
    if row is None:
        raise NotFound(
            f"There is no thumbnail of '{item_id}'; its page shows what there is."
        )
    version = page_request.request.args.get("v")
    is_versioned = version == urls.version_of(row["image_md5"])
    age = "max-age=31536000, immutable" if is_versioned else "max-age=60"
    tag = f'"{row["image_md5"]}"'
    is_known = page_request.request.headers.get("if-none-match") == tag
    return jpeg(page_request, None if is_known else row["content"], tag=tag, age=age)
