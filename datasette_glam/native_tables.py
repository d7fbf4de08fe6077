"""Additions to Datasette's own pages of items tables: thumbnails in rows, links in menus."""

from collections.abc import Awaitable, Callable
from typing import Any

from markupsafe import Markup
from sqlite_utils import Database

from llm_glam.db import collections
from llm_glam.db.collection import Collection
from llm_glam.db.sensitive import is_sensitive

from . import required_columns
from .access.context import wrapped
from .access.gate import whole
from .web import urls

Link = dict[str, str]

PICTURE = Markup(
    '<img src="{}" alt="" loading="lazy" '
    'style="max-height: 80px; max-width: 120px; display: block">'
)


async def _collection_of(
    datasette: Any, database: str, table: str
) -> Collection | None:
    """Return a collection that embeds this items table."""
    if table is None or database not in datasette.databases:
        return None
    db = datasette.get_database(database)
    return await db.execute_fn(lambda conn: _found(wrapped(conn), table))


def _found(db: Database, table: str) -> Collection | None:
    sharing = collections.sharing(db, table)
    return (
        sharing[0] if sharing and required_columns.are_there(db, sharing[0]) else None
    )


def thumbnail_cell(
    datasette: Any, database: str, table: str, column: str, row: Any, value: Any
) -> Callable[[], Awaitable[Markup | None]] | None:
    """Return a cell with the thumbnail beside the file name; None for all other cells.

    Datasette shows a primary key as a link of its own, which plugins cannot change.
    """
    if column != "file" or not table or "id" not in row.keys():
        return None

    async def cell() -> Markup | None:
        collection = await _collection_of(datasette, database, table)
        if collection is None:
            return None
        card = {"id": row["id"], "thumbnail_md5": "of this row"}
        urls.add(datasette, database, collection.name, [card])
        address = card["thumbnail_url"].partition("?")[0]
        is_hidden = "sensitive" not in row.keys() or is_sensitive(row["sensitive"])
        picture = "" if is_hidden else PICTURE.format(address)
        return Markup('<a href="{}">{}{}</a> <a href="{}">Similar images</a>').format(
            card["url"], picture, value or row["id"], card["similar_url"]
        )

    return cell


async def table_links(datasette: Any, database: str, table: str) -> list[Link]:
    """Return the links for the menu of a table."""
    collection = await _collection_of(datasette, database, table)
    if collection is None:
        return []
    href = urls.collection(datasette, database, collection.name)
    return [{"href": href, "label": "Similar images"}]


async def row_links(datasette: Any, database: str, table: str, row: Any) -> list[Link]:
    """Return the links for the menu of a row."""
    collection = await _collection_of(datasette, database, table)
    if collection is None:
        return []
    href = urls.similar(datasette, database, collection.name, row["id"])
    return [{"href": href, "label": "Similar images"}]


async def database_links(datasette: Any, database: str) -> list[Link]:
    """Return the links for the menu of a database."""
    db = datasette.get_database(database)
    found = await db.execute_fn(lambda conn: whole(wrapped(conn)))
    if not found:
        return []
    href = urls.collections(datasette, database)
    return [{"href": href, "label": "Picture collections"}]
