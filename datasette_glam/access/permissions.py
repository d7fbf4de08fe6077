"""Permissions for the tables with parts of items tables: ``glam_*`` and the full-text tables.

The ``glam_*`` tables hold thumbnails, labels and records of all items tables of a database, so an
actor may view them only if they may view every one of these. What was an items table stays one
when its collection is deleted. Rows of an items table that does not exist any more are closed to
everybody, since nothing says who may view them.
"""

from contextvars import ContextVar
from typing import Any

from sqlite_utils import Database

from llm_glam.db import full_text, items

from .. import compat
from . import restrictions
from .context import wrapped

PREFIX = "glam_"
# Checking permissions runs the hook that checks permissions.
_is_checking: ContextVar[bool] = ContextVar("is_checking", default=False)


async def may_view_part(datasette: Any, actor: Any, database: str, table: str) -> bool:
    """Return whether the actor may view a table, if it is one with parts of items tables."""
    needed = await restrictions.read_everything(
        datasette, database, lambda conn: _needed(wrapped(conn), [table])
    )
    return await _may_view_all(datasette, actor, database, needed[table])


async def ensure_may_search(
    datasette: Any, actor: Any, database: str, name: str
) -> None:
    """Check that the actor may view the full-text table that a request names for its search.

    Datasette 0.65 does not check it, so that any table that they may view would tell which words
    occur in those that they may not view.

    :raises datasette.Forbidden: they may not
    """
    from datasette import Forbidden

    for table in await datasette.databases[database].table_names():
        if table.lower() == name.lower():  # as SQLite compares names
            if not await compat.can_view(datasette, actor, database, table):
                raise Forbidden(f"You may not search in {name}")


async def denied_tables(datasette: Any, actor: Any) -> list[tuple[str, str]]:
    """Return the database and the name of each table with parts that is denied (Datasette 1.0)."""
    if _is_checking.get():
        return []
    token = _is_checking.set(True)
    try:
        return [
            (database, table)
            for database in datasette.databases
            for table in await _denied(datasette, actor, database)
        ]
    finally:
        _is_checking.reset(token)


async def closed_tables(datasette: Any, action: str) -> list[tuple[str, str]]:
    """Return the database and the name of each table on which an action is closed to everybody."""
    return [
        (name, table)
        for name, db in datasette.databases.items()
        for table in [*await db.table_names(), *await db.view_names()]
        if restrictions.closes(datasette, action, name, table)
    ]


async def _denied(datasette: Any, actor: Any, database: str) -> list[str]:
    db = datasette.databases[database]
    if restrictions.closes(datasette, restrictions.VIEW, database, None):
        return [*await db.table_names(), *await db.view_names()]
    needed = await restrictions.read_everything(
        datasette, database, lambda conn: _needed(wrapped(conn))
    )
    may = {
        tables: await _may_view_all(datasette, actor, database, tables)
        for tables in set(needed.values())
    }
    return [
        table
        for table, tables in needed.items()
        if not may[tables]
        or restrictions.closes(datasette, restrictions.VIEW, database, table)
    ]


async def _may_view_all(
    datasette: Any, actor: Any, database: str, tables: frozenset[str | None]
) -> bool:
    for table in tables:
        if table is None:
            return False
        if not await compat.can_view(datasette, actor, database, table):
            return False
    return True


def _needed(
    db: Database, tables: list[str] | None = None
) -> dict[str, frozenset[str | None]]:
    """Return, for each table, the items tables that one must be allowed to view; None is a lost one.

    :param tables: all tables of the database if left out
    """
    existing = set(db.table_names())
    names = {n for n in items.every(db) | items.named(db) if not n.startswith(PREFIX)}
    owners = {name: name if name in existing else None for name in names}
    everything = frozenset(owners.values())
    parts = {
        part: frozenset([owner])
        for name, owner in owners.items()
        for part in full_text.tables_of(name)
    }
    return {
        table: everything if table.startswith(PREFIX) else parts.get(table, frozenset())
        for table in tables or existing
    }
