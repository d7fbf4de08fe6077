"""The routes of the site. Names in them are tilde-encoded, so none contains ``.json``."""

import re
from collections.abc import Mapping
from typing import Any

from .access.gate import enter_collection, enter_database, enter_site
from .media import originals
from .pages import about, model, views
from .pages.gallery import view
from .web.page import file_view, page_view

OR_JSON = r"(?P<format>\.json)?$"
OR_JSON_OR_CSV = r"(?P<format>\.json|\.csv)?$"
GLAM = r"/(?P<database>[^/]+)/-/glam"
COLLECTION = GLAM + r"/(?P<collection>[^/.]+)"
ITEM = COLLECTION + r"/item/(?P<item>[^/.]+)"
ABOUT = COLLECTION + r"/about"
IMAGE = COLLECTION + r"/image/(?P<item>[^/.]+)$"
THUMBNAIL = COLLECTION + r"/thumb/(?P<item>[^/.]+)$"
MODEL = r"/-/glam-models/(?P<name>[^/.]+)"

ROUTES = [
    (GLAM + OR_JSON, page_view(enter_database, views.collections)),
    (COLLECTION + OR_JSON_OR_CSV, page_view(enter_collection, view.gallery)),
    (ITEM + OR_JSON, page_view(enter_collection, views.item)),
    (ABOUT + OR_JSON, page_view(enter_collection, about.about)),
    (IMAGE, file_view(enter_collection, originals.original)),
    (THUMBNAIL, file_view(enter_collection, views.thumbnail)),
    (MODEL + OR_JSON, page_view(enter_site, model.checkpoint)),
]


def leads_to_gallery(datasette: Any, scope: Mapping[str, Any]) -> bool:
    """Return whether a request is for a gallery, by its path as Datasette reads it."""
    path = scope.get("raw_path") or scope["path"].encode()
    path = path.decode("ascii", "replace").partition("?")[0]
    base_url = datasette.setting("base_url")
    if path.startswith(base_url):
        path = "/" + path[len(base_url) :]
    return re.match(COLLECTION + OR_JSON_OR_CSV, path) is not None
