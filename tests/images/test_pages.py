"""The page or frame of a file that shows its picture."""

import io
import re
import struct
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from llm_glam.errors import BadImage, TooManyPixels
from llm_glam.images import decoding

from .tiffs import bigtiff

REDUCED, MASK = 1, 4
SUBFILE_TYPE, STRIP_OFFSETS, ORIENTATION, SUB_IFDS = 254, 273, 274, 330
PHOTOMETRIC, LONG = 262, 4
RGB, COLOUR_FILTER = 2, 32803
FIRST = "used the first (to embed each: llm glam embed --pages)"


@pytest.fixture(autouse=True)
def quiet():
    with decoding.quiet():
        yield


def gradient(width, height):
    """Red grows to the right, green downwards."""
    red = np.linspace(0, 255, width)[None].repeat(height, 0)
    green = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([red, green, red * 0], -1).astype(np.uint8))


def white(width, height):
    return Image.new("RGB", (width, height), "white")


def pages(path, *content):
    """Write a TIFF of pictures, each with its tags."""
    path.parent.mkdir(exist_ok=True)
    with TiffImagePlugin.AppendingTiffWriter(path, True) as tiff:
        for im, tags in content:
            im.save(tiff, "TIFF", tiffinfo=tags)
            tiff.newFrame()
    return path


def is_same(one, other):
    return np.array_equal(np.asarray(one), np.asarray(other))


def used(path, **options):
    """The size of the page that is used, and what is said about it."""
    picture = decoding.read(path, **options)
    assert (picture.facts.width, picture.facts.height) == picture.image.size
    return picture.image.size, picture.facts.remark


SMALL, WHOLE, LARGER = gradient(80, 60), gradient(400, 300), gradient(640, 480)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([(SMALL, {254: REDUCED}), (WHOLE, {254: 0})], (400, 300)),
        ([(SMALL, {254: REDUCED}), (WHOLE, {})], (400, 300)),
        ([(SMALL, {255: 2}), (WHOLE, {255: 1})], (400, 300)),
        ([(SMALL, {254: REDUCED}), (gradient(90, 60), {254: REDUCED})], (90, 60)),
        ([(SMALL, {254: REDUCED})], (80, 60)),
        ([(WHOLE, {254: MASK}), (SMALL, {254: 0})], (80, 60)),
        ([(WHOLE, {254: MASK})], (400, 300)),
        (
            [(SMALL, {254: 1}), (WHOLE, {254: 0}), (LARGER, {254: MASK | REDUCED})],
            (400, 300),
        ),
        ([(WHOLE, {254: REDUCED}), (SMALL, {254: 0})], (400, 300)),  # marks confused
        ([(WHOLE, {254: 0}), (SMALL, {254: REDUCED})], (400, 300)),
    ],
)
@pytest.mark.parametrize("suffix", ["tif", "dng", "nef"])
def test_a_marked_thumbnail_or_mask_is_not_the_picture(
    tmp_path, content, expected, suffix
):
    path = pages(tmp_path / f"a.{suffix}", *content)
    assert decoding.read(path).image.size == expected
    assert decoding.read(path.read_bytes()).image.size == expected


def test_a_file_with_one_picture_has_no_remark(tmp_path):
    path = pages(tmp_path / "a.tif", (SMALL, {254: REDUCED}), (WHOLE, {254: 0}))
    assert used(path) == ((400, 300), None)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((80, 60), (400, 300), 2),
        ((16, 11), (1200, 800), 2),  # 3:2, rounded
        ((200, 150), (400, 300), 1),  # another page, half as large
        ((80, 60), (400, 400), 1),  # of other proportions
        ((400, 300), (1600, 1200), 1),  # too large for a thumbnail
        ((400, 300), (80, 60), 1),
    ],
)
def test_an_unmarked_thumbnail_is_known_by_its_size(tmp_path, first, second, expected):
    path = pages(tmp_path / "a.tif", (gradient(*first), {}), (gradient(*second), {}))
    said = {
        1: f"it has 2 pages; {FIRST}",
        2: "page 1 is a thumbnail; used page 2",
    }
    assert used(path) == ((first, second)[expected - 1], said[expected])


def test_several_pages_are_said(tmp_path):
    path = pages(tmp_path / "a.tif", *[(WHOLE, {})] * 3)
    assert used(path) == ((400, 300), f"it has 3 pages; {FIRST}")
    assert decoding.read(path, at_least=50).facts == decoding.read(path).facts
    path = pages(tmp_path / "b.tif", *[(gradient(8, 8), {})] * 40)
    assert used(path) == ((8, 8), f"it has at least 32 pages; {FIRST}")


