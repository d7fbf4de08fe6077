"""Split pictures into those to train on and those held out for measuring."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import BadPairs
from ...formats.caption_template import text
from . import columns
from .pairs import Pair

SHARE = 0.15  # of the pictures
MOST = 2_000  # pictures: more hardly narrow the intervals
LEAST = 10
SHOWN = 20  # values listed in an error


@dataclass(frozen=True)
class Split:
    """Pairs to train on and held-out pairs, with no group in both."""

    train: list[Pair]
    held_out: list[Pair]


def at_random(found: Sequence[Pair], *, share: float = SHARE, seed: int = 0) -> Split:
    """Hold out a random share of the pictures, whole groups at a time.

    :raises BadPairs: there are too few
    """
    groups = sorted({pair.group for pair in found})
    random.Random(seed).shuffle(groups)
    wanted = min(MOST, round(share * len(found)))
    sizes: dict[int, int] = {}
    for pair in found:
        sizes[pair.group] = sizes.get(pair.group, 0) + 1
    chosen: set[int] = set()
    count = 0
    for group in groups:
        # A group too large for the rest of the held-out set stays in the training set.
        if count + sizes[group] <= max(wanted, 1):
            chosen.add(group)
            count += sizes[group]
    return _checked(found, [pair.group in chosen for pair in found])


def by_value(
    found: Sequence[Pair], column: str, value: str, source: str | None = None
) -> Split:
    """Hold out all pictures whose record has a value, such as those of one museum.

    Other pictures that share a group with one of them are left out of both sets.

    :param source: the table or collection, for the message
    :raises BadPairs: there is no such column, no picture has that value, or all have it
    """
    column = columns.checked(column, columns.header_of(found, source))
    values = [text(pair.record.get(column)) for pair in found]
    if value not in values:
        some = ", ".join(sorted(set(filter(None, values)))[:SHOWN])
        raise BadPairs(
            f"No picture has '{value}' in the column '{column}'. It has values such as: {some}."
        )
    is_held_out = [own == value for own in values]
    touched = {pair.group for pair, yes in zip(found, is_held_out, strict=True) if yes}
    remaining = [
        (pair, yes)
        for pair, yes in zip(found, is_held_out, strict=True)
        if yes or pair.group not in touched
    ]
    return _checked([pair for pair, _ in remaining], [yes for _, yes in remaining])


def _checked(found: Sequence[Pair], is_held_out: Sequence[bool]) -> Split:
    train = [pair for pair, yes in zip(found, is_held_out, strict=True) if not yes]
    held_out = [pair for pair, yes in zip(found, is_held_out, strict=True) if yes]
    if len(train) < LEAST or len(held_out) < LEAST:
        raise BadPairs(
            f"{len(train):,} pictures to train on and {len(held_out):,} to measure with are too "
            f"few: at least {LEAST} of each are needed. (Pictures that share a caption or a group "
            "are never split.)"
        )
    return Split(train, held_out)
