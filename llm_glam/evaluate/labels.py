"""Labels of pictures: a column of their records that similar pictures should share."""

from collections.abc import Sequence

from ..errors import BadPairs
from .pairs import pairs
from .pairs.caption_template import text
from .pairs.pairs import Pair


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
