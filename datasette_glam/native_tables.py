"""Additions to Datasette's own pages of items tables: thumbnails in rows, links in menus."""

import copy
from collections.abc import Awaitable, Callable
from typing import Any

from markupsafe import Markup
from sqlite_utils import Database

from llm_glam.db import collections, items
from llm_glam.db.collection import Collection
from llm_glam.db.sensitive import is_sensitive

from . import required_columns
from .access.context import wrapped
from .access.gate import whole
from .access.permissions import PREFIX
from .web import urls

Link = dict[str, str]

MIGRATIONS = "_sqlite_migrations"  # of LLM's tables and ours

# What Datasette calls the links to rows of a table without a primary key comes first.
FIRST = ("Link", "id", "file", "title")
LAST = dict.fromkeys(["caption", "rights", *items.OUR_COLUMNS, "file_name"])
PLACES = {name: len(FIRST) + 1 + n for n, name in enumerate(LAST)}
PLACES |= {name: n for n, name in enumerate(FIRST)}
# They describe files, or are different for each picture.
NOT_FACETS = {*items.IMAGE_COLUMNS, "id", "file", "file_name", "title", "sequence"}

PICTURE = Markup(
    '<img src="{}" alt="" loading="lazy" '
    'style="max-height: 80px; max-width: 120px; display: block">'
)
CELL = Markup(
    '<div style="white-space: nowrap; max-width: 20rem; overflow: hidden; '
    'text-overflow: ellipsis"><a href="{}">{}{}</a><br><a href="{}">Similar images</a></div>'
)


def is_bookkeeping(table: str) -> bool:
    """Return whether Datasette's list of tables need not show a table: people read none of them."""
    return table.lower().startswith(PREFIX) or table == MIGRATIONS


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
        return CELL.format(
            card["url"], picture, value or row["id"], card["similar_url"]
        )

    return cell


def ordered(
    columns: Any, rows: Any, request: Any = None
) -> tuple[list[Any], list[Any]] | None:
    """Return the columns and rows of a table of pictures in the order people want.

    That is id, file and title, then the columns of their records, then ours. The result is None
    for a table of another kind, and for one whose columns the visitor has chosen.

    :param columns: with ``name``, as Datasette's templates have them
    :param rows: lists of cells with ``column``; with Datasette 1.0, objects that have such lists
    """
    if not _are_pictures(columns) or (request and _are_chosen(request)):
        return None
    return sorted(columns, key=_place_of_column), [_ordered_row(row) for row in rows]


def facets_of_records(facets: Any, columns: Any) -> Any:
    """Return the facets that are suggested for a table; for pictures, those of their records."""
    if not _are_pictures(columns):
        return facets
    return [one for one in facets if one["name"].lower() not in NOT_FACETS]


def _are_pictures(columns: Any) -> bool:
    names = {column["name"] for column in columns or []}
    return required_columns.REQUIRED <= names


def _are_chosen(request: Any) -> bool:
    return "_col" in request.args or "_nocol" in request.args


def _ordered_row(row: Any) -> Any:
    cells = sorted(row, key=lambda cell: _place(cell["column"]))
    if isinstance(row, list):
        return cells
    copied = copy.copy(row)
    copied.cells = cells
    return copied


def _place_of_column(column: Any) -> int:
    return _place(column["name"])


def _place(name: str) -> int:
    return PLACES.get(name, len(FIRST))


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
