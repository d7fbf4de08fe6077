"""Greyscale with more than 8 bits: what the file says about its values, and outliers."""

import io

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from llm_glam.images import decoding

from . import tiffs
from .tiffs import ASCII, SHORT

SIZE = 64
PHOTOMETRIC, SAMPLE_FORMAT, GDAL_NODATA = 262, 339, 42113
SIGNED, FLOAT = 2, 3
# A scene with all values from 0 to 1: dark on the left, bright on the right, some texture.
SCENE = (
    np.linspace(0, 1, SIZE)[None] * 0.9
    + np.random.default_rng(0).random((SIZE, SIZE)) * 0.1
)
SCENE = (SCENE - SCENE.min()) / (SCENE.max() - SCENE.min())


@pytest.fixture(autouse=True)
def quiet():
    with decoding.quiet():
        yield


def tiff(values, photometric=1, nodata=None):
    """A TIFF of these values as they are."""
    values = values.astype(values.dtype.newbyteorder("<"))
    sample_format = {"u": 1, "i": SIGNED, "f": FLOAT}[values.dtype.kind]
    tags = {
        PHOTOMETRIC: (SHORT, [photometric]),
        SAMPLE_FORMAT: (SHORT, [sample_format]),
    }
    if nodata is not None:
        tags[GDAL_NODATA] = (ASCII, nodata.encode() + b"\0")
    size = values.shape[1], values.shape[0]
    return tiffs.tiff(size, values.itemsize * 8, values.tobytes(), tags)


def grey(data):
    rgb = np.asarray(decoding.read(data).image)
    assert (rgb[..., 0] == rgb[..., 1]).all()
    return rgb[..., 0].astype(int)


def as_picture(scene, low=0.0, high=1.0):
    return np.round((scene - low) / (high - low) * 255)


def assert_similar(seen, expected, tolerance=1.5):
    assert np.abs(seen - expected).max() <= tolerance


@pytest.mark.parametrize("top", [65535, 4095])
@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_sixteen_bits_with_white_as_zero(top, compression):
    values = np.round((1 - SCENE) * top).astype("<u2")
    data = tiff(values, photometric=0)
    if compression:
        out = io.BytesIO()
        info = TiffImagePlugin.ImageFileDirectory_v2()
        info[PHOTOMETRIC] = 0
        Image.fromarray(values).save(
            out, "TIFF", compression=compression, tiffinfo=info
        )
        data = out.getvalue()
        assert Image.open(io.BytesIO(data)).tag_v2[PHOTOMETRIC] == 0
    assert_similar(grey(data), as_picture(SCENE))


def test_floats_with_white_as_zero():
    assert_similar(
        grey(tiff((1 - SCENE).astype("f4"), photometric=0)), as_picture(SCENE)
    )


@pytest.mark.parametrize("top", [2**32 - 1, 2**31, 2**31 - 1, 2**20 - 1, 65535])
def test_unsigned_32_bits(top):
    expected = as_picture(SCENE, 0, (2 ** int(top).bit_length() - 1) / top)
    assert_similar(grey(tiff(np.round(SCENE * top).astype("<u4"))), expected)


def test_signed_32_bits_stay_signed():
    values = np.round(SCENE * 4000 - 2000).astype("<i4")
    assert_similar(grey(tiff(values)), as_picture(SCENE))


ELEVATIONS = SCENE * 40 + 120
FLOAT_MIN = float(np.finfo("f4").min)


