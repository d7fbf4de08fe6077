"""A collection's rows and their vectors from its database; what is known is not read again."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from .errors import VectorsDiffer
from .store import Collection
from .vector_file import HASH, Rows, Stored

MANY = 100_000  # rows that take over a second to read
ROWS_AT_ONCE = 5_000
FEW_AT_ONCE = 500
Part = tuple[NDArray[np.intp], list[bytes]]


class Watcher(Protocol):
    """Whoever wants to know how the reading of vectors goes."""

    def begin(self, total: int | None) -> None:
        """So many are to be read."""

    def advance(self, count: int) -> None:
        """So many more are read."""


def rows_of(db: Database, collection: Collection) -> Rows:
    """The rows of a collection, from indexes that SQLite has anyway: no vector is touched."""
    sql = "select id, rowid from embeddings where collection_id = ? order by id"
    pairs = db.execute(sql, [collection.id]).fetchall()
    rowids = np.fromiter((pair[1] for pair in pairs), np.int64, len(pairs))
    return Rows.of([pair[0] for pair in pairs], rowids, _hashes(db, rowids))


def _hashes(db: Database, rowids: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The content hashes of rows, shape (n, 16).

    With the rowid they say whether a row is still the same: SQLite gives a replaced row a new
    rowid unless it was the last one, and then its content has changed.
    """
    found = db.execute("select rowid, content_hash from embeddings").fetchall()
    every = np.fromiter((one[0] for one in found), np.int64, len(found))
    joined = b"".join((one[1] or b"").ljust(HASH)[:HASH] for one in found)
    hashes = np.frombuffer(joined, np.uint8).reshape(-1, HASH)
    order = np.argsort(every)
    return hashes[order[np.searchsorted(every, rowids, sorter=order)]]


def dimensions_of(db: Database, collection: Collection) -> int:
    """How long its first vector is, 0 where it has none."""
    sql = "select length(embedding) / 4 from embeddings where collection_id = ? limit 1"
    row = db.execute(sql, [collection.id]).fetchone()
    return int(row[0]) if row else 0


def fill(
    db: Database,
    collection: Collection,
    stored: Stored,
    known: Stored | None,
    watcher: Watcher | None,
) -> None:
    """Fill in vectors: copy those that are known and read the rest, as they lie in the file.

    :raises VectorsDiffer: they are not of one length
    """
    missing = np.ones(len(stored.rows), bool)
    if known:
        here, there = _same(stored.rows, known.rows)
        for start in range(0, len(here), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            stored.vectors[here[part]] = known.vectors[there[part]]
        missing[here] = False
    places = np.flatnonzero(missing)
    places = places[np.argsort(stored.rows.rowids[places])]
    few = len(places) < len(missing) / 4
    read = _some(db, stored, places) if few else _all(db, collection, stored, places)
    told = watcher if len(places) > MANY else None
    if told:
        told.begin(len(places))
    for where, blobs in read:
        stored.vectors[where] = _normalised(blobs, stored.vectors.shape[1], collection)
        if told:
            told.advance(len(where))


def _same(rows: Rows, known: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The positions of rows that are in both, unchanged: in the one and in the other."""
    _, here, there = np.intersect1d(
        rows.rowids, known.rowids, assume_unique=True, return_indices=True
    )
    same = (rows.hashes[here] == known.hashes[there]).all(axis=1)
    here, there = here[same], there[same]
    same = rows.have_ids_of(known, here, there)
    return here[same], there[same]


def _some(db: Database, stored: Stored, places: NDArray[np.intp]) -> Iterator[Part]:
    for start in range(0, len(places), FEW_AT_ONCE):
        part = places[start : start + FEW_AT_ONCE]
        rowids = stored.rows.rowids[part].tolist()
        marks = ", ".join("?" for _ in rowids)
        sql = (
            f"select embedding from embeddings where rowid in ({marks}) order by rowid"
        )
        yield part, [row[0] for row in db.execute(sql, rowids)]


def _all(
    db: Database, collection: Collection, stored: Stored, places: NDArray[np.intp]
) -> Iterator[Part]:
    """One pass over the table in its own order (+ keeps SQLite from going by the index)."""
    sql = "select embedding from embeddings where +collection_id = ? order by rowid"
    rows = db.execute(sql, [collection.id])
    order = np.argsort(stored.rows.rowids)
    for start in range(0, len(order), ROWS_AT_ONCE):
        part = order[start : start + ROWS_AT_ONCE]
        yield part, [row[0] for row in rows.fetchmany(len(part))]


def _normalised(
    blobs: Sequence[bytes], dimensions: int, collection: Collection
) -> NDArray[np.float32]:
    if any(len(blob) != 4 * dimensions for blob in blobs):
        raise VectorsDiffer(
            f"The collection '{collection.name}' holds vectors of different lengths: another "
            "program has written to it. Embed its pictures into a new collection."
        )
    vectors = np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), dimensions)
    lengths = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
