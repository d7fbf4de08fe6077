"""Draw a repeatable random sample of a collection's pictures, without reading all of them."""

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from llm_glam.db import embeddings
from llm_glam.db.collection import Collection
from llm_glam.db.sensitive import SHOWABLE

Rowids = NDArray[np.int64]
BATCH = 500


def rowids(db: Database, collection: Collection) -> Rowids:
    """Return the rowids of a collection's vectors, shape (n,), in the order of their ids."""
    return np.fromiter(embeddings.rowids(db, collection.id), np.int64)


def sample(
    db: Database,
    collection: Collection,
    rows: Rowids,
    *,
    number: int,
    seed: int,
    skip: int = 0,
) -> list[str]:
    """Return random ids, the same for the same seed, without sensitive pictures.

    :param rows: the result of :func:`rowids`
    """
    if skip >= len(rows):
        return []
    shuffled = np.random.default_rng(seed).permutation(rows)
    ids: list[str] = []
    for start in range(0, len(shuffled), BATCH):
        if len(ids) >= skip + number:
            break
        ids += _showable(db, collection, shuffled[start : start + BATCH].tolist())
    return ids[skip : skip + number]


def _showable(db: Database, collection: Collection, rows: list[int]) -> list[str]:
    """Return the ids of the rows whose record is not sensitive, in the same order."""
    table = str(collection.items_table)
    found = embeddings.ids_of_rows(db, rows, table, SHOWABLE)
    return [found[row] for row in rows if row in found]
