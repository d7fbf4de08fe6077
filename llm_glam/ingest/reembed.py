"""Embed the pictures of a collection with another checkpoint, as a new collection."""

from collections.abc import Iterator
from dataclasses import replace

from sqlite_utils import Database

from ..db import collections, connection, embeddings, folders, items
from ..db.collection import Collection
from ..engine import Encoder
from ..errors import ModelConflict, ProblemKind, UnknownCollection
from ..formats.tables import Row
from ..images.files import PictureFile
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from .pipeline import IngestRun, write_results
from .prefetch import Entry, Problem, Ready, prefetch

GONE = (
    "its original is not on this computer; its thumbnail can be used with --thumbnails"
)


def open_beside(
    db: Database,
    name: str,
    new: str,
    model_id: str,
    engine_options: EngineOptions | None = None,
) -> tuple[Collection, tuple[Collection, Encoder]]:
    """Return the old collection, and the new one with its encoder.

    The new collection is created unless an interrupted run has already done so.

    :raises UnknownCollection: there is no such collection, or llm-glam has embedded nothing in it
    :raises ModelConflict: another collection already has the new name
    """
    old = collections.get(db, name)
    if old.items_table is None:
        raise UnknownCollection(
            f"The collection '{name}' has no pictures embedded by llm-glam."
        )
    existing = collections.find(db, new)
    same_set = existing and existing.items_table in (None, old.items_table)
    if existing and (existing.model_id != model_id or not same_set):
        raise ModelConflict(
            f"The collection '{new}' already exists ({existing.model_id}). Choose another name."
        )
    encoder = embedding_model.find(model_id).encoder(engine_options=engine_options)
    collections.prepare(db)
    with connection.writing(db):
        for opened in filter(None, (old, existing)):
            collections.check_still_there(db, opened)
        collection = existing or collections.create(db, new, model_id)
        collections.check_fingerprint(collection, encoder.fingerprint)
        collections.link(
            db, collection, encoder.fingerprint, encoder.dimensions, old.items_table
        )
        items.ensure_searchable(db, old.items_table)
    found = collections.get(db, new)
    return old, (found, encoder)


def reembed(run: IngestRun, old: Collection, *, thumbnails: bool = False) -> None:
    """Embed all items of the collection ``old`` that the run's collection lacks.

    :param thumbnails: use the stored thumbnails instead of the originals
    """
    run.target.source = old
    rows = list(embeddings.missing_in(run.target.db, old.id, run.target.collection))
    run.progress.begin(len(rows))
    entries = (_entry(run, old, row, thumbnails) for row in rows)
    results = prefetch(entries, run.target.encoder, run.options.read_options)
    if thumbnails:
        hashes = {row["id"]: row["content_hash"] for row in rows}
        results = _as_originals(results, hashes)
    write_results(run, results)


def _entry(
    run: IngestRun, old: Collection, row: Row, thumbnails: bool
) -> Entry | Problem:
    item_id = row["id"]
    content: PictureFile | bytes | str | None
    if thumbnails and not row["is_text"]:
        content = _thumbnail(run, item_id)
    else:
        content = _original(run, item_id) or embeddings.content(
            run.target.db, old.id, item_id
        )
    if content is None:
        return Problem(Entry(item_id, b""), GONE, ProblemKind.NO_ORIGINAL)
    return Entry(item_id, content)


def _original(run: IngestRun, item_id: str) -> PictureFile | None:
    columns = "id, file, image_format, image_folder"
    row = items.fetch(run.target.db, run.target.table, [item_id], columns).get(item_id)
    paths = {number: path for path, number in run.target.folders.items()}
    return folders.original(row, paths) if row else None


def _thumbnail(run: IngestRun, item_id: str) -> bytes | None:
    sql = "select content from glam_thumbnails where items_table = ? and id = ?"
    row = run.target.db.execute(sql, [run.target.table, item_id]).fetchone()
    return row[0] if row else None


def _as_originals(
    results: Iterator[Ready | Problem], hashes: dict[str, bytes]
) -> Iterator[Ready | Problem]:
    """Give thumbnails the hashes of their originals, and drop their own size and format."""
    for result in results:
        if isinstance(result, Ready):
            md5 = hashes.get(result.entry.id) or result.md5
            yield replace(result, md5=md5, facts=None, thumbnail=None)
        else:
            yield result
