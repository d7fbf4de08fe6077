"""The site's addresses, with Datasette's tilde encoding and ``base_url``."""

from typing import Any
from urllib.parse import urlencode, urlsplit

from datasette.utils import tilde_encode
from markupsafe import Markup

from llm_glam.formats.tables import Row


def collections(datasette: Any, database: str) -> str:
    """The list of a database's collections."""
    return str(datasette.urls.path(f"/{tilde_encode(database)}/-/glam"))


def collection(datasette: Any, database: str, name: str) -> str:
    """A collection's gallery."""
    path = f"/{tilde_encode(database)}/-/glam/{tilde_encode(name)}"
    return str(datasette.urls.path(path))


def model(datasette: Any, name: str) -> str:
    """A checkpoint's page."""
    return str(datasette.urls.path(f"/-/glam-models/{tilde_encode(name)}"))


def similar(datasette: Any, database: str, name: str, item_id: str) -> str:
    """The gallery of pictures similar to one."""
    query = urlencode({"id": item_id})
    return f"{collection(datasette, database, name)}?{query}"


def row(datasette: Any, database: str, table: str, item_id: str) -> str:
    """A picture's row in Datasette."""
    return f"{datasette.urls.table(database, table)}/{tilde_encode(item_id)}"


def add(datasette: Any, database: str, name: str, cards: list[Row]) -> None:
    """Give pictures the addresses of their page, their thumbnail, and what is similar."""
    base = collection(datasette, database, name)
    for card in cards:
        encoded = tilde_encode(card["id"])
        card["url"] = f"{base}/item/{encoded}"
        card["similar_url"] = f"{base}?{urlencode({'id': card['id']})}"
        md5 = card["thumbnail_md5"]
        address = f"{base}/thumb/{encoded}?v={version_of(md5)}" if md5 else None
        card["thumbnail_url"] = address


def version_of(md5: str) -> str:
    """The part of a picture's hash that makes its thumbnail's address its own."""
    return md5[:12]


def near(url: str | None, path: str) -> str | None:
    """An address as it can be written on a page, shorter: without what both have in common."""
    if url is None:
        return None
    if url.startswith(f"{path}?"):
        return url[len(path) :]
    folder = path[: path.rfind("/") + 1]
    return url[len(folder) :] if url.startswith(folder) else url


def twin(path: str, query: str) -> str:
    """The JSON twin of a page."""
    return f"{path}.json" + (f"?{query}" if query else "")


def encoded(text: str) -> str:
    """A name as it stands in an address."""
    return str(tilde_encode(text))


def link(url: str) -> Markup:
    """An address from a record as a link, if it leads to the web; else as text."""
    if urlsplit(str(url)).scheme.lower() not in ("http", "https"):
        return Markup.escape(url)
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(url, url)
