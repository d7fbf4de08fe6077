"""Measure how far two checkpoints agree on the same pictures."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ...db import embeddings
from ...db.collection import Collection
from ...errors import NotComparable
from ...formats.tables import Row
from ...progress import Progress
from ...search.exact import Query
from ...vectors import FloatArray, normalize
from .. import rank_agreement
from ..rank_agreement import NEIGHBOURS
from . import collection_pair
from .collection_pair import CollectionPair

SAMPLE = 200
DEPTH = 50  # of rank-biased overlap: the ranks beyond it weigh half a per cent
PAIRS = 10_000
PAIRS_AT_ONCE = 500

Pairs = NDArray[np.int64]


def between(
    pair: CollectionPair,
    sample: int = SAMPLE,
    seed: int = 0,
    progress: Progress | None = None,
) -> Row:
    """Measure how far both collections agree, with a sample of pictures as queries.

    Metrics are the overlap of the nearest neighbours (``neighbours`` of them), rank-biased overlap
    (:func:`llm_glam.evaluate.rank_agreement.rank_biased_overlap`), both as a mean with its 95%
    interval, and Spearman's correlation of the similarities of pairs of pictures.

    :raises NotComparable: they share only one picture
    """
    count = len(pair.shared)
    if count < 2:
        raise NotComparable(
            f"The collections '{pair.old.name}' and '{pair.new.name}' have only one picture in "
            "common; comparing their rankings takes at least two."
        )
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(count, min(sample, count), replace=False))
    neighbours, depth = min(NEIGHBOURS, count - 1), min(DEPTH, count - 1)
    overlaps, biased = [], []
    for old, new in _rankings(pair, [pair.shared[i] for i in chosen], depth, progress):
        overlaps.append(rank_agreement.overlap(old, new, neighbours))
        biased.append(rank_agreement.rank_biased_overlap(old, new, depth))
    pairs = _pairs(count, rng)
    by_chance = rank_agreement.chance_rank_biased_overlap(depth, count - 1)
    return {
        **_facts(pair),
        "sample": len(chosen),
        "seed": seed,
        "neighbours": neighbours,
        **_mean("overlap", overlaps, seed),
        "overlap_by_chance": round(neighbours / (count - 1), 6),
        **_mean("rbo", biased, seed),
        "rbo_by_chance": round(by_chance, 6),
        "rbo_p": rank_agreement.PERSISTENCE,
        "rbo_depth": depth,
        "spearman": _correlation(pair, pairs),
        "pairs": len(pairs),
    }


def _facts(pair: CollectionPair) -> Row:
    return {
        "old": pair.old.name,
        "old_model": pair.old.model_id,
        "new": pair.new.name,
        "new_model": pair.new.model_id,
        "pictures": len(pair.shared),
        "only_old": len(pair.only_old),
        "only_new": len(pair.only_new),
        "sensitive_left_out": len(pair.sensitive),
    }


def _mean(name: str, values: Sequence[float], seed: int) -> Row:
    low, high = rank_agreement.interval(values, seed)
    numbers = {
        name: float(np.mean(values)),
        f"{name}_low": low,
        f"{name}_high": high,
    }
    return {key: round(number, 6) for key, number in numbers.items()}


def _rankings(
    pair: CollectionPair, ids: Sequence[str], depth: int, progress: Progress | None
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield each picture's nearest neighbours in both collections."""
    if progress:
        progress.begin(len(ids))
    for start in range(0, len(ids), collection_pair.QUERIES_AT_ONCE):
        some = ids[start : start + collection_pair.QUERIES_AT_ONCE]
        found = []
        for one in pair.both():
            queries = [_like(pair, one, item_id, depth) for item_id in some]
            found.append(
                [
                    [h.id for h in hits]
                    for hits in collection_pair.nearest(pair, one, queries)
                ]
            )
        yield from zip(*found, strict=True)
        if progress:
            progress.advance(len(some))


def _like(
    pair: CollectionPair, collection: Collection, item_id: str, number: int
) -> Query:
    vector = embeddings.stored_vector(pair.db, collection, item_id)
    return pair.query(collection, Query(vector, number, skip=[item_id]))


def _pairs(count: int, rng: np.random.Generator) -> Pairs:
    """Return positions of pairs of two different pictures, shape (n, 2): all, or a random sample."""
    if count * (count - 1) // 2 <= PAIRS:
        return np.stack(np.triu_indices(count, 1), axis=1)
    one = rng.integers(0, count, PAIRS)
    other = (one + rng.integers(1, count, PAIRS)) % count
    return np.stack([one, other], axis=1)


def _correlation(pair: CollectionPair, pairs: Pairs) -> float | None:
    old, new = (_similarities(pair, collection, pairs) for collection in pair.both())
    found = rank_agreement.rank_correlation(old, new)
    return None if found is None else round(found, 6)


def _similarities(
    pair: CollectionPair, collection: Collection, pairs: Pairs
) -> FloatArray:
    parts = []
    for start in range(0, len(pairs), PAIRS_AT_ONCE):
        some = pairs[start : start + PAIRS_AT_ONCE]
        used, places = np.unique(some, return_inverse=True)
        ids = [pair.shared[i] for i in used]
        unit = np.stack([_unit(pair, collection, item_id) for item_id in ids])
        left, right = places.reshape(some.shape).T
        parts.append(np.einsum("ij,ij->i", unit[left], unit[right]))
    return np.concatenate(parts)


def _unit(pair: CollectionPair, collection: Collection, item_id: str) -> FloatArray:
    return normalize(embeddings.stored_vector(pair.db, collection, item_id))
