"""Datasette plugin that serves a similar-images site over picture collections."""

import sqlite3
from collections.abc import Awaitable, Callable, Generator
from pathlib import Path
from typing import Any

from datasette import hookimpl


@hookimpl(trylast=True)
def prepare_connection(
    conn: sqlite3.Connection, database: str | None, datasette: Any
) -> None:
    """Register our SQL functions, after datasette-llm-embed has registered the one we limit.

    What is closed to everybody is closed in SQL, too.
    """
    from llm_glam.db import change_stamp

    from . import sql_functions
    from .access import llm_embed_guard, restrictions

    for path in (row[2] for row in conn.execute("pragma database_list")):
        if path:
            change_stamp.of(Path(path))  # notes which file is open
    llm_embed_guard.guard_llm_embed(conn, datasette)
    sql_functions.register(conn, datasette)
    restrictions.restrict(conn, datasette, database)


@hookimpl
def startup(datasette: Any) -> None:
    """Check the settings, keep errors brief and with their reason, and hide our own tables."""
    from . import compat, native_tables
    from .access import restrictions, settings
    from .web import headers

    settings.check(datasette)
    compat.print_errors_briefly(datasette)
    compat.hide_tables(native_tables.is_bookkeeping)
    compat.wrap_reading(restrictions.renew)
    headers.picture_hosts(datasette)
    restrictions.note_unknown_columns(datasette)


@hookimpl(hookwrapper=True)
def handle_exception(
    datasette: Any, request: Any, exception: Exception
) -> Generator[None, Any, None]:
    """Answer errors in words, in place of Datasette's own page and of no other plugin's."""
    outcome = yield
    from .web import errors

    own = errors.handler(datasette, request, exception)
    if own is not None:
        answers = outcome.get_result()
        outcome.force_result([own if errors.is_datasettes(a) else a for a in answers])


@hookimpl(trylast=True)
def forbidden(
    datasette: Any, request: Any, message: str
) -> Callable[[], Awaitable[Any]]:
    """Answer in words to visitors who may not view a page."""
    from .web import errors

    return lambda: errors.forbidden(datasette, request, message)


@hookimpl
def register_routes(datasette: Any) -> list[tuple[str, Callable[..., Any]]]:
    """Register the site's pages, their JSON and their pictures."""
    from . import compat, routes

    # Before Datasette's own routes, which take the function.
    compat.name_files_only(datasette)
    return routes.of(datasette)


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


@hookimpl(optionalhook=True, trylast=True)
def permission_allowed(
    datasette: Any, actor: Any, action: str, resource: Any
) -> Callable[[], Awaitable[bool | None]] | bool | None:
    """Deny what is closed, and our tables and search indexes to those who may not view the items.

    Of several answers, Datasette 0.65 takes the last.
    """
    from .access import restrictions

    if not resource:
        return None
    is_table = action in restrictions.TABLE
    database, table = resource if is_table else (resource, None)
    if restrictions.closes(datasette, action, database, table):
        return False
    if action != restrictions.VIEW:
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
    """Deny the same to the same actors (Datasette 1.0)."""
    from . import compat
    from .access import permissions, restrictions

    denied: list[tuple[str, str | None]] = []
    if action == restrictions.VIEW:
        denied += await permissions.denied_tables(datasette, actor)
    elif action in restrictions.TABLE:
        denied += await permissions.closed_tables(datasette, action)
    elif action in restrictions.WHOLE:
        denied += [
            (n, None)
            for n in datasette.databases
            if restrictions.closes(datasette, action, n, None)
        ]
    return compat.denials(denied) if denied else None
