"""Which address is which page. Names are tilde-encoded, so that ``.json`` is never part of one."""

from . import originals, views
from .pages import file_view, page_view

TWIN = r"(?P<format>\.json)?$"
GLAM = r"/(?P<database>[^/]+)/-/glam"
COLLECTION = GLAM + r"/(?P<collection>[^/.]+)"

ROUTES = [
    (GLAM + TWIN, page_view(views.collections)),
    (COLLECTION + TWIN, page_view(views.gallery)),
    (COLLECTION + r"/item/(?P<item>[^/.]+)" + TWIN, page_view(views.item)),
    (COLLECTION + r"/image/(?P<item>[^/.]+)$", file_view(originals.original)),
    (COLLECTION + r"/thumb/(?P<item>[^/.]+)$", file_view(views.thumbnail)),
]
