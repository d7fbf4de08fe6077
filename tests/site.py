"""Datasette over a small collection: what the tests of the site share."""

import io
import re
import socket
import sqlite3
from html import unescape

from datasette.app import Datasette
from PIL import Image

from .fakes import RED

GLAM = "/embeddings/-/glam"
PHOTOS = f"{GLAM}/photos"


def site(llm, config=None, **options):
    """Datasette on the database; ``config`` is what both versions read of metadata.yml."""
    files = [str(llm.database)] if "immutables" not in options else []
    try:
        return Datasette(files, config=config, **options)
    except TypeError:
        return Datasette(files, metadata=config, **options)


async def get(datasette, path, **options):
    return await datasette.client.get(path, **options)


async def found(datasette, path):
    response = await get(datasette, path)
    assert response.status_code == 200, response.text[:500]
    return response.json()


def ids(data):
    return [item["id"] for item in data["items"]]


def png(colour=RED, size=(40, 30)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


async def upload(datasette, content, path=f"{PHOTOS}.json", **headers):
    """As the form sends it, with or without script, from a browser that has cookies."""
    return await datasette.client.post(
        path,
        files={"picture": ("mine.jpg", content)},
        headers={"sec-fetch-site": "same-origin", **headers},
        cookies={"ds_csrftoken": "theirs", "other": "1"},
    )


def change(llm, *statements):
    """Change the database as somebody does who writes SQL."""
    connection = sqlite3.connect(llm.database)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def free_port():
    """The number of a port that nobody listens on, as an argument."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


async def raw(app, path, query=b"", method="GET"):
    """Status and body of a request as it comes over the wire."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("localhost", 80),
    }
    sent = []

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], body.decode("utf-8", "replace")


def links(page):
    """The addresses that a page leads to."""
    found = re.findall(r'(?:href|action)="([^"]*)"', page)
    return [unescape(url) for url in found if "static" not in url]
