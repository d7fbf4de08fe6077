"""The two projections at the end of a CLIP, what enters them, and what they find."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

DEPTH = 10  # of recall
QUERIES_AT_ONCE = 256
# Scores of equal vectors may differ by this much, by where in a product they were computed.
TIE = 1e-6

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Features:
    """What enters the projections, of pictures and of their texts.

    ``pictures`` has shape (n, dp) and ``texts`` (m, dt), both float32. ``picture_of`` (m,) gives
    the row of the picture each text belongs to; ``caption`` (m,) numbers the captions: equal
    captions have equal numbers. A picture may have several texts, or none.

    :raises ValueError: the arrays do not fit each other, or hold what is no number
    """

    pictures: Floats
    texts: Floats
    picture_of: Whole
    caption: Whole

    def __post_init__(self) -> None:
        for name, rows in (("pictures", self.pictures), ("texts", self.texts)):
            _check(rows, f"The features of {name}")
        for name, numbers in (
            ("picture_of", self.picture_of),
            ("caption", self.caption),
        ):
            if numbers.shape != (len(self.texts),) or numbers.dtype.kind not in "iu":
                raise ValueError(f"{name} takes one whole number for each text.")
        if self.picture_of.min() < 0 or self.picture_of.max() >= len(self.pictures):
            raise ValueError("picture_of names a picture that is not there.")

    @cached_property
    def _by_picture(self) -> tuple[Whole, Whole]:
        """The texts in the order of their pictures, and where those of each picture begin."""
        order = np.argsort(self.picture_of, kind="stable")
        starts = np.searchsorted(
            self.picture_of[order], np.arange(len(self.pictures) + 1)
        )
        return order, starts

    def pairs(self, chance: np.random.Generator | None = None) -> tuple[Whole, Whole]:
        """Each picture that has texts, with one of them: by chance, or without it the first.

        :return: the rows of texts and of pictures, both of shape (pairs,)
        """
        order, starts = self._by_picture
        counts = np.diff(starts)
        pictures = np.flatnonzero(counts)
        which = chance.integers(0, counts[pictures]) if chance else 0
        return order[starts[pictures] + which], pictures

    def fits(self, texts: Whole, pictures: Whole) -> Flags:
        """Whether a picture has the caption of a text, among all of its texts.

        :param texts: rows, shape (t,); ``pictures`` likewise, shape (p,)
        :return: shape (t, p)
        """
        order, starts = self._by_picture
        counts = starts[pictures + 1] - starts[pictures]
        columns = np.repeat(np.arange(len(pictures)), counts)
        before = np.repeat(np.cumsum(counts) - counts, counts)
        own = order[starts[pictures][columns] + np.arange(len(columns)) - before]
        wanted, rows = np.unique(self.caption[texts], return_inverse=True)
        places = np.searchsorted(wanted, self.caption[own]).clip(max=len(wanted) - 1)
        known = wanted[places] == self.caption[own]
        found = np.zeros((len(wanted), len(pictures)), bool)
        found[places[known], columns[known]] = True
        return found[rows]


@dataclass(frozen=True, eq=False)
class Projections:
    """The last matrices of both towers, and the factor of cosines before softmax.

    ``picture`` has shape (d, dp) and ``text`` (d, dt), both float32; ``scale`` is the exponential
    of CLIP's ``logit_scale``.

    :raises ValueError: the matrices do not fit each other, or hold what is no number
    """

    picture: Floats
    text: Floats
    scale: float

    def __post_init__(self) -> None:
        _check(self.picture, "The projection of pictures")
        _check(self.text, "The projection of texts")
        if len(self.picture) != len(self.text):
            raise ValueError("The two projections lead into spaces of different sizes.")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise ValueError("The scale has to be a positive number.")

    def pictures(self, features: Floats) -> Floats:
        """Vectors of unit length, shape (n, d), of what the tower gives, shape (n, dp)."""
        return unit(features @ self.picture.T)

    def texts(self, features: Floats) -> Floats:
        """Vectors of unit length, shape (m, d), of what the tower gives, shape (m, dt)."""
        return unit(features @ self.text.T)


def unit(rows: Floats) -> Floats:
    """Rows brought to length 1; those of length 0 stay as they are."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return rows / lengths


def _check(rows: Floats, name: str) -> None:
    if rows.ndim != 2 or rows.dtype != np.float32 or not rows.size:
        raise ValueError(f"{name} have to be rows of float32, at least one.")
    if not np.isfinite(rows).all():
        raise ValueError(
            f"{name} hold values that are not finite numbers (NaN or infinite): "
            "what computed them went wrong."
        )


def check_sizes(projections: Projections, features: Features) -> None:
    """Whether the features can enter the projections.

    :raises ValueError: they have other dimensions
    """
    wanted = (projections.picture.shape[1], projections.text.shape[1])
    given = (features.pictures.shape[1], features.texts.shape[1])
    if wanted != given:
        raise ValueError(
            f"The projections take {wanted[0]} numbers a picture and {wanted[1]} a text; "
            f"the features have {given[0]} and {given[1]}."
        )


def found(projections: Projections, features: Features, depth: int = DEPTH) -> Flags:
    """Of each caption, asked once: is a picture that has it among the first ``depth``?

    Any picture with the caption is right. Wrong pictures with the same score as the best right
    one count as shown before it.

    :return: shape (captions,), in the order of their numbers; its mean is recall
    """
    pictures = projections.pictures(features.pictures)
    everything = np.arange(len(pictures))
    ranks = []
    for some in _queries(features):
        scores = projections.texts(features.texts[some]) @ pictures.T
        ranks.append(_ranks(scores, features.fits(some, everything)))
    return np.concatenate(ranks) <= depth


def _queries(features: Features) -> Iterator[Whole]:
    _, firsts = np.unique(features.caption, return_index=True)
    for start in range(0, len(firsts), QUERIES_AT_ONCE):
        yield firsts[start : start + QUERIES_AT_ONCE]


def _ranks(scores: Floats, right: Flags) -> Whole:
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    # Written so that what is no number counts as shown before.
    behind = right | (scores < best - TIE)
    return 1 + (~behind).sum(axis=1)


def recall_by_chance(features: Features, depth: int = DEPTH) -> float:
    """What the mean of :func:`found` is on average where pictures are ranked at random.

    One less the probability that the first ``depth`` of n pictures hold none of the r right ones
    (hypergeometric), as a mean over the captions.
    """
    count = len(features.pictures)
    everything = np.arange(count)
    misses = []
    for some in _queries(features):
        right = features.fits(some, everything).sum(axis=1)[:, None]
        drawn = np.arange(min(depth, count))
        misses.append(((count - right - drawn).clip(0) / (count - drawn)).prod(axis=1))
    return float(1 - np.concatenate(misses).mean())
