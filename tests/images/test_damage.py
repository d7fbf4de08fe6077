"""Truncated files: what there is of a picture is used, if that is most of it."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from llm_glam.errors import BadImage
from llm_glam.images import decoding

from .tiffs import LONG, SHORT, tiff

WIDTH, HEIGHT = 400, 300
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4))
ADAM7 += (
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # of each pass: x, y, and their steps


@pytest.fixture(autouse=True)
def quiet():
    with decoding.quiet():
        yield


def values():
    """Red grows to the right, green downwards; nothing is black."""
    red = np.linspace(20, 255, WIDTH)[None].repeat(HEIGHT, 0)
    green = np.linspace(20, 255, HEIGHT)[:, None].repeat(WIDTH, 1)
    return np.stack([red, green, red * 0 + 90], -1).astype(np.uint8)


PICTURE = Image.fromarray(values())


def saved(format_, im=PICTURE, **options):
    out = io.BytesIO()
    im.save(out, format_, **options)
    return out.getvalue()


def tiff_by_band():
    """An uncompressed TIFF with a plane for each colour, which end the file."""
    planes = values().transpose(2, 0, 1).tobytes()
    size = WIDTH * HEIGHT

    def head(start):
        places = [start + number * size for number in range(3)]
        tags = {262: (SHORT, [2]), 277: (SHORT, [3]), 284: (SHORT, [2])}
        tags |= {258: (SHORT, [8, 8, 8]), 273: (LONG, places), 279: (LONG, [size] * 3)}
        return tiff((WIDTH, HEIGHT), 8, b"", tags)

    return head(len(head(0))) + planes


def interlaced_png():
    rows = b""
    for x, y, right, down in ADAM7:
        for row in values()[y::down, x::right]:
            rows += b"\0" + row.tobytes()
    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 1)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        check = struct.pack(">I", zlib.crc32(name + content))
        data += struct.pack(">I", len(content)) + name + content + check
    return data


def cut(data, share):
    return data[: int(share * len(data))]


def difference(im, expected, rows=slice(None)):
    part, other = (np.asarray(one, int)[rows] for one in (im, expected))
    return np.abs(part - other).mean()


def said(picture, part):
    """The share of the picture that is said to be used."""
    return int(re.search(rf"{part} (\d+)%", picture.facts.remark).group(1)) / 100


UPPER = [
    (saved("PPM"), "PPM"),
    (saved("TGA", orientation=1), "TGA"),
    (saved("TIFF"), "TIFF"),
]
LOWER = [
    (saved("BMP"), "BMP"),
    (saved("DIB"), "DIB"),
    (saved("TGA", orientation=-1), "TGA"),
    (saved("TGA", compression="tga_rle", orientation=-1), "TGA RLE"),
    (saved("BMP", PICTURE.convert("L")), "BMP L"),
    (saved("BMP", PICTURE.convert("P")), "BMP P"),
    (saved("SGI", PICTURE.convert("L")), "SGI L"),
]


@pytest.mark.parametrize("share", [0.6, 0.9])
@pytest.mark.parametrize("data", [d for d, _ in UPPER], ids=[n for _, n in UPPER])
def test_the_upper_part_is_used(data, share):
    picture = decoding.read(cut(data, share))
    assert abs(said(picture, "upper") - share) < 0.02
    rows = slice(0, int(share * HEIGHT) - 2)
    assert difference(picture.image, PICTURE, rows) < 2


@pytest.mark.parametrize("share", [0.6, 0.9])
@pytest.mark.parametrize("data", [d for d, _ in LOWER], ids=[n for _, n in LOWER])
def test_of_files_that_begin_at_the_bottom_the_lower_part_is_used(data, share):
    picture = decoding.read(cut(data, share))
    assert abs(said(picture, "lower") - share) < 0.02
    rows = slice(HEIGHT - int(share * HEIGHT) + 3, None)
    assert difference(picture.image, decoding.read(data).image, rows) == 0


@pytest.mark.parametrize(
    "data",
    [
        *(data for data, _ in UPPER + LOWER),
        saved("GIF", interlace=1),
        saved("GIF", interlace=0),
        interlaced_png(),
    ],
)
def test_a_picture_of_which_most_is_missing_is_not_used(data):
    with pytest.raises(BadImage, match="damaged"):
        decoding.read(cut(data, 0.3))


@pytest.mark.parametrize("data", [saved("SGI"), tiff_by_band()])
def test_a_picture_without_one_of_its_colours_is_not_used(data):
    assert difference(decoding.read(data).image, PICTURE) == 0
    for share in (0.4, 0.66, 0.8):
        with pytest.raises(BadImage, match="damaged"):
            decoding.read(cut(data, share))
    picture = decoding.read(cut(data, 0.95))
    assert "85% of the picture" in picture.facts.remark


@pytest.mark.parametrize("data", [saved("GIF", interlace=1), interlaced_png()])
def test_missing_rows_of_an_interlaced_picture_are_filled(data):
    whole = decoding.read(data).image
    assert difference(whole, PICTURE) < 12
    picture = decoding.read(cut(data, 0.7))
    assert "% of its pixels" in picture.facts.remark
    assert difference(picture.image, whole) < 4
