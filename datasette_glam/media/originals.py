"""Serve larger pictures from the originals, where they are on this computer.

They are in the folder that the site's owner configures as ``image_root`` or, with
``image_folders``, in those that they were embedded from.
"""

import asyncio
import math
import os
import re
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Any

from datasette.utils.asgi import NotFound, Response

from llm_glam.formats.tables import Row
from llm_glam.images import page_items
from llm_glam.records import rights

from .. import items
from ..access import settings
from ..access.context import CollectionRequest
from ..web import metadata
from ..web.page import jpeg
from . import decoder

SIDE = 1200  # short side in pixels
DOWNLOAD_SIDE = 4000
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
    """Return what is known of a picture's file, and its path, if the original is at hand.

    One with more pixels than may be decoded is not.
    """
    row = await page_request.read(items.file_of, item_id)
    most = page_request.setting("max_upload_megapixels") * 1_000_000
    if row is None or math.prod(size_of(row) or (1,)) > most:
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


async def may_download(page_request: CollectionRequest, item_id: str) -> bool:
    """Return whether everybody may use a picture for every purpose.

    That is what its record says, in columns that may be private too, or else the owner's licence
    of the table or the site.
    """
    record = (await page_request.read_everything(items.records, [item_id]))[0]
    own = [record[name] for name in rights.COLUMNS if record.get(name)]
    said = (await metadata.of(page_request))["footer"]
    return rights.is_open(*own or (said.get("license"), said.get("license_url")))


async def original(page_request: CollectionRequest) -> Response:
    """Return a picture's original, scaled down and re-encoded.

    With ``?download=1`` it is larger, and for those pictures only that everybody may use.
    """
    is_download = page_request.request.args.get("download") == "1"
    item_id = page_request.url_name("item")
    found = await find(page_request, item_id)
    if found is None:
        raise NotFound(
            f"There is no larger picture of '{item_id}'; its page shows the thumbnail."
        )
    if is_download and not await may_download(page_request, item_id):
        raise NotFound(
            f"'{item_id}' is not offered for download: no open licence is stated for it."
        )
    row, path = found
    side = DOWNLOAD_SIDE if is_download else SIDE
    tag = f'"{row["image_md5"]}-{side}"'
    if page_request.request.headers.get("if-none-match") == tag:
        return jpeg(page_request, None, tag=tag, age=AGE)
    try:
        content = await _decoded(page_request, path, row, side)
    except decoder.Busy:
        return too_many(5)
    except decoder.BadUpload as error:
        raise NotFound(
            f"The original of '{item_id}' cannot be shown: {error}."
        ) from error
    response = jpeg(page_request, content, tag=tag, age=AGE)
    if is_download:
        name = re.sub(r"[^\w.-]+", "-", Path(row["file"]).stem, flags=re.ASCII)
        said = f'attachment; filename="{name.strip("-.") or "picture"}.jpg"'
        response.headers["content-disposition"] = said
    return response


async def _decoded(
    page_request: CollectionRequest, path: Path, row: Row, side: int
) -> bytes:
    limit = page_request.setting("max_upload_megapixels")
    page = page_items.page_of(row["id"], row["file"], row["image_format"])
    decoders = decoder.of(page_request.datasette)
    async with decoders.place():
        with await asyncio.to_thread(checked, path, page, row["image_md5"]) as fp:
            decoded = await decoders.decode(fp, limit, side, "JPEG", page)
    return decoded.content


def too_many(seconds: int) -> Response:
    """Return the answer where too many pictures are being loaded, to ask again after some seconds."""
    text = "Too many pictures are being loaded. Try again in a few seconds."
    return Response.text(text, status=503, headers={"retry-after": str(seconds)})


def size_of(row: Row) -> tuple[int, int] | None:
    """Return width and height of a picture in pixels, if they are known."""
    width, height = row["image_width"], row["image_height"]
    if isinstance(width, int) and isinstance(height, int) and min(width, height) > 0:
        return width, height
    return None


def checked(path: Path, page: int, md5: str) -> FileIO:
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
