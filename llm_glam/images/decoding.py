"""Decode files and bytes to upright RGB pictures, or say why that is impossible.

The only module that decodes with Pillow. Input is never trusted: the pixel limit is
checked in the header before anything is decoded, and formats that start other programs
(PostScript) are refused.
"""

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeAlias

from PIL import Image, ImageOps, UnidentifiedImageError

from .. import platforms
from ..errors import BadImage, MissingDecoder, OutOfMemory, TooManyPixels, Unreadable
from . import color, downscale, pages, profiles
from .grey import GreyTags
from .pages import Pages

Readable = BinaryIO | io.BufferedIOBase

MAX_MEGAPIXELS = 500
THUMBNAIL_SIZE = 256
LONGEST_THUMBNAIL = 4  # times its short side
HEIC_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
TIFF_HEADS = {b"II", b"MM"}
HEIC_SUFFIXES = {".heic", ".heif", ".hif"}
# EPS runs Ghostscript, WMF calls Windows, the others have no decoder of their own.
REFUSED_FORMATS = {"EPS", "WMF", "BUFR", "GRIB", "HDF5", "MPEG", "FPX", "MIC"}
# Extensions that Pillow claims but that usually mean something else.
NO_PICTURE_SUFFIXES = {".pdf", ".h5", ".hdf", ".grib", ".bufr", ".mpg", ".mpeg"}


AnyPicture: TypeAlias = bytes | bytearray | memoryview | Path | Image.Image


@dataclass(frozen=True)
class Facts:
    """What a picture's file says about it.

    ``width`` and ``height`` are those of the upright picture in pixels; ``remark`` says what
    was wrong with a file that could be used all the same; ``plain`` is true for an 8-bit RGB
    picture that needed neither turning nor conversion.
    """

    width: int
    height: int
    format: str
    remark: str | None = None
    plain: bool = False


@dataclass(frozen=True)
class Picture:
    """A decoded picture: upright, 8-bit RGB.

    ``profile`` is the file's own colour profile, None for sRGB. CLIP was trained on pictures as they are in
    files, so it only matters for thumbnails.
    """

    image: Image.Image
    facts: Facts
    profile: bytes | None = None


@dataclass(frozen=True)
class Thumbnail:
    """A small JPEG of a picture: its size in pixels and its bytes."""

    width: int
    height: int
    content: bytes


def allow_megapixels(limit: float) -> None:
    """Raise Pillow's own limit to ours, in a process that is ours to configure.

    Pillow refuses pictures over twice its own limit; a library has no business changing
    that for others, but a command line does.
    """
    Image.MAX_IMAGE_PIXELS = int(limit * 1_000_000)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings about odd files; problems are reported by us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=UserWarning)
        warnings.simplefilter("ignore", category=Image.DecompressionBombWarning)
        yield


@contextmanager
def opened(
    source: Path | Readable | bytes, *, max_megapixels: float = MAX_MEGAPIXELS
) -> Iterator[Image.Image]:
    """Open a picture's header without decoding it; of a TIFF, that of the page with the picture.

    :raises BadImage: the bytes are not a picture we can read
    :raises TooManyPixels: it has more than ``max_megapixels``
    """
    with _opened_with_pages(source, max_megapixels) as (im, _):
        yield im


@contextmanager
def header(source: Path | bytes) -> Iterator[Image.Image]:
    """Open a file as it begins, for what else is in it: no page is chosen, whatever its size.

    :raises BadImage: the bytes are not a picture we can read, or the block raises
    """
    with _opened_with_pages(source, math.inf, first_page=True) as (im, _):
        yield im


@contextmanager
def _opened_with_pages(
    source: Path | Readable | bytes,
    max_megapixels: float,
    *,
    page: int = 1,
    first_page: bool = False,
) -> Iterator[tuple[Image.Image, Pages | None]]:
    try:
        with _open(io.BytesIO(source) if isinstance(source, bytes) else source) as im:
            if page > 1:
                pages.turn_to(im, page)
            found = None if first_page or page > 1 else pages.choose(im)
            im = _largest_preview(im, found) or im
            _check_size(im.size, max_megapixels)
            yield im, found
    except BadImage:
        raise
    except Image.DecompressionBombError as error:
        claimed = str(error).split("(")[-1].split(" ")[0]
        raise TooManyPixels(_too_many(float(claimed), max_megapixels)) from error
    except MemoryError as error:
        raise OutOfMemory("it is too large for this computer's memory") from error
    # Pillow's decoders raise almost anything for damaged files, even SyntaxError.
    except Exception as error:
        if isinstance(error, OSError) and error.strerror:
            raise Unreadable(
                f"it cannot be read ({platforms.reason(error)})"
            ) from error
        raise BadImage(f"it is damaged ({_reason(error)})") from error


