"""The routes of the site. Names in them are tilde-encoded, so none contains ``.json``."""

import re
from collections.abc import Mapping
from typing import Any

from datasette.utils import tilde_encode

from .access import restrictions, settings
from .access.gate import enter_collection, enter_database, enter_item, enter_site
from .media import originals, tiles
from .pages import about, model, public, search_all, views
from .pages.gallery import view
from .web.page import file_view, page_view

OR_JSON = r"(?P<format>\.json)?$"
OR_FILE = r"(?P<format>\.json|\.csv|\.xlsx|\.html)?$"
GLAM = r"/(?P<database>[^/]+)/-/glam"
COLLECTION = GLAM + r"/(?P<collection>[^/.]+)"
ITEM = COLLECTION + r"/item/(?P<item>[^/.]+)"
ABOUT = COLLECTION + r"/about"
IMAGE = COLLECTION + r"/image/(?P<item>[^/.]+)$"
THUMBNAIL = COLLECTION + r"/thumb/(?P<item>[^/.]+)$"
TILE = (
    COLLECTION + r"/tile/(?P<item>[^/.]+)"
    r"/(?P<level>[0-9]{1,2})/(?P<column>[0-9]{1,4})_(?P<row>[0-9]{1,4})\.jpg$"
)
# Beside the collections, whose names may be anything.
SEARCH = r"/(?P<database>[^/]+)/-/glam-search"
SEARCH_SITE = r"/-/glam-search"
MODEL = r"/-/glam-models/(?P<name>[^/.]+)"

ROUTES = [
    (GLAM + OR_JSON, page_view(enter_database, views.collections)),
    (
        COLLECTION + OR_FILE,
        page_view(enter_collection, view.gallery, has_parameters=True),
    ),
    (ITEM + OR_JSON, page_view(enter_item, views.item)),
    (ABOUT + OR_JSON, page_view(enter_collection, about.about)),
    (IMAGE, file_view(enter_item, originals.original)),
    (TILE, file_view(enter_item, tiles.tile)),
    (THUMBNAIL, file_view(enter_item, views.thumbnail)),
    (
        SEARCH + OR_JSON,
        page_view(enter_database, search_all.search_all, has_parameters=True),
    ),
    (
        SEARCH_SITE + OR_JSON,
        page_view(enter_site, search_all.search_all, has_parameters=True),
    ),
    (MODEL + OR_JSON, page_view(enter_site, model.checkpoint)),
]
DATABASE = r"/(?P<database>{})$"  # the name of one, encoded
# Instead of Datasette's own, which tell of paths, threads and settings.
PUBLIC_ROUTES = [
    (r"/$", page_view(enter_site, public.home)),
    (r"/-/(databases|threads|config|metadata|settings)(\..*)?$", public.closed),
]


def of(datasette: Any) -> list[tuple[str, Any]]:
    """Return the routes of a site, which come before Datasette's own."""
    if not settings.of(datasette).public:
        return ROUTES
    closed = [n for n in datasette.databases if restrictions.is_closed(datasette, n)]
    to_collections = page_view(enter_database, public.database)
    leading = [
        (DATABASE.format(re.escape(tilde_encode(name))), to_collections)
        for name in closed
    ]
    return [*leading, *PUBLIC_ROUTES, *ROUTES]


def leads_to_gallery(datasette: Any, scope: Mapping[str, Any]) -> bool:
    """Return whether a request is for a gallery, by its path as Datasette reads it."""
    path = scope.get("raw_path") or scope["path"].encode()
    path = path.decode("ascii", "replace").partition("?")[0]
    base_url = datasette.setting("base_url")
    if path.startswith(base_url):
        path = "/" + path[len(base_url) :]
    return re.match(COLLECTION + OR_FILE, path) is not None