def test_a_pyramid_behind_its_thumbnail_is_decoded_at_a_level(tmp_path):
    levels = [(gradient(w, w * 3 // 4), {254: 1}) for w in (800, 400)]
    path = pages(
        tmp_path / "a.tif", (SMALL, {254: 1}), (gradient(1600, 1200), {}), *levels
    )

    assert decoding.read(path).image.size == (1600, 1200)
    smaller = decoding.read(path, at_least=200)
    assert smaller.image.size == (400, 300)
    assert (smaller.facts.width, smaller.facts.height) == (1600, 1200)


def test_the_pixel_limit_is_that_of_the_page_that_is_used(tmp_path):
    path = pages(tmp_path / "a.tif", (SMALL, {254: 1}), (WHOLE, {254: 0}))
    with pytest.raises(TooManyPixels, match="0.12 megapixels"):
        decoding.read(path, max_megapixels=0.1)
    with pytest.raises(TooManyPixels):
        decoding.pixels_to_decode(path, max_megapixels=0.1, at_least=None)


@pytest.mark.parametrize("missing", [10, 100, 50_000])
def test_a_damaged_second_page_leaves_the_first(tmp_path, missing):
    path = pages(tmp_path / "a.tif", (WHOLE, {}), (WHOLE, {}))
    path.write_bytes(path.read_bytes()[:-missing])
    assert decoding.read(path).image.size == (400, 300)
    assert is_same(decoding.read(path).image, WHOLE)


def camera_file(
    previews, orientation=1, compression=None, first=SMALL, kind=REDUCED, further=()
):
    """A file as cameras write them: a thumbnail, behind it raw data and previews in SubIFDs.

    ``further`` has more tags of the thumbnail.
    """
    out = io.BytesIO()
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.update(further)
    tags[SUBFILE_TYPE], tags[ORIENTATION] = kind, orientation
    tags[SUB_IFDS] = tuple(range(1, len(previews) + 1))
    tags.tagtype[SUB_IFDS] = LONG
    with TiffImagePlugin.AppendingTiffWriter(out, True) as tiff:
        first.save(tiff, "TIFF", tiffinfo=tags)
        tiff.newFrame()
        for im, kind, _ in previews:
            im.save(tiff, "TIFF", tiffinfo={254: kind}, compression=compression)
            tiff.newFrame()
    data = bytearray(out.getvalue())
    first, *offsets = _directories(data)
    place = _entry(data, first, SUB_IFDS) + 8
    if len(offsets) > 1:
        (place,) = struct.unpack_from("<I", data, place)
    struct.pack_into(f"<{len(offsets)}I", data, place, *offsets)
    for offset, (_, _, photometric) in zip(offsets, previews, strict=True):
        if photometric != RGB:
            place = _entry(data, offset, PHOTOMETRIC)
            struct.pack_into("<H", data, place + 8, photometric)
    for offset in (first, *offsets):
        (count,) = struct.unpack_from("<H", data, offset)
        struct.pack_into("<I", data, offset + 2 + 12 * count, 0)
    return bytes(data)


def _directories(data):
    (offset,) = struct.unpack_from("<I", data, 4)
    while offset:
        yield offset
        (count,) = struct.unpack_from("<H", data, offset)
        (offset,) = struct.unpack_from("<I", data, offset + 2 + 12 * count)


def _entry(data, directory, tag):
    (count,) = struct.unpack_from("<H", data, directory)
    places = [directory + 2 + 12 * k for k in range(count)]
    return next(p for p in places if struct.unpack_from("<H", data, p)[0] == tag)


@pytest.mark.parametrize(
    ("previews", "expected"),
    [
        ([(WHOLE, 0, RGB)], (400, 300)),
        ([(LARGER, 0, COLOUR_FILTER), (WHOLE, REDUCED, RGB)], (400, 300)),
        ([(WHOLE, REDUCED, RGB), (LARGER, REDUCED, RGB)], (640, 480)),
        ([(LARGER, 0, COLOUR_FILTER)], (80, 60)),
        ([(LARGER, MASK, RGB), (WHOLE, 0, RGB)], (400, 300)),
    ],
    ids=["whole", "raw and preview", "previews", "raw only", "mask"],
)
def test_pictures_in_sub_pages_are_found(tmp_path, previews, expected):
    (tmp_path / "a.dng").write_bytes(camera_file(previews))
    assert used(tmp_path / "a.dng") == (expected, None)
    assert is_same(decoding.read(tmp_path / "a.dng").image, gradient(*expected))


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw"])
def test_compressed_previews_are_found(tmp_path, compression):
    previews = [(LARGER, REDUCED, RGB), (WHOLE, REDUCED, RGB)]
    (tmp_path / "a.dng").write_bytes(camera_file(previews, compression=compression))
    for source in (tmp_path / "a.dng", (tmp_path / "a.dng").read_bytes()):
        im = decoding.read(source).image
        assert im.size == (640, 480)
        assert np.abs(np.asarray(im, int) - np.asarray(LARGER, int)).max() < 12


def with_jpeg_preview(jpeg, orientation=1):
    """A camera's file whose SubIFD says where a JPEG file begins, and how long it is."""
    data = bytearray(camera_file([(LARGER, REDUCED, RGB)], orientation))
    with Image.open(io.BytesIO(data)) as im:
        (directory,) = im.tag_v2[SUB_IFDS]
    entries = [(254, REDUCED), (513, len(data)), (514, len(jpeg))]
    struct.pack_into("<H", data, directory, len(entries))
    for number, (tag, value) in enumerate(entries):
        place = directory + 2 + 12 * number
        struct.pack_into("<HHII", data, place, tag, LONG, 1, value)
    return bytes(data) + jpeg


def jpeg_of(im):
    out = io.BytesIO()
    im.save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.mark.parametrize(("orientation", "size"), [(1, (640, 480)), (6, (480, 640))])
def test_previews_that_are_jpeg_files_are_found(tmp_path, orientation, size):
    path = tmp_path / "a.nef"
    path.write_bytes(with_jpeg_preview(jpeg_of(LARGER), orientation))
    assert used(path) == (size, None)
    expected = (
        LARGER if orientation == 1 else LARGER.transpose(Image.Transpose.ROTATE_270)
    )
    difference = np.asarray(decoding.read(path).image, int) - np.asarray(expected, int)
    assert np.abs(difference).max() < 12
    smaller = decoding.read(path, at_least=60)
    assert min(smaller.image.size) < 480
    assert smaller.facts == decoding.read(path).facts
    with pytest.raises(TooManyPixels):
        decoding.read(path, max_megapixels=0.1)


@pytest.mark.parametrize("jpeg", [b"", b"nothing", jpeg_of(gradient(20, 15))])
def test_previews_that_are_no_larger_picture_cost_nothing(jpeg):
    assert is_same(decoding.read(with_jpeg_preview(jpeg)).image, SMALL)


def test_a_damaged_picture_behind_a_thumbnail_leaves_the_thumbnail(tmp_path):
    sound = jpeg_of(LARGER)
    picture = decoding.read(with_jpeg_preview(sound[: len(sound) // 4]))
    assert is_same(picture.image, SMALL)
    said = r"used page 1, since the picture behind it cannot be: it is damaged \("
    assert re.match(said, picture.facts.remark)
    path = pages(tmp_path / "a.tif", (SMALL, {254: REDUCED}), (LARGER, {}))
    path.write_bytes(path.read_bytes()[: 80 * 60 * 3 + 700])
    assert is_same(decoding.read(path).image, SMALL)


def test_sub_pages_are_turned_as_their_file_says(tmp_path):
    (tmp_path / "a.dng").write_bytes(camera_file([(WHOLE, 0, RGB)], orientation=6))
    picture = decoding.read(tmp_path / "a.dng")
    assert used(tmp_path / "a.dng") == ((300, 400), None)
    assert decoding.read(tmp_path / "a.dng", at_least=60).facts == picture.facts
    assert is_same(picture.image, WHOLE.transpose(Image.Transpose.ROTATE_270))


LEVELS = [(gradient(w, w * 3 // 4).convert("L"), REDUCED, 1) for w in (800, 400, 80)]
TALL = gradient(1600, 1200)


def pyramid(levels, **options):
    """A pyramidal TIFF with its levels in SubIFDs, as OME-TIFFs and vips --subifd have them.

    They are grey here, unlike the picture, so that they can be told from it.
    """
    return camera_file(levels, first=TALL, kind=0, **options)


def is_grey(im):
    return len(set(np.asarray(im)[0, -1])) == 1


@pytest.mark.parametrize(
    ("at_least", "width"), [(60, 80), (61, 400), (300, 400), (301, 800), (601, 1600)]
)
def test_levels_in_sub_pages_are_decoded_where_they_suffice(tmp_path, at_least, width):
    (tmp_path / "a.ome.tif").write_bytes(pyramid(LEVELS))
    for source in (tmp_path / "a.ome.tif", (tmp_path / "a.ome.tif").read_bytes()):
        picture = decoding.read(source, at_least=at_least)
        assert picture.image.size == (width, width * 3 // 4)
        assert is_grey(picture.image) == (width < 1600)
        assert (picture.facts.width, picture.facts.height) == (1600, 1200)
        assert picture.facts.remark is None
        pixels = decoding.pixels_to_decode(source, max_megapixels=9, at_least=at_least)
        assert pixels == width * width * 3 // 4
        assert is_same(decoding.read(source).image, TALL)


@pytest.mark.parametrize("count", [1, 3])
def test_levels_in_sub_pages_of_a_bigtiff(tmp_path, count):
    grey = np.asarray(TALL.convert("L"))
    levels = [255 - grey[::step, ::step] for step in (4, 2, 8)[:count]]
    data = bigtiff([grey, *levels])
    (tmp_path / "slide.tif").write_bytes(data)
    for source in (tmp_path / "slide.tif", data):
        assert is_same(decoding.read(source).image.convert("L"), grey)
        smaller = decoding.read(source, at_least=200)
        assert is_same(smaller.image.convert("L"), levels[0])
        assert smaller.facts == decoding.read(source).facts
    for end in (50, 1000, len(data) - 300):  # damaged: nothing or the whole
        with suppress(BadImage):
            decoding.read(data[:end], at_least=200)


@pytest.mark.parametrize(
    "level",
    [
        (gradient(400, 300), MASK, RGB),
        (gradient(400, 300), MASK | REDUCED, RGB),
        (gradient(400, 400), REDUCED, RGB),  # the label of a slide
        (gradient(400, 300), 0, RGB),  # not marked
        (gradient(400, 300), REDUCED, COLOUR_FILTER),
    ],
)
def test_sub_pages_that_are_no_levels_are_not_decoded(level):
    picture = decoding.read(pyramid([level]), at_least=60)
    assert is_same(picture.image, TALL)
    assert picture.facts.remark is None


def test_a_pyramid_that_must_be_turned_is_decoded_whole():
    data = pyramid(LEVELS, orientation=6)
    picture = decoding.read(data, at_least=60)
    assert is_same(picture.image, TALL.transpose(Image.Transpose.ROTATE_270))


@pytest.mark.parametrize("what", ["pixels", "directory"])
def test_a_damaged_level_leaves_the_picture(what):
    data = bytearray(pyramid(LEVELS, compression="tiff_lzw"))
    with Image.open(io.BytesIO(data)) as im:
        level = im.tag_v2[SUB_IFDS][1]
    place = _entry(data, level, STRIP_OFFSETS) + 8
    if what == "directory":
        struct.pack_into("<I", data, place, len(data) + 5)
    else:
        (offsets,) = struct.unpack_from("<I", data, place)
        (first,) = struct.unpack_from("<I", data, offsets)
        data[first : first + 500] = b"\xff" * 500
    assert is_same(decoding.read(bytes(data)).image, TALL)
    picture = decoding.read(bytes(data), at_least=200)
    if what == "directory":  # the next level is used
        assert picture.image.size == (800, 600)
    else:
        assert is_same(picture.image, TALL)


def test_an_unmarked_thumbnail_before_its_picture_in_a_sub_page(tmp_path):
    data = camera_file([(WHOLE, 0, RGB)], kind=0)
    (tmp_path / "a.tif").write_bytes(data)
    assert used(tmp_path / "a.tif") == ((400, 300), None)
    other = camera_file([(gradient(300, 300), 0, RGB)], kind=0)  # another picture
    assert is_same(decoding.read(other).image, SMALL)


@pytest.mark.parametrize("offset", [0, 7, 4_000_000_000])
def test_sub_pages_that_are_not_there_cost_nothing(offset):
    data = bytearray(camera_file([(WHOLE, 0, RGB)]))
    with Image.open(io.BytesIO(data)) as im:
        place = _entry(data, im.tag_v2.offset, SUB_IFDS)
    struct.pack_into("<I", data, place + 8, offset)
    assert is_same(decoding.read(bytes(data)).image, SMALL)


def saved(format_, frames, **options):
    out = io.BytesIO()
    frames[0].save(out, format_, save_all=True, append_images=frames[1:], **options)
    return out.getvalue()


MIRRORED = WHOLE.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
CLEAR = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
BLANK = white(400, 300)
FAINT = Image.fromarray(
    np.random.default_rng(0).integers(249, 256, (300, 400, 3)).astype(np.uint8)
)


@pytest.mark.parametrize("format_", ["GIF", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("blank", [[CLEAR], [BLANK], [BLANK, FAINT, BLANK]])
def test_blank_frames_and_pages_are_passed_over(format_, blank):
    frames = [im.convert("RGBA") for im in [*blank, WHOLE, MIRRORED]]
    options = {"WEBP": {"lossless": True}, "PNG": {"default_image": False}}
    data = saved(format_, frames, **options.get(format_, {}))
    with Image.open(io.BytesIO(data)) as im:
        frames_before = im.n_frames - 2  # some writers join frames that are alike

    picture = decoding.read(data)

    kind = "page" if format_ == "TIFF" else "frame"
    said = f"{kind} 1 is blank; used {kind} {frames_before + 1}"
    assert picture.facts.remark == said
    difference = np.asarray(picture.image, int) - np.asarray(WHOLE, int)
    assert np.abs(difference).mean() < 12  # a GIF has few colours


@pytest.mark.parametrize("strengths", [(5, 20, 200), (5, 20, 30)])
def test_of_a_picture_that_appears_slowly_a_clear_frame_is_used(strengths):
    top = Image.fromarray(np.linspace(0, 255, 300 * 400).reshape(300, 400).astype("u1"))
    frames = [top.point(lambda v, s=s: v * s // 255) for s in strengths]
    picture = decoding.read(saved("PNG", frames))
    used = 3 if strengths[2] > 100 else 2
    assert picture.facts.remark == f"frame 1 is blank; used frame {used}"


def test_the_first_page_is_used_if_all_are_blank(tmp_path):
    path = pages(tmp_path / "a.tif", (BLANK, {}), (white(500, 500), {}))
    assert used(path) == ((400, 300), f"it has 2 pages; {FIRST}")


def test_a_page_with_one_mark_is_not_blank(tmp_path):
    marked = white(2000, 1500)
    marked.paste("black", (900, 700, 903, 720))
    path = pages(tmp_path / "a.tif", (marked, {}), (WHOLE, {}))
    assert used(path)[0] == (2000, 1500)


def test_thumbnails_and_masks_do_not_replace_a_blank_page(tmp_path):
    path = pages(tmp_path / "a.tif", (BLANK, {}), (SMALL, {254: 1}), (LARGER, {}))
    assert used(path) == ((640, 480), "page 1 is blank; used page 3")


def test_the_page_after_a_blank_one_is_within_the_limit(tmp_path):
    path = pages(tmp_path / "a.tif", (BLANK, {}), (LARGER, {}))
    assert used(path, max_megapixels=0.2)[0] == (400, 300)
    count = decoding.pixels_to_decode(path, max_megapixels=1, at_least=None)
    assert count == 640 * 480


def test_a_blank_pyramid_before_a_picture(tmp_path):
    path = pages(
        tmp_path / "a.tif",
        (white(1600, 1200), {}),
        (white(400, 300), {254: 1}),
        (gradient(1600, 1200), {}),
    )
    assert used(path, at_least=200) == ((1600, 1200), "page 1 is blank; used page 3")


def test_embedding_says_which_page_is_used(llm, colours, tmp_path):
    red = Image.new("RGB", (400, 300), (220, 30, 30))
    red.paste("white", (0, 0, 40, 300))
    pages(tmp_path / "photos" / "letter.tif", (BLANK, {}), (red, {}))
    pages(tmp_path / "photos" / "raw.dng", (SMALL, {254: REDUCED}), (red, {254: 0}))

    said = llm("glam", "embed", "photos", tmp_path / "photos", "-m", "colours").stderr

    assert "letter.tif: page 1 is blank; used page 2" in said
    assert "raw.dng" not in said
    rows = llm.rows("select id, image_width from photos order by id")
    assert [tuple(row.values()) for row in rows] == [
        ("letter.tif", 400),
        ("raw.dng", 400),
    ]
    assert all(red > green for red, green, _ in llm.vectors().values())
