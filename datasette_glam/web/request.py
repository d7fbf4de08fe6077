"""What views have in common: what was asked, what is answered, and both twins of the answer."""

import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from datasette.utils.asgi import Request, Response
from datasette.views.base import DatasetteError

from llm_glam.errors import GlamError

from ..access import gate
from ..access.gate import CollectionPlace, wrapped
from . import urls

VERSION = version("llm-glam")
DEFAULTS = {"max_upload_mb": 20, "max_upload_megapixels": 100}

Row = dict[str, Any]
View = Callable[[Any, Request], Awaitable[Response]]


@dataclass
class Page:
    """What a view gives: data for both twins, the template, and how it went.

    ``message`` is for people: why there is nothing to see. With a status other than 200 it is an
    error. ``form`` is what only the HTML twin needs.
    """

    template: str
    data: Row
    status: int = 200
    message: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    form: Row = field(default_factory=dict)


@dataclass
class PageRequest:
    """A request at its place, with the clock that Server-Timing shows."""

    datasette: Any
    request: Request
    place: CollectionPlace
    times: dict[str, float] = field(default_factory=dict)

    @property
    def format(self) -> str:
        """``.json`` or ``.csv``; empty for a page."""
        return self.request.url_vars.get("format") or ""

    async def read(
        self, function: Callable[..., Any], *args: Any, **options: Any
    ) -> Any:
        """Read from the database in one of Datasette's threads."""
        return await self.timed(
            "db",
            self.place.db.execute_fn(lambda c: function(wrapped(c), *args, **options)),
        )

    async def timed(self, what: str, work: Awaitable[Any]) -> Any:
        """Wait for work and add its time in seconds to ``what``."""
        started = time.monotonic()
        try:
            return await work
        finally:
            spent = time.monotonic() - started
            self.times[what] = self.times.get(what, 0) + spent

    def setting(self, name: str) -> float:
        """A number from the site's configuration."""
        config = self.datasette.plugin_config("datasette-glam") or {}
        return float(config.get(name, DEFAULTS[name]))


class Refused(Exception):
    """A request that cannot be answered; carries the status and the words for it."""

    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def page_view(
    function: Callable[[PageRequest], Awaitable[Page | Response]],
) -> Callable[..., Any]:
    """A view function of Datasette's from one of ours, as HTML and as JSON."""

    async def view(datasette: Any, request: Request) -> Response:
        page_request = PageRequest(
            datasette, request, await gate.enter(datasette, request)
        )
        page = await function(page_request)
        if isinstance(page, Response):
            return page
        timing = ", ".join(
            f"{k};dur={v * 1000:.1f}" for k, v in page_request.times.items()
        )
        headers = {**page.headers, "server-timing": timing}
        ok = page.status == 200
        if page_request.format:
            body = {"ok": ok, "message" if ok else "error": page.message, **page.data}
            return Response.json(body, status=page.status, headers=headers)
        places = _places(page_request)
        context = {
            **page.data,
            "message": page.message,
            "form": page.form,
            "places": places,
        }
        html = await datasette.render_template(page.template, context, request)
        html = html.replace("<html>", '<html lang="en">', 1)  # Datasette 0.65
        return Response.html(html, status=page.status, headers=headers)

    return _told(view)


def file_view(
    function: Callable[[PageRequest], Awaitable[Response]],
) -> Callable[..., Any]:
    """A view function of Datasette's from one of ours that gives a file."""

    async def view(datasette: Any, request: Request) -> Response:
        place = await gate.enter(datasette, request)
        return await function(PageRequest(datasette, request, place))

    return _told(view)


def _told(view: View) -> View:
    """A view that says in a sentence which table, column or vector it cannot read."""

    async def told(datasette: Any, request: Request) -> Response:
        try:
            return await view(datasette, request)
        except sqlite3.OperationalError as error:
            words = f"This database cannot be read as llm-glam wrote it: {error}."
            raise DatasetteError(words, status=503) from error
        except GlamError as error:
            raise DatasetteError(error.message, status=503) from error

    return told


def _places(page_request: PageRequest) -> Row:
    """Addresses that only the HTML twin needs."""
    datasette, place = page_request.datasette, page_request.place
    found = {}
    if place.database:
        found["collections"] = urls.collections(datasette, place.database)
    if place.collection:
        found["gallery"] = urls.collection(
            datasette, place.database, place.collection.name
        )
        found["table"] = datasette.urls.table(place.database, place.table)
    query = page_request.request.query_string
    found["version"] = VERSION
    found["path"] = page_request.request.path
    found["json"] = urls.twin(page_request.request.path, query)
    return found


def jpeg(
    page_request: PageRequest, content: bytes | None, *, tag: str, age: str
) -> Response:
    """A picture with what browsers and caches need to know; None for one they have already."""
    who = "private" if page_request.request.actor else "public"
    headers = {
        "etag": tag,
        "cache-control": f"{who}, {age}",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'",
    }
    if content is None:
        return Response("", status=304, headers=headers)
    return Response(content, headers=headers, content_type="image/jpeg")
