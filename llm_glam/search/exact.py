"""Rank the items of a collection by their exact cosine similarity to a query."""

from collections.abc import Collection as Collected
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from ..db import collections, embeddings
from ..db.collection import Collection
from ..errors import BadTerm, check_text
from ..models.embedding_model import GlamClip, encode, find
from ..models.engine_choice import EngineOptions
from ..progress import Progress
from ..vectors import Vector, cosine_similarities, stack
from . import index
from .index import Index
from .subset import Subset

ROWS_AT_ONCE = 5_000
BLOCK = 512
WHOLE = (
    2  # the time to copy a row to multiply it, compared with multiplying it where it is
)

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Query:
    """The vector to search for, and which items may be found.

    ``number`` is how many results to return, or all of them if it is negative, as in SQLite.
    Only ids that start with ``prefix`` are found, as with LLM's ``--prefix``; only those in
    ``among``, if it is given; and none of those in ``skip``.
    """

    vector: Vector
    number: int = 10
    prefix: str = ""
    among: Sequence[str] | None = None
    skip: Collected[str] = ()


@dataclass(frozen=True)
class Hit:
    """A result: an id, its cosine similarity, and the text and metadata LLM stored with it."""

    id: str
    score: float
    content: str | None = None
    metadata: dict[str, Any] | None = None


def query_vector(
    collection: Collection, query: str | bytes, *, download: bool = True
) -> Vector:
    """Embed a text or a picture's bytes with the collection's checkpoint.

    :param download: whether to download a checkpoint from the Hugging Face Hub if necessary
    :return: shape (dimensions,), float64
    :raises CheckpointChanged: the checkpoint is not the one the collection was made with
    :raises BadImage: the bytes are not a picture
    :raises BadTerm: the text is not valid Unicode
    """
    if isinstance(query, str):
        check_text(query, BadTerm)
    model: GlamClip = find(collection.model_id)
    engine_options = EngineOptions(precision=collection.precision)
    encoder = model.encoder(download=download, engine_options=engine_options)
    collections.check_fingerprint(collection, encoder.fingerprint)
    return encode(encoder, [query])[0].astype(np.float64)


def nearest(
    db: Database,
    collection: Collection,
    vector: Vector,
    number: int = 10,
    **limits: Any,
) -> list[Hit]:
    """Return the items nearest to a vector, best first, and by id if scores are equal.

    :param limits: ``prefix``, ``among`` and ``skip`` of :class:`Query`
    """
    return nearest_to_each(db, collection, [Query(vector, number, **limits)])[0]


def nearest_to_each(
    db: Database,
    collection: Collection,
    queries: Sequence[Query],
    progress: Progress | None = None,
) -> list[list[Hit]]:
    """Return the results of :func:`nearest` for each of several queries.

    This takes little longer than a single query.

    :param progress: is shown the progress if many vectors must be read first
    """
    with index.snapshot(db) as stamp:
        current = index.of(db, collection, stamp, progress)
        allowed: dict[tuple[str, int], Positions] = {}  # often shared by all queries
        for query in queries:
            key = query.prefix, id(query.among)
            if key not in allowed:
                allowed[key] = _allowed(db, collection, current, query)
        positions = [allowed[query.prefix, id(query.among)] for query in queries]
        scores = _scores(current, queries, positions)
        return [
            _best(db, collection, current, *one)
            for one in zip(queries, scores, positions, strict=True)
        ]


def ranks(
    db: Database, collection: Collection, query: Query, ids: Sequence[str]
) -> dict[str, int]:
    """Return the ranks of some items among all that a query may find, starting at 1.

    Items with equal scores are ranked by id. Ids that the query may not find are left out.

    Exact scores are only computed for items whose approximate score is so close to that of one of
    ``ids`` that rounding may have swapped them. All others are only counted.
    """
    with index.snapshot(db) as stamp:
        current = index.of(db, collection, stamp)
        allowed = _allowed(db, collection, current, query)
        allowed = np.setdiff1d(allowed, current.rows.positions(list(query.skip)))
        requested = current.rows.positions(ids)
        requested = requested[np.isin(requested, allowed)]
        if not len(requested):
            return {}
        all_scores = current.scores(query.vector[np.newaxis])[0].astype(np.float64)
        scores = all_scores[allowed]
        is_close = (
            _distances(scores, np.sort(all_scores[requested])) <= current.rounding
        )
        close_ids, exact = _exact_scores(db, current, allowed[is_close], query.vector)
        ordered = sorted(zip((-exact).tolist(), close_ids, strict=True))
        rank = {item_id: rank for rank, (_, item_id) in enumerate(ordered, 1)}
        others = np.sort(scores[~is_close])
        above = len(others) - np.searchsorted(others, all_scores[requested])
        counts = {
            current.rows.id(int(position)): int(count)
            for position, count in zip(requested, above, strict=True)
        }
        return {item_id: count + rank[item_id] for item_id, count in counts.items()}


