"""Everything that differs between Datasette 0.65 and the 1.0 alpha."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasette.utils.asgi import Request

try:
    from datasette.resources import DatabaseResource, TableResource
except ImportError:  # 0.65
    DatabaseResource = TableResource = None

ANY_ERROR = "user-defined function raised exception"
_noted = threading.local()

IS_1 = TableResource is not None


async def ensure_can_view(
    datasette: Any, actor: dict[str, Any] | None, database: str, tables: list[str]
) -> None:
    """Check that the actor may view the database and all of these tables.

    :raises datasette.Forbidden: they may not
    """
    if not IS_1:
        for table in tables:
            resource = ("view-table", (database, table))
            checks = [resource, ("view-database", database), "view-instance"]
            await datasette.ensure_permissions(actor, checks)
        checks = [("view-database", database), "view-instance"]
        await datasette.ensure_permissions(actor, checks)
        return
    await datasette.ensure_permission(
        action="view-database", resource=DatabaseResource(database), actor=actor
    )
    for table in tables:
        resource = TableResource(database, table)
        await datasette.ensure_permission(
            action="view-table", resource=resource, actor=actor
        )


async def ensure_can_view_instance(
    datasette: Any, actor: dict[str, Any] | None
) -> None:
    """Check that the actor may view the site.

    :raises datasette.Forbidden: they may not
    """
    if IS_1:
        await datasette.ensure_permission(action="view-instance", actor=actor)
    else:
        await datasette.ensure_permissions(actor, ["view-instance"])


async def can_view(datasette: Any, actor: Any, database: str, table: str) -> bool:
    """Return whether the actor may view a table."""
    if IS_1:
        resource = TableResource(database, table)
        allowed = await datasette.allowed(
            action="view-table", resource=resource, actor=actor
        )
        return bool(allowed)
    checks = [("view-table", (database, table)), ("view-database", database)]
    visible, _ = await datasette.check_visibility(actor, permissions=checks)
    return bool(visible)


async def may_run_sql(datasette: Any, actor: Any, database: str) -> bool:
    """Return whether the actor may run their own SQL on a database."""
    if IS_1:
        resource = DatabaseResource(database)
        allowed = await datasette.allowed(
            action="execute-sql", resource=resource, actor=actor
        )
    else:
        allowed = await datasette.permission_allowed(
            actor, "execute-sql", resource=database, default=True
        )
    return bool(allowed)


async def table_config(datasette: Any, database: str, table: str) -> dict[str, Any]:
    """Return the configuration of a table in metadata.yml, such as its facets."""
    if IS_1:
        return dict(await datasette.table_config(database, table) or {})
    return dict(datasette.table_metadata(database, table) or {})


async def metadata(
    datasette: Any, database: str | None = None, table: str | None = None
) -> list[dict[str, Any]]:
    """Return what metadata.yml says about a table, its database and the site, in this order.

    What is not given is left out.
    """
    if IS_1:
        found = [await datasette.get_instance_metadata()]
        if database is not None:
            found.insert(0, await datasette.get_database_metadata(database))
            if table is not None:
                found.insert(0, await datasette.get_resource_metadata(database, table))
        return found
    found = [datasette.metadata() or {}]
    for level, name in (("databases", database), ("tables", table)):
        if name is not None:
            found.insert(0, (found[0].get(level) or {}).get(name) or {})
    return found


def facet(
    kind: Any,
    page_request: Any,
    sql: str,
    params: Any,
    config: Any,
    most: int | None,
) -> Any:
    """Return one of Datasette's facets over the rows of a query.

    :param config: the facet as the configuration names it
    :param most: the number of values; None for the number in the configuration
    """
    options = {"table_config" if IS_1 else "metadata": {"facets": [config]}}
    size = f"/?_facet_size={most}" if most else "/"
    return kind(
        page_request.datasette,
        Request.fake(size),
        page_request.database,
        sql=sql,
        table=page_request.table,
        params=params,
        **options,
    )


def sql_page(datasette: Any, database: str) -> str:
    """Return the URL of the page on which visitors write SQL."""
    address = str(datasette.urls.database(database))
    return f"{address}/-/query" if IS_1 else address


def print_errors_briefly(datasette: Any) -> None:
    """Stop Datasette from printing local variables with each error, unless it runs a debugger.

    It does so where the package rich is installed, which transformers brings: each request for a
    page that does not exist then took half a second, in which nobody else was served, and 20 kB of
    the log. Tracebacks of unexpected errors are still printed.
    """
    from datasette import handle_exception

    if not datasette.pdb and hasattr(handle_exception, "rich"):
        handle_exception.rich = None


def name_files_only(datasette: Any) -> None:
    """Keep Datasette's list of databases from telling visitors in which folders their files are."""
    if "_connected_databases" in vars(datasette):
        return  # routes are registered more than once
    paths = datasette._connected_databases

    def names() -> list[dict[str, Any]]:
        return [{**d, "path": d["path"] and Path(d["path"]).name} for d in paths()]

    datasette._connected_databases = names


def in_english(html: str) -> str:
    """Return a page that names its language, which Datasette 0.65 leaves out."""
    return html.replace("<html>", '<html lang="en">', 1)


def wrap_reading(before: Callable[[Any, sqlite3.Connection], None]) -> None:
    """Have Datasette call a function before it reads, and report why one of our functions failed.

    Python's sqlite3 says "user-defined function raised exception" for all errors. A query and its
    functions run in one thread, where the message is noted.

    :param before: called with the database and the connection that is to read
    """
    from datasette.database import Database

    name = "_execute_fn" if IS_1 else "execute_fn"
    original = getattr(Database, name)
    if hasattr(original, "tells_errors"):
        return

    async def execute_fn(self: Any, fn: Callable[[Any], Any], *args: Any) -> Any:
        def told(*given: Any) -> Any:
            _noted.message = None
            before(self, given[0])
            try:
                return fn(*given)
            except sqlite3.OperationalError as error:
                message = getattr(_noted, "message", None)
                if message is None or str(error) != ANY_ERROR:
                    raise
                raise sqlite3.OperationalError(message) from error

        return await original(self, told, *args)

    execute_fn.tells_errors = True  # type: ignore[attr-defined]
    setattr(Database, name, execute_fn)


def hide_tables(is_hidden: Callable[[str], bool]) -> None:
    """Have Datasette list tables under its "hidden tables": by name, beside those that it hides."""
    from datasette.database import Database

    original = Database.hidden_table_names
    if hasattr(original, "hides_ours"):
        return

    async def hidden_table_names(self: Any) -> list[str]:
        known = list(await original(self))
        names = await self.table_names()
        return [*known, *(n for n in names if is_hidden(n) and n not in known)]

    hidden_table_names.hides_ours = True  # type: ignore[attr-defined]
    Database.hidden_table_names = hidden_table_names


def note_error_of_function(message: str) -> None:
    """Note why an SQL function fails, for :func:`wrap_reading`."""
    _noted.message = message


def denials(pairs: list[tuple[str, str | None]]) -> Any:
    """Return the SQL that tells Datasette 1.0 that these tables are denied; None is a database."""
    from datasette.permissions import PermissionSQL

    rows: list[str] = []
    params: dict[str, str | None] = {}
    for number, (database, table) in enumerate(pairs):
        params |= {f"glam_d{number}": database, f"glam_t{number}": table}
        rows.append(
            f"select :glam_d{number} as parent, :glam_t{number} as child, 0 as allow, "
            "'closed by datasette-glam' as reason"
        )
    return PermissionSQL(sql=" union all ".join(rows), params=params)
