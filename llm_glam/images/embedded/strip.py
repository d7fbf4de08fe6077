"""Copy picture files without EXIF, IPTC, XMP, comments and thumbnails, and without decoding them.

Only the parts that are known to be needed for the pixels and their colours are copied.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import BadImage
from .. import decoding
from . import blocks, containers, strip_tiff
from .containers import Damaged, Part
from .pieces import Piece, write

ORIENTATION = 0x0112
ORIENTATION_IN_XMP = re.compile(rb'tiff:Orientation(?:="|>)([2-8])')  # Pillow's rule
# Of JPEG: frames, tables, scans; what is dropped; JFIF, colour profile and Adobe's colours.
JPEG_PICTURE = {bytes([n]) for n in (*range(0xC0, 0xD0), *range(0xDA, 0xE0))} - {
    b"\xc8"
}
JPEG_OTHERS = {bytes([n]) for n in (*range(0xE0, 0xF0), 0xFE)}
JFIF, PROFILE, ADOBE = b"\xe0", b"\xe2", b"\xee"
JFIF_HEAD, PROFILE_HEAD, ADOBE_HEAD = b"JFIF\0", b"ICC_PROFILE\0", b"Adobe"
JFIF_SIZE, ADOBE_SIZE = 12, 12  # bytes, without JFIF's thumbnail
PNG_PARTS = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT"),
    *(b"sRGB", b"cICP", b"mDCV", b"mDCv", b"cLLI", b"cLLi", b"bKGD", b"pHYs"),
    *(b"acTL", b"fcTL", b"fdAT"),
}
WEBP_PARTS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
WEBP_FRAME = {b"ALPH", b"VP8 ", b"VP8L"}
FRAME_HEAD = 16  # bytes in ANMF before its chunks
HAS_EXIF, HAS_XMP = 8, 4  # of the flags in VP8X
GIF_PARTS = {
    *(containers.GIF_HEAD, containers.GIF_IMAGE, containers.GIF_END),
    b"!\xf9",  # how long a frame is shown, and which colour is transparent
}
GIF_APPLICATION = b"!\xff"
GIF_LOOPS, GIF_PROFILE = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0"), b"\x0bICCRGBG1012"
MOST_OF_A_LOOP = 22  # bytes: a number of times, and the size of a buffer
JP2_PARTS = {b"jP  ", b"ftyp", b"rreq", b"jp2h", b"jp2c"}
JP2_OTHERS = {b"uuid", b"xml ", b"uinf", b"jp2i", b"free", b"asoc", b"res "}
JP2_HEADER = {b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"res "}
CODESTREAM, COMMENT, TILE_PART = b"\xff\x4f", b"\xff\x64", b"\xff\x90"
DATA, END = b"\xff\x93", b"\xff\xd9"


def copy(source: Path, target: Path) -> bool:
    """Copy a picture's file with nothing but its pixels, colour profile and orientation.

    :return: False if this is not possible in its format, or it is damaged; ``target`` is not
        written then
    """
    try:
        orientation = _orientation(source)
        with source.open("rb") as fp:
            found = _pieces(fp, orientation)
            write(fp, found, target)
    except (Damaged, struct.error):
        target.unlink(missing_ok=True)
        return False
    return True


def _pieces(fp: Any, orientation: int) -> Sequence[Piece]:
    fp.seek(0)
    head = fp.read(16)
    for beginning, strip in FORMATS:
        if re.match(beginning, head, re.DOTALL):
            return list(strip(fp, orientation))
    raise Damaged


def _orientation(source: Path) -> int:
    """Return how a picture has to be turned to be upright, as EXIF numbers it.

    :raises Damaged: it cannot be opened, or its EXIF is too large to be read
    """
    try:
        with decoding.quiet(), decoding.header(source) as im:
            if len(im.info.get("exif") or b"") > blocks.LARGEST_EXIF:
                raise Damaged
            found = blocks.find(im)
            value = found.exif.get(ORIENTATION) if found.exif else None
    except BadImage as error:
        raise Damaged from error
    if not value and (in_xmp := ORIENTATION_IN_XMP.search(found.xmp)):
        value = int(in_xmp[1])
    return next((number for number in range(2, 9) if number == value), 1)


def _exif(orientation: int) -> bytes:
    """Return EXIF with nothing but the orientation."""
    return struct.pack(
        ">2sHIHHHIHHI", b"MM", 42, 8, 1, ORIENTATION, 3, 1, orientation, 0, 0
    )


def _whole(part: Part) -> range:
    return range(part.start, part.end)


def _of_jpeg(fp: Any, orientation: int) -> Iterator[Piece]:
    yield b"\xff" + containers.SOI
    exif, last = b"", b""
    if orientation > 1:
        content = b"Exif\0\0" + _exif(orientation)
        exif = _segment(b"\xe1", content)
    for part in containers.jpeg(fp):
        if exif and part.kind not in (JFIF, containers.PIXELS):
            yield exif
            exif = b""
        if part.kind == containers.PIXELS:
            if last == containers.SOS:
                yield _whole(part)
        elif part.kind in JPEG_OTHERS:
            yield _application(fp, part)
        elif part.kind in JPEG_PICTURE or part.kind == containers.EOI:
            yield _whole(part)
        else:
            raise Damaged
        last = part.kind


def _segment(kind: bytes, content: bytes) -> bytes:
    return b"\xff" + kind + struct.pack(">H", len(content) + 2) + content


def _application(fp: Any, part: Part) -> Piece:
    """Return what is kept of a segment that programs add to a JPEG."""
    content = part.read(fp, JFIF_SIZE)
    if part.kind == PROFILE and content.startswith(PROFILE_HEAD):
        return _whole(part)
    if part.kind == ADOBE and content.startswith(ADOBE_HEAD) and len(content) == 12:
        return _segment(ADOBE, content)
    if part.kind == JFIF and content.startswith(JFIF_HEAD) and len(content) == 12:
        return _segment(JFIF, content + b"\0\0")
    return b""


def _of_png(fp: Any, orientation: int) -> Iterator[Piece]:
    yield range(8)
    for part in containers.png(fp):
        if part.kind in PNG_PARTS:
            yield _whole(part)
        elif not part.kind[0] & 0x20:  # no decoder may do without it
            raise Damaged
        elif part.kind == b"eXIf" and part.size > blocks.LARGEST_EXIF:
            raise Damaged
        if part.kind == b"IHDR" and orientation > 1:
            yield _chunk(b"eXIf", _exif(orientation))


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
    )


def _of_webp(fp: Any, orientation: int) -> Iterator[Piece]:
    end = 8 + int.from_bytes(containers.exactly(fp, 4, 4), "little")
    found: list[Piece] = [b"WEBP"]
    kinds = set()
    for part in containers.riff(fp, 12, end):
        kinds.add(part.kind)
        if part.kind == b"VP8X":
            found.append(_extended(fp, part, orientation))
        elif part.kind in WEBP_PARTS:
            found.append(_whole(part))
        if part.kind == b"ANMF":
            _check_frame(fp, part)
    if orientation > 1:
        if b"VP8X" not in kinds:
            raise Damaged
        exif = _exif(orientation)
        found.append(struct.pack("<4sI", b"EXIF", len(exif)) + exif)
    yield struct.pack("<4sI", b"RIFF", sum(map(len, found)))
    yield from found


def _extended(fp: Any, part: Part, orientation: int) -> bytes:
    """Return the chunk that says what a WebP has, changed to what is left."""
    content = containers.exactly(fp, part.start, part.end - part.start)
    flags = content[8] & ~(HAS_EXIF | HAS_XMP)
    flags |= HAS_EXIF if orientation > 1 else 0
    return content[:8] + bytes([flags]) + content[9:]


def _check_frame(fp: Any, frame: Part) -> None:
    """Check that a frame has nothing but pixels."""
    start, end = frame.content + FRAME_HEAD, frame.content + frame.size
    if any(p.kind not in WEBP_FRAME for p in containers.riff(fp, start, end)):
        raise Damaged


def _of_gif(fp: Any, orientation: int) -> Iterator[Piece]:
    if orientation > 1:  # by XMP, which is the only place that a GIF has for it
        raise Damaged
    for part in containers.gif(fp):
        if part.kind in GIF_PARTS or _is_kept_application(fp, part):
            yield _whole(part)


def _is_kept_application(fp: Any, part: Part) -> bool:
    if part.kind != GIF_APPLICATION:
        return False
    name = part.read(fp, 12)
    is_loop = name in GIF_LOOPS and part.size <= MOST_OF_A_LOOP
    return is_loop or name == GIF_PROFILE


def _of_jp2(fp: Any, orientation: int) -> Iterator[Piece]:
    size = containers.length(fp)
    for part in containers.boxes(fp, 0, size):
        if part.kind == b"jp2c":
            kept = list(_codestream(fp, part.content, part.content + part.size))
            yield struct.pack(">I4sQ", 1, b"jp2c", 16 + sum(map(len, kept)))
            yield from kept
        elif part.kind in JP2_PARTS:
            yield _whole(part)
        elif part.kind not in JP2_OTHERS:
            raise Damaged
        if part.kind == b"jp2h":
            inner = containers.boxes(fp, part.content, part.content + part.size)
            if any(p.kind not in JP2_HEADER for p in inner):
                raise Damaged


def _of_codestream(fp: Any, orientation: int) -> Iterator[Piece]:
    return _codestream(fp, 0, containers.length(fp))


def _codestream(fp: Any, start: int, end: int) -> Iterator[Piece]:
    """Yield what is left of JPEG 2000's pixels without the comments before them."""
    if containers.exactly(fp, start, 2) != CODESTREAM:
        raise Damaged
    yield range(start, start + 2)
    start += 2
    for at, after, kind in _markers(fp, start, TILE_PART):
        if kind != COMMENT:
            yield range(at, after)
        start = after
    after = _behind_tile_parts(fp, start, end)
    if containers.exactly(fp, after, 2) != END or after + 2 > end:
        raise Damaged
    yield range(start, after + 2)


