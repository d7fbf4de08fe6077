"""Permissions for the ``glam_*`` tables, which hold thumbnails and labels of all items.

They have rows of all items tables of a database, so an actor may view them only if they may view
every one of these.
"""

from contextvars import ContextVar
from typing import Any

from llm_glam.db import collections

from .. import compat
from .context import wrapped

PREFIX = "glam_"
# Checking permissions runs the hook that checks permissions.
_is_checking: ContextVar[bool] = ContextVar("is_checking", default=False)


async def may_view(datasette: Any, actor: Any, database: str) -> bool:
    """Return whether the actor may view all items tables of a database."""
    for table in await _items_tables(datasette, database):
        if not await compat.can_view(datasette, actor, database, table):
            return False
    return True


async def may_view_part(datasette: Any, actor: Any, database: str, table: str) -> bool:
    """Return whether the actor may view one of our tables or an items table's search index."""
    if table.startswith(PREFIX):
        return await may_view(datasette, actor, database)
    for items_table in await _items_tables(datasette, database):
        if table.startswith(f"{items_table}_fts"):
            return await compat.can_view(datasette, actor, database, items_table)
    return True


async def denied_databases(datasette: Any, actor: Any) -> list[tuple[str, str]]:
    """Return database and name of each of our tables that is denied to the actor (Datasette 1.0)."""
    if _is_checking.get():
        return []
    token = _is_checking.set(True)
    try:
        return [
            (database, table)
            for database in datasette.databases
            if not await may_view(datasette, actor, database)
            for table in await _our_tables(datasette, database)
        ]
    finally:
        _is_checking.reset(token)


async def _items_tables(datasette: Any, database: str) -> set[str]:
    db = datasette.databases[database]
    found = await db.execute_fn(lambda conn: collections.every(wrapped(conn)))
    return {c.items_table for c in found if c.items_table}


async def _our_tables(datasette: Any, database: str) -> list[str]:
    names = await datasette.databases[database].table_names()
    return [name for name in names if name.startswith(PREFIX)]
