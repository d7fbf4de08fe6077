"""The list of collections, the page of a picture, and thumbnails."""

from functools import partial
from urllib.parse import urlencode

from datasette.utils.asgi import NotFound, Response

from llm_glam.db import embeddings
from llm_glam.formats.tables import Row

from .. import compat, items, required_columns
from ..access import gate
from ..access.context import (
    CollectionRequest,
    DatabaseRequest,
    SiteRequest,
    wrapped,
)
from ..media import decoder_process, originals, tile_process
from ..web import cache, card_text, head, headers, metadata, urls
from ..web.page import Page, jpeg
from . import groups, model, record
from .gallery import neighbours, results
from .gallery.view import about

NEIGHBOURS = 24


async def collections(page_request: DatabaseRequest) -> Page:
    """Return the list of a database's collections."""
    datasette, database = page_request.datasette, page_request.database
    found = await gate.visible_collections(page_request)
    page = await listed(page_request, found, urls.collections(datasette, database))
    page.data["database"] = database
    page.data["without_records"] = await _without_records(page_request)
    return page


async def listed(
    page_request: SiteRequest, found: list[CollectionRequest], address: str
) -> Page:
    """Return a list of collections; ``address`` is the list's own."""
    datasette = page_request.datasette
    cached = cache.of(datasette)
    rows = []
    for one in found:
        shown = partial(items.overview, with_sensitive=one.may_show_sensitive)
        row = await cached.read(one, "overview", shown)
        rows.append(row)
        row["url"] = urls.collection(datasette, one.database, row["name"])
        row["model_url"] = model.address(datasette, row["model"])
        await card_text.add(one, row["items"])
        urls.add(datasette, one.database, row["name"], row["items"])
        said = await metadata.of(one)
        row |= {"title": said["title"], "description": said["description"]}
    said = await metadata.of(page_request)
    data = {
        "title": said["title"],
        "description": said["description"],
        "collections": rows,
        "without_records": [],
    }
    page = Page("glam_collections.html", data)
    if not page_request.format:
        by_checkpoint = groups.of(found)
        page.form["search_all"] = await groups.form(page_request, by_checkpoint)
    page.form["head"] = head.of_page(
        *(page_request, address),
        title=said["title"],
        description=said["description"],
        picture=head.first_shown(card for row in rows for card in row["items"]),
    )
    return page


async def _without_records(page_request: DatabaseRequest) -> list[Row]:
    """Return the collections that cannot be shown, for those who may read their names in SQL."""
    datasette, actor = page_request.datasette, page_request.request.actor
    if not await compat.may_run_sql(datasette, actor, page_request.database):
        return []
    found: list[Row] = await page_request.db.execute_fn(
        lambda conn: required_columns.without_records(wrapped(conn))
    )
    return found


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
        items.further_records, item_id, page_request.hidden
    )
    data = {**await about(page_request), "item": row, "items": []}
    page = Page("glam_item.html", data)
    urls.add(datasette, database, name, [row])
    row["row_url"] = None
    if page_request.has_open_tables:
        row["row_url"] = urls.row(datasette, database, page_request.table, item_id)
    is_at_hand = await originals.find(page_request, item_id) is not None
    if is_at_hand:
        row["larger_url"] = urls.image(datasette, database, name, item_id)
    elif not row["thumbnail_url"] and headers.is_on_picture_host(
        datasette, row["image_url"]
    ):
        row["larger_url"] = row["image_url"]
    if not page_request.format:
        page.form = await _for_people(page_request, row, headings)
        page.form["picture"] = _picture(row, is_at_hand)
        page.form["tiles"] = _tiles(page_request, row, is_at_hand)
        if row["has_vector"]:
            everywhere = await groups.similar_address(page_request, item_id)
            page.form["everywhere_url"] = everywhere
        if is_at_hand and await originals.may_download(page_request, item_id):
            page.form["download"] = f"{row['larger_url']}?download=1"
    if row["has_vector"]:
        vector = await page_request.read(embeddings.stored_vector, item_id)
        hits = await results.nearest(page_request, vector, NEIGHBOURS, skip=[item_id])
        scores: dict[str, float | None] = {hit.id: hit.score for hit in hits}
        query = "" if page_request.format else urlencode({"id": item_id})
        best = hits[0].score if hits else 0
        page.data["items"] = await results.cards(page_request, scores, best, query)
    return page


async def _for_people(
    page_request: CollectionRequest, row: Row, headings: dict[str, str]
) -> Row:
    """Return what only the HTML of a picture's page needs.

    :param row: what JSON says of the picture
    """
    item_id = row["id"]
    known = await page_request.read(head.standard, item_id)
    fields = await page_request.read(items.fields, item_id, headings)
    said = head.of_item(page_request, row, known)
    site = await metadata.of(page_request)
    return {
        "head": said,
        "record": record.rows(page_request, fields, await page_request.columns()),
        "further_records": [
            {record.label(name): value for name, value in one.items()}
            for one in row["further_records"]
        ],
        "rights_url": record.rights_address(row["rights"]),
        "citation": record.citation(known, site["museum"], item_id, said["canonical"]),
        "place": await neighbours.of(page_request, item_id),
    }


def _picture(row: Row, is_at_hand: bool) -> Row:
    """Return the picture to show, its size, and the address at which it is larger.

    ``below`` is shown until it is there, or if it cannot be decoded.

    :param is_at_hand: whether there is the original, and not only an address on another site
    """
    larger = row.get("larger_url")
    whole = originals.size_of(row)
    if not larger:
        own = row["width"], row["height"]
        return {"src": row["thumbnail_url"], "size": own, "larger": None, "below": None}
    size = (
        decoder_process.smaller(whole, originals.SIDE)
        if whole and is_at_hand
        else whole
    )
    below = None if row["sensitive"] else row["thumbnail_url"]
    return {"src": larger, "size": size, "larger": larger, "below": below}


def _tiles(page_request: CollectionRequest, row: Row, is_at_hand: bool) -> Row | None:
    """Return the address of a picture's tiles and its size, if it is larger than what is shown."""
    size = originals.size_of(row)
    if not is_at_hand or size is None or min(size) <= originals.SIDE:
        return None
    place = page_request.datasette, page_request.database, page_request.collection.name
    return {
        "url": urls.tiles(*place, row["id"]),
        "size": size,
        "side": tile_process.TILE,
    }


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
