"""Rank pictures by captions and captions by pictures: arrays in, numbers out.

Recall@k as in CLIP's paper (Radford et al. 2021, "Learning Transferable Visual Models From Natural
Language Supervision"); the mean reciprocal rank as in TREC (Voorhees 1999).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine import Vectors
from ..errors import BadVectors
from ..vectors import BoolArray, FloatArray, IntArray, normalize

Floats = NDArray[np.floating[Any]]
Prepare = Callable[[Vectors], Floats]
Cells = tuple[IntArray, IntArray]

TIE = 1e-7  # cosines of float32 vectors closer than this count as equal
# In single precision, scores of equal vectors may differ by this much, depending on their place
# in the product.
TIE_SINGLE = 1e-6
TILE = 2_048  # rows and columns compared at once: 32 MB of scores
SCORES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Links:
    """Which pictures and captions belong together: ``pictures[i]`` with ``captions[i]``.

    Both are positions, shape (m,); each of ``n_pictures`` and ``n_captions`` is in at least one
    link.
    """

    pictures: IntArray
    captions: IntArray
    n_pictures: int
    n_captions: int

    def only(self, chosen: BoolArray) -> tuple["Links", IntArray]:
        """Return the links of some of the pictures, and which captions these have.

        :param chosen: shape (n_pictures,)
        :return: links with positions among those chosen, and the positions of their captions,
            ascending
        """
        stays = chosen[self.pictures]
        left, captions = np.unique(self.captions[stays], return_inverse=True)
        pictures = (np.cumsum(chosen) - 1)[self.pictures[stays]]
        return Links(pictures, captions, int(chosen.sum()), len(left)), left


@dataclass(frozen=True)
class Ranks:
    """For each query the rank of the best correct answer, starting from 1.

    ``captions``: of pictures found by captions, shape (n_captions,); ``pictures``: of captions
    found by pictures, shape (n_pictures,).
    """

    captions: IntArray
    pictures: IntArray


def ranks(pictures: Vectors, captions: Vectors, links: Links) -> Ranks:
    """Rank pictures for each caption and captions for each picture, by cosine.

    Any correct answer counts, and correct answers do not push each other down. An incorrect answer
    that ties with a correct one is ranked before it, so that a model that scores everything equally
    comes last, never first. All scores are computed in double precision, a tile at a time.

    :param pictures: shape (n_pictures, d)
    :param captions: shape (n_captions, d)
    :raises BadVectors: a vector contains NaN or infinite values
    """
    check_finite(pictures, "pictures")
    check_finite(captions, "captions")
    return _ranks(pictures, captions, links, _unit, TIE)


def ranks_in_single_precision(
    pictures: Vectors, captions: Vectors, links: Links
) -> Ranks:
    """Rank as :func:`ranks` does, but vectors of unit length and in single precision.

    That takes half the time. A diverged model is a result here: what contains NaN comes last.
    """
    return _ranks(pictures, captions, links, np.asarray, TIE_SINGLE)


def found_within(ranks: IntArray, k: int) -> BoolArray:
    """Return for each query whether a correct answer is among the first k; the mean is recall@k."""
    return ranks <= k


def check_finite(vectors: Vectors, what: str) -> None:
    """Refuse vectors that contain NaN or infinite values.

    :raises BadVectors: says how many of ``what`` do
    """
    bad = int(np.count_nonzero(~np.isfinite(vectors).all(axis=1)))
    if bad:
        raise BadVectors(
            f"The vectors of {bad:,} of {len(vectors):,} {what} contain NaN or infinite values: "
            "the checkpoint is damaged, or its training failed. Use another one."
        )


def chance_level(right: IntArray, pool: int, k: int) -> FloatArray:
    """Return the recall@k of a random ranking: how likely a correct answer is among the first k.

    :param right: the number of correct answers to each query, shape (q,)
    :return: ``1 - C(pool - right, k) / C(pool, k)``, shape (q,)
    """
    missed = np.ones(len(right))
    for drawn in range(min(k, pool)):
        missed *= np.maximum(pool - right - drawn, 0) / (pool - drawn)
    return 1 - missed


def chance_reciprocal_rank(right: IntArray, pool: int) -> FloatArray:
    """Return the mean reciprocal rank of a random ranking.

    :param right: the number of correct answers to each query, shape (q,)
    :return: the sum over k of ``(recall@k - recall@(k-1)) / k``, shape (q,)
    """
    drawn = np.arange(pool)
    different, numbers = np.unique(right, return_inverse=True)
    means = np.empty(len(different))
    for place, number in enumerate(different):
        later = np.cumprod(np.maximum(pool - number - drawn, 0) / (pool - drawn))
        first_at = -np.diff(later, prepend=1.0)
        means[place] = (first_at / (drawn + 1)).sum()
    return means[numbers]


def neighbours(
    pictures: Vectors, labels: Sequence[str], groups: IntArray, k: int
) -> tuple[FloatArray, FloatArray]:
    """Return for each picture the share of its k nearest pictures that have its label.

    Pictures of its own group are left out, including itself. Where several tie for the k-th place,
    the expected value of a random choice among them counts.

    :param pictures: shape (n, d), all with a label
    :param groups: shape (n,)
    :return: the shares, and those of a random ranking, shape (n,); NaN where no picture of another
       group has the label
    :raises BadVectors: a vector contains NaN or infinite values
    """
    check_finite(pictures, "pictures")
    _, numbers = np.unique(np.array(labels, str), return_inverse=True)
    found, chance_level = np.full(len(pictures), np.nan), np.full(len(pictures), np.nan)
    for rows in _tiles(len(pictures), max(1, SCORES_AT_ONCE // max(1, len(pictures)))):
        other = groups[rows, None] != groups
        right = (numbers[rows, None] == numbers) & other
        able = right.any(axis=1)
        scores = np.where(other, _scores(pictures[rows], pictures), -np.inf)
        shares = _shares(scores[able], right[able], other[able], k)
        found[rows][able] = shares
        chance_level[rows][able] = right[able].sum(axis=1) / other[able].sum(axis=1)
    return found, chance_level


def labelled(
    pictures: Vectors, labels: Vectors, numbers: IntArray, k: int
) -> tuple[FloatArray, FloatArray]:
    """Return for each label as a text query the share of the k nearest pictures that have it.

    Ties are treated as in :func:`neighbours`.

    :param pictures: shape (n, d), all with a label
    :param labels: vectors of their texts, shape (m, d)
    :param numbers: which label each picture has, shape (n,)
    :return: the shares, and those of a random ranking, shape (m,)
    :raises BadVectors: a vector contains NaN or infinite values
    """
    check_finite(pictures, "pictures")
    check_finite(labels, "labels")
    right = np.arange(len(labels))[:, None] == numbers
    shares = _shares(_scores(labels, pictures), right, np.ones_like(right), k)
    return shares, right.mean(axis=1)


def _tiles(size: int, step: int | None = None) -> Iterator[slice]:
    step = step or TILE
    for start in range(0, size, step):
        yield slice(start, min(start + step, size))


def _unit(vectors: Vectors) -> FloatArray:
    """Normalise to length 1 in double precision; zero vectors stay zero."""
    return normalize(vectors.astype(np.float64))


def _scores(some: Vectors, every: Vectors) -> FloatArray:
    unit = _unit(some)
    scores = np.empty((len(some), len(every)))
    for columns in _tiles(len(every)):
        scores[:, columns] = unit @ _unit(every[columns]).T
    return scores


def _ranks(
    pictures: Vectors, captions: Vectors, links: Links, prepare: Prepare, tie: float
) -> Ranks:
    by_caption, by_picture = _best(pictures, captions, links, prepare)
    before_pictures = np.zeros(links.n_pictures, np.int64)
    before_captions = np.zeros(links.n_captions, np.int64)
    for rows in _tiles(links.n_captions):
        own = _links_of(links, rows)
        queries = prepare(captions[rows])
        for columns in _tiles(links.n_pictures):
            scores = queries @ prepare(pictures[columns]).T
            cells = _cells(own, rows.start, columns)
            ahead = _ahead(scores, by_caption[rows, None] - tie, cells)
            before_captions[rows] += np.count_nonzero(ahead, axis=1)
            ahead = _ahead(scores, by_picture[columns] - tie, cells)
            before_pictures[columns] += np.count_nonzero(ahead, axis=0)
    return Ranks(before_captions + 1, before_pictures + 1)


def _best(
    pictures: Vectors, captions: Vectors, links: Links, prepare: Prepare
) -> tuple[Floats, Floats]:
    """Return the best score of a correct answer, for each caption and for each picture."""
    kind = prepare(pictures[:0]).dtype
    by_caption = np.full(links.n_captions, -np.inf, kind)
    by_picture = np.full(links.n_pictures, -np.inf, kind)
    for part in _tiles(len(links.pictures)):
        one, other = links.pictures[part], links.captions[part]
        scores = np.einsum("ij,ij->i", prepare(pictures[one]), prepare(captions[other]))
        with np.errstate(invalid="ignore"):  # NaN is the best score where there is one
            np.maximum.at(by_picture, one, scores)
            np.maximum.at(by_caption, other, scores)
    return by_caption, by_picture


def _links_of(links: Links, rows: slice) -> Cells:
    """Return the captions and pictures of the links of some of the captions."""
    mine = (links.captions >= rows.start) & (links.captions < rows.stop)
    return links.captions[mine], links.pictures[mine]


def _cells(own: Cells, first: int, columns: slice) -> Cells:
    """Return the cells of a tile that are correct answers."""
    captions, pictures = own
    here = (pictures >= columns.start) & (pictures < columns.stop)
    return captions[here] - first, pictures[here] - columns.start


def _ahead(scores: Floats, least: Floats, correct: Cells) -> BoolArray:
    """Return which incorrect answers score ``least`` or more, that of the best correct one."""
    # Written so that NaN counts as ranked before.
    ahead: BoolArray = ~(scores < least)
    ahead[correct] = False
    return ahead


def _shares(
    scores: FloatArray,
    right: BoolArray,
    other: BoolArray,
    k: int,
) -> FloatArray:
    """Return per row the share of the k best scores, or of fewer, that is correct."""
    if not len(scores):
        return np.empty(0)
    wanted = np.minimum(other.sum(axis=1), k)
    ordered = -np.partition(-scores, range(min(k, scores.shape[1])), axis=1)[:, :k]
    last = ordered[np.arange(len(scores)), wanted - 1][:, None]
    above = scores > last + TIE
    equal = (np.abs(scores - last) <= TIE) & other
    open_places = wanted - above.sum(axis=1)
    of_equal = (right & equal).sum(axis=1) / equal.sum(axis=1)
    shares: FloatArray = ((right & above).sum(axis=1) + open_places * of_equal) / wanted
    return shares
