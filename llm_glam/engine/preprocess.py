"""CLIP's preprocessing in numpy and Pillow: resize, crop, rescale, normalise.

The same arithmetic as transformers' ``CLIPImageProcessorPil``, without its copies.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

KNOWN = {"CLIPImageProcessor", "CLIPImageProcessorPil", "CLIPFeatureExtractor"}
BICUBIC = 3
SMALLEST_SIDE = 4  # below this, transformers mistakes rows for colour channels
LONGEST_SHAPE = 40  # long side over short side


@dataclass(frozen=True)
class Preprocessing:
    """How a picture is preprocessed before the model sees it.

    ``shortest_edge`` (then proportions are kept) or ``size`` as (height, width), in pixels;
    ``crop`` as (height, width), None for none. ``scale`` and ``shift`` turn a channel's values,
    0 to 255, into what the model expects.
    """

    shortest_edge: int | None
    size: tuple[int, int] | None
    resample: int
    crop: tuple[int, int] | None
    scale: tuple[float, float, float]
    shift: tuple[float, float, float]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self | None:
        """Build it from a processor's settings; None if they ask for anything else."""
        kind = settings.get("image_processor_type") or settings.get(
            "feature_extractor_type"
        )
        if kind not in KNOWN:
            return None
        edge, size = _target(settings)
        if settings.get("do_resize") and edge is None and size is None:
            return None
        scale, shift = _linear(settings)
        crop = settings.get("crop_size") if settings.get("do_center_crop") else None
        resample = settings.get("resample")
        return cls(
            edge,
            size,
            int(BICUBIC if resample is None else resample),
            _height_and_width(crop),
            scale,
            shift,
        )

    def __call__(self, picture: Any) -> NDArray[np.float32]:
        """Convert an RGB picture (``PIL.Image``) to float32, shape (3, height, width)."""
        values = self.pixels(picture)
        out = np.empty((3, *values.shape[:2]), np.float32)
        for channel in range(3):
            np.multiply(
                values[..., channel], np.float32(self.scale[channel]), out=out[channel]
            )
            out[channel] += np.float32(self.shift[channel])
        return out

    def pixels(self, picture: Any) -> NDArray[np.uint8]:
        """Return the resized and cropped pixels before rescaling, shape (height, width, 3)."""
        picture = sensible_shape(picture)
        target = self.resized_to(picture.size)
        if target != picture.size:
            picture = picture.resize(target, self.resample)
        values = np.asarray(picture, np.uint8)
        return _cropped(values, *self.crop) if self.crop else values

    @property
    def shape(self) -> tuple[int, int] | None:
        """The height and width of the model's input, None if they differ between pictures."""
        return self.crop or self.size

    def resized_to(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the width and height to which a picture of this size is resized."""
        if self.size:
            return self.size[1], self.size[0]
        if not self.shortest_edge:
            return size
        width, height = size
        short, long = min(size), max(size)
        longer = int(self.shortest_edge * long / short)
        return (
            (longer, self.shortest_edge)
            if width > height
            else (self.shortest_edge, longer)
        )

    @property
    def needed(self) -> int:
        """The short side in pixels below which a picture loses detail for the model."""
        return max(self.size) if self.size else self.shortest_edge or 0


def _target(settings: Mapping[str, Any]) -> tuple[int | None, tuple[int, int] | None]:
    size = settings.get("size") if settings.get("do_resize") else None
    if isinstance(size, int):
        return size, None
    if isinstance(size, Mapping) and set(_given(size)) == {"shortest_edge"}:
        return int(size["shortest_edge"]), None
    return None, _height_and_width(size)


def _height_and_width(size: Any) -> tuple[int, int] | None:
    if isinstance(size, int):
        return size, size
    if isinstance(size, Mapping) and set(_given(size)) == {"height", "width"}:
        return int(size["height"]), int(size["width"])
    return None


def _given(size: Mapping[str, Any]) -> list[str]:
    return [key for key, value in size.items() if value is not None]


def _linear(
    settings: Mapping[str, Any],
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Combine rescaling and normalising into one multiplication and one addition."""
    factor = float(settings.get("rescale_factor") or 1 / 255)
    factor = factor if settings.get("do_rescale", True) else 1.0
    mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    if settings.get("do_normalize", True):
        mean, std = _three(settings["image_mean"]), _three(settings["image_std"])
    scale = tuple(factor / s for s in std)
    shift = tuple(-m / s for m, s in zip(mean, std, strict=True))
    return _three(scale), _three(shift)


def _three(values: Any) -> tuple[float, float, float]:
    one, two, three = values if not isinstance(values, int | float) else [values] * 3
    return float(one), float(two), float(three)


def _cropped(values: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return the centre crop, padded with black where the picture is smaller."""
    rows, columns = values.shape[:2]
    top, left = (rows - height) // 2, (columns - width) // 2
    if top < 0 or left < 0:  # like transformers, even in which side gets an odd pixel
        above, before = -(-max(height - rows, 0) // 2), -(-max(width - columns, 0) // 2)
        padded = np.zeros((max(rows, height), max(columns, width), 3), np.uint8)
        padded[above : above + rows, before : before + columns] = values
        values, top, left = padded, top + above, left + before
    return values[top : top + height, left : left + width]


def sensible_shape(picture: Any) -> Any:
    """Crop an extremely narrow picture (``PIL.Image``) to a shape that models can handle.

    A model sees only a square from the centre, so the middle of a strip is enough.
    """
    width, height = picture.size
    longest = min(width, height) * LONGEST_SHAPE
    if max(width, height) > longest:
        left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
        box = left, top, min(width, left + longest), min(height, top + longest)
        picture = picture.crop(box)
    if min(picture.size) < SMALLEST_SIDE:
        picture = picture.resize([side * SMALLEST_SIDE for side in picture.size])
    return picture