def _distances(scores: Vector, references: Vector) -> Vector:
    """Return how far each score is from the nearest reference score.

    :param references: in ascending order
    """
    right = np.searchsorted(references, scores)
    above = references[np.minimum(right, len(references) - 1)]
    below = references[np.maximum(right - 1, 0)]
    distances: Vector = np.minimum(np.abs(above - scores), np.abs(below - scores))
    return distances


def _allowed(
    db: Database, collection: Collection, current: Index, query: Query
) -> Positions:
    """Return the positions of all items a query may find or skip, in order."""
    among = query.among
    if query.prefix:
        among = _with_prefix(db, collection, query.prefix, among)
    if among is None:
        return np.arange(len(current.rows))
    if isinstance(among, Subset):
        return among.positions_in(current.rows)
    return current.rows.positions(among)


def _scores(
    current: Index, queries: Sequence[Query], positions: Sequence[Positions]
) -> Iterator[NDArray[np.float32]]:
    """Yield the scores of each query at its own positions, in single precision.

    All rows are compared with all queries at once, which takes little longer than with one of them,
    unless the positions of all queries together are fewer.
    """
    vectors = np.stack([query.vector for query in queries])
    rows = len(current.rows)
    if WHOLE * sum(map(len, positions)) < rows:
        for number, some in enumerate(positions):
            yield current.scores(vectors[number : number + 1], some)[0]
        return
    for scores, some in zip(current.scores(vectors), positions, strict=True):
        yield scores if len(some) == rows else scores[some]


def _best(
    db: Database,
    collection: Collection,
    current: Index,
    query: Query,
    scores: NDArray[np.float32],
    positions: Positions,
) -> list[Hit]:
    """Return the results of one query.

    :param scores: of the items at these positions, in single precision
    :param positions: of the items that may be found or skipped
    """
    wanted = query.number + len(query.skip)
    if query.number >= 0 and wanted < len(scores):
        positions = positions[_candidates(scores, wanted, current.rounding)]
    ids, exact = _exact_scores(db, current, positions, query.vector)
    ranked = sorted(zip((-exact).tolist(), ids, strict=True))
    best = [(item_id, -score) for score, item_id in ranked if item_id not in query.skip]
    if query.number >= 0:
        best = best[: query.number]
    return [_hit(db, collection, item_id, score) for item_id, score in best]


def _with_prefix(
    db: Database, collection: Collection, prefix: str, among: Sequence[str] | None
) -> list[str]:
    ids = embeddings.ids(db, collection.id, prefix)
    return ids if among is None else sorted(set(ids) & set(among))


def _candidates(scores: NDArray[np.float32], number: int, rounding: float) -> Positions:
    """Return the positions of all scores that may be among the best, given their rounding.

    To avoid sorting all scores, the maximum of each block is taken first. At least ``number``
    scores are not below the ``number``-th largest maximum, so lower ones cannot be among the best.
    """
    if number < 1:
        return np.empty(0, np.intp)
    whole = len(scores) - len(scores) % BLOCK
    maxima = scores[:whole].reshape(-1, BLOCK).max(axis=1)
    positions = np.arange(len(scores))
    if len(maxima) >= number:
        least = np.partition(maxima, -number)[-number]
        positions = np.flatnonzero(scores >= least - rounding)
    some = scores[positions]
    last = np.partition(some, -number)[-number]
    return positions[some >= last - rounding]


def _exact_scores(
    db: Database, current: Index, candidates: Positions, vector: Vector
) -> tuple[list[str], Vector]:
    """Return ids and cosines, computed in double precision from the stored vectors."""
    ids: list[str] = []
    scores: list[Vector] = [np.empty(0)]
    for start in range(0, len(candidates), ROWS_AT_ONCE):
        rowids = current.rows.rowids[candidates[start : start + ROWS_AT_ONCE]].tolist()
        rows = embeddings.ids_and_vectors_of_rows(db, rowids)
        ids += [row[0] for row in rows]
        rows_of_vectors = stack(row[1] for row in rows)
        scores.append(cosine_similarities(rows_of_vectors, vector))
    return ids, np.concatenate(scores)


def _hit(db: Database, collection: Collection, item_id: str, score: float) -> Hit:
    content, metadata = embeddings.text_and_metadata(db, collection.id, item_id)
    return Hit(item_id, score, content, metadata)
