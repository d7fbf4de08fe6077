"""Read pairs from a collection: its pictures, with captions made from their records."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sqlite_utils import Database

from ...db import embeddings, filters, folders
from ...db.collection import Collection
from ...db.filters import Conditions
from ...db.sensitive import NO_TRAIN, is_sensitive, is_yes
from ...engine import Vectors
from ...errors import BadPairs
from ...formats.tables import Row
from ...progress import Progress
from ...search import index
from . import columns, pairs
from .columns import Header
from .pairs import Origin, Pair, Pairs

DOCUMENT = "document"
HASH = "_content_hash"
GONE = "its original is not on this computer"
NOT_FOR_TRAINING = "it is marked to be left out of training"


def read(
    db: Database,
    collection: Collection,
    *,
    caption: str | None = None,
    template: str | None = None,
    group_by: str | None = None,
    conditions: Conditions | None = None,
    sensitive: bool = False,
    from_files: bool = False,
    for_training: bool = False,
) -> Pairs:
    """Return the pairs of a collection; pictures of the same document are one group.

    :param caption: the column with the captions, None to guess it
    :param sensitive: whether to include pictures marked as sensitive
    :param from_files: whether the pictures will be read again, so that their files must exist
    :param for_training: whether to leave out pictures marked as ``no_train``
    :raises BadPairs: there is no such column, no record, or nothing that can be used
    :raises BadTemplate: the template is invalid
    :raises BadFilter: the conditions are invalid
    """
    table = collection.items_table
    if table is None:
        raise BadPairs(f"The collection '{collection.name}' has no records.")
    there = Header(
        list(db.table(table).columns_dict), f"the collection '{collection.name}'"
    )
    captions = columns.caption_source(caption, template, there, "--caption")
    by = [columns.checked(group_by, there)] if group_by else []
    rows = list(embeddings.records(db, collection.id, table, HASH))
    if rows and conditions:
        rows = _fitting(db, collection, rows, conditions)
    open_to_all = [r for r in rows if sensitive or not is_sensitive(r["sensitive"])]
    refused: list[tuple[str, str]] = []
    wanted = open_to_all
    if for_training:
        wanted, refused = _for_training(open_to_all)
    found = [Pair(r["id"], captions.of(r), r, None, r.pop(HASH)) for r in wanted]
    if from_files:
        found, gone = _with_files(db, table, found)
        refused += gone
    return pairs.gathered(
        found,
        refused,
        Origin(collection.name, f"captions {captions.words}", is_collection=True),
        why_silent=captions.why_none,
        group_by=[DOCUMENT, *by],
        sensitive=len(rows) - len(open_to_all),
    )


def vectors(
    db: Database,
    collection: Collection,
    wanted: Sequence[Pair],
    progress: Progress | None = None,
) -> Vectors:
    """Return the stored vectors of pairs, of length 1, shape (n, dimensions).

    :param progress: told how it goes where many vectors have to be read first
    """
    ids = [pair.id for pair in wanted]
    with index.snapshot(db) as stamp:
        found = index.of(db, collection, stamp, progress)
        stored = found.stored.vectors[found.rows.positions(ids)]
    vectors = np.empty_like(stored)
    # The index sorts them by id, in SQLite's order.
    vectors[sorted(range(len(ids)), key=lambda place: ids[place].encode())] = stored
    return vectors


def _fitting(
    db: Database, collection: Collection, rows: Sequence[Row], conditions: Conditions
) -> list[Row]:
    meant = set(filters.ids(db, collection, conditions))
    found = [row for row in rows if row["id"] in meant]
    if not found:
        raise BadPairs(
            f"No record of the collection '{collection.name}' matches the filters; relax "
            "--filter, --except or --where."
        )
    return found


def _for_training(rows: Sequence[Row]) -> tuple[list[Row], list[tuple[str, str]]]:
    """Return the records that training may use, and the ids of the others with the reason."""
    column = next((c for c in rows[0] if c.lower() == NO_TRAIN), None) if rows else None
    left_out = {r["id"] for r in rows if column is not None and is_yes(r[column])}
    wanted = [row for row in rows if row["id"] not in left_out]
    return wanted, [(one, NOT_FOR_TRAINING) for one in sorted(left_out)]


def _with_files(
    db: Database, table: str, found: Sequence[Pair]
) -> tuple[list[Pair], list[tuple[str, str]]]:
    """Return the pairs whose originals are here, and the ids of the others with the reason."""
    paths = {number: path for path, number in folders.ids_by_path(db, table).items()}
    located = [(pair, folders.original(pair.record, paths)) for pair in found]
    here = [replace(pair, file=file) for pair, file in located if file]
    return here, [(pair.id, GONE) for pair, file in located if not file]
