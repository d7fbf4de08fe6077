"""Datasette plugin that serves a similar-images site over picture collections."""

import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from datasette import hookimpl


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection, datasette: Any) -> None:
    """Register our SQL functions, after datasette-llm-embed has registered the one we limit."""
    from llm_glam.db import change_stamp

    from . import sql_functions
    from .access import llm_embed_guard

    for path in (row[2] for row in conn.execute("pragma database_list")):
        if path:
            change_stamp.of(Path(path))  # notes which file is open
    llm_embed_guard.guard_llm_embed(conn, datasette)
    sql_functions.register(conn, datasette)


@hookimpl
def startup(datasette: Any) -> None:
    """Have errors reported briefly, and those of SQL functions with their reason."""
    from . import compat

    compat.print_errors_briefly(datasette)
    compat.tell_errors_of_functions()


@hookimpl
def register_routes() -> list[tuple[str, Callable[..., Any]]]:
    """Register the site's pages, their JSON and their pictures."""
    from . import routes

    return routes.ROUTES


@hookimpl
def render_cell(
    row: Any, value: Any, column: str, table: str, database: str, datasette: Any
) -> Any:
    """Show a thumbnail in each row of an items table."""
    from . import native_tables

    return native_tables.thumbnail_cell(datasette, database, table, column, row, value)


@hookimpl
def table_actions(
    datasette: Any, actor: Any, database: str, table: str
) -> Callable[[], Awaitable[list[dict[str, str]]]]:
    """Add *Similar images* to the menu of an items table."""
    from . import native_tables

    return lambda: native_tables.table_links(datasette, database, table)


@hookimpl(optionalhook=True)
def row_actions(
    datasette: Any, actor: Any, database: str, table: str, row: Any
) -> Callable[[], Awaitable[list[dict[str, str]]]]:
    """Add *Similar images* to the menu of a row (Datasette 1.0)."""
    from . import native_tables

    return lambda: native_tables.row_links(datasette, database, table, row)


@hookimpl
def database_actions(
    datasette: Any, actor: Any, database: str
) -> Callable[[], Awaitable[list[dict[str, str]]]]:
    """Add *Picture collections* to the menu of a database that has some."""
    from . import native_tables

    return lambda: native_tables.database_links(datasette, database)


@hookimpl
def prepare_jinja2_environment(env: Any) -> None:
    """Register the filters that our templates use."""
    from . import native_tables
    from .web import urls

    env.filters["glam_ordered"] = native_tables.ordered
    env.filters["glam_facets"] = native_tables.facets_of_records
    env.filters["glam_link"] = urls.link
    env.filters["glam_encoded"] = urls.encoded
    env.filters["glam_near"] = urls.near


@hookimpl(optionalhook=True)
def skip_csrf(datasette: Any, scope: Any) -> bool:
    """Exempt uploads from the CSRF check of Datasette 0.65, which fails on forms with files.

    :func:`.uploads.is_cross_site` checks them instead. See
    https://github.com/simonw/asgi-csrf/issues/38.
    """
    from . import routes

    return routes.leads_to_gallery(datasette, scope)


@hookimpl(optionalhook=True)
def permission_allowed(
    datasette: Any, actor: Any, action: str, resource: Any
) -> Callable[[], Awaitable[bool | None]] | None:
    """Deny our tables and search indexes to those who may not view the items (Datasette 0.65)."""
    if action != "view-table" or not resource:
        return None
    if not (resource[1].startswith("glam_") or "_fts" in resource[1]):
        return None

    async def follow() -> bool | None:
        from .access import permissions

        allowed = await permissions.may_view_part(datasette, actor, *resource)
        return None if allowed else False

    return follow


@hookimpl
def filters_from_request(
    request: Any, database: str, datasette: Any
) -> Callable[[], Awaitable[None]] | None:
    """Refuse searches in full-text tables that the visitor may not view (Datasette 0.65)."""
    name = request.args.get("_fts_table")
    if not name:
        return None

    async def check() -> None:
        from .access import permissions

        await permissions.ensure_may_search(datasette, request.actor, database, name)

    return check


@hookimpl(optionalhook=True)
async def permission_resources_sql(datasette: Any, actor: Any, action: str) -> Any:
    """Deny the same tables to the same actors (Datasette 1.0)."""
    if action != "view-table":
        return None
    from . import compat
    from .access import permissions

    denied = await permissions.denied_tables(datasette, actor)
    return compat.denials(denied) if denied else None
