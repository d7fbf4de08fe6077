"""Cut a picture into tiles of several sizes, in a process of its own.

Run as ``python -m datasette_glam.media.tile_process MEGAPIXELS PAGE``: it reads the file from stdin
and writes to stdout, which is a file, what :class:`~.tiles.Pyramid` reads. What it
refuses, it says on stderr.
"""

import io
import struct
import sys
from array import array
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO

from . import decoder_process

if TYPE_CHECKING:
    from PIL import Image

TILE = 512  # pixels of a tile's sides, apart from the last of a row or column
QUALITY = 85
REFUSED = 3  # the exit status, with the reason on stderr
MOST_BYTES = 200_000_000  # of all tiles of a picture
TRAILER = struct.Struct(
    "<III"
)  # width, height, number of tiles; before it, their lengths


def sizes(size: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the size of each level: the picture's, half of it, and so on until one tile has it all."""
    yield size
    while max(size) > TILE:
        size = (size[0] + 1) // 2, (size[1] + 1) // 2
        yield size


def grid(size: tuple[int, int]) -> tuple[int, int]:
    """Return the number of columns and rows of tiles of a level."""
    return -(-size[0] // TILE), -(-size[1] // TILE)


def main(max_megapixels: float, page: int) -> int:
    """Cut the picture on stdin; return the exit status."""
    decoder_process.limit()
    _limit_file()
    try:
        picture = decoder_process.opened(sys.stdin.buffer, max_megapixels, page)
    except decoder_process.Unusable as error:
        print(error, file=sys.stderr)
        return REFUSED
    im = decoder_process.in_srgb(picture.image, picture.profile)
    im.info.clear()  # of which Pillow would write a part into each tile
    out, whole, lengths = sys.stdout.buffer, im.size, array("I")
    for size in sizes(whole):
        im = im if im.size == size else im.reduce(2)
        columns, rows = grid(size)
        for row in range(rows):
            for column in range(columns):
                lengths.append(_write(im, column, row, out))
    if sys.byteorder == "big":
        lengths.byteswap()
    out.write(lengths.tobytes() + TRAILER.pack(*whole, len(lengths)))
    return 0


def _write(im: "Image.Image", column: int, row: int, out: BinaryIO) -> int:
    """Write a tile as JPEG and return the number of its bytes."""
    left, top = column * TILE, row * TILE
    box = left, top, min(left + TILE, im.width), min(top + TILE, im.height)
    content = io.BytesIO()
    im.crop(box).save(content, "JPEG", quality=QUALITY, comment=b"")
    out.write(content.getvalue())
    return content.tell()


def _limit_file() -> None:
    """Limit what this process can write, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
