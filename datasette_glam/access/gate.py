"""The one gate that every view passes: who may not view the tables sees nothing here."""

from typing import Any

from datasette.utils.asgi import NotFound, Request
from sqlite_utils import Database

from llm_glam.db import collections
from llm_glam.db.collection import Collection

from .. import compat, items
from .context import CollectionRequest, DatabaseRequest, SiteRequest, wrapped

# What a page reads beside the items table.
VECTORS = "embeddings"


async def enter_site(datasette: Any, request: Request) -> SiteRequest:
    """Let in a request for a page about the whole site.

    :raises datasette.Forbidden: the actor may not view the site
    """
    await compat.ensure_can_view_instance(datasette, request.actor)
    return SiteRequest(datasette, request)


async def enter_database(datasette: Any, request: Request) -> DatabaseRequest:
    """Let in a request for a page about the database in its URL.

    :raises datasette.Forbidden: the actor may not view the site, the database or its vectors
    :raises NotFound: there is no such database
    """
    database = SiteRequest(datasette, request).url_name("database")
    if database not in datasette.databases:
        raise NotFound(f"There is no database {database}")
    await compat.ensure_can_view(datasette, request.actor, database, [VECTORS])
    return DatabaseRequest(datasette, request, database, datasette.databases[database])


async def enter_collection(datasette: Any, request: Request) -> CollectionRequest:
    """Let in a request for a page about the collection in its URL.

    :raises datasette.Forbidden: as above, or the actor may not view the items table
    :raises NotFound: there is no such database or collection of ours, or not its records
    """
    found = await enter_database(datasette, request)
    name = found.url_name("collection")
    collection = await found.db.execute_fn(
        lambda conn: collections.find(wrapped(conn), name)
    )
    if collection is None or not collection.is_ours or not collection.items_table:
        raise NotFound(f"There is no collection {name} of pictures in {found.database}")
    page_request = found.of_collection(collection, collection.items_table)
    await _ensure_can_view_items(page_request)
    if not await found.db.execute_fn(
        lambda conn: items.is_whole(wrapped(conn), collection)
    ):
        raise NotFound(
            f"The table {page_request.table} with the records of {name} is gone or lacks columns"
        )
    return page_request


async def visible_databases(page_request: SiteRequest) -> list[DatabaseRequest]:
    """Return the request for each database whose vectors the actor may see."""
    from datasette import Forbidden

    datasette, request = page_request.datasette, page_request.request
    found = []
    for database, db in datasette.databases.items():
        try:
            await compat.ensure_can_view(datasette, request.actor, database, [VECTORS])
        except Forbidden:
            continue
        found.append(DatabaseRequest(datasette, request, database, db))
    return found


async def visible_collections(page_request: DatabaseRequest) -> list[CollectionRequest]:
    """Return the request for each collection of a database that the actor may see."""
    from datasette import Forbidden

    found = []
    for collection in await page_request.db.execute_fn(lambda c: whole(wrapped(c))):
        one = page_request.of_collection(collection, collection.items_table)
        try:
            await _ensure_can_view_items(one)
        except Forbidden:
            continue
        found.append(one)
    return found


async def _ensure_can_view_items(page_request: CollectionRequest) -> None:
    await compat.ensure_can_view(
        page_request.datasette,
        page_request.request.actor,
        page_request.database,
        [page_request.table],
    )


def whole(db: Database) -> list[Collection]:
    """The collections of ours whose records can be read."""
    return [c for c in collections.every(db) if c.items_table and items.is_whole(db, c)]
