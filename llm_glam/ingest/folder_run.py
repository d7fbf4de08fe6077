"""A folder of pictures into a collection, in one call."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..db import collections
from ..db.collection import Collection
from ..engine import INT8, Encoder
from ..images import files
from ..images.files import Found
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from ..progress import NoProgress, Progress
from . import opening, pipeline, precision_agreement, records
from .pipeline import Options
from .write_batch import Counts


@dataclass(frozen=True)
class Embedded:
    """What became of a folder: the collection, what was done, and how many files were left out."""

    collection: Collection
    counts: Counts
    left_out: int


@dataclass(frozen=True)
class FolderOptions:
    """Which files of a folder are embedded, and how.

    ``patterns`` such as ``**/*.tif`` take the place of all kinds of picture; ``prefix`` goes
    before each id; ``sample`` takes so many files, chosen at random by ``seed``.
    """

    patterns: Sequence[str] = ()
    prefix: str = ""
    sample: int | None = None
    seed: int = 0
    run: Options = field(default_factory=Options)

    def find(self, folder: str | Path) -> Found:
        """Find the files.

        :raises BadFolder: there is no such folder, or nothing in it
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

    Files that cannot be used are told to ``progress`` and skipped; unchanged ones are not read
    again, so that an interrupted call can be repeated. A metadata file beside the pictures
    becomes their records.

    :param model: the checkpoint of a new collection, None for the default one
    :param command: what the run is called in ``glam_runs``, with its ``arguments``
    :raises GlamError: one sentence about what is wrong with the folder, the collection, the
        checkpoint or the database
    """
    options, progress = options or FolderOptions(), progress or NoProgress()
    found = options.find(folder)
    existing = collections.find_in(database, collection)
    chosen = embedding_model.resolve(model) if model or not existing else None
    beside = records.beside(found.files)
    db = collections.connect(database)
    engine_options = engine_options or EngineOptions(progress.say)
    opened = opening.open_collection(db, collection, chosen, engine_options)
    noted = dict(arguments or {"folder": folder})
    if engine_options.precision == INT8 and not existing:
        noted["agreement"] = _agreement(opened, found, options, progress)
    with pipeline.run(db, opened, options.run, progress, command, noted) as run:
        pipeline.embed_files(run, found, beside)
    return Embedded(run.target.collection, run.counts, found.left_out)


def _agreement(
    opened: tuple[Collection, Encoder],
    found: Found,
    options: FolderOptions,
    progress: Progress,
) -> float | None:
    """Say how far int8 agrees with fp32 on these pictures."""
    collection, int8 = opened
    model = embedding_model.find(collection.model_id)
    fp32 = model.encoder(engine_options=EngineOptions(progress.say))
    recall = precision_agreement.measure(found, fp32, int8, options.run.reading)
    if recall is not None:
        progress.say(
            f"In a sample of your pictures, int8 finds {recall:.0%} of the ten nearest neighbours "
            "that fp32 finds."
        )
    return recall
