"""The ``glam_*`` tables follow their items tables: thumbnails and labels of what nobody may see.

They hold rows of all sets of a database, so that who may view them must be allowed to view each
items table of it.
"""

from contextvars import ContextVar
from typing import Any

from llm_glam.db import collections

from .. import compat
from .context import wrapped

PREFIX = "glam_"
_asking: ContextVar[bool] = ContextVar("asking", default=False)


async def may_view(datasette: Any, actor: Any, database: str) -> bool:
    """May the actor view all items tables of a database?"""
    for table in await _items_tables(datasette, database):
        if not await compat.can_view(datasette, actor, database, table):
            return False
    return True


async def may_view_part(datasette: Any, actor: Any, database: str, table: str) -> bool:
    """May the actor view one of our tables, or the search index of an items table?"""
    if table.startswith(PREFIX):
        return await may_view(datasette, actor, database)
    for items_table in await _items_tables(datasette, database):
        if table.startswith(f"{items_table}_fts"):
            return await compat.can_view(datasette, actor, database, items_table)
    return True


async def denied_databases(datasette: Any, actor: Any) -> list[tuple[str, str]]:
    """Database and name of each of our tables that the actor may not view (Datasette 1.0)."""
    if _asking.get():
        return []
    token = _asking.set(True)
    try:
        return [
            (database, table)
            for database in datasette.databases
            if not await may_view(datasette, actor, database)
            for table in await _our_tables(datasette, database)
        ]
    finally:
        _asking.reset(token)


async def _items_tables(datasette: Any, database: str) -> set[str]:
    db = datasette.databases[database]
    found = await db.execute_fn(lambda conn: collections.every(wrapped(conn)))
    return {c.items_table for c in found if c.items_table}


async def _our_tables(datasette: Any, database: str) -> list[str]:
    names = await datasette.databases[database].table_names()
    return [name for name in names if name.startswith(PREFIX)]