def decode(im: Image.Image, full_size: tuple[int, int] | None = None) -> Picture:
    """Decode an opened picture, turn it upright and convert it to RGB.

    :param full_size: width and height in the file, if it is decoded at a reduced size
    """
    if full_size and color.is_on_its_side(im):
        full_size = full_size[1], full_size[0]
    remark = color.load(im)
    plain = im.mode == "RGB" and not color.is_turned(im)
    tags = GreyTags.of(im)
    rgb = color.to_rgb(ImageOps.exif_transpose(im) if _has_exif(im) else im, tags)
    width, height = full_size or rgb.size
    facts = Facts(width, height, im.format or "unknown", remark, plain)
    return Picture(rgb, facts, profiles.of(im))


def read(
    source: Path | Readable | bytes,
    *,
    max_megapixels: float = MAX_MEGAPIXELS,
    at_least: int | None = None,
    page: int = 1,
    every_page: bool = False,
) -> Picture:
    """Open and decode a picture.

    :param source: a path, an open binary file, or the bytes
    :param at_least: the short side in pixels that is sufficient; None for full size
    :param page: which page of a TIFF; for 1, the one that shows its picture
    :param every_page: whether other pages of the file are used too, so that there is no remark
    :raises BadImage: with the reason as its message
    """
    found, is_smaller = None, False
    whole = partial(
        read, source, max_megapixels=max_megapixels, page=page, every_page=every_page
    )
    try:
        with _opened_with_pages(source, max_megapixels, page=page) as (im, found):
            full_size = im.size
            can_repeat = isinstance(source, Path | bytes)
            is_smaller = bool(
                at_least and can_repeat and downscale.shrink(im, at_least)
            )
            picture = decode(im, full_size) if is_smaller else decode(im)
            is_blank = page == 1 and pages.has_following(im) and _is_blank(picture)
            if is_blank and not is_smaller:
                shown = _first_that_shows(im, max_megapixels)
                if shown:
                    return shown
    except TooManyPixels:
        raise
    except BadImage as error:
        if is_smaller:
            return whole()
        if found is None or found.is_first or type(error) is not BadImage:
            raise
        return _first_page(source, max_megapixels, error)
    # Damage concerns the full-size picture, and the next page may have no smaller version.
    if is_smaller and (is_blank or picture.facts.remark):
        return whole()
    remark = found.remark(every_page=every_page) if found else None
    if remark:
        return _with_remark(picture, remark)
    return picture


def read_any(source: AnyPicture) -> Picture:
    """Decode a picture that a program gives: its path, its bytes, or one of Pillow's.

    :raises BadImage: it is something else, or cannot be decoded
    """
    if isinstance(source, Image.Image):
        return decode(source.copy())
    if isinstance(source, bytes | bytearray | memoryview):
        return read(bytes(source))
    if isinstance(source, Path):
        return read(source)
    raise BadImage(
        f"it is of type {type(source).__name__}; give text, the bytes of a picture, its Path, or a "
        "picture of Pillow"
    )


def pixels_to_decode(
    source: Path | bytes,
    *,
    max_megapixels: float,
    at_least: int | None,
    page: int = 1,
) -> int:
    """Return how many pixels :func:`read` will decode at once, as far as the header tells.

    :raises BadImage: with the reason as its message
    """
    with _opened_with_pages(source, max_megapixels, page=page) as (im, found):
        is_smaller = at_least and downscale.shrink(im, at_least)
        if found and not is_smaller:
            return found.most_pixels
        return im.width * im.height


def other_pages(path: Path) -> list[int]:
    """Return the numbers, from 1, of a TIFF's pages beside the one that :func:`read` uses.

    Only their headers are read. Other files have none, nor have those that cannot be opened.
    """
    with suppress(Exception), quiet():
        if _head(path)[:2] in TIFF_HEADS:
            with _open(path) as im:
                return list(pages.others(im))
    return []


def _largest_preview(im: Image.Image, found: Pages | None) -> Image.Image | None:
    """Open the largest JPEG in the file of a camera, if it is larger than the page that is used."""
    best, most = None, im.width * im.height
    for place in found.jpegs if found else ():
        with suppress(Exception):  # a preview that is not there, or not a JPEG
            content = pages.embedded(im, *place)
            jpeg = Image.open(io.BytesIO(content), formats=["JPEG"])
            if jpeg.width * jpeg.height > most:
                best, most = jpeg, jpeg.width * jpeg.height
    if best and color.is_turned(im) and not color.is_turned(best):
        best.getexif()[color.EXIF_ORIENTATION] = im.getexif()[color.EXIF_ORIENTATION]
    return best


def _first_page(
    source: Path | Readable | bytes, max_megapixels: float, error: BadImage
) -> Picture:
    """Decode the first page, usually a thumbnail, of a file whose picture cannot be decoded."""
    with _opened_with_pages(source, max_megapixels, first_page=True) as (im, _):
        remark = f"used page 1, since the picture behind it cannot be: {error.message}"
        return _with_remark(decode(im), remark)