def _behind_tile_parts(fp: Any, at: int, end: int) -> int:
    """Return where the parts with the pixels end, which must have no comments.

    With these, the size of each part would have to change.
    """
    while at < end and containers.exactly(fp, at, 2) == TILE_PART:
        size = int.from_bytes(containers.exactly(fp, at + 6, 4))
        if any(kind == COMMENT for _, _, kind in _markers(fp, at + 12, DATA)):
            raise Damaged
        if size == 0:  # it is the last one
            return end - 2
        if size < 14:
            raise Damaged
        at += size
    return at


def _markers(fp: Any, start: int, until: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield where marker segments begin and end, and their kinds, up to one of a kind."""
    while (kind := containers.exactly(fp, start, 2)) != until:
        size = int.from_bytes(containers.exactly(fp, start + 2, 2))
        if size < 2 or kind[:1] != b"\xff":
            raise Damaged
        yield start, start + 2 + size, kind
        start += 2 + size


FORMATS: Sequence[tuple[bytes, Callable[[Any, int], Iterator[Piece]]]] = (
    (rb"\xff\xd8\xff", _of_jpeg),
    (rb"\x89PNG\r\n\x1a\n", _of_png),
    (rb"RIFF....WEBP", _of_webp),
    (rb"GIF8[79]a", _of_gif),
    (rb"\0\0\0\x0cjP  \r\n\x87\n", _of_jp2),
    (rb"\xff\x4f\xff\x51", _of_codestream),
    (rb"(II[\x2a\x2b]\0|MM\0[\x2a\x2b])", strip_tiff.pieces),
)
