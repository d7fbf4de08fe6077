"""Copies without what is embedded: nothing of it is left, and every pixel is as it was."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from llm_glam.images import decoding
from llm_glam.images.embedded import record, strip

from . import metadata as made
from .metadata import chunk, iptc, resource, resources, xmp
from .tiffs import ASCII, BYTE, SHORT, bigtiff, tiff

SECRET = "Grindylow"
RAW = SECRET.encode()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PIXELS = np.arange(48 * 32 * 3, dtype=np.uint32).reshape(32, 48, 3) * 7 % 251
PACKET = xmp(f"<dc:title>{SECRET}</dc:title>", 'exif:GPSLatitude="51,22.8600N"')
RESOURCES = resources(iptc((5, SECRET), (90, SECRET))) + resource(0x0424, PACKET)


def exif(orientation=6, thumbnail=b""):
    found = made.exif(
        {0x010E: SECRET, 0x013B: SECRET, 0x0112: orientation},
        {0x927C: RAW * 9, 0x9286: b"ASCII\0\0\0" + RAW},
        {1: "N", 2: (51.0, 22.0, 51.6), 3: "W", 4: (2.0, 21.0, 36.0), 27: RAW},
    )
    return found.tobytes() + thumbnail


def saved(format_, im=None, **options):
    out = io.BytesIO()
    (im or Image.fromarray(PIXELS.astype(np.uint8))).save(out, format_, **options)
    return out.getvalue()


def segment(number, data):
    return struct.pack(">BBH", 0xFF, number, len(data) + 2) + data


def jpeg(orientation=6, **options):
    """A JPEG with everything that programs embed, and more pictures behind it."""
    plain = saved("JPEG", icc_profile=SRGB, dpi=(300, 300), quality=90, **options)
    jfif = segment(0xE0, b"JFIF\0\1\2\1\x01\x2c\x01\x2c\1\1" + RAW[:3])
    extra = [
        (0xE0, b"JFXX\0\x13\1\1" + RAW),
        (0xE1, b"Exif\0\0" + exif(orientation).removeprefix(b"Exif\0\0") + RAW),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PACKET),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0" + RAW),
        (0xE2, b"FPXR\0" + RAW),
        (0xEC, b"Ducky" + RAW),
        (0xED, b"Photoshop 3.0\0" + RESOURCES),
        (0xEF, RAW),
        (0xFE, RAW),
    ]
    inside = b"".join(segment(n, data) for n, data in extra)
    scan = plain.index(b"\xff\xda")
    rest = plain[20:scan] + b"\xff" + segment(0xFE, RAW) + plain[scan:]
    return plain[:2] + jfif + inside + rest + saved("JPEG", comment=RAW) + RAW


def png(orientation=6, im=None):
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET)
    text.add_itxt("Title", SECRET)
    text.add_itxt("XML:com.adobe.xmp", PACKET.decode(), zip=True)
    text.add_text("Raw profile type iptc", iptc((5, SECRET)).hex(), zip=True)
    raw = saved("PNG", im, pnginfo=text, icc_profile=SRGB, dpi=(300, 300))
    behind = chunk(b"tIME", b"\x07\xea\1\1\1\1\1") + chunk(b"prVt", RAW)
    behind += chunk(b"eXIf", exif(orientation).removeprefix(b"Exif\0\0"))
    return raw[:-12] + behind + raw[-12:] + RAW


def webp(orientation=6, **options):
    options = {"lossless": True, "exif": exif(orientation), "xmp": PACKET} | options
    raw = saved("WEBP", icc_profile=SRGB, **options) + struct.pack("<4sI", b"note", 9)
    raw += RAW + b"\0"
    return raw[:4] + struct.pack("<I", len(raw) - 8) + raw[8:] + RAW


def gif():
    frames = [Image.new("P", (9, 9), n) for n in range(3)]
    options = {"save_all": True, "append_images": frames[1:], "duration": 70, "loop": 3}
    raw = saved("GIF", frames[0], comment=RAW, **options)
    own = b"!\xff\x0bXMP DataXMP" + bytes([len(RAW)]) + RAW + b"\0"
    return raw[:-1] + own + raw[-1:] + RAW


def with_secrets():
    return {
        270: (ASCII, RAW + b"\0"),
        700: (BYTE, PACKET),
        33723: (BYTE, iptc((5, SECRET))),
        34377: (BYTE, RESOURCES),
        42112: (ASCII, RAW),
        274: (SHORT, [6]),
        262: (SHORT, [1]),
        42113: (ASCII, b"0\0"),
    }


def tiff_16(**more):
    grey = np.arange(48 * 32, dtype=np.uint16) * 41
    return tiff((48, 32), 16, grey.tobytes(), with_secrets() | more) + RAW


def tiff_of_pages(**options):
    pages = [Image.fromarray((PIXELS + n).astype(np.uint8)) for n in range(3)]
    info = {270: SECRET, 315: SECRET, 700: PACKET, 34377: RESOURCES}
    options = {"save_all": True, "append_images": pages[1:], "tiffinfo": info} | options
    return saved("TIFF", pages[0], icc_profile=SRGB, **options)


def jp2(raw=None):
    raw = raw or saved("JPEG2000", irreversible=False, comment=SECRET)
    uuid = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + PACKET
    box = struct.pack(">I4s", len(uuid) + 8, b"uuid") + uuid
    at = raw.index(b"jp2c") - 4
    return raw[:at] + box + raw[at:] + box


DEEP = Image.fromarray(np.arange(48 * 32, dtype=np.uint16).reshape(32, 48) * 41)
FILES = {
    "jpeg": jpeg(),
    "progressive.jpg": jpeg(progressive=True, restart_marker_rows=1),
    "upright.jpg": jpeg(orientation=1),
    "mpo": saved(
        *("MPO", Image.new("RGB", (48, 32), "red")),
        save_all=True,
        append_images=[Image.new("RGB", (48, 32), "blue")],
        exif=exif(),
        comment=RAW,
    ),
    "png": png(),
    "deep.png": png(im=DEEP),
    "transparent.png": png(1, Image.new("RGBA", (9, 9), (9, 8, 7, 6))),
    "webp": webp(),
    "lossy.webp": webp(1, lossless=False),
    "moving.webp": webp(
        1, save_all=True, append_images=[Image.new("RGB", (48, 32), "red")]
    ),
    "gif": gif(),
    "16.tif": tiff_16(),
    "pages.tif": tiff_of_pages(),
    "lzw.tif": tiff_of_pages(compression="tiff_lzw"),
    "jpeg.tif": tiff_of_pages(compression="jpeg"),
    "big.tif": tiff_of_pages(big_tiff=True),
    "pyramid.tif": bigtiff([PIXELS[:, :, 0].astype(np.uint8)] * 3),
    "jp2": jp2(),
    "j2k": saved("JPEG2000", no_jp2=True, irreversible=False, comment=SECRET),
}


def frames(raw):
    """What is decoded: the pixels of each page as they are in the file, and what belongs to them."""
    found = []
    with Image.open(io.BytesIO(raw)) as im:
        for number in range(getattr(im, "n_frames", 1) if im.format != "MPO" else 1):
            im.seek(number)
            im.load()
            known = {
                k: im.info.get(k) for k in ("icc_profile", "dpi", "duration", "loop")
            }
            found.append((im.mode, im.size, im.tobytes(), im.getpalette(), known))
    return found


@pytest.mark.parametrize("name", FILES)
def test_nothing_but_the_pixels_is_left(tmp_path, name):
    raw = FILES[name]
    original, target = tmp_path / "original", tmp_path / "copy"
    original.write_bytes(raw)
    assert name == "pyramid.tif" or RAW in raw
    assert strip.copy(original, target)
    copied = target.read_bytes()
    assert RAW not in copied
    assert b"51,22" not in copied
    with decoding.quiet():
        assert not record.read(target)
    assert frames(copied) == frames(raw)
    before, after = decoding.read(original), decoding.read(target)
    assert before.image.tobytes() == after.image.tobytes()
    assert before.profile == after.profile
    small = decoding.thumbnail(before).content
    assert RAW not in small
    with Image.open(io.BytesIO(small)) as im:
        assert {key.partition("_")[0] for key in im.info} == {"jfif"}
    with Image.open(target) as im:
        kept = dict(im.getexif()) if im.format not in ("TIFF", "GIF") else {}
        assert kept.keys() <= {0x0112}
        assert not im.info.get("comment")
        assert set(im.info) & {"xmp", "Title", "mp", "photoshop"} == set()


def test_an_orientation_that_only_xmp_has_is_kept(tmp_path):
    turned = xmp("", 'tiff:Orientation="8"')
    late = b"XML:com.adobe.xmp\0\0\0\0\0" + turned
    for raw, is_possible in (
        (made.jpeg(xmp=turned), True),
        (made.png(chunk(b"iTXt", late)), True),
        (tiff((8, 6), 8, bytes(48), {700: (BYTE, turned), 262: (SHORT, [1])}), False),
    ):
        (tmp_path / "original").write_bytes(raw)
        assert strip.copy(tmp_path / "original", tmp_path / "copy") == is_possible
        if is_possible:
            with Image.open(tmp_path / "copy") as im:
                im.load()
                assert dict(im.getexif()) == {0x0112: 8}


def test_what_cannot_be_copied_without_it_is_not_there(tmp_path):
    big = Image.new("RGB", (8, 6))
    raw_camera = with_secrets() | {262: (SHORT, [32803])}
    for raw in (
        saved("BMP", big),
        saved("PPM", big),
        saved("AVIF", big, exif=exif()) if "AVIF" in Image.SAVE else b"",
        tiff((48, 32), 16, bytes(48 * 64), raw_camera),
        tiff(
            (48, 32), 16, bytes(48 * 64), with_secrets() | {50706: (BYTE, b"\1\4\0\0")}
        ),
        FILES["png"].replace(b"prVt", b"PrVt"),
        RAW,
        b"",
    ):
        (tmp_path / "original").write_bytes(raw)
        assert not strip.copy(tmp_path / "original", tmp_path / "copy")
        assert not (tmp_path / "copy").exists()


def test_a_tag_within_the_pixels_is_not_copied(tmp_path):
    """The pixels would have it, so that they cannot be copied without it."""
    raw = bytearray(tiff_16())
    entry = raw.index(struct.pack("<HH", 270, ASCII))
    raw[entry + 8 : entry + 12] = struct.pack("<I", 20)
    (tmp_path / "original").write_bytes(raw)
    assert not strip.copy(tmp_path / "original", tmp_path / "copy")


def test_jpegs_within_a_tiff_are_looked_into(tmp_path):
    parts = {259: (SHORT, [7]), 262: (SHORT, [6]), 258: (SHORT, [8, 8, 8])}
    parts[277] = (SHORT, [3])
    for inside, is_possible in (
        (saved("JPEG"), True),
        (saved("JPEG", comment=RAW), False),
    ):
        (tmp_path / "original").write_bytes(tiff((48, 32), 8, inside, parts))
        assert strip.copy(tmp_path / "original", tmp_path / "copy") == is_possible


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "16.tif", "jp2", "j2k"])
def test_damaged_files_end_in_no_error(tmp_path, name):
    chance = random.Random(name)
    raw = FILES[name]
    original, target = tmp_path / "original", tmp_path / "copy"
    cuts = [raw[: len(raw) * n // 40] for n in range(40)]
    for _ in range(100):
        broken = bytearray(raw)
        for _ in range(chance.choice((1, 3, 20))):
            value = chance.choice((0, 1, 0x7F, 0xFF, chance.randrange(256)))
            broken[chance.randrange(min(len(raw), 3000))] = value
        cuts.append(bytes(broken))
    for content in cuts:
        original.write_bytes(content)
        done = strip.copy(original, target)
        assert done == target.exists()
        target.unlink(missing_ok=True)


def test_zlib_hides_nothing(tmp_path):
    """A secret that is compressed would not be found by looking for its letters."""
    (tmp_path / "original").write_bytes(FILES["png"])
    strip.copy(tmp_path / "original", tmp_path / "copy")
    raw = (tmp_path / "copy").read_bytes()
    at, kinds = 8, []
    while at < len(raw):
        size, kind = struct.unpack(">I4s", raw[at : at + 8])
        content = raw[at + 4 : at + 8 + size]
        assert raw[at + 8 + size : at + 12 + size] == struct.pack(
            ">I", zlib.crc32(content)
        )
        kinds.append(kind)
        at += size + 12
    assert kinds == [b"IHDR", b"eXIf", b"iCCP", b"pHYs", b"IDAT", b"IEND"]
