"""A collection's rows and their vectors from its database; what is known is not read again."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from ..db import embeddings
from ..db.collection import Collection
from ..errors import VectorsDiffer
from ..progress import Progress
from ..vectors import normalize, stack
from .vector_file import Rows, Stored

MANY = 100_000  # rows that take over a second to read
ROWS_AT_ONCE = 5_000
FEW_AT_ONCE = 500
CHECKED_AT_ONCE = 200  # what a core keeps at hand
Part = tuple[NDArray[np.intp], list[bytes]]


def rows_of(db: Database, collection: Collection) -> Rows:
    """The rows of a collection, from an index that SQLite has anyway: no vector is touched.

    Their checks are zeros until :func:`check` or :func:`fill` has seen the vectors.
    """
    pairs = embeddings.ids_and_rowids(db, collection.id)
    rowids = np.fromiter((pair[1] for pair in pairs), np.int64, len(pairs))
    return Rows.of([pair[0] for pair in pairs], rowids, np.zeros(len(pairs), np.uint64))


def check(db: Database, collection: Collection, rows: Rows, dimensions: int) -> None:
    """Read all vectors, only to tell which of them are others than before.

    SQL can replace a vector and leave all else as it is. To be read is what this takes; looking
    at a part of each would hardly be faster.

    :raises VectorsDiffer: they are not of one length
    """
    order = np.argsort(rows.rowids)
    read = _in_order(db, collection, rows.rowids[order])
    for start in range(0, len(order), CHECKED_AT_ONCE):
        part = order[start : start + CHECKED_AT_ONCE]
        blobs = [row[0] for row in read.fetchmany(len(part))]
        rows.checks[part] = _checks(_matrix(blobs, dimensions, collection))


def _in_order(
    db: Database, collection: Collection, rowids: NDArray[np.int64]
) -> sqlite3.Cursor:
    """Its vectors by rowid: one pass over that part of the table, unless others have most of it."""
    first, last = (int(rowids[0]), int(rowids[-1])) if len(rowids) else (0, 0)
    number = len(rowids)
    return embeddings.vectors_between(db, collection.id, first, last, number)


def _checks(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """A number for each vector: another one if a number in it is another.

    Where several are, all but one of 2**64 chances, or of 2**32 where only signs change.
    """
    numbers = vectors.view("<u4")
    found: NDArray[np.uint64] = np.einsum(
        "ij,j->i", numbers, _weights(vectors.shape[1]), dtype=np.uint64
    )
    return found


@cache
def _weights(dimensions: int) -> NDArray[np.uint64]:
    """Random odd numbers, the same each time: odd, so that no change of one is lost."""
    return np.random.PCG64(1).random_raw(dimensions) | np.uint64(1)


def fill(
    db: Database,
    collection: Collection,
    stored: Stored,
    known: Stored | None,
    progress: Progress | None,
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
    told = progress if len(places) > MANY else None
    if told:
        told.begin(len(places))
    for where, blobs in read:
        vectors = _matrix(blobs, stored.vectors.shape[1], collection)
        stored.vectors[where] = normalize(vectors)
        stored.rows.checks[where] = _checks(vectors)
        if told:
            told.advance(len(where))


def _same(rows: Rows, known: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The positions of rows that are in both, unchanged: in the one and in the other."""
    _, here, there = np.intersect1d(
        rows.rowids, known.rowids, assume_unique=True, return_indices=True
    )
    same = rows.checks[here] == known.checks[there]
    here, there = here[same], there[same]
    same = rows.have_ids_of(known, here, there)
    return here[same], there[same]


def _some(db: Database, stored: Stored, places: NDArray[np.intp]) -> Iterator[Part]:
    for start in range(0, len(places), FEW_AT_ONCE):
        part = places[start : start + FEW_AT_ONCE]
        rowids = stored.rows.rowids[part].tolist()
        yield part, embeddings.vectors_of_rows(db, rowids)


def _all(
    db: Database, collection: Collection, stored: Stored, places: NDArray[np.intp]
) -> Iterator[Part]:
    """One pass over the table in its own order (+ keeps SQLite from going by the index)."""
    rows = embeddings.all_vectors(db, collection.id)
    order = np.argsort(stored.rows.rowids)
    for start in range(0, len(order), ROWS_AT_ONCE):
        part = order[start : start + ROWS_AT_ONCE]
        yield part, [row[0] for row in rows.fetchmany(len(part))]


def _matrix(
    blobs: Sequence[bytes], dimensions: int, collection: Collection
) -> NDArray[np.float32]:
    length = 4 * dimensions
    if any(not isinstance(one, bytes) or len(one) != length for one in blobs):
        raise VectorsDiffer(
            f"The collection '{collection.name}' has vectors of different lengths: another "
            "program has written to it. Embed its pictures into a new collection."
        )
    return stack(blobs, dimensions)
