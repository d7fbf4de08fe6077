"""Serve larger pictures from the originals, where they are on this computer.

They are in the folder that the site's owner configures as ``image_root`` or, with
``image_folders``, in those that they were embedded from.
"""

import asyncio
import os
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Any

from datasette.utils.asgi import NotFound, Response

from llm_glam.formats.tables import Row
from llm_glam.images import page_items

from .. import items
from ..access import settings
from ..access.context import CollectionRequest
from ..web import search_pool
from ..web.page import jpeg
from . import decoder

SIDE = 1200  # short side in pixels
AGE = "max-age=3600"
MOST_BYTES = 2_000_000_000  # of an original's file, all of which is read for its hash


def root_of(datasette: Any, items_table: str) -> Path | None:
    """Return the folder of the originals: ``image_root`` is a path, or one per items table."""
    config = settings.config_of(datasette)
    root = config.get("image_root")
    if isinstance(root, dict):
        root = root.get(items_table)
    return Path(root).resolve() if root else None


async def find(
    page_request: CollectionRequest, item_id: str
) -> tuple[Row, Path] | None:
    """Return what is known of a picture's file, and its path, if the original is at hand."""
    row = await page_request.read(items.file_of, item_id)
    if row is None:
        return None
    roots = [root_of(page_request.datasette, page_request.table)]
    config = settings.config_of(page_request.datasette)
    if config.get("image_folders") is True:
        folder = await page_request.read_everything(items.folder_of, item_id)
        is_known = folder is not None and Path(folder).is_absolute()
        roots.append(Path(str(folder)).resolve() if is_known else None)
    # Disks and network drives may take their time.
    paths = [await asyncio.to_thread(path_of, root, row) for root in roots]
    path = next(filter(None, paths), None)
    return (row, path) if path else None


def path_of(root: Path | None, row: Row | None) -> Path | None:
    """Return the path of an original, if it is in the folder and has the size of the embedded file."""
    file = row["file"] if row else None  # SQL may have written anything there
    if root is None or row is None or not isinstance(file, str) or "\0" in file:
        return None
    try:
        path = (root / file).resolve()
        if not file or not path.is_relative_to(root) or not path.is_file():
            return None
        return path if path.stat().st_size == row["image_bytes"] else None
    except (OSError, RuntimeError):  # a name that is too long, or links in a circle
        return None


async def original(page_request: CollectionRequest) -> Response:
    """Return a picture's original, scaled down and re-encoded."""
    item_id = page_request.url_name("item")
    found = await find(page_request, item_id)
    if found is None:
        raise NotFound(
            f"There is no larger picture of '{item_id}'; its page shows the thumbnail."
        )
    row, path = found
    tag = f'"{row["image_md5"]}-{SIDE}"'
    if page_request.request.headers.get("if-none-match") == tag:
        return jpeg(page_request, None, tag=tag, age=AGE)
    async with search_pool.of(page_request.datasette).decoding() as may_decode:
        if not may_decode:
            text = "Too many pictures are being loaded. Try again in a few seconds."
            return Response.text(text, status=503, headers={"retry-after": "5"})
        try:
            limit = page_request.setting("max_upload_megapixels")
            page = page_items.page_of(row["id"], row["file"], row["image_format"])
            with await asyncio.to_thread(_checked, path, page, row["image_md5"]) as fp:
                smaller = await decoder.decode(fp, limit, SIDE, "JPEG", page)
        except decoder.BadUpload as error:
            raise NotFound(
                f"The original of '{item_id}' cannot be shown: {error}."
            ) from error
    return jpeg(page_request, smaller, tag=tag, age=AGE)


def _checked(path: Path, page: int, md5: str) -> FileIO:
    """Open the file that was embedded, at its beginning; only a block of it is in memory.

    :raises BadUpload: the system cannot read it, it is another file now, or it is too large
    """
    try:
        with ExitStack() as closed_by_errors:
            fp = closed_by_errors.enter_context(path.open("rb", buffering=0))
            if fp.seek(0, os.SEEK_END) > MOST_BYTES:
                text = f"its file has more than {MOST_BYTES / 1e6:,.0f} MB"
                raise decoder.BadUpload(text)
            fp.seek(0)
            if page_items.content_hash(fp, page).hex() != md5:
                raise decoder.BadUpload(
                    "its file has changed since it was embedded; embed it again"
                )
            fp.seek(0)
            closed_by_errors.pop_all()
            return fp
    except OSError as error:
        raise decoder.BadUpload(f"it cannot be read ({error.strerror})") from error
