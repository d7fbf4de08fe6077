"""Datasette over a small collection: what the tests of the site share."""

import io
import socket
import sqlite3

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
