"""Embed a folder of pictures into a collection, in one call."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..db import collections, connection
from ..db.collection import Collection
from ..engine import INT8, Encoder
from ..images import files
from ..images.files import Found
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from ..progress import NoProgress, Progress
from ..records import beside
from . import pipeline, precision_agreement
from .open_collection import open_collection
from .pipeline import IngestOptions
from .write_batch import Counts


@dataclass(frozen=True)
class Embedded:
    """The result of :func:`embed_folder`.

    ``left_out`` is how many files were ignored because they are not pictures.
    """

    collection: Collection
    counts: Counts
    left_out: int


@dataclass(frozen=True)
class FolderOptions:
    """Which files of a folder to embed, and how.

    ``patterns`` such as ``**/*.tif`` limit the run to matching files; ``prefix`` is added to the
    start of each id; ``sample`` limits the run to that many files, chosen at random with ``seed``.
    """

    patterns: Sequence[str] = ()
    prefix: str = ""
    sample: int | None = None
    seed: int = 0
    run: IngestOptions = field(default_factory=IngestOptions)

    def find(self, folder: str | Path) -> Found:
        """Find the files to embed.

        :raises BadFolder: the folder does not exist, or has no such files
        """
        found = files.pictures(folder, self.patterns, self.prefix)
        return files.sampled(found, self.sample, self.seed) if self.sample else found


def embed_folder(
    database: str | Path,
    collection: str,
    folder: str | Path,
    *,
    model: str | None = None,
    options: FolderOptions | None = None,
    engine_options: EngineOptions | None = None,
    progress: Progress | None = None,
    command: str = "embed_folder",
    arguments: dict[str, Any] | None = None,
) -> Embedded:
    """Embed the pictures of a folder and its subfolders into a collection.

    Files that cannot be used are reported to ``progress`` and skipped. Unchanged files are not
    read again, so an interrupted call can be repeated to continue it. Metadata files beside the
    pictures provide their records, and what they leave open comes from inside the pictures.

    :param model: the checkpoint of a new collection, None for the default one
    :param command: the run's name in ``glam_runs``, which also records its ``arguments``
    :raises GlamError: there is a problem with the folder, the collection, the checkpoint or the
        database, which the message explains in one sentence
    """
    options, progress = options or FolderOptions(), progress or NoProgress()
    found = options.find(folder)
    existing = collections.find_in(database, collection)
    model_id = embedding_model.resolve(model) if model or not existing else None
    file_records = beside.read_beside(found.files)
    db = connection.connect(database)
    engine_options = engine_options or EngineOptions(progress.say)
    opened = open_collection(db, collection, model_id, engine_options)
    recorded = dict(arguments or {"folder": folder})
    if engine_options.precision == INT8 and not existing:
        recorded["agreement"] = _agreement(opened, found, options, progress)
    with pipeline.run(db, opened, options.run, progress, command, recorded) as run:
        pipeline.embed_files(run, found, file_records)
    return Embedded(run.target.collection, run.counts, found.left_out)


def _agreement(
    opened: tuple[Collection, Encoder],
    found: Found,
    options: FolderOptions,
    progress: Progress,
) -> float | None:
    """Measure and report how far int8 agrees with fp32 on these pictures."""
    collection, int8 = opened
    model = embedding_model.find(collection.model_id)
    fp32 = model.encoder(engine_options=EngineOptions(progress.say))
    recall = precision_agreement.measure(found, fp32, int8, options.run.read_options)
    if recall is not None:
        progress.say(
            f"In a sample of your pictures, int8 finds {recall:.0%} of the ten nearest neighbours "
            "that fp32 finds."
        )
    return recall
