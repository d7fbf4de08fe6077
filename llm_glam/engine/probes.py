"""Measure whether a checkpoint can tell clearly different texts and pictures apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..vectors import normalize
from . import Encoder

TEXTS = (
    "a red apple",
    "a bronze sword",
    "a handwritten letter",
    "a ship in a harbour",
    "portrait of a woman",
    "map of a city",
    "a brick wall",
    "blue",
)
SIZE = (320, 240)
ALIKE = 0.95  # cosine; a working CLIP stays below it for clearly different pictures
MOST_ALIKE = 0.5  # share of pairs
LEAST_SPREAD = 0.01  # of a text's scores over the pictures


@dataclass(frozen=True)
class Spread:
    """How far apart the vectors of different things are.

    ``alike_pictures`` and ``alike_texts`` are the shares of pairs whose cosine exceeds ALIKE;
    ``score_spread`` is the highest minus the lowest score of a text over the pictures, the median
    over the texts, and ``scores`` the lowest and highest of that text.
    """

    alike_pictures: float
    alike_texts: float
    score_spread: float
    scores: tuple[float, float]

    @property
    def is_collapsed(self) -> bool:
        """Whether the checkpoint gives nearly the same result for everything."""
        most = max(self.alike_pictures, self.alike_texts)
        return most > MOST_ALIKE or self.score_spread < LEAST_SPREAD


def spread(encoder: Encoder) -> Spread:
    """Measure how well a checkpoint tells the probes apart."""
    images = normalize(
        encoder.encode_prepared([encoder.prepare(one) for one in pictures()])
    )
    texts = normalize(encoder.encode_texts(TEXTS))
    scores = np.sort(texts @ images.T, axis=1)
    widths = scores[:, -1] - scores[:, 0]
    middle = int(np.argsort(widths)[len(widths) // 2])
    return Spread(
        alike_pictures=_alike(images),
        alike_texts=_alike(texts),
        score_spread=float(widths[middle]),
        scores=(float(scores[middle, 0]), float(scores[middle, -1])),
    )


def pictures() -> list[Any]:
    """Return eight RGB pictures (``PIL.Image``) with little in common, the same every time."""
    width, height = SIZE
    across = np.linspace(0, 255, width)[None, :, None] * np.ones((height, 1, 3))
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3))
    checked = ((x // 40 + y // 40) % 2)[..., None] * np.array([255, 255, 255])
    stripes = np.where((x // 12 % 2)[..., None], [20, 60, 200], [250, 220, 40])
    drawn = [_from(values) for values in (across, noise, checked, stripes)]
    return [*drawn, *(Image.new("RGB", SIZE, c) for c in ("red", "black")), *_shapes()]


def _shapes() -> list[Any]:
    disc = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(disc).ellipse((90, 50, 230, 190), "darkgreen", "black", 6)
    lines = Image.new("RGB", SIZE, "wheat")
    pen = ImageDraw.Draw(lines)
    for top in range(20, SIZE[1], 24):
        pen.line((20, top, SIZE[0] - 20 - top % 60, top), "black", 3)
    return [disc, lines]


def _from(values: NDArray[Any]) -> Any:
    return Image.fromarray(values.astype(np.uint8))


def _alike(vectors: NDArray[Any]) -> float:
    """Return the share of pairs whose cosine exceeds ALIKE."""
    cosines = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    return float((cosines > ALIKE).mean())