def _is_blank(picture: Picture) -> bool:
    return color.contrast(picture.image) <= color.FAINT


def _first_that_shows(im: Image.Image, max_megapixels: float) -> Picture | None:
    """Decode the first page or frame after a blank one that is clear, or else not blank."""
    blank = im.tell()
    for least in (color.CLEAR, color.FAINT + 1):
        im.seek(blank)
        left = max_megapixels * 1_000_000
        for number in pages.following(im):
            left -= im.width * im.height
            if left < 0:
                break
            with suppress(Exception):  # a damaged page; what was decoded before stays
                picture = decode(im)
                if color.contrast(picture.image) >= least:
                    kind = pages.name_of(im)
                    remark = f"{kind} {blank + 1} is blank; used {kind} {number + 1}"
                    return _with_remark(picture, remark)
    return None


def _with_remark(picture: Picture, remark: str) -> Picture:
    both = "; ".join(filter(None, (picture.facts.remark, remark)))
    return replace(picture, facts=replace(picture.facts, remark=both))


def thumbnail(picture: Picture, size: int = THUMBNAIL_SIZE) -> Thumbnail:
    """Make a JPEG whose short side has ``size`` pixels; smaller pictures keep their size."""
    width, height = picture.image.size
    scale = min(
        1.0, size / min(width, height), LONGEST_THUMBNAIL * size / max(width, height)
    )
    target = max(1, round(width * scale)), max(1, round(height * scale))
    small = picture.image
    if target != small.size:
        small = small.resize(target, Image.Resampling.LANCZOS, reducing_gap=1.5)
    if picture.profile:
        small = color.to_srgb(small, picture.profile)
    # Pixels of small pictures and icons differ from their neighbours: JPEG must not mix colours.
    subsampling = 0 if target == picture.image.size else -1
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85, comment=b"", subsampling=subsampling)
    return Thumbnail(*target, out.getvalue())


def has_picture_name(path: Path) -> bool:
    """Return whether the file's extension is that of a picture."""
    Image.init()
    suffix = path.suffix.lower()
    if suffix in NO_PICTURE_SUFFIXES:
        return False
    return suffix in HEIC_SUFFIXES or suffix in Image.registered_extensions()


def is_picture(source: Path | bytes) -> bool:
    """Return whether the beginning of the file looks like a picture, whatever its name."""
    try:
        with opened(source):
            return True
    except TooManyPixels:
        return True
    except BadImage:
        return False


def _open(source: Path | Readable) -> Image.Image:
    Image.init()
    formats = [name for name in Image.OPEN if name not in REFUSED_FORMATS]
    try:
        return Image.open(source, formats=formats)
    except UnidentifiedImageError as error:
        head = _head(source)
        if not _is_heic(head):
            raise BadImage(_why_not_a_picture(head)) from error
    _register_heic()
    return Image.open(source, formats=["HEIF"])


def _register_heic() -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise MissingDecoder(
            "it is a HEIC picture; to read these, run: llm install 'llm-glam[heic]'"
        ) from error
    register_heif_opener()


def _head(source: Path | Readable) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as fp:
            return fp.read(512)
    source.seek(0)
    head = source.read(512)
    source.seek(0)
    return head


def _is_heic(head: bytes) -> bool:
    return head[4:8] == b"ftyp" and head[8:12] in HEIC_BRANDS


def _why_not_a_picture(head: bytes) -> str:
    text = head.lstrip().lower()
    if not head:
        return "the file is empty"
    if text.startswith((b"%!ps", b"\xc5\xd0\xd3\xc6")):
        return "it is PostScript, a program rather than a picture; convert it first"
    if b"<svg" in text:
        return "it is an SVG drawing; convert it to PNG first"
    if text.startswith((b"<!doctype", b"<html")):
        return "it is a web page, not a picture"
    return "it is not a picture in a format that llm-glam can read"


def _check_size(size: tuple[int, int], max_megapixels: float) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise BadImage(f"it has no pixels ({width}×{height})")
    if width * height > max_megapixels * 1_000_000:
        raise TooManyPixels(_too_many(width * height, max_megapixels))


def _too_many(pixels_there: float, limit: float) -> str:
    megapixels = pixels_there / 1_000_000
    digits = 0 if megapixels >= 10 else 2
    return (
        f"it has {megapixels:,.{digits}f} megapixels (the limit is {limit:g}); "
        "to allow more, use --max-megapixels"
    )


def _has_exif(im: Image.Image) -> bool:
    """Return whether the picture's EXIF can be read; broken EXIF must not cost us the picture."""
    try:
        im.getexif()
    except Exception:
        return False
    return True


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text if text else type(error).__name__
