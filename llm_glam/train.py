"""Learn projections from pictures with captions, choose a mix, and measure what it is worth.

Arrays in, arrays out: what enters the projections is computed before (:mod:`.features`), and the
checkpoint is written afterwards (:mod:`.towers`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from . import alarms, measure, pairs
from .alarms import LOWEST_RETENTION, Alarm
from .engine import Vectors
from .features import Entering
from .figures import Measured
from .measure import Asked, Encoded
from .mixing import best_mix, mixed
from .pairs import Pair
from .projections import Features, Projections, Whole, found
from .shortened import shortened
from .split import Split
from .tuning import Tuned, tune
from .tuning_state import Epoch, Settings, State

NEARLY = (
    0.005  # of recall: what is no worse than this is chosen by how little it changes
)


@dataclass(frozen=True)
class Texts:
    """All texts of some pairs: their captions, then short ones made of these.

    ``pictures`` and ``numbers``: which pair has which text, of the same length. The first
    ``captions`` texts are captions as they were written.
    """

    texts: list[str]
    pictures: Whole
    numbers: Whole
    captions: int


@dataclass(frozen=True)
class Lesson:
    """What is learnt from, and what is measured with.

    ``everyday``: what enters the projections of texts that must not be forgotten. ``pairs`` are
    those held out, ``captions`` the rows of their different captions among ``held_out.texts``,
    ``asked`` which figures are wanted.
    """

    start: Projections
    train: Features
    held_out: Features
    everyday: Vectors
    pairs: list[Pair]
    captions: Whole
    asked: Asked


@dataclass(frozen=True)
class Learnt:
    """What came of it: ``mixes`` are alpha, held-out recall@10 and retention."""

    projections: Projections
    alpha: float
    mixes: list[tuple[float, float, float]]
    tuned: Tuned
    alarms: list[Alarm]
    measured: list[Measured]


def texts_of(those: Sequence[Pair]) -> Texts:
    """The texts that pairs are learnt with."""
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


def lesson(
    start: Projections,
    split: Split,
    those: Sequence[Pair],
    texts: Texts,
    entering: Entering,
    asked: Asked,
) -> Lesson:
    """Put pairs and what enters the projections together; pictures that cannot be read stay out.

    :param those: all pairs, in the order of ``entering.pictures``
    :param entering: of the pairs' pictures, and of their texts, which everyday ones follow
    """
    place = {pair.id: number for number, pair in enumerate(those)}
    usable = [p for p in split.held_out if entering.usable[place[p.id]]]
    learnt = [p for p in split.train if entering.usable[place[p.id]]]
    rows = [
        np.array([place[p.id] for p in part], np.int64) for part in (learnt, usable)
    ]
    held_out = _features(entering, texts, rows[1], texts.captions)
    return Lesson(
        start,
        _features(entering, texts, rows[0], len(texts.texts)),
        held_out,
        entering.texts[len(texts.texts) :],
        usable,
        _rows_of_captions(usable, texts, held_out),
        asked,
    )


def _rows_of_captions(
    usable: Sequence[Pair], texts: Texts, features: Features
) -> Whole:
    """Where each different caption of the pairs is among the features, in their order."""
    number = {pairs.normal(text): n for n, text in enumerate(texts.texts)}
    row = {int(n): place for place, n in enumerate(features.caption)}
    own = pairs.captions(usable).texts
    return np.array([row[number[pairs.normal(text)]] for text in own], np.int64)


def _features(entering: Entering, texts: Texts, rows: Whole, most: int) -> Features:
    """Of some pairs, with the first so many of all texts."""
    row_of = np.full(len(entering.pictures), -1)
    row_of[rows] = np.arange(len(rows))
    own = (row_of[texts.pictures] >= 0) & (texts.numbers < most)
    numbers = texts.numbers[own]
    pictures = row_of[texts.pictures[own]]
    return Features(entering.pictures[rows], entering.texts[numbers], pictures, numbers)


def learn(
    given: Lesson,
    settings: Settings,
    *,
    watcher: Callable[[Epoch], None],
    state: State | None,
    save: Callable[[State], None],
    names: tuple[str, str],
) -> Learnt:
    """Tune, mix the old weights with the new, and say what is to be said.

    :param names: of the checkpoint before and after, for the figures
    """
    before = given.start.texts(given.everyday)

    def kept(now: Projections) -> float:
        return alarms.retention(before, now.texts(given.everyday)).kept

    def health(now: Projections) -> tuple[float, float]:
        return kept(now), _collapse(now, given.held_out).spread

    tuned = tune(
        given.start,
        given.train,
        given.held_out,
        settings,
        measure=health,
        watcher=watcher,
        state=state,
        save=save,
    )
    alpha, mixes = _mix(given, tuned.best, kept)
    final = mixed(given.start, tuned.best, alpha)
    return Learnt(
        final,
        alpha,
        mixes,
        tuned,
        _alarms(given, tuned, final),
        _measured(given, final, names),
    )


def _mix(
    given: Lesson, tuned: Projections, kept: Callable[[Projections], float]
) -> tuple[float, list[tuple[float, float, float]]]:
    """The alpha with the best held-out recall, or nearly, that changes and forgets least."""
    _, table = best_mix(
        given.start, tuned, lambda now: float(found(now, given.held_out).mean())
    )
    mixes = [(a, r, kept(mixed(given.start, tuned, a))) for a, r in table]
    remembering = [one for one in mixes if one[2] >= LOWEST_RETENTION] or mixes
    best = max(recall for _, recall, _ in remembering)
    return next(a for a, recall, _ in remembering if recall >= best - NEARLY), mixes


def _collapse(now: Projections, features: Features) -> alarms.Collapse:
    return alarms.collapse(now.pictures(features.pictures), now.texts(features.texts))


def _alarms(given: Lesson, tuned: Tuned, final: Projections) -> list[Alarm]:
    return alarms.alarms(
        tuned.history,
        pairs=len(given.train.pairs()[0]),
        queries=len(np.unique(given.held_out.caption)),
        seen=_collapse(final, given.held_out),
    )


def _measured(
    given: Lesson, final: Projections, names: tuple[str, str]
) -> list[Measured]:
    """The figures of both checkpoints over the held-out pairs."""
    features = given.held_out
    encoded = [
        Encoded(
            name,
            one.pictures(features.pictures),
            np.ones(len(features.pictures), bool),
            one.texts(features.texts[given.captions]),
        )
        for name, one in zip(names, (given.start, final), strict=True)
    ]
    return measure.measure(given.pairs, encoded, given.asked)
