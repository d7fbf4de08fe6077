"""Make views of Datasette's from ours: check permission, then respond with HTML or JSON."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar

from datasette.utils.asgi import NotFound, Request, Response

from llm_glam.db import connection
from llm_glam.errors import GlamError
from llm_glam.formats.tables import Row

from ..access.context import CollectionRequest, DatabaseRequest, SiteRequest
from . import metadata, urls

VERSION = version("llm-glam")
# Browsers take files for what they are said to be. Datasette's own pages have scripts in them, so
# that HTML cannot forbid these.
NOSNIFF = {"x-content-type-options": "nosniff"}
DATA = {**NOSNIFF, "content-security-policy": "default-src 'none'"}
HTML = {
    **NOSNIFF,
    "content-security-policy": "object-src 'none'; base-uri 'self'; form-action 'self'",
}

R = TypeVar("R", bound=SiteRequest)
View = Callable[[Any, Request], Awaitable[Response]]
Enter = Callable[[Any, Request], Awaitable[R]]


@dataclass
class Page:
    """The result of a view: data for HTML and JSON, the template and the status.

    ``message`` tells people why there is nothing to see; with a status other than 200 it is an
    error. ``form`` is only needed for HTML.
    """

    template: str
    data: Row
    status: int = 200
    message: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    form: Row = field(default_factory=dict)


class Refused(Exception):
    """A request that is refused, with the status and the message of the response."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def page_view(
    enter: Enter[R], function: Callable[[R], Awaitable[Page | Response]]
) -> View:
    """Make a view of Datasette's from one of ours, as HTML and as JSON.

    :param enter: a function of the gate, which checks what the actor may view
    """

    async def view(datasette: Any, request: Request) -> Response:
        page_request = await enter(datasette, request)
        page = await function(page_request)
        return (
            page if isinstance(page, Response) else await _response(page_request, page)
        )

    return _with_messages(view)


def file_view(enter: Enter[R], function: Callable[[R], Awaitable[Response]]) -> View:
    """Make a view of Datasette's from one of ours that returns a file; see :func:`page_view`."""

    async def view(datasette: Any, request: Request) -> Response:
        return await function(await enter(datasette, request))

    return _with_messages(view)


async def _response(page_request: SiteRequest, page: Page) -> Response:
    """Return a page in the format that is requested."""
    datasette, request = page_request.datasette, page_request.request
    timing = ", ".join(f"{k};dur={v * 1000:.1f}" for k, v in page_request.times.items())
    headers = {**page.headers, "server-timing": timing}
    ok = page.status == 200
    if page_request.format:
        body = {"ok": ok, "message" if ok else "error": page.message, **page.data}
        return Response.json(body, status=page.status, headers={**headers, **DATA})
    site = await metadata.of(page_request)
    context = {
        **page.data,
        "site": site,
        "metadata": site["footer"],
        "message": page.message,
        "form": page.form,
        "places": _places(page_request),
    }
    html = await datasette.render_template(page.template, context, request)
    html = html.replace("<html>", '<html lang="en">', 1)  # Datasette 0.65
    return Response.html(html, status=page.status, headers={**headers, **HTML})


def _with_messages(view: View) -> View:
    """Return the view with a response that says why where there is nothing to show.

    The status is 503 where it cannot read the database. Errors are answered here, with the headers
    of our other responses.
    """

    async def with_messages(datasette: Any, request: Request) -> Response:
        try:
            return await _with_whole_database(view, datasette, request)
        except NotFound as error:
            if "%" in request.path or request.path.endswith("/"):
                raise  # Datasette redirects to its own spelling of the URL
            return await _error(datasette, request, 404, error.args[0])
        except sqlite3.OperationalError as error:
            text = (
                f"The database cannot be read as llm-glam wrote it: {error}. "
                "Check that no other program has changed its tables."
            )
            return await _error(datasette, request, 503, text)
        except GlamError as error:
            return await _error(datasette, request, 503, error.message)

    return with_messages


async def _with_whole_database(
    view: View, datasette: Any, request: Request
) -> Response:
    """Return the view's response, after undoing what a program that was killed left half written.

    Datasette opens databases for reading only, and SQLite then refuses to read.
    """
    try:
        return await view(datasette, request)
    except sqlite3.OperationalError as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code != sqlite3.SQLITE_READONLY_ROLLBACK:
            raise
    for db in datasette.databases.values():
        if db.path and db.is_mutable:
            await asyncio.to_thread(connection.roll_back_killed, db.path)
    return await view(datasette, request)


async def _error(
    datasette: Any, request: Request, status: int, message: str
) -> Response:
    """Return an error as Datasette does."""
    data = {"ok": False, "error": message, "status": status, "title": None}
    if request.path.endswith(".json"):
        return Response.json(data, status=status, headers=DATA)
    templates = [f"{status}.html", "error.html"]
    html = await datasette.render_template(templates, data, request)
    return Response.html(html, status=status, headers=HTML)


def _places(page_request: SiteRequest) -> Row:
    """Return the URLs that only HTML needs."""
    datasette, request = page_request.datasette, page_request.request
    found = {
        "version": VERSION,
        "path": request.path,
        "json": urls.as_json(request.path, request.query_string),
    }
    if isinstance(page_request, DatabaseRequest):
        database = page_request.database
        found["collections"] = urls.collections(datasette, database)
    if isinstance(page_request, CollectionRequest):
        name = page_request.collection.name
        found["gallery"] = urls.collection(datasette, page_request.database, name)
        found["table"] = datasette.urls.table(page_request.database, page_request.table)
    return found


def jpeg(
    page_request: SiteRequest, content: bytes | None, *, tag: str, age: str
) -> Response:
    """Return a JPEG with its caching headers; status 304 where ``content`` is None."""
    who = "private" if page_request.request.actor else "public"
    headers = {
        "etag": tag,
        "cache-control": f"{who}, {age}",
        **DATA,
    }
    if content is None:
        return Response("", status=304, headers=headers)
    return Response(content, headers=headers, content_type="image/jpeg")
