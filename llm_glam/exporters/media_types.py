"""Media types of pictures, such as ``image/jpeg``."""

import mimetypes
from urllib.parse import urlsplit

from ..formats.tables import Row

TYPES = {  # by Pillow's names
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "JPEG2000": "image/jp2",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "HEIF": "image/heif",
    "AVIF": "image/avif",
}


def media_type(address: str, row: Row) -> str:
    """Return the media type of a picture, by its address or else by its file's format."""
    guessed, _ = mimetypes.guess_type(urlsplit(address).path)
    known = TYPES.get(str(row["image_format"]).upper(), "image/jpeg")
    return guessed if guessed and guessed.startswith("image/") else known
