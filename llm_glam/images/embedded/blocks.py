"""Find EXIF, IPTC and XMP within a picture file: what Pillow finds, and what it leaves out.

Pillow reads no more of a PNG than what comes before its pixels, and nothing of this in JPEG 2000,
so that these are gone through here, without reading their pixels.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from . import containers, iptc

LARGEST = 4_000_000  # bytes of a part that are read
LARGEST_EXIF = 250_000  # since Pillow 12 copies each value, and these may overlap
MOST_PARTS = 100_000
XMP_TAG, IPTC_TAG, RESOURCES_TAG = 700, 33723, 34377  # of TIFF
XMP_HEAD, RESOURCES_HEAD = b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
XMP_KEYWORD = b"XML:com.adobe.xmp"
PROFILE = b"Raw profile type "  # of ImageMagick's
PROFILES = {PROFILE + name for name in (b"iptc", b"8bim", b"xmp", b"exif", b"APP1")}
UUIDS = {
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "iptc",
    b"JpgTiffExif->JP2": "exif",
}


@dataclass(frozen=True)
class Blocks:
    """What a file has of each kind; ``digest`` belongs to its IPTC, ``exif`` is Pillow's."""

    xmp: bytes = b""
    iptc: bytes = b""
    digest: bytes = b""
    exif: Any = None


def find(im: Any) -> Blocks:
    """Find the blocks of an opened picture, which cannot be decoded afterwards."""
    reader = READERS.get(im.format, _of_others)
    found: dict[str, bytes] = {}
    with suppress(Exception):  # damage; what was found before it is used
        for kind, data in reader(im):
            found.setdefault(kind, data)
    if photoshop := found.get("resources"):
        known = iptc.resources(photoshop)
        found.setdefault("iptc", known.get(iptc.BLOCK, b""))
        found.setdefault("digest", known.get(iptc.DIGEST, b""))
    return Blocks(
        found.get("xmp", b""),
        found.get("iptc", b""),
        found.get("digest", b""),
        _exif(im, found.get("exif")),
    )


def _exif(im: Any, data: bytes | None) -> Any:
    if data is not None:
        im.info["exif"] = data
    # Without any, Pillow would look for it by decoding a PNG.
    if (
        len(im.info.get("exif") or b"") > LARGEST_EXIF
        or im.format == "PNG"
        and not data
    ):
        im.info["exif"] = b""
    with suppress(Exception):  # Pillow raises almost anything for damaged EXIF
        return im.getexif()
    return None


def _of_others(im: Any) -> Iterator[tuple[str, bytes]]:
    xmp = im.info.get("xmp") or b""
    yield "xmp", xmp.encode() if isinstance(xmp, str) else xmp


def _of_jpeg(im: Any) -> Iterator[tuple[str, bytes]]:
    segments = [content for name, content in im.applist if name in ("APP1", "APP13")]
    yield from (("xmp", s[len(XMP_HEAD) :]) for s in segments if s.startswith(XMP_HEAD))
    photoshop = [s for s in segments if s.startswith(RESOURCES_HEAD)]
    yield "resources", b"".join(s[len(RESOURCES_HEAD) :] for s in photoshop)


def _of_tiff(im: Any) -> Iterator[tuple[str, bytes]]:
    raw = (
        im.tag_v2._tagdata
    )  # as in the file: Pillow keeps but the first of several numbers
    yield "xmp", raw.get(XMP_TAG, b"")
    yield "resources", raw.get(RESOURCES_TAG, b"")
    if block := raw.get(IPTC_TAG):
        yield "iptc", _in_order(block)


def _in_order(block: bytes) -> bytes:
    """Return the bytes of IPTC, which programs write as 32-bit numbers in the order of the TIFF."""
    if block[0] == iptc.TAG:
        return block
    count = len(block) // 4
    return struct.pack(f">{count}I", *struct.unpack(f"<{count}I", block[: 4 * count]))


def _of_png(im: Any) -> Iterator[tuple[str, bytes]]:
    left = {XMP_KEYWORD, *PROFILES}  # each is unpacked but once
    for part in islice(containers.png(im.fp), MOST_PARTS):
        if part.kind not in (b"eXIf", *TEXT_CHUNKS) or part.size > LARGEST:
            continue
        data = part.read(im.fp, LARGEST)
        keyword, _, rest = data.partition(b"\0")
        if part.kind == b"eXIf":
            yield "exif", data
        elif keyword in left:
            left.remove(keyword)
            yield from _of_text(keyword, _text_of(part.kind, rest))


def _text_of(kind: bytes, rest: bytes) -> bytes:
    """Return the text of a chunk, behind its keyword."""
    is_packed = kind == b"zTXt"
    if kind == b"iTXt":
        is_packed = rest[:1] == b"\1"
        rest = rest[1:2] + rest[2:].split(b"\0", 2)[-1]
    elif kind == b"tEXt":
        return rest
    text = rest[1:]  # behind the number of the method of compression
    return zlib.decompressobj().decompress(text, LARGEST) if is_packed else text


def _of_text(keyword: bytes, text: bytes) -> Iterator[tuple[str, bytes]]:
    if keyword == XMP_KEYWORD:
        yield "xmp", text
        return
    digits = text.strip().split(b"\n", 2)[
        -1
    ]  # behind a line with a name, one with the length
    data = bytes.fromhex(digits.decode())
    if data.startswith(XMP_HEAD):
        yield "xmp", data[len(XMP_HEAD) :]
    elif data.startswith(iptc.SIGNATURES):
        yield "resources", data
    elif data.startswith(bytes([iptc.TAG])):
        yield "iptc", data
    else:
        yield "xmp" if keyword.endswith(b"xmp") else "exif", data


def _of_jpeg2000(im: Any) -> Iterator[tuple[str, bytes]]:
    found = containers.boxes(im.fp, 0, containers.length(im.fp))
    for part in islice(found, MOST_PARTS):
        if part.kind == b"uuid":
            content = part.read(im.fp, LARGEST)
            if content[:16] in UUIDS:
                yield UUIDS[content[:16]], content[16:]


READERS: dict[str, Callable[[Any], Iterator[tuple[str, bytes]]]] = {
    "JPEG": _of_jpeg,
    "MPO": _of_jpeg,
    "TIFF": _of_tiff,
    "PNG": _of_png,
    "JPEG2000": _of_jpeg2000,
}
