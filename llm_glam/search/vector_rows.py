"""Read a collection's rows and vectors from its database, reusing those that are unchanged."""

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
CHECKED_AT_ONCE = 200  # rows whose vectors fit a core's cache
Part = tuple[NDArray[np.intp], list[bytes]]


def rows_of(db: Database, collection: Collection) -> Rows:
    """Return the rows of a collection, using SQLite's index without reading any vector.

    Their checks are zeros until :func:`check` or :func:`fill` sets them.
    """
    pairs = embeddings.ids_and_rowids(db, collection.id)
    rowids = np.fromiter((pair[1] for pair in pairs), np.int64, len(pairs))
    return Rows.of([pair[0] for pair in pairs], rowids, np.zeros(len(pairs), np.uint64))


def check(db: Database, collection: Collection, rows: Rows, dimensions: int) -> None:
    """Read all vectors to compute their checks, which tell whether a vector was replaced.

    SQL can replace a vector without changing anything else. Nearly all the time is spent on
    reading, so that checking only a part of each vector would hardly be faster.

    :raises VectorsDiffer: the vectors have different lengths
    """
    order = np.argsort(rows.rowids)
    cursor = _in_order(db, collection, rows.rowids[order])
    for start in range(0, len(order), CHECKED_AT_ONCE):
        part = order[start : start + CHECKED_AT_ONCE]
        blobs = [row[0] for row in cursor.fetchmany(len(part))]
        rows.checks[part] = _checks(_matrix(blobs, dimensions, collection))


def _in_order(
    db: Database, collection: Collection, rowids: NDArray[np.int64]
) -> sqlite3.Cursor:
    """Return a cursor over a collection's vectors in rowid order.

    :param rowids: all of the collection's, in ascending order
    """
    first, last = (int(rowids[0]), int(rowids[-1])) if len(rowids) else (0, 0)
    number = len(rowids)
    return embeddings.vectors_between(db, collection.id, first, last, number)


def _checks(vectors: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return a checksum of each vector.

    A change of one number always changes the checksum. If several numbers change, the probability
    that it stays the same is 2**-64, or 2**-32 if only signs change.

    :param vectors: shape (n, d)
    :return: shape (n,)
    """
    numbers = vectors.view("<u4")
    checksums: NDArray[np.uint64] = np.einsum(
        "ij,j->i", numbers, _weights(vectors.shape[1]), dtype=np.uint64
    )
    return checksums


@cache
def _weights(dimensions: int) -> NDArray[np.uint64]:
    """Return fixed random numbers, made odd so that a change of one number is never lost."""
    return np.random.PCG64(1).random_raw(dimensions) | np.uint64(1)


def fill(
    db: Database,
    collection: Collection,
    stored: Stored,
    known: Stored | None,
    progress: Progress | None,
) -> None:
    """Fill in the vectors and checks of ``stored``, copying unchanged ones from ``known``.

    The others are read from the database, in the order of the file.

    :param known: an earlier state of the collection, None if there is none
    :param progress: is shown the progress if many vectors must be read
    :raises VectorsDiffer: the vectors have different lengths
    """
    missing = np.ones(len(stored.rows), bool)
    if known:
        here, there = _same(stored.rows, known.rows)
        for start in range(0, len(here), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            stored.vectors[here[part]] = known.vectors[there[part]]
        missing[here] = False
    positions = np.flatnonzero(missing)
    positions = positions[np.argsort(stored.rows.rowids[positions])]
    few = len(positions) < len(missing) / 4
    parts = _some(db, stored, positions) if few else _all(db, collection, stored)
    shown = progress if len(positions) > MANY else None
    if shown:
        shown.begin(len(positions))
    for where, blobs in parts:
        vectors = _matrix(blobs, stored.vectors.shape[1], collection)
        stored.vectors[where] = normalize(vectors)
        stored.rows.checks[where] = _checks(vectors)
        if shown:
            shown.advance(len(where))


def _same(rows: Rows, known: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the positions of unchanged rows, in ``rows`` and in ``known``."""
    _, here, there = np.intersect1d(
        rows.rowids, known.rowids, assume_unique=True, return_indices=True
    )
    same = rows.checks[here] == known.checks[there]
    here, there = here[same], there[same]
    same = rows.have_ids_of(known, here, there)
    return here[same], there[same]


def _some(db: Database, stored: Stored, positions: NDArray[np.intp]) -> Iterator[Part]:
    """Yield positions and their vectors, read by rowid."""
    for start in range(0, len(positions), FEW_AT_ONCE):
        part = positions[start : start + FEW_AT_ONCE]
        rowids = stored.rows.rowids[part].tolist()
        yield part, embeddings.vectors_of_rows(db, rowids)


def _all(db: Database, collection: Collection, stored: Stored) -> Iterator[Part]:
    """Yield all positions and their vectors, read in one pass over the table."""
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
