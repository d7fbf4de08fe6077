"""Scale greyscale pictures with more than 8 bits, such as X-rays and elevation data, to 8 bits."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

DEEP_MODES = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT, GDAL_NODATA = 258, 262, 339, 42113
WHITE_IS_ZERO, UNSIGNED = 0, 1
IMPOSSIBLE = 1e30  # larger numbers stand for "no value", whatever the file says
# What stands for "no value" in many files that do not say so.
USUAL_NODATA = {-9999.0, -32767.0, -32768.0, -99999.0, -2147483647.0, -2147483648.0}
LEAST_GAP = 0.05  # between one of these and all other values, as a share of their range
FAR_OUT = 4  # an extreme is left out if the range is this many times smaller without it
MOST_EXTREMES = 4
LEAST_LEVELS = 16  # pictures with fewer different values are drawings: all values count
HOT = 0.01  # the largest share of hot pixels
SAMPLED = 1_000_000  # values looked at to see how they are distributed
AT_ONCE = 4_000_000  # values converted at once


@dataclass(frozen=True)
class GreyTags:
    """What a TIFF says about its grey values beyond Pillow's mode.

    ``nodata`` is the value of pixels where nothing was measured; NaN if it is no number.
    """

    white_is_zero: bool = False
    unsigned: bool = False
    nodata: float | None = None

    @classmethod
    def of(cls, im: Any) -> "GreyTags":
        """Read the tags of an opened picture; formats other than TIFF have none."""
        tags = getattr(im, "tag_v2", None)
        if tags is None:
            return cls()
        unsigned = (
            im.mode == "I"
            and tags.get(BITS_PER_SAMPLE) == (32,)
            and tags.get(SAMPLE_FORMAT, (UNSIGNED,)) == (UNSIGNED,)
        )
        return cls(tags.get(PHOTOMETRIC) == WHITE_IS_ZERO, unsigned, _nodata(tags))


@dataclass(frozen=True)
class _Range:
    """The lowest and the highest of ``count`` values."""

    low: float
    high: float
    count: int

    def is_far_over(self, low: float, high: float) -> bool:
        """Return whether this range is far larger than that from ``low`` to ``high``."""
        return self.high - self.low >= FAR_OUT * (high - low)


class _Pixels:
    """The values of a picture, and which of them stand for "no value"."""

    def __init__(self, values: np.ndarray, nodata: float | None) -> None:
        self.values = values
        self.nodata = nodata

    def strips(self) -> Iterator[slice]:
        """Yield the rows of parts that are small enough to be converted at once."""
        height = max(1, AT_ONCE // self.values.shape[1])
        for top in range(0, len(self.values), height):
            yield slice(top, top + height)

    def have_value(self, part: np.ndarray) -> np.ndarray:
        """Return for each pixel of a part whether something was measured there."""
        nodata = self.nodata
        if part.dtype.kind != "f":
            return np.ones(part.shape, bool) if nodata is None else part != nodata
        have_value = np.abs(part) < IMPOSSIBLE  # False for NaN
        if nodata is None or abs(nodata) >= IMPOSSIBLE:
            return have_value
        return have_value & (part != part.dtype.type(nodata))

    def range(self, above: float = -math.inf, below: float = math.inf) -> _Range | None:
        """Return the range of the values between two others; None if there are none."""
        low, high, count = math.inf, -math.inf, 0
        for rows in self.strips():
            part = self.values[rows]
            part = part[self.have_value(part) & (part > above) & (part < below)]
            if part.size:
                low, high = min(low, float(part.min())), max(high, float(part.max()))
                count += part.size
        return _Range(low, high, count) if count else None

    def sample(self) -> np.ndarray:
        """Return some of the values, spread over the picture."""
        step = math.ceil(math.sqrt(self.values.size / SAMPLED))
        some = self.values[::step, ::step]
        return some[self.have_value(some)]


def to_8_bits(values: np.ndarray, tags: GreyTags) -> np.ndarray:
    """Scale the values of a picture in one of the deep modes to 0 (black) to 255 (white).

    Pixels without a value become black.
    """
    pixels = _Pixels(values.view(np.uint32) if tags.unsigned else values, tags.nodata)
    low, high = _black_and_white(pixels)
    grey = np.empty(values.shape, np.uint8)
    for rows in pixels.strips():
        part = pixels.values[rows]
        part = np.where(pixels.have_value(part), part, low).astype(np.float32)
        part = np.clip(part, low, high)
        grey[rows] = np.clip((part - low) * (255.0 / (high - low)) + 0.5, 0, 255)
    return 255 - grey if tags.white_is_zero else grey


def _nodata(tags: Any) -> float | None:
    text = tags.get(GDAL_NODATA)
    if text is None:
        return None
    with suppress(ValueError):
        return float(str(text).strip(" \0\n"))
    return math.nan


def _black_and_white(pixels: _Pixels) -> tuple[float, float]:
    """Return the values that become black and white.

    Integers: zero, and the smallest bit depth that holds the brightest pixel (files rarely say
    whether their 16 bits hold 9, 12 or 16). Floats from 0 to 1, or from 0 to 255, as they are.
    Anything else is stretched, and so are measurements, which have pixels without a value or
    negative ones. Hot pixels and values far from all others do not count.
    """
    whole = pixels.range()
    if whole is None:
        return 0.0, 1.0
    is_measured = pixels.nodata is not None or whole.count < pixels.values.size
    if whole.low < 0 or is_measured:
        return _stretched(_without_extremes(pixels, whole))
    if pixels.values.dtype.kind != "f":
        high = _without_extremes(pixels, replace(whole, low=0.0), keep_low=True).high
        return 0.0, float(2 ** max(8, int(high).bit_length()) - 1)
    if whole.high > 255:
        usual = _without_extremes(pixels, replace(whole, low=0.0), keep_low=True)
        if usual.high > 255:
            return _stretched(_without_extremes(pixels, whole))
        whole = usual
    return 0.0, 1.0 if whole.high <= 1 else 255.0


def _stretched(whole: _Range) -> tuple[float, float]:
    return whole.low, whole.high if whole.high > whole.low else whole.low + 1.0


def _without_extremes(
    pixels: _Pixels, whole: _Range, *, keep_low: bool = False
) -> _Range:
    """Return the range without hot pixels, and without values far from all others.

    :param keep_low: whether the low end stays, even if no pixel has it
    """
    sample = pixels.sample()
    for _ in range(MOST_EXTREMES):
        inner = _without_ends(pixels, whole, sample, keep_low)
        if inner == whole:
            break
        whole = inner
    return _without_hot_pixels(pixels, whole, sample)


def _without_ends(
    pixels: _Pixels, whole: _Range, sample: np.ndarray, keep_low: bool
) -> _Range:
    """Return the range without its lowest or highest value, if that is far from all others."""
    low, high = whole.low, whole.high
    inside = sample[(sample > low) & (sample < high)]
    if not inside.size:
        return whole
    is_usual = low in USUAL_NODATA
    lowest = low if keep_low else float(inside.min())
    if not is_usual and not whole.is_far_over(lowest, float(inside.max())):
        return whole
    rest = pixels.range(low, high) or whole
    lowest = low if keep_low else rest.low
    if is_usual and lowest - low >= LEAST_GAP * (high - lowest):
        return replace(whole, low=lowest)
    if _is_drawing(sample) or not whole.is_far_over(lowest, rest.high):
        return whole
    if high - rest.high >= lowest - low:
        return replace(whole, high=rest.high)
    return replace(whole, low=lowest)


def _without_hot_pixels(pixels: _Pixels, whole: _Range, sample: np.ndarray) -> _Range:
    """Return the range without single pixels that are far brighter than those around them."""
    sample = sample[(sample >= whole.low) & (sample <= whole.high)]
    bright = float(np.quantile(sample, 1 - HOT)) if sample.size else whole.high
    if not whole.is_far_over(whole.low, bright) or _is_drawing(sample):
        return whole
    medians = [_highest_median(pixels, rows, bright) for rows in pixels.strips()]
    high = min(max(medians), whole.high)
    return replace(whole, high=high) if whole.is_far_over(whole.low, high) else whole


def _is_drawing(sample: np.ndarray) -> bool:
    return len(np.unique(sample)) < LEAST_LEVELS


def _highest_median(pixels: _Pixels, rows: slice, above: float) -> float:
    """Return the highest median of 3×3 pixels, of those around each pixel above a value."""
    part = pixels.values[rows]
    y, x = np.nonzero(pixels.have_value(part) & (part > above))
    height, width = pixels.values.shape
    around = [
        pixels.values[
            np.clip(y + rows.start + down, 0, height - 1),
            np.clip(x + right, 0, width - 1),
        ]
        for down in (-1, 0, 1)
        for right in (-1, 0, 1)
    ]
    medians = np.sort(np.stack(around), axis=0)[len(around) // 2]
    return float(np.nanmax(medians, initial=above))
