"""Train a learner on pictures with captions, choose a mix of weights, and evaluate it.

Arrays in, arrays out: the inputs of the projections or the towers are prepared before
(:mod:`.cache`), and the checkpoint is written afterwards (:mod:`.training_run`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..evaluate import labels, measure
from ..evaluate.batch_recall import Matching, hits
from ..evaluate.measure import Encoded, MetricOptions
from ..evaluate.metric_tables import MetricRow
from ..evaluate.pairs import pairs
from ..evaluate.pairs.holdout import Split
from ..evaluate.pairs.pairs import Pair
from ..vectors import BoolArray, IntArray
from .captions.short import shortened
from .clip.contrastive_loss import NamedArrays
from .learn import diagnostics, weight_mixing
from .learn.diagnostics import TrainingWarning
from .learn.learner import Learner, Seen
from .learn.loop import Tuned, tune
from .learn.state import Epoch, Settings, State
from .learn.weight_mixing import Mix, mixed


@dataclass(frozen=True)
class Texts:
    """All texts of some pairs: their captions, then short ones derived from these.

    ``pictures`` and ``numbers``: which pair has which text, of the same length. The first
    ``captions`` texts are captions as they were written.
    """

    texts: list[str]
    pictures: IntArray
    numbers: IntArray
    captions: int


@dataclass(frozen=True)
class TrainingSplit:
    """The rows of the pictures to train on and to measure with, and the held-out pairs."""

    train: IntArray
    held_out: IntArray
    pairs: list[Pair]


@dataclass(frozen=True)
class TrainingTask:
    """A learner, and what it is evaluated with.

    ``pairs`` are the held-out ones, ``captions`` the rows of their distinct captions among the
    learner's held-out texts, ``metric_options`` the requested metrics. Of the learner's other
    texts, the first ``everyday`` must not be forgotten, and ``labels`` are the rows of those that
    query labels.
    """

    learner: Learner
    pairs: list[Pair]
    captions: IntArray
    everyday: int
    labels: IntArray
    metric_options: MetricOptions


@dataclass(frozen=True)
class TrainingResult:
    """The trained weights by name, and their vectors of the held-out set."""

    weights: NamedArrays
    seen: Seen
    alpha: float
    mixes: list[Mix]
    tuned: Tuned
    warnings: list[TrainingWarning]
    measured: list[MetricRow]


def texts_of(those: Sequence[Pair]) -> Texts:
    """Return the texts that pairs are trained with."""
    written = pairs.captions(those)
    texts = list(written.texts)
    known = {pairs.normal(text): number for number, text in enumerate(texts)}
    links = list(zip(written.pictures, written.captions, strict=True))
    for picture, number in list(links):
        for short in shortened(texts[number]):
            place = known.setdefault(pairs.normal(short), len(texts))
            if place == len(texts):
                texts.append(short)
            links.append((picture, place))
    columns = np.array(links, np.int64).reshape(-1, 2)
    return Texts(texts, columns[:, 0], columns[:, 1], len(written.texts))


def training_split(
    split: Split, those: Sequence[Pair], usable: BoolArray
) -> TrainingSplit:
    """Return which pictures are trained on and which are held out; unreadable ones are neither.

    :param those: all pairs; ``usable``: which of their pictures could be read, shape (n,)
    """
    place = {pair.id: number for number, pair in enumerate(those)}
    readable = [
        [pair for pair in part if usable[place[pair.id]]]
        for part in (split.train, split.held_out)
    ]
    train, held_out = (
        np.array([place[pair.id] for pair in part], np.int64) for part in readable
    )
    return TrainingSplit(train, held_out, readable[1])


def matching(texts: Texts, count: int, rows: IntArray, most: int) -> Matching:
    """Match some pictures to those of the first ``most`` texts that belong to them.

    :param count: the number of all pictures; ``rows`` selects some
    :return: ``caption`` is the position of each text among all
    """
    row_of = np.full(count, -1)
    row_of[rows] = np.arange(len(rows))
    own = (row_of[texts.pictures] >= 0) & (texts.numbers < most)
    pictures = row_of[texts.pictures[own]]
    return Matching(len(rows), pictures, texts.numbers[own])


def training_task(
    learner: Learner,
    apart: list[Pair],
    texts: Texts,
    others: tuple[Sequence[str], Sequence[str]],
    metric_options: MetricOptions,
) -> TrainingTask:
    """Combine a learner with the pairs held out from it.

    :param others: its other texts: everyday ones, then those that query labels
    :raises BadPairs: no two of the pairs share a label
    """
    labels.check(apart, metric_options.label)
    number = _places(texts.texts)
    row = {int(n): place for place, n in enumerate(learner.held_out.caption)}
    own = pairs.captions(apart).texts
    captions = np.array([row[number[pairs.normal(text)]] for text in own], np.int64)
    everyday, place = len(others[0]), _places(others[1])
    wanted = labels.queries(apart, metric_options.label, metric_options.prompt)
    queries = [everyday + place[pairs.normal(text)] for text in wanted]
    return TrainingTask(
        learner, apart, captions, everyday, np.array(queries, np.int64), metric_options
    )


def _places(texts: Sequence[str]) -> dict[str, int]:
    return {pairs.normal(text): place for place, text in enumerate(texts)}


def learn(
    given: TrainingTask,
    settings: Settings,
    *,
    alphas: Sequence[float],
    on_epoch: Callable[[Epoch], None],
    state: State | None,
    save: Callable[[State], None],
    names: tuple[str, str],
) -> TrainingResult:
    """Train, mix the old weights with the new ones, evaluate, and collect warnings.

    :param alphas: the mixes to try
    :param names: of the checkpoint before and after, for the metrics
    """
    learner = given.learner
    before = learner.seen(learner.start)

    def health(seen: Seen) -> tuple[float, float]:
        return _retained(given, before, seen), _collapse(seen).spread

    tuned = tune(
        *(learner, settings),
        before=before,
        measure=health,
        on_epoch=on_epoch,
        state=state,
        save=save,
    )
    alpha, mixes, final = weight_mixing.best(
        learner.start, tuned.best, alphas, partial(_evaluate, given, before)
    )
    return TrainingResult(
        *(mixed(learner.start, tuned.best, alpha), final, alpha, mixes, tuned),
        _warnings(learner, tuned, final),
        _measured(given, before, final, names),
    )


def _retained(given: TrainingTask, before: Seen, seen: Seen) -> float:
    """Return the share of nearest neighbours among everyday texts that is unchanged."""
    everyday = slice(given.everyday)
    return diagnostics.retention(before.others[everyday], seen.others[everyday]).share


def _evaluate(
    given: TrainingTask, before: Seen, weights: NamedArrays
) -> tuple[float, float, Seen]:
    """Return the recall of weights, their retention, and their vectors of the held-out set."""
    learner = given.learner
    seen = before if weights is learner.start else learner.seen(weights)
    recall = float(hits(seen.texts, seen.pictures, learner.held_out).mean())
    return recall, _retained(given, before, seen), seen


def _collapse(seen: Seen) -> diagnostics.Collapse:
    return diagnostics.collapse(seen.pictures, seen.texts)


def _warnings(learner: Learner, tuned: Tuned, final: Seen) -> list[TrainingWarning]:
    return diagnostics.diagnose(
        tuned.history,
        pairs=len(learner.train.pairs()[0]),
        queries=len(np.unique(learner.held_out.caption)),
        seen=_collapse(final),
    )


def _measured(
    given: TrainingTask, before: Seen, after: Seen, names: tuple[str, str]
) -> list[MetricRow]:
    """Return the metrics of both checkpoints over the held-out pairs."""
    encoded = [
        Encoded(
            name,
            seen.pictures,
            np.ones(len(seen.pictures), bool),
            np.concatenate([seen.texts[given.captions], seen.others[given.labels]]),
        )
        for name, seen in zip(names, (before, after), strict=True)
    ]
    return measure.measure(given.pairs, encoded, given.metric_options)
