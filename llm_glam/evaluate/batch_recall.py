"""Match texts to pictures for training, and measure recall over all texts at once."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..vectors import BoolArray, IntArray, Vectors
from . import retrieval
from .retrieval import Links

DEPTH = 10  # of recall


class Matched(ABC):
    """Pictures and the texts that belong to them.

    ``picture_of`` (m,) is the row of the picture that each text belongs to; ``caption`` (m,)
    numbers the captions: equal captions have equal numbers. A picture may have several texts, or
    none.
    """

    picture_of: IntArray
    caption: IntArray

    @property
    @abstractmethod
    def count(self) -> int:
        """The number of pictures."""

    @cached_property
    def _by_picture(self) -> tuple[IntArray, IntArray]:
        """The texts sorted by picture, and where those of each picture begin."""
        order = np.argsort(self.picture_of, kind="stable")
        starts = np.searchsorted(self.picture_of[order], np.arange(self.count + 1))
        return order, starts

    @cached_property
    def links(self) -> tuple[Links, IntArray]:
        """Which picture has which distinct caption, and the first text of each of these."""
        _, firsts, numbers = np.unique(
            self.caption, return_index=True, return_inverse=True
        )
        # A picture may have two texts with equal captions.
        pairs = np.unique(numbers * self.count + self.picture_of)
        captions, pictures = np.divmod(pairs, self.count)
        return Links(pictures, captions, self.count, len(firsts)), firsts

    def pairs(
        self, rng: np.random.Generator | None = None
    ) -> tuple[IntArray, IntArray]:
        """Return each picture that has texts with one of them: drawn by ``rng``, or the first.

        :return: the rows of texts and of pictures, both of shape (pairs,)
        """
        order, starts = self._by_picture
        counts = np.diff(starts)
        pictures = np.flatnonzero(counts)
        which = rng.integers(0, counts[pictures]) if rng else 0
        return order[starts[pictures] + which], pictures

    def fits(self, texts: IntArray, pictures: IntArray) -> BoolArray:
        """Return whether each picture has the caption of each text among its own texts.

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

    def _check_numbers(self) -> None:
        """Check the arrays.

        :raises ValueError: they do not match
        """
        for name in ("picture_of", "caption"):
            numbers = getattr(self, name)
            if numbers.shape != self.picture_of.shape or numbers.dtype.kind not in "iu":
                raise ValueError(f"{name} needs one integer for each text.")
        if self.picture_of.min() < 0 or self.picture_of.max() >= self.count:
            raise ValueError("picture_of refers to a picture that does not exist.")


@dataclass(frozen=True, eq=False)
class Matching(Matched):
    """A given number of ``pictures`` and their texts, without vectors.

    :raises ValueError: the arrays do not match
    """

    pictures: int
    picture_of: IntArray
    caption: IntArray

    def __post_init__(self) -> None:
        self._check_numbers()

    @property
    def count(self) -> int:
        """The number of pictures."""
        return self.pictures


def hits(
    texts: Vectors, pictures: Vectors, matched: Matched, depth: int = DEPTH
) -> BoolArray:
    """Return for each distinct caption whether a picture that has it is among the first ``depth``.

    Any picture with the caption is correct. Incorrect pictures that tie with the best correct
    one are ranked before it.

    :param texts: vectors of unit length, shape (m, d); ``pictures`` likewise, shape (n, d)
    :return: shape (captions,), in the order of caption numbers; its mean is recall
    """
    links, firsts = matched.links
    ranks = retrieval.ranks_in_single_precision(pictures, texts[firsts], links)
    return retrieval.found_within(ranks.captions, depth)
