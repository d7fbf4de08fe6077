"""Convert any picture to 8-bit RGB: bit depths, colour spaces, transparency, damage."""

import io

import numpy as np
from PIL import Image, ImageCms

WHITE = (255, 255, 255, 255)
LEAST_USABLE = 0.5  # the least share of a truncated picture's rows
FLAT_MODES = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
TURNED = {2, 3, 4, 5, 6, 7, 8}
ON_ITS_SIDE = {5, 6, 7, 8}
EXIF_ORIENTATION = 0x0112


def load(im: Image.Image) -> str | None:
    """Decode ``im`` in place; of a truncated file, keep what there is.

    :return: what is missing, or None for an intact file
    :raises Exception: the decoder's error, if most of the picture is missing
    """
    try:
        im.load()
    except (Image.DecompressionBombError, MemoryError):
        raise
    except Exception as error:  # decoders raise almost anything for damaged files
        # If no tiles are left, only what follows the pixels is damaged.
        whole = not im.tile and not isinstance(error, OSError)
        share = 1.0 if whole else _salvage(im)
        if share < LEAST_USABLE:
            raise
        return (
            f"the file is damaged ({error}); used the upper {share:.0%} of the picture"
        )
    return None


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


def to_rgb(im: Image.Image) -> Image.Image:
    """Convert a decoded picture of any mode to RGB.

    Deep greyscale is scaled to its range instead of clipped, transparency becomes white, and CMYK
    is converted with its own colour profile if it has one.
    """
    if im.mode in FLAT_MODES:
        return _scaled(im)
    if im.mode == "CMYK":
        return _from_cmyk(im)
    if im.has_transparency_data:
        return _on_white(im)
    return im.convert("RGB")


def _salvage(im: Image.Image) -> float:
    """Give up waiting for the rest of a file; return the share of rows that were decoded."""
    im.tile = []
    try:
        corner = im.getpixel((im.width - 1, im.height - 1))
        return _last_written_row(im, corner) / im.height
    except Exception:
        return 0.0


def _last_written_row(im: Image.Image, unwritten: object) -> int:
    """Return how many rows there are above the uniform ones at the bottom."""
    strip = max(64, 1_000_000 // im.width)
    for bottom in range(im.height, 0, -strip):
        top = max(0, bottom - strip)
        rows = np.asarray(im.crop((0, top, im.width, bottom)))
        flat = (rows == np.asarray(unwritten)).reshape(bottom - top, -1).all(axis=1)
        if not flat.all():
            return top + int(np.flatnonzero(~flat)[-1]) + 1
    return 0


def _scaled(im: Image.Image) -> Image.Image:
    values = np.asarray(im).astype(np.float32)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = _range(im.mode, float(values.min()), float(values.max()))
    grey = np.clip((values - low) * (255.0 / (high - low)) + 0.5, 0, 255)
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def _range(mode: str, low: float, high: float) -> tuple[float, float]:
    """Return the black and white points of a picture with more than 8 bits.

    Integers: the smallest bit depth that holds the brightest pixel (files rarely say
    whether their 16 bits hold 9, 12 or 16). Floats from 0 to 1, or from 0 to 255, as they are.
    Anything else is stretched.
    """
    if mode == "F" and low >= 0 and high <= 1:
        return 0.0, 1.0
    if low >= 0 and (mode != "F" or high <= 255):
        bits = max(8, int(high).bit_length())
        return 0.0, float(2**bits - 1)
    return low, high if high > low else low + 1.0


def _on_white(im: Image.Image) -> Image.Image:
    rgba = im.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (0, 0):
        return rgba.convert("RGB")  # an unused alpha channel, not an empty picture
    return Image.alpha_composite(Image.new("RGBA", rgba.size, WHITE), rgba).convert(
        "RGB"
    )


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
