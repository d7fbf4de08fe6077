"""How sure a mean is: intervals by the percentile bootstrap.

Efron 1979; Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Groups are
resampled where observations belong together.
"""

import numpy as np
from numpy.typing import NDArray

from ..vectors import IntArray

FloatArray = NDArray[np.float64]

RESAMPLES = 1_000
LEVEL = 0.95


def bootstrap(
    values: FloatArray, groups: IntArray, seed: int, resamples: int = RESAMPLES
) -> FloatArray:
    """Means of values over queries drawn again and again, whole groups at a time.

    The same groups and seed give the same draws, so that differences between two checkpoints may
    be taken draw by draw.

    :param values: shape (q, m)
    :param groups: of the queries, shape (q,)
    :return: shape (resamples, m)
    """
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, numbers, values)
    random = np.random.default_rng(seed)
    means = np.empty((resamples, values.shape[1]))
    for draw in range(resamples):
        drawn = random.integers(len(sizes), size=len(sizes))
        times = np.bincount(drawn, minlength=len(sizes))
        means[draw] = times @ sums / (times @ sizes)
    return means


def interval(means: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The ends of the percentile interval of 95 % of each column, shape (m,)."""
    beyond = (1 - LEVEL) / 2
    low, high = np.quantile(means, [beyond, 1 - beyond], axis=0)
    return low, high
