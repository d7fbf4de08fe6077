"""Compute confidence intervals of means, by the percentile bootstrap.

Efron 1979; Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13. Groups are
resampled where observations belong together.
"""

import numpy as np

from ..vectors import FloatArray, IntArray

RESAMPLES = 1_000
LEVEL = 0.95
FEW_GROUPS = 30  # with fewer, intervals are rough


def bootstrap(
    values: FloatArray, groups: IntArray, seed: int, resamples: int = RESAMPLES
) -> FloatArray:
    """Return means over queries resampled with replacement, whole groups at a time.

    The same groups and seed give the same resamples, so that differences between two checkpoints
    can be computed resample by resample.

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
    """Return the ends of the 95% percentile interval of each column, shape (m,)."""
    beyond = (1 - LEVEL) / 2
    low, high = np.quantile(means, [beyond, 1 - beyond], axis=0)
    return low, high
