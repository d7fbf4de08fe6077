"""Describe the metrics of a comparison in words."""

from collections.abc import Iterator
from typing import Any

from .collection_pair import Answer, CollectionPair


def left_out(pair: CollectionPair) -> Iterator[str]:
    """Yield a sentence for each kind of picture that is not compared."""
    for name, ids, other in (
        (pair.old.name, pair.only_old, pair.new.name),
        (pair.new.name, pair.only_new, pair.old.name),
    ):
        if ids:
            yield f"{_pictures(len(ids))} in {name} but not in {other}: left out."
    if pair.sensitive:
        many = len(pair.sensitive)
        yield f"{many:,} sensitive picture{'s' * (many > 1)} left out."


def of_answer(answer: Answer) -> str:
    """Say how much both collections agree on a query."""
    by_chance = answer.depth**2 / answer.count if answer.count else 0
    return (
        f"{answer.shared} of the first {answer.depth} are the same (chance level "
        f"{_short(by_chance)})."
    )


def of_agreement(figures: dict[str, Any]) -> list[str]:
    """Say how much both collections agree overall, one sentence per metric."""
    k = figures["neighbours"]
    mean, low, high, by_chance = (
        _short(figures[f"overlap{part}"] * k)
        for part in ("", "_low", "_high", "_by_chance")
    )
    lines = [
        f"Of the {k} pictures most similar to a picture, {mean} are the same in both on average "
        f"(95% interval {low} to {high}; chance level {by_chance}), measured on "
        f"{_taken(figures['sample'], figures['pictures'])}.",
        f"Rank-biased overlap: {figures['rbo']:.2f} ({figures['rbo_low']:.2f} to "
        f"{figures['rbo_high']:.2f}; chance level {figures['rbo_by_chance']:.2f}, identical "
        "rankings 1).",
    ]
    if figures["spearman"] is not None:
        lines.append(
            f"Rank correlation of the similarities of {figures['pairs']:,} pairs: "
            f"{figures['spearman']:.2f} (chance level 0, same order 1)."
        )
    return lines


def _pictures(number: int) -> str:
    return f"{number:,} picture{'s' * (number != 1)}"


def _taken(sample: int, count: int) -> str:
    if sample == count:
        return f"all {count:,} pictures"
    return f"{_pictures(sample)} sampled at random from {count:,}"


def _short(number: float) -> str:
    if 0 < number < 0.005:
        return "less than 0.01"
    return f"{number:.1f}" if number >= 0.05 or not number else f"{number:.2f}"
