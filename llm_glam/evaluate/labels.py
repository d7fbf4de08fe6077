"""Labels of pictures, which similar pictures should share: read, query and score them."""

from collections.abc import Sequence

import numpy as np

from ..errors import BadPairs
from ..formats.caption_template import text
from ..vectors import BoolArray
from . import retrieval
from .breakdown import Values
from .metric_tables import LABEL_TO_PICTURE, PICTURE_TO_PICTURE
from .pairs import pairs
from .pairs.pairs import Pair
from .per_query import Answers, Encoded, parts_of

NEAREST = 10
PRECISION = (f"precision_at_{NEAREST}",)


def of(pair: Pair, column: str) -> str:
    """Return the label of a picture as labels are compared; empty if it has none."""
    return pairs.normal(text(pair.record.get(column)))


def distinct(found: Sequence[Pair], column: str) -> dict[str, str]:
    """Return the distinct labels in order, each as first written."""
    each = [text(pair.record.get(column)) for pair in found]
    by_label = {pairs.normal(one): one for one in reversed(each) if one}
    return dict(sorted(by_label.items()))


def queries(found: Sequence[Pair], column: str | None, prompt: str | None) -> list[str]:
    """Return the texts that query distinct labels: the prompt with the label in place of ``{}``.

    :return: nothing if there is no column of labels, or no prompt
    """
    if not column or prompt is None:
        return []
    return [prompt.replace("{}", name) for name in distinct(found, column).values()]


def check(found: Sequence[Pair], column: str | None) -> None:
    """Check that the labels can be used for evaluation, before any picture is encoded.

    :param column: the column of the labels; None if none are used
    :raises BadPairs: no two pictures of different groups share a label
    """
    if not column:
        return
    group_of: dict[str, int] = {}
    for pair in found:
        label = of(pair, column)
        if label and group_of.setdefault(label, pair.group) != pair.group:
            return
    raise BadPairs(
        f"Among the {len(found):,} pictures to measure with, no two of different groups share a "
        f"label in the column '{column}'. Choose another column for --label, or "
        "leave it out."
    )


def by_neighbours(
    readable: Sequence[Pair],
    encoded: Sequence[Encoded],
    usable: BoolArray,
    values: Values | None,
    column: str,
) -> Answers:
    """Score pictures as queries for pictures with the same label, where they have one."""
    each = [of(pair, column) for pair in readable]
    labelled = np.array([bool(label) for label in each])
    present = [label for label in each if label]
    groups = np.array([pair.group for pair in readable])[labelled]
    shares = [
        retrieval.neighbours(one.pictures[usable][labelled], present, groups, NEAREST)
        for one in encoded
    ]
    queries = np.flatnonzero(~np.isnan(shares[0][1]))
    if not len(queries):
        raise BadPairs(
            f"No two pictures of different groups share a label in the column '{column}'."
        )
    parts = parts_of(values, np.arange(len(readable)), len(readable))
    positions = np.flatnonzero(labelled)[queries]
    return Answers(
        PICTURE_TO_PICTURE,
        PRECISION,
        len(present),
        [found[queries, None] for found, _ in shares],
        shares[0][1][queries, None],
        groups[queries],
        [(value, flags[positions]) for value, flags in parts],
    )


def by_labels(
    readable: Sequence[Pair],
    encoded: Sequence[Encoded],
    usable: BoolArray,
    names: Sequence[str],
    column: str,
) -> Answers:
    """Score labels as text queries for the pictures that have them."""
    number = {name: place for place, name in enumerate(names)}
    each = [number.get(of(pair, column), -1) for pair in readable]
    every = np.array(each, np.int64)
    left, numbers = np.unique(every[every >= 0], return_inverse=True)
    shares = [
        retrieval.labelled(
            one.pictures[usable][every >= 0],
            one.texts[len(one.texts) - len(names) :][left],
            numbers,
            NEAREST,
        )
        for one in encoded
    ]
    return Answers(
        LABEL_TO_PICTURE,
        PRECISION,
        len(numbers),
        [found[:, None] for found, _ in shares],
        shares[0][1][:, None],
        left,
        parts_of(None, left, len(left)),
    )
