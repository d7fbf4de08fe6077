"""Merge rankings by reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009)."""

from collections.abc import Mapping

K = 60  # as in the paper; it keeps the first places from outweighing all others


def ranks(scores: Mapping[str, float]) -> dict[str, int]:
    """Return the rank of each item, 1 for the highest score; equal scores share a rank."""
    found: dict[str, int] = {}
    rank, last = 0, None
    for place, (item, score) in enumerate(
        sorted(scores.items(), key=lambda pair: -pair[1]), 1
    ):
        if score != last:
            rank, last = place, score
        found[item] = rank
    return found


def fused(*rankings: Mapping[str, int]) -> dict[str, float]:
    """Return the sum of 1 / (60 + rank) over the rankings that have an item."""
    total: dict[str, float] = {}
    for ranking in rankings:
        for item, rank in ranking.items():
            total[item] = total.get(item, 0.0) + 1 / (K + rank)
    return total
