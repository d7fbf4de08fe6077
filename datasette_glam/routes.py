"""Which address is which page. Names are tilde-encoded, so that ``.json`` is never part of one."""

from . import views

TWIN = r"(?P<format>\.json)?$"
GLAM = r"/(?P<database>[^/]+)/-/glam"
COLLECTION = GLAM + r"/(?P<collection>[^/.]+)"

ROUTES = [
    (GLAM + TWIN, views.page_view(views.collections)),
    (COLLECTION + TWIN, views.page_view(views.gallery)),
    (COLLECTION + r"/item/(?P<item>[^/.]+)" + TWIN, views.page_view(views.item)),
    (COLLECTION + r"/thumb/(?P<item>[^/.]+)$", views.file_view(views.thumbnail)),
]
