"""The site's URLs, with Datasette's tilde encoding and ``base_url``."""

from importlib.metadata import version
from typing import Any
from urllib.parse import urlencode, urlsplit

from datasette.utils import tilde_encode
from markupsafe import Markup

from llm_glam.formats.tables import Row

# In the URLs of our static files, which browsers then read again after an update.
VERSION = version("llm-glam")
# Characters of the query string in the URL of each result's page; there are 36 of them.
LONGEST_HANDED_ON = 500


def collections(datasette: Any, database: str) -> str:
    """Return the URL of the list of a database's collections."""
    return str(datasette.urls.path(f"/{tilde_encode(database)}/-/glam"))


def collection(datasette: Any, database: str, name: str) -> str:
    """Return the URL of a collection's gallery."""
    path = f"/{tilde_encode(database)}/-/glam/{tilde_encode(name)}"
    return str(datasette.urls.path(path))


def search_all(datasette: Any, database: str | None) -> str:
    """Return the URL of the search in all collections of a database; of the site if it is None."""
    start = "" if database is None else f"/{tilde_encode(database)}"
    return str(datasette.urls.path(f"{start}/-/glam-search"))


def model(datasette: Any, name: str) -> str:
    """Return the URL of a checkpoint's page."""
    return str(datasette.urls.path(f"/-/glam-models/{tilde_encode(name)}"))


def similar(datasette: Any, database: str, name: str, item_id: str) -> str:
    """Return the URL of the pictures similar to a picture."""
    query = urlencode({"id": item_id})
    return f"{collection(datasette, database, name)}?{query}"


def image(datasette: Any, database: str, name: str, item_id: str) -> str:
    """Return the URL of the larger picture of one whose original is at hand."""
    return f"{collection(datasette, database, name)}/image/{tilde_encode(item_id)}"


def tiles(datasette: Any, database: str, name: str, item_id: str) -> str:
    """Return the URL of a picture's tiles, to which ``/LEVEL/COLUMN_ROW.jpg`` is added."""
    return f"{collection(datasette, database, name)}/tile/{tilde_encode(item_id)}"


def row(datasette: Any, database: str, table: str, item_id: str) -> str:
    """Return the URL of a picture's row in Datasette."""
    return f"{datasette.urls.table(database, table)}/{tilde_encode(item_id)}"


def add(
    datasette: Any, database: str, name: str, cards: list[Row], query: str = ""
) -> None:
    """Add to pictures the URLs of their page, their thumbnail and the similar pictures.

    :param query: the query string of the search they are results of, which their pages are given
    """
    base = collection(datasette, database, name)
    handed_on = f"?{query}" if query and len(query) <= LONGEST_HANDED_ON else ""
    for card in cards:
        encoded = tilde_encode(card["id"])
        card["url"] = f"{base}/item/{encoded}{handed_on}"
        card["similar_url"] = f"{base}?{urlencode({'id': card['id']})}"
        md5 = card["thumbnail_md5"]
        url = f"{base}/thumb/{encoded}?v={version_of(md5)}" if md5 else None
        card["thumbnail_url"] = url


def version_of(md5: str) -> str:
    """Return the part of a picture's hash that is the version in its thumbnail's URL."""
    return md5[:12]


def near(url: str | None, path: str) -> str | None:
    """Return a URL relative to the page at ``path`` where that is shorter."""
    if url is None:
        return None
    if url.startswith(f"{path}?"):
        return url[len(path) :]
    folder = path[: path.rfind("/") + 1]
    return url[len(folder) :] if url.startswith(folder) else url


def as_json(path: str, query: str) -> str:
    """Return the URL of a page as JSON."""
    return f"{path}.json" + (f"?{query}" if query else "")


def encoded(text: str) -> str:
    """Return a name as it is written in a URL."""
    return str(tilde_encode(text))


def link(url: str) -> Markup:
    """Return a URL from a record as a link if it is http or https, else as text."""
    if urlsplit(str(url)).scheme.lower() not in ("http", "https"):
        return Markup.escape(url)
    return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(url, url)
