"""Mixes of a checkpoint before and after tuning."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from .projections import Projections

ALPHAS = tuple(step / 10 for step in range(11))


def mixed(start: Projections, tuned: Projections, alpha: float) -> Projections:
    """Weights between two others, the logarithm of the scale likewise.

    WiSE-FT (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

    :param alpha: 0 gives ``start``, 1 gives ``tuned``
    :raises ValueError: alpha is outside 0 to 1, or the two have other shapes
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha has to be between 0 and 1, not {alpha}.")
    shapes = [(one.picture.shape, one.text.shape) for one in (start, tuned)]
    if shapes[0] != shapes[1]:
        raise ValueError("Projections of different shapes cannot be mixed.")
    old, new = np.float32(1 - alpha), np.float32(alpha)
    return Projections(
        old * start.picture + new * tuned.picture,
        old * start.text + new * tuned.text,
        math.exp((1 - alpha) * math.log(start.scale) + alpha * math.log(tuned.scale)),
    )


def best_mix(
    start: Projections,
    tuned: Projections,
    score: Callable[[Projections], float],
    alphas: Sequence[float] = ALPHAS,
) -> tuple[float, list[tuple[float, float]]]:
    """The alpha whose mix scores highest, and of every alpha its score.

    Of equal scores the smaller alpha is taken, which changes less. A score that is no number
    counts as the lowest.
    """
    if not alphas:
        raise ValueError("There is no alpha to try.")
    table = [(alpha, score(mixed(start, tuned, alpha))) for alpha in sorted(alphas)]
    best = max(table, key=lambda row: -math.inf if math.isnan(row[1]) else row[1])
    return best[0], table
