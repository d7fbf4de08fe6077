"""What the owner says in metadata.yml about the site, the database and the collection."""

from typing import Any

from markupsafe import Markup

from llm_glam.formats.tables import Row

from .. import compat
from ..access import settings
from ..access.context import CollectionRequest, DatabaseRequest, SiteRequest

UNNAMED = "Picture collections"
DESCRIPTIONS = ("description", "description_html")
# Each with its address; both are taken from the same place.
CREDITS = ("license", "source", "about")


async def of(page_request: SiteRequest) -> Row:
    """Return the names, the description and the credits of a page's collection, database or site.

    ``museum`` is the name of the whole site, ``list`` that of the database's collections, and
    ``title`` that of what the page is about. The licence, the source and what is said about it are
    those of the table, or else of the database, or else of the site.
    """
    database = (
        page_request.database if isinstance(page_request, DatabaseRequest) else None
    )
    table = page_request.table if isinstance(page_request, CollectionRequest) else None
    levels = await compat.metadata(page_request.datasette, database, table)
    said = [{k: _text(v) for k, v in level.items()} for level in levels]
    museum = said[-1].get("title")
    above = said[-2].get("title") if database is not None else None
    found = {
        "museum": museum,
        "list": above or museum or UNNAMED,
        "title": above or museum or UNNAMED,
        "footer": _credits(said),
        **_description(said[:-1] if database is not None else said),
    }
    if isinstance(page_request, CollectionRequest):
        found["title"] = _title(page_request, said[0].get("title"))
        found |= _description(said[:1])
    elif isinstance(page_request, DatabaseRequest) and not found["description"]:
        found |= _description(said)
    return found


def setting(page_request: CollectionRequest, name: str) -> Any:
    """Return a setting of ours for the items table, or else the database, or else the site."""
    levels = (
        (page_request.database, page_request.table),
        (page_request.database, None),
    )
    for database, table in levels:
        own = settings.config_of(
            page_request.datasette, database=database, table=table, fallback=False
        )
        if name in own:
            return own[name]
    return settings.config_of(page_request.datasette).get(name)


def _title(page_request: CollectionRequest, title: str | None) -> str:
    """Return a collection's title; one that shares its records with others has its name too."""
    name = page_request.collection.name
    if not title:
        return name
    return title if name == page_request.table else f"{title} ({name})"


def _description(said: list[dict[str, str]]) -> Row:
    """Return the first description, as plain text and as Datasette shows it."""
    for level in said:
        html, text = level.get("description_html"), level.get("description")
        if html:
            plain = Markup(html).striptags()
            return {"description": text or plain, "description_html": html}
        if text:
            return {"description": text, "description_html": None}
    return dict.fromkeys(DESCRIPTIONS)


def _credits(said: list[dict[str, str]]) -> dict[str, str]:
    """Return licence, source and about, each with its address, as Datasette's footer takes them."""
    found: dict[str, str] = {}
    for name in CREDITS:
        both = (name, f"{name}_url")
        level = next((one for one in said if any(map(one.get, both))), {})
        found |= {key: level[key] for key in both if level.get(key)}
    return found


def _text(value: Any) -> str:
    return "" if isinstance(value, dict | list) or value is None else str(value)
