"""Pairs and their vectors to figures: how well checkpoints find the one by the other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from . import columns, pairs, resampling, retrieval
from .caption_template import text
from .engine import Vectors
from .errors import BadPairs
from .figures import (
    CAPTION_TO_PICTURE,
    PICTURE_TO_CAPTION,
    PICTURE_TO_PICTURE,
    Figure,
    Measured,
)
from .pairs import Pair
from .retrieval import Floats, Ints, Links

FIRST = (1, 5, 10)
NEAREST = 10
LEAST = 20
RETRIEVAL = (*(f"recall_at_{k}" for k in FIRST), "mrr")
NEIGHBOURS = (f"precision_at_{NEAREST}",)
OTHER, NONE = "other", "none"

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """What is measured besides retrieval.

    ``label``: the column of labels that near pictures should share. ``by``: the column that
    figures are broken down by; its values with fewer than ``least`` pictures are one.
    """

    label: str | None = None
    by: str | None = None
    least: int = LEAST
    seed: int = 0

    def spelled(self, found: Sequence[Pair]) -> "Asked":
        """With columns as the records spell them.

        :raises BadPairs: there is no such column
        """
        there = list(dict.fromkeys(column for pair in found for column in pair.record))
        label, by = (
            one and columns.checked(one, there) for one in (self.label, self.by)
        )
        return replace(self, label=label, by=by)


@dataclass(frozen=True)
class Encoded:
    """What a checkpoint makes of pairs.

    ``pictures``: shape (pairs, d); ``usable``: which of them are vectors of pictures, shape
    (pairs,); ``captions``: those of :func:`llm_glam.pairs.captions`, shape (captions, d).
    """

    model: str
    pictures: Vectors
    usable: Flags
    captions: Vectors


@dataclass(frozen=True)
class Answers:
    """One direction: what each query was worth to each checkpoint.

    ``values``: a checkpoint each, shape (queries, measures); ``lots``: the same of drawing lots;
    ``groups``: of the queries, shape (queries,); ``parts``: which queries are of which value.
    """

    direction: str
    measures: Sequence[str]
    pool: int
    values: list[Floats]
    lots: Floats
    groups: Ints
    parts: list[tuple[str | None, Flags]]
    ranks: list[Ints] | None = None


def measure(
    found: Sequence[Pair], encoded: Sequence[Encoded], asked: Asked
) -> list[Measured]:
    """Figures in each direction for each checkpoint, over what all of them could read.

    :param asked: with columns as the records spell them
    :raises BadPairs: no picture could be read, or no two pictures share a label
    :raises BadVectors: vectors that are not finite
    """
    usable = np.logical_and.reduce([one.usable for one in encoded])
    if not usable.any():
        raise BadPairs(f"Not one of {len(found):,} pictures could be read.")
    kept = [pair for pair, is_kept in zip(found, usable, strict=True) if is_kept]
    values = _values(kept, asked)
    answers = _by_captions(found, kept, encoded, usable, values)
    if asked.label:
        answers.append(_by_neighbours(kept, encoded, usable, values, asked.label))
    models = [one.model for one in encoded]
    return [row for one in answers for row in _measured(one, models, asked.seed)]


def links(found: Sequence[Pair]) -> Links:
    """Which pairs have which of their different captions, as positions."""
    these = pairs.captions(found)
    return Links(
        np.array(these.pictures, np.int64),
        np.array(these.captions, np.int64),
        len(found),
        len(these.texts),
    )


def _values(found: Sequence[Pair], asked: Asked) -> list[str] | None:
    """The value that each picture is counted under."""
    if not asked.by:
        return None
    each = [text(pair.record.get(asked.by)) or NONE for pair in found]
    counts = Counter(each)
    return [one if counts[one] >= asked.least else OTHER for one in each]


def _by_captions(
    found: Sequence[Pair],
    kept: Sequence[Pair],
    encoded: Sequence[Encoded],
    usable: Flags,
    values: list[str] | None,
) -> list[Answers]:
    """Captions to pictures and pictures to captions."""
    own, left = links(found).only(usable)
    ranks = [
        retrieval.ranks(one.pictures[usable], one.captions[left], own)
        for one in encoded
    ]
    groups = np.array([pair.group for pair in kept])
    of_captions = np.zeros(own.n_captions, np.int64)
    of_captions[own.captions] = groups[
        own.pictures
    ]  # one group: they share the caption
    by_picture = _parts(values, np.arange(len(kept)), len(kept))
    by_caption = _parts(values, own.captions, own.n_captions, own.pictures)
    return [
        _ranked(
            CAPTION_TO_PICTURE,
            [one.captions for one in ranks],
            np.bincount(own.captions),
            (own.n_pictures, of_captions, by_caption),
        ),
        _ranked(
            PICTURE_TO_CAPTION,
            [one.pictures for one in ranks],
            np.bincount(own.pictures),
            (own.n_captions, groups, by_picture),
        ),
    ]


def _ranked(
    direction: str,
    ranks: list[Ints],
    right: Ints,
    rest: tuple[int, Ints, list[tuple[str | None, Flags]]],
) -> Answers:
    """What ranks are worth; ``rest`` is the pool, and groups and parts of the queries."""
    pool, groups, parts = rest
    values = [
        np.stack([*(one <= k for k in FIRST), 1 / one], axis=1).astype(np.float64)
        for one in ranks
    ]
    chances = [retrieval.chance(right, pool, k) for k in FIRST]
    lots = np.stack([*chances, retrieval.chance_of_reciprocal(right, pool)], axis=1)
    return Answers(direction, RETRIEVAL, pool, values, lots, groups, parts, ranks)


def _by_neighbours(
    kept: Sequence[Pair],
    encoded: Sequence[Encoded],
    usable: Flags,
    values: list[str] | None,
    column: str,
) -> Answers:
    """Pictures to pictures of the same label; those without a label are left out."""
    each = [pairs.normal(text(pair.record.get(column))) for pair in kept]
    labelled = np.array([bool(label) for label in each])
    labels = [label for label in each if label]
    groups = np.array([pair.group for pair in kept])[labelled]
    shares = [
        retrieval.neighbours(one.pictures[usable][labelled], labels, groups, NEAREST)
        for one in encoded
    ]
    asked = np.flatnonzero(~np.isnan(shares[0][1]))
    if not len(asked):
        raise BadPairs(
            f"No two pictures of different groups share a label in the column '{column}'."
        )
    parts = _parts(values, np.arange(len(kept)), len(kept))
    of_asked = np.flatnonzero(labelled)[asked]
    return Answers(
        PICTURE_TO_PICTURE,
        NEIGHBOURS,
        len(labels),
        [found[asked, None] for found, _ in shares],
        shares[0][1][asked, None],
        groups[asked],
        [(value, flags[of_asked]) for value, flags in parts],
    )


def _parts(
    values: list[str] | None, queries: Ints, number: int, pictures: Ints | None = None
) -> list[tuple[str | None, Flags]]:
    """All queries, and those of each value, the most frequent first.

    :param queries: which query each value, or the picture at its place, belongs to
    """
    parts: list[tuple[str | None, Flags]] = [(None, np.ones(number, bool))]
    every = np.array(values or [])
    for value, _ in Counter(values or []).most_common():
        flags = np.zeros(number, bool)
        flags[queries[(every if pictures is None else every[pictures]) == value]] = True
        parts.append((value, flags))
    return sorted(parts, key=lambda part: part[0] == OTHER)


def _measured(answers: Answers, models: Sequence[str], seed: int) -> Iterator[Measured]:
    """Figures of each part for each checkpoint, all from the same draws."""
    width = len(answers.measures)
    for value, flags in answers.parts:
        if not flags.any():
            continue
        groups = answers.groups[flags]
        number_of_groups = len(np.unique(groups))
        every = np.concatenate([one[flags] for one in answers.values], axis=1)
        draws = every.mean(axis=0, keepdims=True)
        if number_of_groups > 1:
            draws = np.vstack([draws, resampling.bootstrap(every, groups, seed)])
        lots = answers.lots[flags].mean(axis=0)
        for number, model in enumerate(models):
            own = draws[:, number * width : (number + 1) * width]
            beside = own - draws[:, :width]
            ranks = answers.ranks[number][flags] if answers.ranks else None
            yield Measured(
                model,
                answers.direction,
                value,
                queries=int(flags.sum()),
                groups=number_of_groups,
                pool=answers.pool,
                figures=_figures(answers.measures, own, lots),
                median_rank=None if ranks is None else float(np.median(ranks)),
                differences=(
                    _figures(answers.measures, beside, 0 * lots) if number else {}
                ),
            )


def _figures(measures: Sequence[str], draws: Floats, lots: Floats) -> dict[str, Figure]:
    """The means, which come first, with the interval of the draws behind them, if there are any."""
    means, *drawn = draws
    low = high = [None] * len(measures)
    if drawn:
        low, high = (ends.tolist() for ends in resampling.interval(draws[1:]))
    rows = zip(means.tolist(), lots.tolist(), low, high, strict=True)
    return {name: Figure(*row) for name, row in zip(measures, rows, strict=True)}
