"""Mix a checkpoint's weights before and after training."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from ..clip.contrastive_loss import NamedArrays
from .diagnostics import LOWEST_RETENTION

ALPHAS = tuple(step / 10 for step in range(11))
FEW_ALPHAS = (
    0.0,
    0.25,
    0.5,
    0.75,
    1.0,
)  # where each takes another pass over the pictures
NEARLY = 0.005  # of recall: mixes within this of the best are chosen by how little they change

T = TypeVar("T")
Mix = tuple[float, float, float]  # alpha, held-out recall@10, retention


def mixed(start: NamedArrays, tuned: NamedArrays, alpha: float) -> NamedArrays:
    """Interpolate between two sets of weights by name, including the logarithm of the scale.

    WiSE-FT (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022).

    :param alpha: 0 gives ``start``, 1 gives ``tuned``
    :raises ValueError: alpha is outside 0 to 1, or names or shapes differ
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be between 0 and 1, not {alpha}.")
    shapes = [{name: a.shape for name, a in one.items()} for one in (start, tuned)]
    if shapes[0] != shapes[1]:
        raise ValueError("Weights of different shapes cannot be mixed.")
    if alpha in (0, 1):
        return tuned if alpha else start
    old, new = np.float32(1 - alpha), np.float32(alpha)
    return {name: old * start[name] + new * tuned[name] for name in start}


def best(
    start: NamedArrays,
    tuned: NamedArrays,
    alphas: Sequence[float],
    evaluate: Callable[[NamedArrays], tuple[float, float, T]],
) -> tuple[float, list[Mix], T]:
    """Evaluate the mixes, each of them once, and choose one.

    :param evaluate: returns the held-out recall@10 of weights, their retention, and what else is
        wanted of the chosen ones
    :return: the alpha of the chosen mix, what each achieved, and what else was wanted of it
    """
    mixes, others = [], {}
    for alpha in alphas:
        recall, retention, others[alpha] = evaluate(mixed(start, tuned, alpha))
        mixes.append((alpha, recall, retention))
    alpha = chosen(mixes)
    return alpha, mixes, others[alpha]


def chosen(mixes: Sequence[Mix]) -> float:
    """Return the alpha with nearly the best held-out recall that changes and forgets least.

    Mixes that forget are chosen only if the others lose more than half of the improvement;
    otherwise, what was learnt would be discarded to keep what may never be searched for.

    :raises ValueError: there is no mix
    """
    if not mixes:
        raise ValueError("There is no alpha to try.")
    every = sorted(mixes)
    recalls = [recall for _, recall, _ in every]
    half = (min(recalls) + max(recalls)) / 2
    taken = [
        one for one in every if one[2] >= LOWEST_RETENTION and one[1] >= half
    ] or every
    best = max(recall for _, recall, _ in taken)
    return next(alpha for alpha, recall, _ in taken if recall >= best - NEARLY)
