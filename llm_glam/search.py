"""A query to ranked items: exact, by cosine similarity."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from . import store
from .clip import GlamClip, encode, find
from .engines import Running
from .errors import UnknownItem
from .store import Collection

ROWS_AT_ONCE = 10_000

Vector = NDArray[np.float64]


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
    """
    model: GlamClip = find(collection.model_id)
    running = Running(precision=collection.precision)
    encoder = model.encoder(download=download, running=running)
    store.check_fingerprint(collection, encoder.fingerprint)
    return encode(encoder, [query])[0].astype(np.float64)


def stored_vector(db: Database, collection: Collection, item_id: str) -> Vector:
    """The vector of an item of the collection.

    :raises UnknownItem: there is no such id
    """
    sql = "select embedding from embeddings where collection_id = ? and id = ?"
    row = db.execute(sql, [collection.id, item_id]).fetchone()
    if row is None:
        raise UnknownItem(
            f"There is no '{item_id}' in the collection '{collection.name}'."
        )
    return np.frombuffer(row[0], "<f4").astype(np.float64)


def nearest(
    db: Database,
    collection: Collection,
    vector: Vector,
    number: int = 10,
    *,
    prefix: str = "",
    skip_id: str | None = None,
) -> list[Hit]:
    """The items nearest to a vector, best first, equal scores by id.

    :param number: how many; all of them where it is negative, as in SQLite
    :param prefix: only ids that begin so, as LLM's ``--prefix``
    :param skip_id: an id to leave out
    """
    number = store.count(db, collection) if number < 0 else number
    best: list[tuple[float, str]] = []
    for ids, vectors in _blocks(db, collection, prefix):
        scores = _cosines(vectors, vector)
        for i in _top(scores, number + 1):
            if ids[i] != skip_id:
                best.append((-float(scores[i]), ids[i]))
        best = sorted(best)[:number]
    return [_hit(db, collection, item_id, -score) for score, item_id in best]


def _blocks(
    db: Database, collection: Collection, prefix: str
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    where, values = "collection_id = ?", [str(collection.id)]
    if prefix:
        where, values = where + " and id like ? || '%'", [str(collection.id), prefix]
    sql = f"select id, embedding from embeddings where {where}"
    rows = db.execute(sql, values)
    while some := rows.fetchmany(ROWS_AT_ONCE):
        yield [r[0] for r in some], np.frombuffer(
            b"".join(r[1] for r in some), "<f4"
        ).reshape(len(some), -1)


def _cosines(vectors: NDArray[np.float32], vector: Vector) -> Vector:
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1) * np.linalg.norm(
        vector
    )
    products = vectors.astype(np.float64) @ vector
    return np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)


def _top(scores: Vector, number: int) -> NDArray[np.intp]:
    """Positions of the best scores and of all that equal the last of them."""
    if number >= len(scores):
        return np.arange(len(scores))
    last = np.partition(scores, -number)[-number]
    return np.flatnonzero(scores >= last)


def _hit(db: Database, collection: Collection, item_id: str, score: float) -> Hit:
    sql = "select content, metadata from embeddings where collection_id = ? and id = ?"
    content, metadata = db.execute(sql, [collection.id, item_id]).fetchone()
    return Hit(item_id, score, content, json.loads(metadata) if metadata else None)
