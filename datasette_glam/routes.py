"""Which address is which page. Names are tilde-encoded, so that ``.json`` is never part of one."""

import re
from collections.abc import Mapping
from typing import Any

from .media import originals
from .pages import model, views
from .pages.gallery import view
from .web.request import file_view, page_view

TWIN = r"(?P<format>\.json)?$"
TABLE = r"(?P<format>\.json|\.csv)?$"
GLAM = r"/(?P<database>[^/]+)/-/glam"
COLLECTION = GLAM + r"/(?P<collection>[^/.]+)"

ROUTES = [
    (GLAM + TWIN, page_view(views.collections)),
    (COLLECTION + TABLE, page_view(view.gallery)),
    (COLLECTION + r"/item/(?P<item>[^/.]+)" + TWIN, page_view(views.item)),
    (COLLECTION + r"/image/(?P<item>[^/.]+)$", file_view(originals.original)),
    (COLLECTION + r"/thumb/(?P<item>[^/.]+)$", file_view(views.thumbnail)),
    (r"/-/glam-models/(?P<name>[^/.]+)" + TWIN, page_view(model.checkpoint)),
]


def leads_to_gallery(datasette: Any, scope: Mapping[str, Any]) -> bool:
    """Whether a request goes to a gallery, by its path as Datasette reads it."""
    path = scope.get("raw_path") or scope["path"].encode()
    path = path.decode("ascii", "replace").partition("?")[0]
    base_url = datasette.setting("base_url")
    if path.startswith(base_url):
        path = "/" + path[len(base_url) :]
    return re.match(COLLECTION + TABLE, path) is not None
