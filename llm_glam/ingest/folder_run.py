"""Embed a folder of pictures into a collection, in one call."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ..db import collections, connection
from ..db.collection import Collection
from ..engine import INT8, Encoder
from ..errors import GlamError
from ..images import files
from ..images.files import Found
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from ..progress import NoProgress, Progress
from ..records import beside
from ..records.beside import Records
from . import estimate, pipeline, plan, precision_agreement
from .open_collection import load, open_collection
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
    start of each id; ``sample`` limits the run to that many pictures, chosen at random with
    ``seed``. With ``pages``, each full-size page of a TIFF is a picture of its own: the first has
    the id of the file, and page 2 of ``name.tif`` has the id ``name.tif#2``.
    """

    patterns: Sequence[str] = ()
    prefix: str = ""
    sample: int | None = None
    seed: int = 0
    run: IngestOptions = field(default_factory=IngestOptions)
    pages: bool = False

    def __post_init__(self) -> None:
        """Check that the options can be combined.

        :raises GlamError: the files are to be stored, and their pages to be pictures of their own
        """
        if self.pages and self.run.read_options.keep_raw:
            raise GlamError(
                "--store keeps whole files, so it cannot be combined with --pages. Leave out one of "
                "them."
            )

    @property
    def ingest_options(self) -> IngestOptions:
        """Return the options of the run, which say nothing of pages that are not used."""
        read_options = replace(self.run.read_options, every_page=self.pages)
        return replace(self.run, read_options=read_options)

    def find(self, folder: str | Path) -> Found:
        """Find the files to embed.

        :raises BadFolder: the folder does not exist, or has no such files
        :raises IdConflict: a file has the name that is the id of a page
        """
        found = files.pictures(folder, self.patterns, self.prefix)
        if self.pages:
            found = files.with_pages(found)
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
    inputs = _inputs(database, collection, folder, model, options)
    db = connection.connect(database)
    engine_options = engine_options or EngineOptions(progress.say)
    opened = open_collection(db, collection, inputs.model_id, engine_options)
    recorded = dict(arguments or {"folder": folder})
    if engine_options.precision == INT8 and inputs.is_new:
        recorded["agreement"] = _agreement(opened, inputs.found, options, progress)
    with pipeline.run(
        *(db, opened, options.ingest_options, progress, command, recorded)
    ) as run:
        pipeline.embed_files(run, inputs.found, inputs.records)
    return Embedded(run.target.collection, run.counts, inputs.found.left_out)


def estimate_folder(
    database: str | Path,
    collection: str,
    folder: str | Path,
    *,
    model: str | None = None,
    options: FolderOptions | None = None,
    engine_options: EngineOptions | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Check and report what :func:`embed_folder` would before it reads pictures; write nothing.

    The parameters are those of :func:`embed_folder`.

    :return: see :func:`llm_glam.ingest.estimate.estimate`
    :raises GlamError: :func:`embed_folder` would raise the same
    """
    options, progress = options or FolderOptions(), progress or NoProgress()
    inputs = _inputs(database, collection, folder, model, options)
    db = (
        connection.connect(database, readonly=True)
        if Path(database).is_file()
        else Database(memory=True)
    )
    loaded = load(db, collection, inputs.model_id, engine_options)
    if loaded.existing and loaded.existing.items_table:
        plan.check_ids(db, loaded.existing, inputs.found.files)
    pipeline.report_remarks(inputs.found, inputs.records, loaded.model_id, progress)
    for problem in pipeline.refused(inputs.found):
        progress.say(f"{problem.entry.id}: {problem.reason}")
    read_options = options.ingest_options.read_options
    return estimate.estimate(
        inputs.found, loaded.model_id, loaded.encoder, read_options
    )


@dataclass(frozen=True)
class _Inputs:
    """What a run is about: files with their records, and the model, None for the collection's."""

    found: Found
    records: Records
    model_id: str | None
    is_new: bool


def _inputs(
    database: str | Path,
    collection: str,
    folder: str | Path,
    model: str | None,
    options: FolderOptions,
) -> _Inputs:
    """Find the files and read the records beside them, before anything is opened to write."""
    found = options.find(folder)
    is_new = collections.find_in(database, collection) is None
    model_id = embedding_model.resolve(model) if model or is_new else None
    return _Inputs(found, beside.read_beside(found.files), model_id, is_new)


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
    read_options = options.ingest_options.read_options
    recall = precision_agreement.measure(found, fp32, int8, read_options)
    if recall is not None:
        progress.say(
            f"In a sample of your pictures, int8 finds {recall:.0%} of the ten nearest neighbours "
            "that fp32 finds."
        )
    return recall
