"""Convert any picture to 8-bit RGB: bit depths, colour spaces, transparency, damage."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageCms, ImagePalette

from . import grey
from .grey import GreyTags

Choose = Callable[[Image.Image, Image.Image], Image.Image]

WHITE, BLACK = (255, 255, 255, 255), (0, 0, 0, 255)
VISIBLE = 32  # the least difference of a channel from the background to be seen
FAINT, CLEAR = 8, 48
LEAST_DARK = (
    0.005  # of the pixels seen on black, those also seen on white, to stay on white
)
LEAST_BACKGROUND = 0.05  # the least share of transparent pixels that are a background
LEAST_USABLE = 0.5  # the least share of a truncated picture's rows, or pixels
UPPER, LOWER = "the upper {:.0%} of the picture", "the lower {:.0%} of the picture"
PIXELS = "{:.0%} of its pixels"
READ_UPWARDS = {"raw", "bmp_rle", "tga_rle", "sgi_rle"}  # or downwards, as files say
NO_TAGS = GreyTags()
COLOR_MAP = 320
TURNED = {2, 3, 4, 5, 6, 7, 8}
ON_ITS_SIDE = {5, 6, 7, 8}
EXIF_ORIENTATION = 0x0112


def load(im: Image.Image) -> str | None:
    """Decode ``im`` in place; of a truncated file, keep what there is.

    :return: what is missing, or None for an intact file
    :raises Exception: the decoder's error, if most of the picture is missing
    """
    _mend_palette(im)
    remark = _load(im)
    if im.format == "XBM":  # ones are ink; Pillow takes them for white
        im.paste(ImageChops.invert(im.copy()))
    return remark


def _load(im: Image.Image) -> str | None:
    tiles = getattr(im, "tile", [])  # Pillow forgets them, even if it fails
    try:
        im.load()
    except (Image.DecompressionBombError, MemoryError):
        raise
    except Exception as error:  # decoders raise almost anything for damaged files
        # If no tiles are left, only what follows the pixels is damaged.
        whole = not im.tile and not isinstance(error, OSError)
        share, part = (1.0, UPPER) if whole else _salvage(im, tiles)
        if share < LEAST_USABLE:
            raise
        return f"the file is damaged ({error}); used {part.format(share)}"
    return None


def _mend_palette(im: Any) -> None:
    """Read a TIFF's palette of 0 to 255 as such; the format has 0 to 65535, so it would be black.

    Other readers do the same: no picture means to have 256 kinds of black.
    """
    if im.mode not in ("P", "PA"):
        return
    palette = getattr(im, "tag_v2", {}).get(COLOR_MAP, ())
    if palette and max(palette) < 256:
        im.palette = ImagePalette.raw("RGB;L", bytes(palette))


def is_turned(im: Image.Image) -> bool:
    """Return whether the file says that the picture must be rotated or mirrored."""
    return _orientation(im) in TURNED


def is_on_its_side(im: Image.Image) -> bool:
    """Return whether the file says that width and height must be swapped."""
    return _orientation(im) in ON_ITS_SIDE


def _orientation(im: Image.Image) -> int:
    try:
        return int(im.getexif().get(EXIF_ORIENTATION, 1))
    except Exception:  # broken EXIF must not cost us the picture
        return 1


def to_rgb(im: Image.Image, tags: GreyTags = NO_TAGS) -> Image.Image:
    """Convert a decoded picture of any mode to RGB.

    Deep greyscale is scaled to its range instead of clipped, and CMYK is converted with its own
    colour profile if it has one. Transparency becomes white, or black behind white ink.

    :param tags: what the file says about greyscale; rotating a picture loses it
    """
    if im.mode in grey.DEEP_MODES:
        values = grey.to_8_bits(np.asarray(im), tags)
        return Image.fromarray(values).convert("RGB")
    if im.mode == "CMYK":
        return _from_cmyk(im)
    if im.has_transparency_data:
        return _without_transparency(im)
    return im.convert("RGB")


@dataclass(frozen=True)
class _Order:
    """In which order a file has its pixels, so that it is known which ones are missing."""

    from_bottom: bool
    by_band: bool
    in_passes: bool

    @classmethod
    def of(cls, im: Image.Image, tiles: Sequence[Any]) -> "_Order":
        """Read it from what Pillow has found in the header of a file: its tiles."""
        found = [(t[0], t[3] if isinstance(t[3], tuple) else (t[3],)) for t in tiles]
        modes = {str(args[0]) for _, args in found if args}
        return cls(
            from_bottom=any(
                codec in READ_UPWARDS and -1 in args for codec, args in found
            ),
            by_band=len(modes) > 1 and modes <= {*im.getbands()},
            in_passes=bool(im.info.get("interlace"))
            or any(codec == "gif" and args[1] for codec, args in found),
        )


def _salvage(im: Image.Image, tiles: Sequence[Any]) -> tuple[float, str]:
    """Give up waiting for the rest of a file.

    :param tiles: the parts of the picture, as Pillow found them in the header
    :return: the share of the picture that was decoded, and in words which part it is
    """
    im.tile = []
    try:
        order = _Order.of(im, tiles)
        if order.in_passes:
            return _fill_last_pass(im), PIXELS
        bands = im.split() if order.by_band else (im,)
        share = min(_written_rows(band, order) for band in bands) / im.height
        return share, LOWER if order.from_bottom else UPPER
    except Exception:
        return 0.0, UPPER


def _written_rows(im: Image.Image, order: _Order) -> int:
    """Return how many rows there are without the uniform ones at the end of the file."""
    end = 0 if order.from_bottom else im.height - 1
    unwritten = im.getpixel((im.width - 1, end))
    strip = max(64, 1_000_000 // im.width)
    for start in range(0, im.height, strip):
        stop = min(im.height, start + strip)
        box = (
            (start, stop)
            if order.from_bottom
            else (im.height - stop, im.height - start)
        )
        rows = np.asarray(im.crop((0, box[0], im.width, box[1])))
        flat = (rows == np.asarray(unwritten)).reshape(stop - start, -1).all(axis=1)
        if not order.from_bottom:
            flat = flat[::-1]
        if not flat.all():
            return im.height - start - int(np.flatnonzero(~flat)[0])
    return 0


def _fill_last_pass(im: Image.Image) -> float:
    """Copy the even rows of an interlaced picture into odd ones that are missing.

    The odd rows come last, both in GIF and in PNG.

    :return: the share of its pixels that there were
    """
    last = max(0, im.height - 1 - im.height % 2)
    unwritten = np.asarray(im.getpixel((im.width - 1, last)))
    written = (np.asarray(im) != unwritten).reshape(im.height, im.width, -1).any(axis=2)
    for y in np.flatnonzero(~written.any(axis=1)):
        if y % 2:
            im.paste(im.crop((0, int(y) - 1, im.width, int(y))), (0, int(y)))
    return float(written.mean())


def _without_transparency(im: Image.Image) -> Image.Image:
    """Put a picture on white, or on black if it is drawn in white."""
    rgba = im.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (0, 0):
        return rgba.convert("RGB")  # an unused alpha channel, not an empty picture
    on_white = _on(rgba, WHITE)
    dark = sum(_extreme(on_white, ImageChops.darker).histogram()[: 256 - VISIBLE])
    if dark >= LEAST_DARK * im.width * im.height or not _has_background(rgba):
        return on_white
    on_black = _on(rgba, BLACK)
    bright = sum(_extreme(on_black, ImageChops.lighter).histogram()[VISIBLE:])
    return on_black if dark < LEAST_DARK * bright else on_white


def _on(rgba: Image.Image, color: tuple[int, int, int, int]) -> Image.Image:
    background = Image.new("RGBA", rgba.size, color)
    return Image.alpha_composite(background, rgba).convert("RGB")


def _extreme(rgb: Image.Image, choose: Choose) -> Image.Image:
    """Return the largest or smallest of each pixel's channels."""
    red, green, blue = rgb.split()
    return choose(choose(red, green), blue)


def _has_background(rgba: Image.Image) -> bool:
    transparent = sum(rgba.getchannel("A").histogram()[:128])
    return transparent >= LEAST_BACKGROUND * rgba.width * rgba.height


def contrast(rgb: Image.Image) -> int:
    """Return the largest difference within a channel of an RGB picture, apart from fine noise.

    It is at most ``FAINT`` in blank pictures, and at least ``CLEAR`` where something is seen well.
    """
    small = rgb.reduce(max(1, min(rgb.size) // 256))
    return max(high - low for low, high in small.getextrema())


def to_srgb(im: Image.Image, profile: bytes) -> Image.Image:
    """Convert to sRGB with an embedded colour profile; a broken profile changes nothing."""
    try:
        converted = ImageCms.profileToProfile(
            im,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return im
    return converted or im


def _from_cmyk(im: Image.Image) -> Image.Image:
    profile = im.info.get("icc_profile")
    return (to_srgb(im, profile) if profile else im).convert("RGB")
