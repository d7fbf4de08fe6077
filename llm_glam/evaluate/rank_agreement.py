"""Measure how far two rankings of the same items agree."""

from collections.abc import Sequence

import numpy as np

from ..vectors import FloatArray
from . import bootstrap

NEIGHBOURS = 10
PERSISTENCE = 0.9  # of rank-biased overlap
RESAMPLES = 2_000

Ranking = Sequence[str] | Sequence[int]


def overlap(one: Ranking, other: Ranking, depth: int) -> float:
    """Return the share of the first ``depth`` that two rankings have in common, from 0 to 1."""
    return len(set(one[:depth]) & set(other[:depth])) / depth


def rank_biased_overlap(
    one: Ranking, other: Ranking, depth: int, p: float = PERSISTENCE
) -> float:
    """Return how similar two rankings are, weighted towards the top, from 0 to 1.

    With X(d) the number of items that the first d of both share::

        RBO = X(k)/k · p^k  +  (1 - p)/p · Σ (d = 1 … k)  X(d)/d · p^d

    This is the extrapolated value of Webber, Moffat and Zobel, "A similarity measure for
    indefinite rankings" (ACM Transactions on Information Systems 28(4), 2010), of rankings cut
    off at k = ``depth``, assuming that they continue to agree to the same degree. It is 1 for equal
    rankings, 0 if nothing is shared.
    """
    seen: set[object] = set()
    shared, agreements = 0, []
    for d, (a, b) in enumerate(zip(one[:depth], other[:depth], strict=True), 1):
        shared += (a in seen) + (b in seen) + (a == b)
        seen |= {a, b}
        agreements.append(shared / d)
    return _weighted(agreements, p)


def chance_rank_biased_overlap(depth: int, count: int, p: float = PERSISTENCE) -> float:
    """Return the expected :func:`rank_biased_overlap` if one of two rankings is random."""
    return _weighted([d / count for d in range(1, depth + 1)], p)


def _weighted(agreements: Sequence[float], p: float) -> float:
    """Apply the formula to X(d)/d for d = 1 … k."""
    weights = (1 - p) / p * p ** np.arange(1, len(agreements) + 1)
    rest = agreements[-1] * p ** len(agreements)
    return float(weights @ np.array(agreements) + rest)


def rank_correlation(one: FloatArray, other: FloatArray) -> float | None:
    """Return Spearman's rank correlation of two arrays, from -1 to 1.

    :param one: shape (n,), as ``other``
    :return: None if it is undefined because all values of an array are equal
    """
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    from scipy.stats import spearmanr  # the import takes half a second

    return float(spearmanr(one, other).statistic)


def interval(values: Sequence[float], seed: int) -> tuple[float, float]:
    """Return the 95% confidence interval of the mean of ``values``, by the percentile bootstrap."""
    known = np.array(values, np.float64)[:, None]
    draws = bootstrap.bootstrap(known, np.arange(len(known)), seed, RESAMPLES)
    low, high = bootstrap.interval(draws)
    return float(low[0]), float(high[0])
