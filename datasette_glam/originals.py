"""Larger pictures from a folder that the site's owner names in ``image_root``."""

import hashlib
from pathlib import Path
from typing import Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import NotFound, Response

from . import data, decoder, vectors
from .pages import Asked, jpeg

SIDE = 1200  # short side in pixels
AGE = "max-age=3600"


def root_of(datasette: Any, items_table: str) -> Path | None:
    """The folder of a set's originals: ``image_root`` is a path, or one for each items table."""
    config = datasette.plugin_config("datasette-glam") or {}
    root = config.get("image_root")
    if isinstance(root, dict):
        root = root.get(items_table)
    return Path(root).resolve() if root else None


def path_of(root: Path | None, file: str | None) -> Path | None:
    """Where an original is, if it is there and in the folder."""
    if root is None or not file or "\0" in file:
        return None
    path = (root / file).resolve()
    return path if path.is_relative_to(root) and path.is_file() else None


async def original(asked: Asked) -> Response:
    """A picture's original, made smaller and encoded anew."""
    item_id = tilde_decode(asked.request.url_vars["item"])
    file = await asked.read(data.file_of, asked.place.collection, item_id)
    path = path_of(root_of(asked.datasette, asked.place.table), file)
    if path is None:
        raise NotFound(f"There is no larger picture of {item_id}")
    status = path.stat()
    stamp = f"{path} {status.st_size} {status.st_mtime_ns}"
    tag = f'"{hashlib.sha256(stamp.encode()).hexdigest()[:32]}"'
    if asked.request.headers.get("if-none-match") == tag:
        return jpeg(asked, None, tag=tag, age=AGE)
    async with vectors.of(asked.datasette).decoding() as may_decode:
        if not may_decode:
            words = "Too many pictures are asked for at once. Try again soon."
            return Response.text(words, status=503, headers={"retry-after": "5"})
        try:
            limit = asked.setting("max_upload_megapixels")
            content = path.read_bytes()
            smaller = await decoder.decode(content, limit, SIDE, "JPEG")
        except decoder.BadUpload as error:
            raise NotFound(f"The picture cannot be shown: {error}") from error
    return jpeg(asked, smaller, tag=tag, age=AGE)
