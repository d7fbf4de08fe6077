"""Detect problems of a training run from its metrics, and describe them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ...evaluate.rank_agreement import overlap
from ...vectors import Vectors, nearest_rows, normalize
from .state import Epoch, best_of

# Signs of collapse, as found in published runs; each is sufficient on its own.
HIGHEST_MEAN_COSINE = 0.95
LOWEST_SPREAD = 0.01
AS_CHANCE = (
    0.02  # relative distance from ln(batch) within which a loss counts as chance level
)
EPOCHS_AT_CHANCE = 3
# Our judgement: below half, most of the former neighbours are lost.
LOWEST_RETENTION = 0.5
EPOCHS_OF_OVERFITTING = 3
DROP_OF_OVERFITTING = 0.02
LIKELY_CHANCE = 0.01
FEW_PAIRS = 200
FEW_QUERIES = (
    100  # recall is then known to within about 10 points: 1.96 · sqrt(.25 / 100)
)

NEIGHBOURS = 5
SAMPLE = 200  # queries whose scores are examined

Kind = Literal["collapse", "forgetting", "overfitting", "no better", "too few pairs"]


@dataclass(frozen=True)
class Collapse:
    """How far apart vectors still are.

    ``mean_cosine`` is that of different pictures; ``spread`` is the width of the middle 90% of a
    query's scores, as the median over the queries.
    """

    mean_cosine: float
    spread: float


@dataclass(frozen=True)
class Retention:
    """The share of nearest neighbours that stayed the same, and its chance level."""

    share: float
    chance_level: float


@dataclass(frozen=True)
class TrainingWarning:
    """What was observed, and what to change; if ``fatal``, the model must not be registered."""

    kind: Kind
    words: str
    fatal: bool = False


def collapse(vectors: Vectors, queries: Vectors | None = None) -> Collapse:
    """Measure how far apart held-out pictures, and the scores of queries against them, are.

    The spread ranges from the 5th to the 95th percentile and is not a standard deviation: a few
    outliers cannot hide that all others are alike, and in a healthy CLIP it is about .05 to .1,
    well above the threshold, while a standard deviation over a uniform collection would be close to
    it.

    :param vectors: shape (n, d), at least two
    :param queries: vectors of texts, shape (m, d); without them each picture is a query
    :raises ValueError: too few vectors, or NaN or infinite values
    """
    _check(vectors, 2)
    pictures = normalize(vectors)
    total = pictures.astype(np.float64).sum(axis=0)
    count = len(pictures)
    own = float(np.square(pictures.astype(np.float64)).sum())
    mean_cosine = (float(total @ total) - own) / (count * (count - 1))
    return Collapse(mean_cosine, _spread(pictures, queries))


def _spread(pictures: Vectors, queries: Vectors | None) -> float:
    query_vectors = pictures if queries is None else normalize(queries)
    _check(query_vectors, 1)
    chosen = np.unique(
        np.linspace(0, len(query_vectors) - 1, SAMPLE).round().astype(int)
    )
    scores = query_vectors[chosen] @ pictures.T
    if queries is None:  # a picture's score with itself means nothing
        scores[np.arange(len(chosen)), chosen] = np.nan
    low, high = np.nanpercentile(scores, [5, 95], axis=1)
    return float(np.median(high - low))


def retention(before: Vectors, after: Vectors, k: int = NEIGHBOURS) -> Retention:
    """Return the share of nearest neighbours among fixed texts that is unchanged, from 0 to 1.

    This is the mean share of the ``k`` nearest of each text that are the same before and after.

    :param before: vectors of the texts, shape (r, d), more than k; ``after`` has the same rows
    :raises ValueError: too few texts, different rows, or NaN or infinite values
    """
    if len(before) != len(after):
        raise ValueError("Both must be vectors of the same texts.")
    for vectors in (before, after):
        _check(vectors, k + 1)
    nearest = nearest_rows(before, k), nearest_rows(after, k)
    shares = [overlap(a, b, k) for a, b in zip(*nearest, strict=True)]
    return Retention(float(np.mean(shares)), k / (len(before) - 1))


def _check(vectors: Vectors, least: int) -> None:
    if vectors.ndim != 2 or len(vectors) < least:
        raise ValueError(f"At least {least} vectors are needed.")
    if not np.isfinite(vectors).all():
        raise ValueError("The vectors contain NaN or infinite values.")


def overfitting(history: Sequence[Epoch]) -> bool:
    """Return whether recall fell and stayed down while the training loss kept falling.

    This must last for at least three epochs, with a drop of two points at the end.
    """
    best, last = best_of(history), history[-1]
    since = [epoch for epoch in history if epoch.number > best.number]
    if len(since) < EPOCHS_OF_OVERFITTING or last.loss is None:
        return False
    if last.chance_loss is None or last.loss >= (1 - AS_CHANCE) * last.chance_loss:
        return False  # nothing was learnt, not even by heart
    loss = since[0].loss if best.loss is None else best.loss
    falls = loss is not None and last.loss < loss
    return falls and best.recall - last.recall >= DROP_OF_OVERFITTING


def diagnose(
    history: Sequence[Epoch],
    *,
    pairs: int,
    queries: int,
    seen: Collapse | None = None,
    chance_level: float | None = None,
) -> list[TrainingWarning]:
    """Return all warnings that the metrics of a run justify.

    Spread and retention are judged at the epoch with the best recall, whose weights are used. A
    loss at ln(batch) counts only if recall has not improved: with many pairs in a batch it is
    close to that while a model begins to learn.

    :param history: as ``tune`` returns it, with the measurement before training
    :param pairs: the number of training pictures with captions
    :param queries: the number of distinct held-out captions
    :param seen: :func:`collapse` of the model that would be registered
    :param chance_level: the recall of a random ranking, for the message
    """
    found = [
        _collapsed(history, seen),
        _no_better(history, queries, chance_level),
        _forgotten(best_of(history)),
        _overfitted(history),
        _few(pairs, queries),
    ]
    return [warning for warning in found if warning]


def _collapsed(
    history: Sequence[Epoch], seen: Collapse | None
) -> TrainingWarning | None:
    best, last = best_of(history), history[-1]
    signs = []
    if seen and seen.mean_cosine > HIGHEST_MEAN_COSINE:
        signs.append(
            f"different held-out pictures have a mean cosine of {seen.mean_cosine:.3f} (above "
            f"{HIGHEST_MEAN_COSINE} is too high)"
        )
    spread = seen.spread if seen else best.spread
    if spread is not None and spread < LOWEST_SPREAD:
        signs.append(
            f"the scores of a query span only {spread:.4f} (below {LOWEST_SPREAD} is too little)"
        )
    if not _is_better(best) and all(map(_is_at_chance, history[-EPOCHS_AT_CHANCE:])):
        signs.append(
            f"the loss stays at {last.loss:.3f}, as if all scores were equal "
            f"({last.chance_loss:.3f})"
        )
    if not signs:
        return None
    words = (
        f"Pictures or captions can hardly be told apart: {'; '.join(signs)}. Lower the learning "
        "rate, and check that captions differ and belong to their pictures."
    )
    return TrainingWarning("collapse", words, fatal=True)


def _is_at_chance(epoch: Epoch) -> bool:
    if epoch.loss is None or not epoch.chance_loss:
        return False
    return abs(epoch.loss / epoch.chance_loss - 1) <= AS_CHANCE


def _no_better(
    history: Sequence[Epoch], queries: int, chance_level: float | None
) -> TrainingWarning | None:
    best = best_of(history)
    if _is_better(best):
        return None
    if len(history) == 1:
        words = (
            "Not a single epoch was completed in the time allowed: leave out --max-minutes, or "
            "raise it."
        )
        return TrainingWarning("no better", words, fatal=True)
    by_luck = "" if chance_level is None else f" (chance level {chance_level:.3f})"
    words = (
        f"Held-out recall@10 was {history[0].recall:.3f} before training and {best.recall:.3f} at "
        f"its best{by_luck}: of {queries:,} captions {best.gained:,} were gained and "
        f"{best.lost:,} lost, which can be chance. Check that captions belong to their pictures "
        "and describe what can be seen; if they do, use more pairs, hold out more, or raise the "
        "learning rate."
    )
    return TrainingWarning("no better", words, fatal=True)


def _is_better(best: Epoch) -> bool:
    return mcnemar_p_value(best.gained, best.lost) < LIKELY_CHANCE


def mcnemar_p_value(gained: int, lost: int) -> float:
    """Return the probability of at least as many gains if nothing was learnt.

    This is the one-sided sign test: each change is a gain with probability one half.
    """
    changes = gained + lost
    ways = sum(math.comb(changes, won) for won in range(gained, changes + 1))
    return ways / 2**changes


def _forgotten(best: Epoch) -> TrainingWarning | None:
    if best.retention is None or best.retention >= LOWEST_RETENTION:
        return None
    words = (
        f"Only {best.retention:.0%} of the nearest neighbours among captions of other things are "
        "left: the model forgets what it knew about other things. Lower the learning rate, use "
        "fewer epochs, or mix the new weights with the old."
    )
    return TrainingWarning("forgetting", words)


def _overfitted(history: Sequence[Epoch]) -> TrainingWarning | None:
    if not overfitting(history):
        return None
    best, last = best_of(history), history[-1]
    words = (
        f"Held-out recall@10 fell from {best.recall:.3f} (epoch {best.number}) to "
        f"{last.recall:.3f} while the training loss kept falling: the model learns the training "
        f"captions by heart. Epoch {best.number} is kept, so you need not do anything; more "
        "captions may improve it further."
    )
    return TrainingWarning("overfitting", words)


def _few(pairs: int, queries: int) -> TrainingWarning | None:
    signs = []
    if pairs < FEW_PAIRS:
        signs.append(f"{pairs:,} pictures with captions to train on")
    if queries < FEW_QUERIES:
        signs.append(f"{queries:,} different captions held out to measure recall with")
    if not signs:
        return None
    words = (
        f"There are only {' and '.join(signs)}, so these numbers may be luck. Caption more "
        f"pictures: at least {FEW_PAIRS} to train on and {FEW_QUERIES} held out."
    )
    return TrainingWarning("too few pairs", words)
