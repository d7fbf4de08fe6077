"""Take over a collection created by llm-clip, after checking its vectors."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from ..db import collections, connection, embeddings
from ..db.collection import Collection
from ..engine import FP32, Encoder, Vectors
from ..errors import GlamError, UnknownCollection, VectorsDiffer
from ..images import files
from ..images.files import Found
from ..models import embedding_model
from ..records import beside, withdrawn
from ..vectors import from_bytes, normalize
from . import pipeline
from .embed_batch import encode
from .pipeline import IngestRun
from .prefetch import Entry, ReadOptions, Ready, prefetch

SAMPLE = 24
TOLERANCE = (
    2e-3  # per component of unit vectors; those of different pictures differ by more
)


@dataclass(frozen=True)
class Verified:
    """How many stored vectors were compared, and the largest difference of any component."""

    compared: int
    largest_difference: float


def verify(
    db: Database, collection: Collection, encoder: Encoder, folder: Path | None
) -> Verified:
    """Compare a sample of stored vectors with those that a checkpoint gives.

    The sample is taken from the texts and pictures stored in the database or, if there are none,
    from the pictures in ``folder``. Pictures with an orientation tag and those that are not 8-bit
    RGB are left out, since llm-clip neither rotates nor converts them.

    :raises VectorsDiffer: the vectors were made with another checkpoint
    :raises GlamError: there is nothing to compare with
    """
    entries = list(_comparable(db, collection, folder))
    read_options = ReadOptions(thumbnail_size=None, full_size=True, embedded=False)
    results = prefetch(entries, encoder, read_options)
    ready = [
        r for r in results if isinstance(r, Ready) and (not r.facts or r.facts.plain)
    ]
    if not ready:
        raise GlamError(
            f"There is nothing to compare the vectors of '{collection.name}' with, because it "
            "stores no content. Give the folder its pictures came from: --files FOLDER"
        )
    stored = [_stored(db, collection, r.entry.id) for r in ready]
    if any(len(vector) != encoder.dimensions for vector in stored):
        raise VectorsDiffer(
            f"The vectors of '{collection.name}' have {len(stored[0])} dimensions, but those of "
            f"this checkpoint have {encoder.dimensions}: it was made with another one. Try "
            "another: -m NAME"
        )
    differences = np.abs(
        normalize(np.array(stored)) - normalize(encode(encoder, ready))
    ).max(axis=1)
    wrong = int((differences > TOLERANCE).sum())
    if wrong:
        raise VectorsDiffer(
            f"{wrong} of {len(ready)} stored vectors of '{collection.name}' do not match this "
            f"checkpoint (largest difference {differences.max():.3f}). Try another: -m NAME"
        )
    return Verified(len(ready), float(differences.max()))


def adopt(
    db: Database, name: str, model_id: str, folder: Path | None
) -> Verified | None:
    """Verify a collection's vectors and give it the checkpoint ``model_id``.

    :param folder: the folder that the pictures came from, None if it is not known
    :return: what was compared; None if an earlier, interrupted run has already adopted it
    :raises UnknownCollection: there is no such collection, or it already belongs to llm-glam
    :raises VectorsDiffer: its vectors were made with another checkpoint; nothing was changed
    """
    collection = collections.find(db, name)
    if collection is None:
        raise UnknownCollection(f"There is no collection '{name}' in this database.")
    if collection.model_id == model_id and folder:
        return None  # an earlier run was interrupted while it filled the items table
    if collection.is_ours:
        raise UnknownCollection(
            f"'{name}' already belongs to llm-glam ({collection.model_id}). To use another "
            f"checkpoint, make a new collection: llm glam reembed {name} {name}-2 -m {model_id}"
        )
    encoder = embedding_model.find(model_id).encoder()
    verified = verify(db, collection, encoder, folder)
    collections.prepare(db)
    with connection.writing(db):
        collections.check_still_there(db, collection)
        _use_slashes(db, collection, folder)
        db.execute(
            "update collections set model = ? where id = ?", [model_id, collection.id]
        )
        ours = replace(collection, model_id=model_id)
        collections.claim(db, ours, encoder.fingerprint, encoder.dimensions, FP32)
        withdrawn.purge(db, ours)
    return verified


def fill(run: IngestRun, folder: Path) -> None:
    """Add the records and thumbnails of an adopted collection's pictures.

    Pictures that llm-clip embedded sideways or without converting them to RGB are embedded again.
    """
    found = files.pictures(folder)
    ids = set(embeddings.ids(run.target.db, run.target.collection.id))
    adopted = Found([file for file in found.files if file.id in ids], [])
    pipeline.embed_files(run, adopted, beside.read_beside(adopted.files))


def _comparable(
    db: Database, collection: Collection, folder: Path | None
) -> Iterator[Entry]:
    stored = embeddings.contents(db, collection.id, SAMPLE)
    for item_id, content in stored:
        yield Entry(item_id, content)
    if folder is None or stored:
        return
    ids = embeddings.ids(db, collection.id)
    for item_id in ids[:: max(1, len(ids) // (SAMPLE * 2))]:
        path = files.checked_folder(folder) / item_id.replace("\\", "/")
        if path.is_file() and path.resolve().is_relative_to(
            files.checked_folder(folder)
        ):
            yield Entry(item_id, files.file_at(path, item_id))


def _use_slashes(db: Database, collection: Collection, folder: Path | None) -> None:
    """Replace the backslashes in ids that LLM wrote on Windows.

    Our ids have ``/`` on every system.
    """
    if folder is None:
        return
    for item_id in embeddings.ids(db, collection.id):
        slashes = item_id.replace("\\", "/")
        if slashes != item_id and (folder / slashes).is_file():
            embeddings.rename(db, collection.id, item_id, slashes)


def _stored(db: Database, collection: Collection, item_id: str) -> Vectors:
    stored = embeddings.vector(db, collection.id, item_id)
    assert stored is not None
    return from_bytes(stored)
