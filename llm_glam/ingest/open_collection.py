"""Open a collection to write to it, creating it if necessary."""

from dataclasses import dataclass, replace

from sqlite_utils import Database

from ..db import collections, connection
from ..db.collection import Collection
from ..engine import FP32, Encoder
from ..errors import ModelConflict
from ..models import embedding_model, registry
from ..models.engine_choice import EngineOptions


@dataclass(frozen=True)
class Loaded:
    """The encoder for a collection, which may not exist yet (``existing`` is None then)."""

    existing: Collection | None
    model_id: str
    precision: str
    encoder: Encoder


def open_collection(
    db: Database,
    name: str,
    model_id: str | None,
    engine_options: EngineOptions | None = None,
) -> tuple[Collection, Encoder]:
    """Return a collection that is ready to be written to, and its encoder.

    A collection that does not exist is created. The checkpoint is loaded before anything is
    written.

    :param model_id: the model of a new collection; None if the collection must exist
    :param engine_options: its precision is that of a new collection, fp32 if it is None
    :raises GlamError: as in :func:`load`
    """
    loaded = load(db, name, model_id, engine_options)
    encoder = loaded.encoder
    collections.prepare(db)
    with connection.writing(db):
        collection = collections.find(db, name) or collections.create(
            db, name, loaded.model_id
        )
        if collection.model_id != loaded.model_id:  # created meanwhile
            raise ModelConflict(conflict(collection, loaded.model_id))
        return (
            collections.claim(
                db,
                collection,
                encoder.fingerprint,
                encoder.dimensions,
                loaded.precision,
            ),
            encoder,
        )


def load(
    db: Database,
    name: str,
    model_id: str | None,
    engine_options: EngineOptions | None = None,
) -> Loaded:
    """Load the checkpoint for a collection, without writing anything.

    The parameters are those of :func:`open_collection`.

    :raises ModelConflict: the collection exists with another model or precision
    :raises UnknownCollection: it does not exist and no model was given
    :raises CheckpointChanged: the checkpoint is not the one that it was made with
    """
    existing = collections.find(db, name)
    if existing and model_id and existing.model_id != model_id:
        raise ModelConflict(conflict(existing, model_id))
    used_id = existing.model_id if existing else model_id
    if used_id is None or (existing and not existing.is_ours):
        existing = collections.get(db, name)
    engine_options = engine_options or EngineOptions()
    precision = _precision(existing, engine_options.precision)
    engine_options = replace(engine_options, precision=precision)
    encoder = embedding_model.find(str(used_id)).encoder(engine_options=engine_options)
    if existing:
        collections.check_fingerprint(existing, encoder.fingerprint)
    return Loaded(existing, str(used_id), precision, encoder)


def _precision(existing: Collection | None, requested: str | None) -> str:
    if existing is None:
        return requested or FP32
    if requested not in (None, existing.precision):
        raise ModelConflict(
            f"The collection '{existing.name}' was made with --precision {existing.precision}. "
            "Leave out the option, or choose another collection name."
        )
    return existing.precision


def conflict(collection: Collection, model_id: str) -> str:
    """Return a message that a collection was made with another model, and what to do."""
    if not collection.is_ours:
        advice = (
            f"to adopt a collection made by llm-clip: llm glam adopt {collection.name} -m "
            f"{model_id}"
        )
    elif registry.is_ours(model_id):
        new = f"{collection.name}-2"
        advice = f"to use another checkpoint: llm glam reembed {collection.name} {new} -m {model_id}"
    else:
        advice = "other models need a collection with another name"
    return (
        f"The collection '{collection.name}' was made with {collection.model_id}, not {model_id}. "
        f"Leave -m out to use it as it is; {advice}"
    )