@pytest.mark.parametrize(
    ("dtype", "hole", "tag"),
    [
        ("f4", -9999, None),
        ("f4", FLOAT_MIN, None),
        ("f4", -FLOAT_MIN, None),
        ("f4", np.nan, None),
        ("f4", np.inf, None),
        ("f4", -32768, None),
        ("f4", -5000, None),
        ("f4", -9999, "-9999"),
        ("f4", FLOAT_MIN, "-3.40282346638528e+38"),
        ("f4", np.nan, "nan"),
        ("f4", 0, "0"),
        ("f4", 161, "161"),
        ("i2", -9999, None),
        ("i2", -32768, None),
        ("i4", -(2**31), None),
        ("u2", 0, "0"),
        ("u2", 65535, " 65535 "),
        ("u4", 2**32 - 1, "4294967295"),
    ],
)
@pytest.mark.parametrize("share", [0.002, 0.05, 0.7])
def test_pixels_without_a_value_are_black_and_do_not_count(dtype, hole, tag, share):
    values = ELEVATIONS if dtype == "f4" else np.round(ELEVATIONS * 10)
    values = values.astype(dtype)
    is_hole = np.random.default_rng(1).random(values.shape) < share
    low, high = values[~is_hole].min(), values[~is_hole].max()
    expected = as_picture(values.astype(float), float(low), float(high))
    values[is_hole] = hole

    seen = grey(tiff(values, nodata=tag))

    assert_similar(seen[~is_hole], expected[~is_hole])
    assert (seen[is_hole] == 0).all()


def test_two_kinds_of_pixels_without_a_value():
    values = ELEVATIONS.astype("f4")
    values[:6], values[6:9], values[9:12] = -9999, FLOAT_MIN, np.nan
    rest = values[12:].astype(float)
    expected = as_picture(rest, rest.min(), rest.max())
    assert_similar(grey(tiff(values))[12:], expected)


def test_nothing_but_pixels_without_a_value_is_a_black_picture():
    assert grey(tiff(np.full((8, 8), np.nan, "f4"))).max() == 0
    assert grey(tiff(np.full((8, 8), 7, "u2"), nodata="7")).max() == 0


def test_heights_around_zero_have_no_gap():
    values = np.round(SCENE * 18_000 - 9_000).astype("<i2")
    assert_similar(grey(tiff(values)), as_picture(SCENE))


X_RAY = np.round(SCENE * 2040 + 1000).astype("<u2")


@pytest.mark.parametrize(
    ("rows", "columns", "value"),
    [
        ([0], [0], 65535),
        ([30], [30], 65535),
        ([30, 30, 50], [30, 31, 5], [65535, 60000, 30000]),
        (slice(None), [20], 40000),
        ([5, 9, 17, 40, 41, 60], [9, 60, 2, 33, 12, 63], range(20_000, 50_000, 5_000)),
    ],
    ids=["corner", "one", "a pair and one", "a line", "several"],
)
@pytest.mark.parametrize("photometric", [1, 0])
def test_hot_pixels_do_not_darken_an_x_ray(rows, columns, value, photometric):
    values = X_RAY.copy()
    values[rows, columns] = value
    seen = grey(tiff(values, photometric=photometric))
    expected = as_picture(X_RAY.astype(float), 0, 4095)
    is_hot = values != X_RAY
    expected[is_hot] = 255
    assert_similar(seen, expected if photometric else 255 - expected)


def test_a_bright_spot_is_no_hot_pixel():
    values = np.round(SCENE * 4000).astype("<u2")
    values[20:24, 20:24] = np.linspace(20_000, 60_000, 16).reshape(4, 4)
    assert_similar(grey(tiff(values)), as_picture(values / 65535.0))


def test_a_drawing_with_few_tones_keeps_them():
    values = np.zeros((SIZE, SIZE), "<u2")
    values[10:20], values[30, 30] = 10_000, 65535
    seen = grey(tiff(values))
    assert (seen[0, 0], seen[15, 0], seen[30, 30]) == (0, 39, 255)


def test_a_hot_pixel_in_floats():
    values = (SCENE * 255).astype("f4")
    values[3, 3] = 70_000
    expected = as_picture(SCENE)
    expected[3, 3] = 255
    assert_similar(grey(tiff(values)), expected)


def test_large_pictures_are_scaled_in_parts(monkeypatch):
    values = X_RAY.copy()
    values[31:33, 7] = 65535
    at_once = grey(tiff(values))
    monkeypatch.setattr("llm_glam.images.grey.AT_ONCE", 5 * SIZE)
    assert (grey(tiff(values)) == at_once).all()
