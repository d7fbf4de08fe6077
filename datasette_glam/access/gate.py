"""The permission check that every view passes before anything is read."""

from typing import Any

from datasette.utils.asgi import NotFound, Request
from sqlite_utils import Database

from llm_glam.db import collections
from llm_glam.db.collection import Collection

from .. import compat, required_columns
from . import settings
from .context import CollectionRequest, DatabaseRequest, SiteRequest, wrapped
from .restrictions import our_page

# The table that pages read beside the items table.
VECTORS = "embeddings"


async def enter_site(datasette: Any, request: Request) -> SiteRequest:
    """Check a request for a page about the whole site and return its context.

    :raises datasette.Forbidden: the actor may not view the site
    """
    await compat.ensure_can_view_instance(datasette, request.actor)
    return SiteRequest(datasette, request)


async def enter_database(datasette: Any, request: Request) -> DatabaseRequest:
    """Check a request for a page about the database in its URL and return its context.

    :raises datasette.Forbidden: the actor may not view the site, the database or its vectors
    :raises NotFound: there is no such database
    """
    database = SiteRequest(datasette, request).url_name("database")
    if database not in datasette.databases:
        raise NotFound(
            f"There is no database '{database}' here; the home page lists the databases."
        )
    with our_page():
        await compat.ensure_can_view(datasette, request.actor, database, [VECTORS])
    return DatabaseRequest(datasette, request, database, datasette.databases[database])


async def enter_collection(datasette: Any, request: Request) -> CollectionRequest:
    """Check a request for a page about the collection in its URL and return its context.

    :raises datasette.Forbidden: as for the database, or the actor may not view the items table
    :raises NotFound: there is no such database or collection, or its items table is damaged
    """
    found = await enter_database(datasette, request)
    name = found.url_name("collection")
    collection = await found.db.execute_fn(
        lambda conn: collections.find(wrapped(conn), name)
    )
    is_plain = collection and collection.is_ours and not collection.items_table
    if is_plain and await compat.may_run_sql(datasette, request.actor, found.database):
        raise NotFound(required_columns.why_not_shown(collection))
    is_shown = settings.of(datasette).has_pages(name)
    if not (is_shown and collection and collection.is_ours and collection.items_table):
        raise NotFound(
            f"There is no picture collection '{name}' in the database '{found.database}'; "
            "the database's page of pictures lists its collections."
        )
    page_request = found.of_collection(collection, collection.items_table)
    await _ensure_can_view_items(page_request)
    if not await found.db.execute_fn(
        lambda conn: required_columns.are_there(wrapped(conn), collection)
    ):
        raise NotFound(
            f"The table '{page_request.table}' with the records of the collection '{name}' is "
            "missing or lacks columns, so that it cannot be shown."
        )
    return page_request


async def enter_item(datasette: Any, request: Request) -> CollectionRequest:
    """Check a request for a page about the picture in its URL and return its context.

    :raises datasette.Forbidden: as for the collection
    :raises NotFound: there is no such collection, or no such picture that may be shown
    """
    found = await enter_collection(datasette, request)
    item_id = found.url_name("item")
    if await found.is_absent(item_id):
        raise NotFound(unknown_item(item_id, found.collection.name))
    return found


def unknown_item(item_id: str, collection: str) -> str:
    """Return what to tell those who ask for a picture that is not there."""
    return f"There is no picture '{item_id}' in the collection '{collection}'; search its gallery."


async def visible_databases(page_request: SiteRequest) -> list[DatabaseRequest]:
    """Return the context for each database whose vectors the actor may see."""
    from datasette import Forbidden

    datasette, request = page_request.datasette, page_request.request
    found = []
    for database, db in datasette.databases.items():
        try:
            with our_page():
                await compat.ensure_can_view(
                    datasette, request.actor, database, [VECTORS]
                )
        except Forbidden:
            continue
        times = page_request.times
        found.append(DatabaseRequest(datasette, request, database, db, times=times))
    return found


async def visible_collections(page_request: DatabaseRequest) -> list[CollectionRequest]:
    """Return the context for each collection of a database that the actor may see."""
    every = await page_request.db.execute_fn(lambda c: whole(wrapped(c)))
    found = [await _visible(page_request, collection) for collection in every]
    return [one for one in found if one]


async def sees_another_alike(page_request: CollectionRequest) -> bool:
    """Return whether the actor may see another collection of the checkpoint in the database."""
    own = page_request.collection
    for other in await page_request.db.execute_fn(
        lambda c: collections.every(wrapped(c))
    ):
        if other.embedding_space != own.embedding_space or other == own:
            continue
        one = await _visible(page_request, other)
        is_whole = one is not None and await one.read(required_columns.are_there)
        if is_whole:
            return True
    return False


async def _visible(
    page_request: DatabaseRequest, collection: Collection
) -> CollectionRequest | None:
    """Return the context for a collection; None where the actor may not see it."""
    from datasette import Forbidden

    table = collection.items_table
    if not table or not settings.of(page_request.datasette).has_pages(collection.name):
        return None
    one = page_request.of_collection(collection, table)
    try:
        await _ensure_can_view_items(one)
    except Forbidden:
        return None
    return one


async def _ensure_can_view_items(page_request: CollectionRequest) -> None:
    with our_page():
        await compat.ensure_can_view(
            page_request.datasette,
            page_request.request.actor,
            page_request.database,
            [page_request.table],
        )


def whole(db: Database) -> list[Collection]:
    """Return the picture collections whose records can be read."""
    return [
        c
        for c in collections.every(db)
        if c.items_table and required_columns.are_there(db, c)
    ]
