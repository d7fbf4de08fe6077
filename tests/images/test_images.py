"""Any file to upright RGB, or the reason why not."""

import io
import struct
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw, TiffImagePlugin
from PIL.PngImagePlugin import PngInfo

from llm_glam.errors import BadImage, TooManyPixels
from llm_glam.images import decoding
from llm_glam.ingest.prefetch import PixelLimit, in_order

from .tiffs import SHORT, tiff

QUARTERS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]


@pytest.fixture(autouse=True)
def quiet():
    with decoding.quiet():
        yield


def quartered(size=(60, 40)):
    """Red and green above, blue and yellow below."""
    width, height = size
    im = Image.new("RGB", size)
    for i, colour in enumerate(QUARTERS):
        x, y = i % 2 * width // 2, i // 2 * height // 2
        im.paste(colour, (x, y, x + width // 2, y + height // 2))
    return im


def saved(im, format_, **options):
    out = io.BytesIO()
    im.save(out, format_, **options)
    return out.getvalue()


def corners(im):
    """The colours of the four quarters, rounded to 0, 128 and 255."""
    w, h = im.size
    points = [
        (w // 4, h // 4),
        (3 * w // 4, h // 4),
        (w // 4, 3 * h // 4),
        (3 * w // 4, 3 * h // 4),
    ]
    return [
        tuple(round(c / 127.5) * 127.5 // 1 for c in im.getpixel(p)) for p in points
    ]


@pytest.mark.parametrize(
    "format_", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF", "JPEG2000", "BMP", "PPM", "TGA"]
)
def test_formats(format_):
    options = {"lossless": True} if format_ == "WEBP" else {}
    if format_ in ("JPEG", "AVIF"):
        options["quality"] = 95
    picture = decoding.read(saved(quartered(), format_, **options))
    assert picture.facts.format == format_
    assert (picture.facts.width, picture.facts.height) == (60, 40)
    assert picture.facts.plain
    assert picture.facts.remark is None
    difference = np.asarray(picture.image, int) - np.asarray(quartered(), int)
    assert np.abs(difference).mean() < 6


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, [0, 1, 2, 3]),
        (2, [1, 0, 3, 2]),
        (3, [3, 2, 1, 0]),
        (4, [2, 3, 0, 1]),
        (5, [0, 2, 1, 3]),
        (6, [2, 0, 3, 1]),
        (7, [3, 1, 2, 0]),
        (8, [1, 3, 0, 2]),
    ],
)
def test_exif_rotation(orientation, expected):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decoding.read(saved(quartered(), "PNG", exif=exif))
    assert corners(picture.image) == [QUARTERS[i] for i in expected]
    turned = orientation >= 5
    assert picture.image.size == ((40, 60) if turned else (60, 40))
    assert picture.facts.plain is (orientation == 1)


def test_broken_exif_does_not_cost_the_picture():
    data = saved(quartered(), "JPEG", exif=b"Exif\0\0" + b"\xff" * 40)
    assert decoding.read(data).image.size == (60, 40)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_becomes_white(mode):
    im = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    im.paste((0, 0, 0, 255), (0, 0, 5, 10))
    data = saved(
        im.convert(mode), "PNG", **({"transparency": 0} if mode == "P" else {})
    )
    rgb = decoding.read(data).image
    assert {rgb.getpixel((2, 5)), rgb.getpixel((8, 5))} <= {(0, 0, 0), (255, 255, 255)}
    assert rgb.getpixel((8, 5)) == (255, 255, 255)


def drawn(ink, background=(0, 0, 0, 0)):
    """A ring on a transparent background."""
    im = Image.new("RGBA", (100, 100), background)
    ImageDraw.Draw(im).ellipse((20, 20, 80, 80), outline=ink, width=6)
    return im


def ring_and_background(data):
    rgb = decoding.read(data).image
    return rgb.getpixel((50, 22)), rgb.getpixel((50, 50))


@pytest.mark.parametrize(
    ("ink", "on", "seen"),
    [
        ((0, 0, 0, 255), "white", (0, 0, 0)),
        ((255, 255, 255, 255), "black", (255, 255, 255)),
        ((255, 255, 255, 90), "black", (90, 90, 90)),
        ((240, 236, 230, 255), "black", (240, 236, 230)),
        ((200, 200, 200, 255), "white", (200, 200, 200)),
        ((255, 255, 0, 255), "white", (255, 255, 0)),
        ((0, 0, 0, 20), "white", (235, 235, 235)),
    ],
)
@pytest.mark.parametrize("hidden", [(0, 0, 0, 0), (255, 255, 255, 0)])
def test_white_ink_is_seen_on_black(ink, on, seen, hidden):
    background = (255,) * 3 if on == "white" else (0,) * 3
    assert ring_and_background(saved(drawn(ink, hidden), "PNG")) == (seen, background)


@pytest.mark.parametrize(
    ("format_", "mode"),
    [("PNG", "LA"), ("GIF", "P"), ("TIFF", "RGBA"), ("WEBP", "RGBA")],
)
def test_white_ink_in_other_modes_and_formats(format_, mode):
    im = drawn((255, 255, 255, 255))
    if mode == "P":
        im = Image.new("P", im.size, 1)
        im.putpalette([255, 255, 255, 255, 255, 255])
        ImageDraw.Draw(im).ellipse((20, 20, 80, 80), outline=0, width=6)
        data = saved(im, format_, transparency=1)
    else:
        data = saved(
            im.convert(mode), format_, **{"lossless": True} if format_ == "WEBP" else {}
        )
    assert ring_and_background(data) == ((255, 255, 255), (0, 0, 0))


def test_pale_pictures_that_are_not_drawn_in_white_stay_on_white():
    cut_out = drawn((255, 255, 255, 255))
    ImageDraw.Draw(cut_out).ellipse(
        (20, 20, 80, 80), fill="white", outline=(200, 190, 180, 255)
    )
    assert decoding.read(saved(cut_out, "PNG")).image.getpixel((2, 2)) == (
        255,
        255,
        255,
    )
    page = Image.new("RGBA", (100, 100), (250, 250, 250, 255))
    page.putpixel((0, 0), (0, 0, 0, 0))  # a rounded corner
    assert decoding.read(saved(page, "PNG")).image.getpixel((0, 0)) == (255, 255, 255)


def test_an_unused_alpha_channel_is_no_empty_picture():
    im = quartered().convert("RGBA")
    im.putalpha(0)
    assert corners(decoding.read(saved(im, "PNG")).image) == QUARTERS


@pytest.mark.parametrize(
    ("top", "expected"),
    [(65535, 255), (32768, 127), (4095, 255), (511, 255), (255, 255)],
)
def test_deep_grey_is_scaled_instead_of_clipped(top, expected):
    values = np.linspace(0, top, 100, dtype=np.uint16).reshape(10, 10)
    grey = np.asarray(decoding.read(saved(Image.fromarray(values), "TIFF")).image)
    assert grey[0, 0, 0] == 0
    assert abs(int(grey[-1, -1, 0]) - expected) <= 1
    assert len(np.unique(grey)) > 90 * expected // 255


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.0, 255.0), (-3.0, 7000.0)])
def test_float_grey(low, high):
    values = np.linspace(low, high, 100, dtype=np.float32).reshape(10, 10)
    grey = np.asarray(decoding.read(saved(Image.fromarray(values), "TIFF")).image)
    assert (grey.min(), grey.max()) == (0, 255)
    assert len(np.unique(grey)) == 100


def test_cmyk_one_bit_and_palette():
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red, green, blue = decoding.read(saved(cmyk, "TIFF")).image.getpixel((4, 4))
    assert red > 200 > 60 > max(green, blue)
    line = Image.new("1", (8, 8), 1)
    assert decoding.read(saved(line, "TIFF")).image.getpixel((4, 4)) == (255, 255, 255)
    palette = quartered().convert("P", palette=Image.Palette.ADAPTIVE)
    assert corners(decoding.read(saved(palette, "GIF")).image) == QUARTERS


@pytest.mark.parametrize("brightest", [65535, 65280, 255])
@pytest.mark.parametrize("bits", [8, 4])
def test_palettes_of_tiffs(brightest, bits):
    """Some writers fill them with 0 to 255, where the format has 0 to 65535."""
    colours = [*QUARTERS, *[(0, 0, 0)] * (2**bits - 4)]
    palette = [c[k] * brightest // 255 for k in range(3) for c in colours]
    upper, lower = ([0] * 30 + [1] * 30) * 20, ([2] * 30 + [3] * 30) * 20
    pixels = bytes(upper + lower)
    if bits == 4:
        pixels = bytes(
            a << 4 | b for a, b in zip(pixels[::2], pixels[1::2], strict=True)
        )
    data = tiff((60, 40), bits, pixels, {262: (SHORT, [3]), 320: (SHORT, palette)})
    assert corners(decoding.read(data).image) == QUARTERS


def test_the_first_frame_of_an_animation():
    frames = [quartered(), Image.new("RGB", (60, 40), "black")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert corners(decoding.read(data).image) == QUARTERS


def test_most_of_a_truncated_file_is_used_and_said_so():
    noise = np.random.default_rng(0).integers(0, 255, (300, 200, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "JPEG", quality=90)
    picture = decoding.read(data[: len(data) * 8 // 10])
    assert "used the upper" in picture.facts.remark
    assert picture.image.size == (200, 300)
    with pytest.raises(BadImage, match="damaged"):
        decoding.read(data[: len(data) * 2 // 10])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"hello", "it is not a picture in a format"),
        (b"<!DOCTYPE html><p>", "it is a web page"),
        (
            b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'>",
            "it is an SVG",
        ),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "it is PostScript"),
    ],
)
def test_what_is_no_picture(data, reason):
    with pytest.raises(BadImage, match=reason):
        decoding.read(data)
    assert decoding.is_picture(data) is False


def test_a_missing_file(tmp_path):
    with pytest.raises(BadImage, match="cannot be read .No such file"):
        decoding.read(tmp_path / "gone.png")


def bomb(width, height):
    """A PNG that claims to be large and holds next to nothing."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body))
            + kind
            + body
            + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0"))
    )


def test_the_pixel_limit_holds_before_decoding():
    with pytest.raises(
        TooManyPixels, match=r"3.00 megapixels \(the limit is 2\).*--max-megapixels"
    ):
        decoding.read(bomb(2000, 1500), max_megapixels=2)
    with pytest.raises(TooManyPixels, match="10,000 megapixels"):
        decoding.read(bomb(100_000, 100_000))


def test_heic_without_its_extra_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    data = b"\0\0\0\x18ftypheic" + b"\0" * 100
    with pytest.raises(BadImage, match=r"llm install 'llm-glam\[heic\]'"):
        decoding.read(data)


def test_heic_with_its_extra():
    pillow_heif = pytest.importorskip("pillow_heif")
    out = io.BytesIO()
    pillow_heif.from_pillow(quartered((64, 48))).save(out, quality=95)
    picture = decoding.read(out.getvalue())
    assert picture.facts.format == "HEIF"
    assert corners(picture.image) == QUARTERS


def test_pictures_are_known_by_name():
    names = ["a.JPG", "a.jp2", "a.tiff", "a.heic", "a.avif", "a.csv", "a.pdf", "a"]
    known = [name for name in names if decoding.has_picture_name(Path(name))]
    assert known == ["a.JPG", "a.jp2", "a.tiff", "a.heic", "a.avif"]


def test_thumbnails_keep_their_shape():
    tall = decoding.thumbnail(decoding.read(saved(quartered((600, 1200)), "PNG")), 100)
    assert (tall.width, tall.height) == (100, 200)
    im = Image.open(io.BytesIO(tall.content))
    assert (im.format, im.size) == ("JPEG", (100, 200))
    assert not im.getexif()


def test_results_come_in_order_and_only_a_few_are_ahead():
    started = []

    def slow_first(number):
        started.append(number)
        threading.Event().wait(0.05 if number % 3 == 0 else 0)
        return number

    results = in_order(slow_first, iter(range(1000)), 3, 6)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert max(started) < 15
    results.close()
    assert list(in_order(slow_first, range(20), 4, 8)) == list(range(20))


def test_reading_ahead_may_end_in_one_of_its_own_threads():
    """Where Python collects what an error has left behind."""
    may_end, has_ended, ended_in = threading.Event(), threading.Event(), []

    def read(number):
        if number == 1:
            may_end.wait(10)
            results.close()
            ended_in.append(threading.current_thread().name)
            has_ended.set()
        return number

    results = in_order(read, range(4), 1, 1)
    assert next(results) == 0
    may_end.set()
    assert has_ended.wait(10)
    assert ended_in[0].startswith("glam-read")
    assert list(results) == []


def test_the_pixel_limit_admits_a_large_picture_only_alone():
    pixel_limit = PixelLimit(limit=100)
    inside, most = [], []

    def decode(size):
        with pixel_limit.reserve(size):
            inside.append(size)
            most.append(sum(inside))
            threading.Event().wait(0.001)
            inside.remove(size)

    sizes = [30, 60, 500, 20, 90, 40] * 10
    list(in_order(decode, sizes, 6, 12))
    assert len(most) == 60
    assert all(total <= 100 or total == 500 for total in most)


GREYS = {  # the same grey, 128 of 255, in each kind of PNG
    "L": Image.new("L", (8, 8), 128),
    "LA": Image.new("LA", (8, 8), (128, 255)),
    "RGB": Image.new("RGB", (8, 8), (128,) * 3),
    "RGBA": Image.new("RGBA", (8, 8), (128, 128, 128, 255)),
    "P": Image.new("RGB", (8, 8), (128,) * 3).quantize(4),
}
SRGB_COLORS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
WIDE_COLORS = (31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)  # Adobe RGB


def gamma_png(im, gamma, colors=(), **chunks):
    """A PNG that says how its values are to be seen, by the chunks gAMA, cHRM and others."""
    info = PngInfo()
    for name, content in chunks.items():
        info.add(name.encode(), content)
    info.add(b"gAMA", struct.pack(">I", gamma))
    if colors:
        info.add(b"cHRM", struct.pack(">8I", *colors))
    out = io.BytesIO()
    im.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def seen(content):
    """The colour in the middle of a PNG's thumbnail."""
    small = decoding.thumbnail(decoding.read(content)).content
    return Image.open(io.BytesIO(small)).getpixel((4, 4))


@pytest.mark.parametrize("mode", GREYS)
@pytest.mark.parametrize(
    ("gamma", "expected"), [(100_000, 188), (55_556, 145), (35_000, 104)]
)
def test_a_png_with_another_gamma_is_shown_as_browsers_show_it(mode, gamma, expected):
    """The value is linear light to the power of gAMA; the vectors have the file's own values."""
    content = gamma_png(GREYS[mode], gamma)
    assert seen(content) == pytest.approx((expected,) * 3, abs=1.5)
    assert decoding.read(content).image.getpixel((4, 4)) == (128,) * 3


def test_the_primaries_of_a_png_count_with_its_gamma():
    red, green = (Image.new("RGB", (8, 8), c) for c in [(200, 50, 50), (50, 200, 50)])
    assert seen(gamma_png(green, 45_455, WIDE_COLORS))[0] <= 5  # outside of sRGB
    assert seen(gamma_png(red, 45_455, WIDE_COLORS))[0] > 230
    for broken in [(0,) * 8, (2**31,) * 8, (*WIDE_COLORS[:7], 0), (1,) * 8]:
        assert seen(gamma_png(GREYS["RGB"], 100_000, broken)) == (188,) * 3


@pytest.mark.parametrize(
    ("gamma", "colors", "chunks"),
    [
        (45_455, (), {}),
        (45_455, SRGB_COLORS, {}),
        (45_000, (), {}),
        (100_000, WIDE_COLORS, {"sRGB": b"\0"}),
        (0, (), {}),
        (1, (), {}),
        (2**32 - 1, (), {}),
    ],
)
def test_a_png_that_is_srgb_keeps_its_values(gamma, colors, chunks):
    content = gamma_png(GREYS["RGB"], gamma, colors, **chunks)
    assert decoding.read(content).profile is None
    assert seen(content) == (128,) * 3


def test_an_embedded_profile_counts_before_gamma():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for mode in ("RGB", "P", "L"):
        out = io.BytesIO()
        info = PngInfo()
        info.add(b"gAMA", struct.pack(">I", 100_000))
        GREYS[mode].save(out, "PNG", pnginfo=info, icc_profile=srgb)
        assert seen(out.getvalue()) == (128,) * 3


def test_thumbnails_carry_nothing_but_the_picture():
    data = saved(quartered(), "JPEG", comment=b"SECRET", icc_profile=b"broken profile")
    content = decoding.thumbnail(decoding.read(data)).content
    assert b"SECRET" not in content
    assert b"broken profile" not in content
    assert corners(Image.open(io.BytesIO(content))) == QUARTERS


def gradient(width, height):
    """Red grows to the right, green downwards."""
    red = np.linspace(0, 255, width)[None].repeat(height, 0)
    green = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([red, green, red * 0], -1).astype(np.uint8))


@pytest.mark.parametrize("suffix", ["jpg", "jp2", "tif", "png"])
def test_a_large_picture_is_decoded_no_larger_than_needed(tmp_path, suffix):
    path = tmp_path / f"large.{suffix}"
    gradient(1600, 1203).save(path, quality=95)

    picture = decoding.read(path, at_least=200)

    assert (picture.facts.width, picture.facts.height) == (1600, 1203)
    assert min(picture.image.size) >= 200
    assert (min(picture.image.size) < 500) == (suffix in ("jpg", "jp2"))
    small, whole = (
        np.asarray(one.image.resize((8, 6)), int)
        for one in (picture, decoding.read(path))
    )
    assert np.abs(small - whole).max() <= 2


def test_a_turned_picture_keeps_its_full_upright_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    gradient(1600, 1200).save(tmp_path / "turned.jpg", exif=exif)

    picture = decoding.read(tmp_path / "turned.jpg", at_least=200)

    assert (picture.facts.width, picture.facts.height) == (1200, 1600)
    assert picture.image.width < picture.image.height
    assert not picture.facts.plain


@pytest.mark.parametrize("suffix", ["jpg", "jp2"])
def test_a_picture_that_is_not_twice_as_large_is_decoded_whole(tmp_path, suffix):
    gradient(799, 399).save(tmp_path / f"small.{suffix}", quality=95)

    assert decoding.read(tmp_path / f"small.{suffix}", at_least=200).image.size == (
        799,
        399,
    )


def test_a_damaged_picture_says_the_same_in_whole_and_smaller(tmp_path):
    path = tmp_path / "damaged.jpg"
    gradient(1600, 1200).save(path, quality=95)
    path.write_bytes(path.read_bytes()[:-20_000])

    whole, smaller = decoding.read(path), decoding.read(path, at_least=200)

    assert whole.facts == smaller.facts
    assert "the file is damaged" in whole.facts.remark


def test_a_jpeg_2000_with_few_levels_is_decoded_whole(tmp_path):
    path = tmp_path / "flat.jp2"
    gradient(1600, 1200).save(path, num_resolutions=1)

    assert decoding.read(path, at_least=40).image.size == (1600, 1200)


def test_the_pixel_limit_holds_for_smaller_decoding_too(tmp_path):
    gradient(1600, 1200).save(tmp_path / "large.jpg")

    with pytest.raises(TooManyPixels):
        decoding.read(tmp_path / "large.jpg", max_megapixels=1, at_least=200)


def pyramid(path, *levels, kind=1):
    """A TIFF whose later pages say that they are coarser versions of the first."""
    with TiffImagePlugin.AppendingTiffWriter(path, True) as tiff:
        for number, level in enumerate(levels):
            level.save(tiff, "TIFF", tiffinfo={254: kind if number else 0})
            tiff.newFrame()


def test_of_a_pyramidal_tiff_the_smallest_sufficient_level_is_decoded(tmp_path):
    sizes = [(1600, 1203), (800, 602), (400, 301), (200, 151)]
    pyramid(tmp_path / "large.tif", *(gradient(*size) for size in sizes))

    enough = decoding.read(tmp_path / "large.tif", at_least=200)
    much = decoding.read(tmp_path / "large.tif", at_least=600)
    whole = decoding.read(tmp_path / "large.tif")

    assert [one.image.size for one in (enough, much, whole)] == [
        (400, 301),
        (800, 602),
        (1600, 1203),
    ]
    assert {(one.facts.width, one.facts.height) for one in (enough, much)} == {sizes[0]}
    small, all_of_it = (
        np.asarray(one.image.resize((8, 6)), int) for one in (enough, whole)
    )
    assert np.abs(small - all_of_it).max() <= 2


@pytest.mark.parametrize(
    ("second", "kind"),
    [((800, 602), 0), ((800, 602), 5), ((800, 400), 1), ((1600, 1203), 1)],
    ids=["another page", "a mask", "other proportions", "as large"],
)
def test_other_pages_of_a_tiff_are_no_levels(tmp_path, second, kind):
    pages = gradient(1600, 1203), Image.new("RGB", second, "white")
    pyramid(tmp_path / "pages.tif", *pages, kind=kind)

    assert decoding.read(tmp_path / "pages.tif", at_least=200).image.size == (
        1600,
        1203,
    )


def test_a_turned_pyramid_is_decoded_whole_and_upright(tmp_path):
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "turned.tif", True) as tiff:
        gradient(1600, 1200).save(tiff, "TIFF", tiffinfo={254: 0, 274: 6})
        tiff.newFrame()
        gradient(800, 600).save(tiff, "TIFF", tiffinfo={254: 1})
        tiff.newFrame()

    picture = decoding.read(tmp_path / "turned.tif", at_least=200)

    assert picture.image.size == (1200, 1600)


@pytest.mark.parametrize("missing", [10, 40_000, 300_000, 1_000_000, 1_790_000])
def test_a_broken_level_costs_nothing_but_time(tmp_path, missing):
    path = tmp_path / "broken.tif"
    pyramid(path, gradient(1600, 1200), gradient(800, 600), gradient(400, 300))
    sound = decoding.read(path)
    path.write_bytes(path.read_bytes()[:-missing])

    for enough in (200, 500):
        picture = decoding.read(path, at_least=enough)

        assert (picture.facts.width, picture.facts.remark) == (1600, None)
        small, whole = (
            np.asarray(one.image.resize((8, 6)), int) for one in (picture, sound)
        )
        assert np.abs(small - whole).max() <= 2


def test_ones_of_an_xbm_are_ink():
    rows = ", ".join(["0x0F", "0x00"] * 8)  # the left four of 16 pixels
    text = f"#define a_width 16\n#define a_height 8\nstatic char a_bits[] = {{\n{rows}}};\n"
    im = decoding.read(text.encode()).image
    assert im.getpixel((1, 1)) == (0, 0, 0)
    assert im.getpixel((9, 1)) == (255, 255, 255)


def test_pixels_of_small_pictures_keep_their_colours_in_thumbnails():
    colours = np.array([(255, 0, 0), (0, 0, 255), (0, 160, 0)], np.uint8)
    values = colours[np.random.default_rng(1).integers(0, 3, (24, 32))]
    small = decoding.thumbnail(decoding.read(saved(Image.fromarray(values), "PNG")))
    shown = np.asarray(Image.open(io.BytesIO(small.content)), int)
    assert np.abs(shown - values).mean() < 12
