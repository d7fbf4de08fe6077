"""Make views of Datasette's from ours: check permission, then respond with HTML or JSON."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from datasette.utils.asgi import NotFound, Request, Response

from llm_glam.db import connection
from llm_glam.errors import (
    BadFilter,
    BadTerm,
    GlamError,
    UnknownCollection,
    UnknownColumn,
    UnknownItem,
)
from llm_glam.formats.tables import Row

from .. import compat
from ..access.context import CollectionRequest, DatabaseRequest, SiteRequest
from . import errors, headers, metadata, urls

R = TypeVar("R", bound=SiteRequest)
View = Callable[[Any, Request], Awaitable[Response]]
Enter = Callable[[Any, Request], Awaitable[R]]


@dataclass
class Page:
    """The result of a view: data for HTML and JSON, the template and the status.

    ``message`` tells people why there is nothing to see; with a status other than 200 it is an
    error, which JSON replaces by ``for_programs`` where there is one. ``form`` is only needed for
    HTML. ``query`` is the query string of the same page as JSON.
    """

    template: str
    data: Row
    status: int = 200
    message: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    form: Row = field(default_factory=dict)
    for_programs: str | None = None
    query: str = ""


class Refused(Exception):
    """A request that is refused, with the status and the message of the response."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


@contextmanager
def refusals_said(page: Page, unavailable: str) -> Iterator[None]:
    """Say on a page why what was asked for is refused.

    :param unavailable: what visitors read where something is wrong that only the owner can mend
    """
    try:
        yield
    except Refused as refusal:
        page.status, page.message = refusal.status, str(refusal)
        page.headers = refusal.headers
    except (BadTerm, BadFilter, UnknownColumn) as error:
        page.status, page.message = 400, error.message
    except UnknownItem as error:
        page.status, page.message = 404, error.message
    except GlamError as error:
        errors.note(error.message)
        page.status, page.message = 503, unavailable
        page.for_programs = f"{unavailable} {errors.disclosed(error.message)}"


def page_view(
    enter: Enter[R],
    function: Callable[[R], Awaitable[Page | Response]],
    *,
    has_parameters: bool = False,
) -> View:
    """Make a view of Datasette's from one of ours, as HTML and as JSON.

    :param enter: a function of the gate, which checks what the actor may view
    :param has_parameters: whether the view reads the query string, and then checks it itself
    """

    async def view(datasette: Any, request: Request) -> Response:
        page_request = await enter(datasette, request)
        if page_request.format and not has_parameters and request.args:
            return await errors.answer(datasette, request, 400, _no_parameters(request))
        page = await function(page_request)
        return (
            page if isinstance(page, Response) else await _response(page_request, page)
        )

    return _with_messages(view)


def _no_parameters(request: Request) -> str:
    first = next(iter(request.args))
    return f"There is no parameter '{first[:80]}' here: this address takes none."


def file_view(enter: Enter[R], function: Callable[[R], Awaitable[Response]]) -> View:
    """Make a view of Datasette's from one of ours that returns a file; see :func:`page_view`."""

    async def view(datasette: Any, request: Request) -> Response:
        return await function(await enter(datasette, request))

    return _with_messages(view)


async def _response(page_request: SiteRequest, page: Page) -> Response:
    """Return a page in the format that is requested."""
    datasette, request = page_request.datasette, page_request.request
    timing = ", ".join(f"{k};dur={v * 1000:.1f}" for k, v in page_request.times.items())
    own = {**page.headers, "server-timing": timing}
    ok = page.status == 200
    if page_request.format:
        message = page.for_programs or page.message
        body = {"ok": ok, "message" if ok else "error": message, **page.data}
        return Response.json(body, status=page.status, headers=own)
    site = await metadata.of(page_request)
    context = {
        **page.data,
        "site": site,
        "metadata": site["footer"],
        "message": page.message,
        "form": page.form,
        "places": _places(page_request, page),
    }
    html = await datasette.render_template(page.template, context, request)
    policy = await headers.of_page(datasette, page.data.get("database"))
    return Response.html(
        compat.in_english(html), status=page.status, headers={**own, **policy}
    )


def _with_messages(view: View) -> View:
    """Return the view with all headers, and a response that says why there is nothing to show.

    The status is 503 where it cannot read the database.
    """

    async def with_messages(datasette: Any, request: Request) -> Response:
        try:
            response = await _with_whole_database(view, datasette, request)
        except NotFound as error:
            if "%" in request.path or request.path.endswith("/"):
                raise  # Datasette redirects to its own spelling of the URL
            return await errors.answer(datasette, request, 404, error.args[0])
        except sqlite3.OperationalError as error:
            text = (
                f"The database cannot be read as llm-glam wrote it: {error}. "
                "Check that no other program has changed its tables."
            )
            return await _unavailable(datasette, request, text)
        except (UnknownItem, UnknownCollection) as error:  # deleted since the gate
            return await errors.answer(datasette, request, 404, error.message)
        except GlamError as error:
            return await _unavailable(datasette, request, error.message)
        return headers.complete(datasette, request, response)

    return with_messages


async def _unavailable(datasette: Any, request: Request, reason: str) -> Response:
    """Return the answer where something is wrong that the owner can mend, and note it."""
    errors.note(reason)
    said = errors.disclosed(reason)
    return await errors.answer(datasette, request, 503, errors.UNAVAILABLE, said)


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


def _places(page_request: SiteRequest, page: Page) -> Row:
    """Return the URLs that only HTML needs."""
    datasette, request = page_request.datasette, page_request.request
    found = {
        "version": urls.VERSION,
        "path": request.path,
        "json": urls.as_json(request.path, page.query),
    }
    if isinstance(page_request, DatabaseRequest):
        database = page_request.database
        found["collections"] = urls.collections(datasette, database)
    if isinstance(page_request, CollectionRequest):
        name = page_request.collection.name
        found["gallery"] = urls.collection(datasette, page_request.database, name)
        if page_request.has_open_tables:
            table = datasette.urls.table(page_request.database, page_request.table)
            found["table"] = table
    return found


def jpeg(
    page_request: SiteRequest, content: bytes | None, *, tag: str, age: str
) -> Response:
    """Return a JPEG with its caching headers; status 304 where ``content`` is None."""
    who = "private" if page_request.request.actor else "public"
    own = {"etag": tag, "cache-control": f"{who}, {age}"}
    if content is None:
        return Response("", status=304, headers=own)
    return Response(content, headers=own, content_type="image/jpeg")
