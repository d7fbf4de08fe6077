"""Datasette's own pages of an items table: thumbnails in its rows, links in its menus."""

from collections.abc import Awaitable, Callable
from typing import Any

from markupsafe import Markup
from sqlite_utils import Database

from llm_glam.db import collections, filters
from llm_glam.db.collection import Collection

from . import items
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
    """A collection that embeds this items table."""
    if table is None or database not in datasette.databases:
        return None
    db = datasette.get_database(database)
    return await db.execute_fn(lambda conn: _found(wrapped(conn), table))


def _found(db: Database, table: str) -> Collection | None:
    those = collections.sharing(db, table)
    return those[0] if those and items.is_whole(db, those[0]) else None


def thumbnail_cell(
    datasette: Any, database: str, table: str, column: str, row: Any, value: Any
) -> Callable[[], Awaitable[Markup | None]] | None:
    """The picture beside the name of its file; other columns and tables as they are.

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
        is_sensitive = "sensitive" not in row.keys() or filters.is_sensitive(
            row["sensitive"]
        )
        picture = "" if is_sensitive else PICTURE.format(address)
        return Markup('<a href="{}">{}{}</a> <a href="{}">Similar images</a>').format(
            card["url"], picture, value or row["id"], card["similar_url"]
        )

    return cell


async def table_links(datasette: Any, database: str, table: str) -> list[Link]:
    """For the menu of a table."""
    collection = await _collection_of(datasette, database, table)
    if collection is None:
        return []
    href = urls.collection(datasette, database, collection.name)
    return [{"href": href, "label": "Similar images"}]


async def row_links(datasette: Any, database: str, table: str, row: Any) -> list[Link]:
    """For the menu of a row."""
    collection = await _collection_of(datasette, database, table)
    if collection is None:
        return []
    href = urls.similar(datasette, database, collection.name, row["id"])
    return [{"href": href, "label": "Similar images"}]


async def database_links(datasette: Any, database: str) -> list[Link]:
    """For the menu of a database."""
    db = datasette.get_database(database)
    found = await db.execute_fn(lambda conn: whole(wrapped(conn)))
    if not found:
        return []
    href = urls.collections(datasette, database)
    return [{"href": href, "label": "Picture collections"}]
