"""The one gate that every view passes: who may not view the tables sees nothing here."""

from dataclasses import dataclass
from typing import Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import NotFound, Request
from sqlite_utils import Database

from llm_glam.db import collections
from llm_glam.db.collection import Collection

from .. import compat, items

# What a page reads beside the items table.
VECTORS = "embeddings"


@dataclass(frozen=True)
class CollectionPlace:
    """A database and, but on the list of collections, a collection that may be seen.

    A page about the whole site has neither: its ``database`` is empty.
    """

    database: str
    db: Any
    collection: Collection | None = None

    @property
    def table(self) -> str:
        """The items table."""
        assert self.collection is not None
        return str(self.collection.items_table)


async def enter(datasette: Any, request: Request) -> CollectionPlace:
    """The place a request asks for, if its actor may see it.

    :raises datasette.Forbidden: the actor may not view site, database, vectors or items table
    :raises NotFound: there is no such database or collection of ours, or not its records
    """
    if "database" not in request.url_vars:
        await compat.ensure_can_view_instance(datasette, request.actor)
        return CollectionPlace("", None)
    database = tilde_decode(request.url_vars["database"])
    if database not in datasette.databases:
        raise NotFound(f"There is no database {database}")
    await compat.ensure_can_view(datasette, request.actor, database, [VECTORS])
    db = datasette.databases[database]
    if "collection" not in request.url_vars:
        return CollectionPlace(database, db)
    name = tilde_decode(request.url_vars["collection"])
    collection = await db.execute_fn(lambda conn: collections.find(wrapped(conn), name))
    if collection is None or not collection.is_ours or not collection.items_table:
        raise NotFound(f"There is no collection {name} of pictures in {database}")
    place = CollectionPlace(database, db, collection)
    await compat.ensure_can_view(datasette, request.actor, database, [place.table])
    if not await db.execute_fn(lambda conn: items.is_whole(wrapped(conn), collection)):
        raise NotFound(
            f"The table {place.table} with the records of {name} is gone or lacks columns"
        )
    return place


async def places(datasette: Any, request: Request) -> list[CollectionPlace]:
    """The databases that the actor may see, with their vectors."""
    from datasette import Forbidden

    found = []
    for database, db in datasette.databases.items():
        try:
            await compat.ensure_can_view(datasette, request.actor, database, [VECTORS])
        except Forbidden:
            continue
        found.append(CollectionPlace(database, db))
    return found


async def visible(
    datasette: Any, request: Request, place: CollectionPlace
) -> list[Collection]:
    """The collections of a database that the actor may see."""
    from datasette import Forbidden

    found = []
    for collection in await place.db.execute_fn(lambda c: whole(wrapped(c))):
        try:
            tables = [collection.items_table]
            await compat.ensure_can_view(
                datasette, request.actor, place.database, tables
            )
        except Forbidden:
            continue
        found.append(collection)
    return found


def whole(db: Database) -> list[Collection]:
    """The collections of ours whose records can be read."""
    return [c for c in collections.every(db) if c.items_table and items.is_whole(db, c)]


def wrapped(connection: Any) -> Database:
    """A connection of Datasette's as our functions want it; nothing is set on it."""
    return Database(connection, recursive_triggers=False, execute_plugins=False)
