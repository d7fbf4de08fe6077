"""The pages of a public site that take the place of Datasette's own."""

from typing import Any

from datasette import Forbidden
from datasette.utils.asgi import Request, Response

from ..access import gate
from ..access.context import DatabaseRequest, SiteRequest
from ..web import urls
from ..web.page import Page
from . import views


async def home(page_request: SiteRequest) -> Page | Response:
    """Lead to the only collection, or to the only database with some, or list all of them."""
    datasette = page_request.datasette
    databases = await gate.visible_databases(page_request)
    found = [one for db in databases for one in await gate.visible_collections(db)]
    if len(found) == 1:
        (only,) = found
        return Response.redirect(
            urls.collection(datasette, only.database, only.collection.name)
        )
    names = {one.database for one in found}
    if len(names) == 1:
        return Response.redirect(urls.collections(datasette, *names))
    return await views.listed(page_request, found, str(datasette.urls.instance()))


async def database(page_request: DatabaseRequest) -> Page | Response:
    """Lead from a database, whose tables are closed, to its collections."""
    return Response.redirect(
        urls.collections(page_request.datasette, page_request.database)
    )


async def closed(datasette: Any, request: Request) -> Response:
    """Refuse a page of Datasette's that is not for visitors.

    :raises Forbidden: always
    """
    raise Forbidden("This page is closed on a public site.")
