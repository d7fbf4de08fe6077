"""Answer errors in words for visitors; what only the site's owner can mend goes to the log."""

import html
import logging
import re
import sqlite3
import time
import traceback
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import Base400, NotFound, Request, Response
from datasette.views.base import DatasetteError
from sqlite_utils import Database

from llm_glam.db import collections
from llm_glam.db.collection import Collection
from llm_glam.db.connection import primary_code
from llm_glam.formats.tables import Row

from .. import compat, required_columns
from ..access import gate, settings
from ..access.context import wrapped
from ..access.restrictions import our_page
from . import headers, urls

TITLES = {
    400: "This address cannot be read",
    403: "Not open to everyone",
    404: "Nothing here",
    500: "Something went wrong",
    503: "Not available right now",
}
FORBIDDEN = "You may not see this page. If you have an account here, sign in first."
NOT_FOUND = "There is nothing at this address. Perhaps it is mistyped, or what was here has gone."
REFUSED = "Part of what this address asks for is closed on this site."
FAILED = "Something went wrong on this server, which has noted it. Try again later."
UNAVAILABLE = "The pictures cannot be shown right now. Try again later."
UNDISCLOSED = "The reason is in the log of this server."
# Of databases and galleries, on the page of an error.
MOST = 8
LOGGED_AGAIN_S = 60
REMEMBERED = 100  # messages of the log

log = logging.getLogger("datasette_glam")
_logged: OrderedDict[str, float] = OrderedDict()


async def answer(
    datasette: Any,
    request: Request,
    status: int,
    message: str,
    for_programs: str | None = None,
) -> Response:
    """Return an error as a page for visitors, or as JSON.

    :param for_programs: what JSON says instead of the message
    """
    if _wants_data(request):
        error = for_programs or message
        body = {"ok": False, "error": error, "status": status, "title": None}
        response = Response.json(body, status=status)
    else:
        response = await _page(datasette, request, status, message)
    return headers.complete(datasette, request, response)


def handler(
    datasette: Any, request: Request, exception: Exception
) -> Callable[[], Awaitable[Response]] | None:
    """Return what answers an exception instead of Datasette; None where Datasette is to do it.

    Datasette's own page of an unexpected error shows the message of the exception, which may
    name files of this server.
    """
    if datasette.pdb:
        return None
    if isinstance(exception, NotFound) and _wants_data(request):
        return None
    if isinstance(exception, NotFound) or _is_row_of_no_table(request, exception):
        said = str(exception.args[0]) if exception.args else ""
        text = f"{NOT_FOUND} ({said})" if " " in said else NOT_FOUND
        return lambda: answer(datasette, request, 404, text)
    if isinstance(exception, (Base400, DatasetteError)):
        return None

    if primary_code(exception) == sqlite3.SQLITE_AUTH:
        return lambda: answer(datasette, request, 403, REFUSED)

    def failed() -> Awaitable[Response]:
        traceback.print_exception(exception)
        return answer(datasette, request, 500, FAILED)

    return failed


def _is_row_of_no_table(request: Request, exception: Exception) -> bool:
    """Return whether the address is that of a row in a table that there is not.

    Datasette 0.65 takes ``/photos/-/galm`` for one, and answers as to a query that is wrong.
    """
    table = tilde_decode(request.url_vars.get("table") or "")
    lacks_table = f"no such table: {table}"
    return (
        "pks" in request.url_vars and getattr(exception, "message", "") == lacks_table
    )


def is_datasettes(handler: object) -> bool:
    """Return whether this is what Datasette itself answers exceptions with."""
    return getattr(handler, "__module__", None) == "datasette.handle_exception"


async def forbidden(datasette: Any, request: Request, message: str) -> Response:
    """Return the answer to a visitor who may not view a page."""
    text = f"{FORBIDDEN} ({message})" if " " in message else FORBIDDEN
    return await answer(datasette, request, 403, text, message)


def note(message: str) -> None:
    """Write to the log what the site's owner should know, once a minute at most."""
    line = " ".join(message.split())[:2000]
    now = time.monotonic()
    until = _logged.pop(line, 0)
    is_due = now >= until
    _logged[line] = now + LOGGED_AGAIN_S if is_due else until
    while len(_logged) > REMEMBERED:
        _logged.popitem(last=False)
    if is_due:
        log.warning("%s", line)


def disclosed(message: str) -> str:
    """Return a message for programs elsewhere: as it is, unless it may name a file of this server."""
    rest = re.sub(r"glam-clip(/[\w.-]+)?", "", message)
    return UNDISCLOSED if "/" in rest or "\\" in rest else message


def _wants_data(request: Request) -> bool:
    return bool(request.path.endswith((".json", ".csv")))


async def _page(
    datasette: Any, request: Request, status: int, message: str
) -> Response:
    """Return the page of an error. Whatever else is broken, it says at least the message."""
    title = TITLES.get(status, f"Error {status}")
    context = {
        "title": title,
        "error": message,
        "status": status,
        "version": urls.VERSION,
    }
    try:
        context |= await _ways_on(datasette, request)
    except Exception as error:  # of a database that cannot be read, for example
        note(f"No galleries are listed on the page of an error: {error}")
    templates = [f"{status}.html", "glam_error.html"]
    try:
        policy = await headers.of_page(datasette)
        text = await datasette.render_template(templates, context, request)
    except Exception as error:
        note(f"The page of an error cannot be rendered: {error}")
        policy = headers.DATA
        text = f"<!DOCTYPE html><title>{title}</title><p>{html.escape(message)}</p>"
    return Response.html(compat.in_english(text), status=status, headers=policy)


async def _ways_on(datasette: Any, request: Request) -> Row:
    """Return the galleries that a visitor may have looked for: those of the database in the URL.

    ``gallery`` is the one in the URL, or the only one there is.
    """
    parts = request.scope.get("route_path", request.path).split("/")[1:5]
    names = [tilde_decode(part.removesuffix(".json")) for part in parts]
    databases = [name for name in names[:1] if name in datasette.databases]
    name = names[3] if len(names) > 3 else None
    galleries: list[Row] = []
    lists: list[Row] = []
    for database in databases or list(datasette.databases)[:MOST]:
        found = await _galleries(datasette, request, database, name)
        galleries += found
        if found:
            url = urls.collections(datasette, database)
            lists.append({"name": database, "url": url})
    gallery = galleries[0] if len(galleries) == 1 else None
    return {"gallery": gallery, "galleries": galleries[:MOST], "lists": lists}


async def _galleries(
    datasette: Any, request: Request, database: str, name: str | None
) -> list[Row]:
    """Return the gallery of this name, or else a few, of those that the visitor may see."""
    actor, has_pages = request.actor, settings.of(datasette).has_pages
    with our_page():
        if not await compat.can_view(datasette, actor, database, gate.VECTORS):
            return []
        db = datasette.databases[database]
        return [
            {"name": one.name, "url": urls.collection(datasette, database, one.name)}
            for one in await db.execute_fn(lambda c: _few(wrapped(c), name, has_pages))
            if await compat.can_view(datasette, actor, database, one.items_table)
        ]


def _few(
    db: Database, name: str | None, has_pages: Callable[[str], bool]
) -> list[Collection]:
    """Return the picture collection of this name, or else a few: each is checked for each error."""
    every = [c for c in collections.every(db) if c.items_table and has_pages(c.name)]
    named = [one for one in every if one.name == name]
    return [one for one in named or every[:MOST] if required_columns.are_there(db, one)]
