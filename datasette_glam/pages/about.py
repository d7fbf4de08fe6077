"""The page *About this search*: what it understands, how it was tested, and whom to ask."""

import re

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import sources
from llm_glam.db.collection import Collection
from llm_glam.db.sensitive import SHOWABLE
from llm_glam.formats.tables import Row

from ..access.context import CollectionRequest
from ..web import cache, head, metadata, urls
from ..web.markdown import is_web
from ..web.page import Page
from . import search_summary
from .gallery.view import about as about_collection
from .gallery.view import count

MOST_RIGHTS = 20
EMAIL = re.compile(r"[^\s@<>\"]+@[^\s@<>\"]+\.[^\s@<>\"]+")
KINDS = {
    sources.SHEET: "spreadsheets and metadata files",
    sources.TEXT: "texts",
    sources.EMBEDDED: "what is written in the pictures themselves",
    sources.PERSON: "edits by hand",
}


async def about(page_request: CollectionRequest) -> Page:
    """Return the page about the search of a collection."""
    cached = cache.of(page_request.datasette)
    contact = metadata.setting(page_request, "contact")
    data = {
        **await about_collection(page_request),
        **await search_summary.of(page_request),
        "pictures": await count(page_request),
        "sources": await cached.get(
            *(page_request, "sources"),
            lambda: page_request.read_everything(
                _sources, with_sensitive=page_request.may_show_sensitive
            ),
        ),
        "rights": await cached.read(page_request, "rights", _rights),
        "contact": str(contact) if contact else None,
        "contact_url": _address(str(contact or "")),
    }
    page = Page("glam_about.html", data)
    gallery = urls.collection(
        *(page_request.datasette, page_request.database, page_request.collection.name)
    )
    page.form["languages"] = search_summary.in_words(data["languages"])
    page.form["kinds"] = KINDS
    page.form["head"] = head.of_page(
        page_request, f"{gallery}/about", title=f"About the search in {data['title']}"
    )
    return page


def _sources(
    db: Database, collection: Collection, *, with_sensitive: bool
) -> list[Row]:
    """Return how many records each kind of source has; paths and names of files are left out."""
    found: dict[str, Row] = {}
    table = str(collection.items_table)
    for row in sources.every(db, table, with_sensitive=with_sensitive):
        new = {"kind": row["kind"], "sources": 0, "records": 0, "added": ""}
        kind = found.setdefault(row["kind"], new)
        kind["sources"] += 1
        kind["records"] += row["records"]
        kind["added"] = max(kind["added"], row["added"] or "")
    return list(found.values())


def _rights(db: Database, collection: Collection) -> list[Row]:
    """Return how many pictures have each statement of rights, the most frequent first."""
    sql = f"""
        select nullif(trim(rights), '') as rights, count(*) as pictures
        from {quote_identifier(str(collection.items_table))} where {SHOWABLE} group by 1 order by 2 desc, 1
    """
    rows: list[Row] = list(db.query(sql))
    others = sum(row["pictures"] for row in rows[MOST_RIGHTS:])
    rest = [{"rights": "others", "pictures": others}] if others else []
    return [*rows[:MOST_RIGHTS], *rest]


def _address(contact: str) -> str | None:
    if EMAIL.fullmatch(contact):
        return f"mailto:{contact}"
    return contact if is_web(contact) else None
