"""A query to ranked items: exact, by cosine similarity."""

from collections.abc import Collection as Collected
from collections.abc import Sequence
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

ROWS_AT_ONCE = 5_000
BLOCK = 512

Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Query:
    """What is looked for, and among which items.

    ``number``: how many; all of them where it is negative, as in SQLite. ``prefix``: only ids
    that begin so, as LLM's ``--prefix``. ``among``: only these ids. ``skip``: none of these.
    """

    vector: Vector
    number: int = 10
    prefix: str = ""
    among: Sequence[str] | None = None
    skip: Collected[str] = ()


@dataclass(frozen=True)
class Hit:
    """A result: an id, its cosine similarity, and what LLM stored with it."""

    id: str
    score: float
    content: str | None = None
    metadata: dict[str, Any] | None = None


def query_vector(
    collection: Collection, query: str | bytes, *, download: bool = True
) -> Vector:
    """The vector of words or of a picture's bytes, by the collection's own checkpoint.

    :param download: whether a hub checkpoint that is not here may be downloaded for it
    :raises CheckpointChanged: the checkpoint of that name is not the one of the collection
    :raises BadImage: the bytes are no picture
    :raises BadTerm: the words are no valid text
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
    **narrowed: Any,
) -> list[Hit]:
    """The items nearest to a vector, best first, equal scores by id.

    :param narrowed: as in :class:`Query`
    """
    return nearest_to_each(db, collection, [Query(vector, number, **narrowed)])[0]


def nearest_to_each(
    db: Database,
    collection: Collection,
    queries: Sequence[Query],
    progress: Progress | None = None,
) -> list[list[Hit]]:
    """What :func:`nearest` gives for each of several queries, for little more than one costs.

    :param progress: told how it goes where many vectors have to be read first
    """
    with index.reading(db) as seen:
        found = index.of(db, collection, seen, progress)
        scores = found.scores(np.stack([query.vector for query in queries]))
        within: dict[tuple[str, int], Positions] = {}  # the same for many queries
        hits = []
        for query, row in zip(queries, scores, strict=True):
            key = query.prefix, id(query.among)
            if key not in within:
                within[key] = _within(db, collection, found, query)
            hits.append(_best(db, collection, found, query, row, within[key]))
        return hits


def ranks(
    db: Database, collection: Collection, query: Query, ids: Sequence[str]
) -> dict[str, int]:
    """Where items stand among all that a query may find, 1 for the nearest, equal scores by id.

    Ids that it may not find are left out. Only what rounding may have put on the wrong side of
    one of them is compared exactly; the rest is counted.
    """
    with index.reading(db) as seen:
        found = index.of(db, collection, seen)
        within = _within(db, collection, found, query)
        within = np.setdiff1d(within, found.rows.positions(list(query.skip)))
        asked = found.rows.positions(ids)
        asked = asked[np.isin(asked, within)]
        if not len(asked):
            return {}
        every = found.scores(query.vector[np.newaxis])[0].astype(np.float64)
        scores = every[within]
        near = _distances(scores, np.sort(every[asked])) <= found.rounding
        names, exact = _exactly(db, found, within[near], query.vector)
        ranked = sorted(zip((-exact).tolist(), names, strict=True))
        place = {item_id: place for place, (_, item_id) in enumerate(ranked, 1)}
        far = np.sort(scores[~near])
        above = len(far) - np.searchsorted(far, every[asked])
        named = [
            (found.rows.id(int(p)), int(n)) for p, n in zip(asked, above, strict=True)
        ]
        return {item_id: number + place[item_id] for item_id, number in named}


def _distances(scores: Vector, known: Vector) -> Vector:
    """How far each score is from the nearest of the known ones, which are sorted."""
    right = np.searchsorted(known, scores)
    above = known[np.minimum(right, len(known) - 1)]
    below = known[np.maximum(right - 1, 0)]
    distances: Vector = np.minimum(np.abs(above - scores), np.abs(below - scores))
    return distances


def _within(
    db: Database, collection: Collection, found: Index, query: Query
) -> Positions:
    """The positions of all that a query may find, what it skips included, in order."""
    among = query.among
    if query.prefix:
        among = _with_prefix(db, collection, query.prefix, among)
    if among is None:
        return np.arange(len(found.rows))
    return found.rows.positions(among)


def _best(
    db: Database,
    collection: Collection,
    found: Index,
    query: Query,
    scores: NDArray[np.float32],
    positions: Positions,
) -> list[Hit]:
    wanted = query.number + len(query.skip)
    if len(positions) < len(scores):
        scores = scores[positions]
    if query.number >= 0 and wanted < len(scores):
        positions = positions[_candidates(scores, wanted, found.rounding)]
    ids, exact = _exactly(db, found, positions, query.vector)
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
    """Positions of all that may be among the best, whatever the rounding of the scores.

    As many of the scores as are asked for are at least as large as the smallest of the largest
    maxima of blocks: what is below that need not be sorted.
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


def _exactly(
    db: Database, found: Index, candidates: Positions, vector: Vector
) -> tuple[list[str], Vector]:
    """Ids and cosines, from the vectors as they are in the database, in double precision."""
    ids: list[str] = []
    scores: list[Vector] = [np.empty(0)]
    for start in range(0, len(candidates), ROWS_AT_ONCE):
        rowids = found.rows.rowids[candidates[start : start + ROWS_AT_ONCE]].tolist()
        rows = embeddings.ids_and_vectors_of_rows(db, rowids)
        ids += [row[0] for row in rows]
        rows_of_vectors = stack(row[1] for row in rows)
        scores.append(cosine_similarities(rows_of_vectors, vector))
    return ids, np.concatenate(scores)


def _hit(db: Database, collection: Collection, item_id: str, score: float) -> Hit:
    content, metadata = embeddings.text_and_metadata(db, collection.id, item_id)
    return Hit(item_id, score, content, metadata)
