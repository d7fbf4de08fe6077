"""The two projections at the end of a CLIP, their inputs, and the retrieval they achieve."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...evaluate.batch_recall import DEPTH, Matched, hits
from ...vectors import BoolArray, IntArray, Vectors, normalize


@dataclass(frozen=True, eq=False)
class Features(Matched):
    """The inputs of the projections, for pictures and for their texts.

    ``pictures`` has shape (n, dp) and ``texts`` (m, dt), both float32; ``picture_of`` and
    ``caption`` are those of :class:`Matched`.

    :raises ValueError: the arrays do not match, or contain NaN or infinite values
    """

    pictures: Vectors
    texts: Vectors
    picture_of: IntArray
    caption: IntArray

    def __post_init__(self) -> None:
        for name, rows in (("pictures", self.pictures), ("texts", self.texts)):
            _check(rows, f"The features of {name}")
        if len(self.picture_of) != len(self.texts):
            raise ValueError("picture_of needs one integer for each text.")
        self._check_numbers()

    @property
    def count(self) -> int:
        """The number of pictures."""
        return len(self.pictures)


@dataclass(frozen=True, eq=False)
class Projections:
    """The last matrices of both towers, and the scale of the cosines before softmax.

    ``picture`` has shape (d, dp) and ``text`` (d, dt), both float32; ``scale`` is the exponential
    of CLIP's ``logit_scale``.

    :raises ValueError: the matrices do not match, or contain NaN or infinite values
    """

    picture: NDArray[np.float32]
    text: NDArray[np.float32]
    scale: float

    def __post_init__(self) -> None:
        _check(self.picture, "The projection of pictures")
        _check(self.text, "The projection of texts")
        if len(self.picture) != len(self.text):
            raise ValueError("The two projections have different output dimensions.")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError("The scale must be a positive number.")

    def pictures(self, features: Vectors) -> Vectors:
        """Project picture features, shape (n, dp), to vectors of unit length, shape (n, d)."""
        return normalize(features @ self.picture.T)

    def texts(self, features: Vectors) -> Vectors:
        """Project text features, shape (m, dt), to vectors of unit length, shape (m, d)."""
        return normalize(features @ self.text.T)


def _check(rows: Vectors, name: str) -> None:
    if rows.ndim != 2 or rows.dtype != np.float32 or not rows.size:
        raise ValueError(
            f"{name} must be a non-empty float32 array with two dimensions."
        )
    if not np.isfinite(rows).all():
        raise ValueError(
            f"{name} must not contain NaN or infinite values; the code that computed them failed."
        )


def check_sizes(projections: Projections, features: Features) -> None:
    """Check that the features have the input dimensions of the projections.

    :raises ValueError: they do not
    """
    wanted = (projections.picture.shape[1], projections.text.shape[1])
    given = (features.pictures.shape[1], features.texts.shape[1])
    if wanted != given:
        raise ValueError(
            f"The projections take {wanted[0]} values per picture and {wanted[1]} per text; the "
            f"features have {given[0]} and {given[1]}."
        )


def found(
    projections: Projections, features: Features, depth: int = DEPTH
) -> BoolArray:
    """Return the :func:`llm_glam.evaluate.batch_recall.hits` of features after projection."""
    texts = projections.texts(features.texts)
    return hits(texts, projections.pictures(features.pictures), features, depth)
