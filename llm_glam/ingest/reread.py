"""Read the records inside pictures that are already in a collection, without embedding these."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Literal

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import collections, connection, embeddings, folders, items
from ..db.collection import Collection
from ..errors import UnknownCollection
from ..formats.tables import Row
from ..images import decoding, page_items
from ..images.embedded.sidecars import Sidecars
from ..images.files import PictureFile
from ..progress import NoProgress, Progress
from ..records import inside
from .prefetch import WORKERS, embedded_record, in_order

BATCH_SIZE = 100
COLUMNS = "id, file, image_folder, image_format, image_bytes, image_modified, image_md5"
Missing = Literal["missing", "edited"]


@dataclass
class RereadCounts:
    """How many pictures were read, have a record inside, and now have another one in their row.

    ``missing`` is how many have no file on this computer that can be read, and ``edited`` how many
    files are not those that were embedded; what is known about these stays.
    """

    pictures: int = 0
    with_record: int = 0
    changed: int = 0
    missing: int = 0
    edited: int = 0


def reread(
    db: Database,
    collection: Collection,
    *,
    gps: bool = False,
    progress: Progress | None = None,
    arguments: dict[str, Any] | None = None,
) -> RereadCounts:
    """Read what is inside the pictures of a collection, and in the ``.xmp`` files beside them.

    It is committed in batches, so an interrupted call can be repeated.

    :param gps: whether to store where pictures were taken; if not, coordinates that an earlier
        call has stored are removed
    :param arguments: for ``glam_runs``, which records the run
    :raises UnknownCollection: llm-glam has embedded no pictures in it, or it was deleted meanwhile
    """
    if collection.items_table is None:
        raise UnknownCollection(
            f"The collection '{collection.name}' has no pictures embedded by llm-glam."
        )
    started, counts = time.monotonic(), RereadCounts()
    collections.prepare(db)
    run = collections.begin_run(db, collection, "glam records", arguments or {})
    try:
        _reread(db, collection, gps, progress or NoProgress(), counts)
    finally:
        collections.end_run(db, run, asdict(counts), time.monotonic() - started)
    return counts


def _reread(
    db: Database,
    collection: Collection,
    gps: bool,
    progress: Progress,
    counts: RereadCounts,
) -> None:
    table = str(collection.items_table)
    paths = {number: path for path, number in folders.ids_by_path(db, table).items()}
    sidecars = Sidecars()

    def read(row: Row) -> tuple[str, Row | Missing]:
        with suppress(OSError):
            file = folders.original(row, paths)
            if file and not file.is_in_cloud:
                if not _is_same(file, row):
                    return row["id"], "edited"
                found = embedded_record(file, sidecars, gps=gps)
                return row["id"], "missing" if found is None else found
        return row["id"], "missing"

    ids = _ids(db, table)
    progress.begin(len(ids))
    with decoding.quiet():
        results = in_order(read, _rows(db, table, ids), WORKERS, BATCH_SIZE)
        while batch := list(islice(results, BATCH_SIZE)):
            _write(db, collection, batch, counts)
            progress.advance(len(batch))


def _write(
    db: Database,
    collection: Collection,
    batch: Sequence[tuple[str, Row | Missing]],
    counts: RereadCounts,
) -> None:
    found = {item_id: r for item_id, r in batch if not isinstance(r, str)}
    with connection.writing(db):
        collections.check_still_there(db, collection)
        changed = inside.write(db, str(collection.items_table), found)
    counts.pictures += len(found)
    counts.with_record += sum(map(bool, found.values()))
    counts.changed += changed
    counts.missing += sum(result == "missing" for _, result in batch)
    counts.edited += sum(result == "edited" for _, result in batch)


def _ids(db: Database, table: str) -> list[str]:
    sql = f"select id from {quote_identifier(table)} order by id"
    return [row[0] for row in db.execute(sql).fetchall()]


def _rows(db: Database, table: str, ids: Sequence[str]) -> Iterator[Row]:
    for chunk in embeddings.chunks(ids):
        rows = items.fetch(db, table, chunk, COLUMNS)
        yield from (rows[item_id] for item_id in chunk if item_id in rows)


def _is_same(file: PictureFile, row: Row) -> bool:
    """Return whether a file is still the picture that was embedded."""
    if (file.size, file.modified) == (row["image_bytes"], row["image_modified"]):
        return True
    if file.size != row["image_bytes"]:
        return False
    with file.path.open("rb") as fp:
        return bool(page_items.content_hash(fp, file.page).hex() == row["image_md5"])
