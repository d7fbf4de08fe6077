"""Score the results of checkpoints for each query: captions and pictures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..engine import Vectors
from ..vectors import BoolArray, FloatArray, IntArray
from . import retrieval
from .breakdown import Values
from .metric_tables import (
    CAPTION_TO_PICTURE,
    PICTURE_TO_CAPTION,
)
from .pairs import pairs
from .pairs.pairs import Pair
from .retrieval import Links

FIRST = (1, 5, 10)
RETRIEVAL = (*(f"recall_at_{k}" for k in FIRST), "mrr")


@dataclass(frozen=True)
class Encoded:
    """The vectors of pairs by one checkpoint.

    ``pictures``: shape (pairs, d); ``usable``: which of them are vectors of pictures, shape
    (pairs,); ``texts``: those of :func:`llm_glam.evaluate.measure.texts`, shape (texts, d).
    """

    model: str
    pictures: Vectors
    usable: BoolArray
    texts: Vectors


@dataclass(frozen=True)
class Answers:
    """One direction: the score of each query for each checkpoint.

    ``values``: one array per checkpoint, shape (queries, metrics); ``chance_level``: the same for a
    random ranking; ``groups``: of the queries, shape (queries,); ``parts``: the queries of each
    value.
    """

    direction: str
    measures: Sequence[str]
    pool: int
    values: list[FloatArray]
    chance_level: FloatArray
    groups: IntArray
    parts: list[tuple[str | None, BoolArray]]
    ranks: list[IntArray] | None = None


def links(found: Sequence[Pair]) -> Links:
    """Return which pairs have which of their distinct captions, as positions."""
    these = pairs.captions(found)
    return Links(
        np.array(these.pictures, np.int64),
        np.array(these.captions, np.int64),
        len(found),
        len(these.texts),
    )


def by_captions(
    found: Sequence[Pair],
    readable: Sequence[Pair],
    encoded: Sequence[Encoded],
    usable: BoolArray,
    values: Values | None,
) -> list[Answers]:
    """Score captions as queries for pictures, and pictures as queries for captions."""
    own, left = links(found).only(usable)
    ranks = [
        retrieval.ranks(one.pictures[usable], one.texts[left], own) for one in encoded
    ]
    groups = np.array([pair.group for pair in readable])
    of_captions = np.zeros(own.n_captions, np.int64)
    of_captions[own.captions] = groups[
        own.pictures
    ]  # all in one group, because they share the caption
    by_picture = parts_of(values, np.arange(len(readable)), len(readable))
    by_caption = parts_of(values, own.captions, own.n_captions, own.pictures)
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
    ranks: list[IntArray],
    right: IntArray,
    rest: tuple[int, IntArray, list[tuple[str | None, BoolArray]]],
) -> Answers:
    """Turn ranks into scores; ``rest`` is the pool, and the groups and parts of the queries."""
    pool, groups, parts = rest
    values = [
        np.stack([*(retrieval.found_within(one, k) for k in FIRST), 1 / one], axis=1)
        for one in ranks
    ]
    chances = [retrieval.chance_level(right, pool, k) for k in FIRST]
    chance_level = np.stack(
        [*chances, retrieval.chance_reciprocal_rank(right, pool)], axis=1
    )
    return Answers(
        direction, RETRIEVAL, pool, values, chance_level, groups, parts, ranks
    )


def parts_of(
    values: Values | None,
    queries: IntArray,
    number: int,
    pictures: IntArray | None = None,
) -> list[tuple[str | None, BoolArray]]:
    """Return all queries, and those of each value, the most frequent first.

    :param queries: the query that each value, or the picture at its position, belongs to
    """
    parts: list[tuple[str | None, BoolArray]] = [(None, np.ones(number, bool))]
    if values is None:
        return parts
    every = np.array(values.each)
    for value, _ in Counter(values.each).most_common():
        flags = np.zeros(number, bool)
        flags[queries[(every if pictures is None else every[pictures]) == value]] = True
        parts.append((value, flags))
    return sorted(parts, key=lambda part: part[0] == values.other)
