"""Evaluate checkpoints on pictures with captions, in one call."""

import time
from collections.abc import Sequence
from pathlib import Path

from ..db import collections, connection
from ..models import embedding_model, registry
from ..models.engine_choice import EngineOptions
from ..progress import NoProgress, Progress
from . import encoding, labels, measure
from .measure import MetricOptions
from .metric_tables import CAPTION_TO_PICTURE, PICTURE_TO_CAPTION, MetricRow
from .pairs import from_collection, unusable_rows
from .pairs.pairs import Pair, Pairs
from .per_query import Encoded

KEPT = (CAPTION_TO_PICTURE, PICTURE_TO_CAPTION)


def evaluate(
    dataset: Pairs,
    models: Sequence[str],
    options: MetricOptions | None = None,
    *,
    engine_options: EngineOptions | None = None,
    progress: Progress | None = None,
) -> list[MetricRow]:
    """Measure how well checkpoints find pictures by caption, and captions by picture.

    :param dataset: as :func:`llm_glam.evaluate.read_table` or
        :func:`llm_glam.evaluate.read_collection` gives it
    :param models: registered names; others are compared with the first
    :raises BadPairs: no picture can be read, or a column is not there
    :raises GlamError: a checkpoint cannot be used
    """
    progress = progress or NoProgress()
    options = (options or MetricOptions()).spelled(dataset)
    labels.check(dataset.pairs, options.label)
    texts = measure.texts(dataset.pairs, options)
    engine_options = engine_options or EngineOptions(progress.say)
    encoded = [
        _encode(model, dataset.pairs, texts, engine_options, progress)
        for model in dict.fromkeys(map(embedding_model.resolve, models))
    ]
    return measure.measure(dataset.pairs, encoded, options)


def _encode(
    model_id: str,
    found: Sequence[Pair],
    texts: Sequence[str],
    engine_options: EngineOptions,
    progress: Progress,
) -> Encoded:
    paths = (pair.file.path for pair in found if pair.file)
    if warning := registry.get(registry.bare(model_id)).warning_about(paths):
        progress.say(f"Warning: {warning}.")
    encoder = embedding_model.find(model_id).encoder(engine_options=engine_options)
    started = time.monotonic()
    encoded, refused = encoding.encoded(model_id, encoder, found, texts, progress)
    unusable_rows.report(refused, progress.say)
    seconds = time.monotonic() - started
    progress.say(
        f"{model_id}: {seconds:,.0f} s, {len(found) / max(seconds, 0.001):,.0f} pictures/s, "
        "captions included"
    )
    return encoded


def evaluate_stored(
    database: str | Path,
    collection: str,
    dataset: Pairs,
    options: MetricOptions | None = None,
    *,
    engine_options: EngineOptions | None = None,
    progress: Progress | None = None,
) -> list[MetricRow]:
    """Measure a collection by the vectors it has; no picture is read.

    :param dataset: as :func:`llm_glam.evaluate.read_collection` gives it of this collection
    :raises CheckpointChanged: the checkpoint of that name is not the collection's
    """
    progress = progress or NoProgress()
    options = (options or MetricOptions()).spelled(dataset)
    labels.check(dataset.pairs, options.label)
    db = connection.connect(database, readonly=True)
    found = collections.get(db, collection)
    given = engine_options or EngineOptions(progress.say, found.precision)
    encoder = embedding_model.find(found.model_id).encoder(engine_options=given)
    collections.check_fingerprint(found, encoder.fingerprint)
    vectors = from_collection.vectors(db, found, dataset.pairs, progress)
    texts = measure.texts(dataset.pairs, options)
    encoded = encoding.of_stored(found.model_id, encoder, texts, vectors)
    return measure.measure(dataset.pairs, [encoded], options)


def keep(database: str | Path, collection: str, measured: Sequence[MetricRow]) -> None:
    """Keep how well a collection's search works, for its site.

    :param measured: the result of :func:`evaluate_stored`
    :raises UnknownCollection: the collection was deleted meanwhile
    """
    db = connection.connect(database)
    rows = [
        {
            "direction": one.direction,
            "metric": name,
            "value": figure.value,
            "low": figure.low,
            "high": figure.high,
            "chance_level": figure.chance_level,
            "queries": one.queries,
            "groups": one.groups,
            "pool": one.pool,
        }
        for one in measured
        if one.by is None and one.direction in KEPT
        for name, figure in one.figures.items()
    ]
    collections.note_evaluation(db, collections.get(db, collection), rows)
