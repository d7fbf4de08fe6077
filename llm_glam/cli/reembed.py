"""``llm glam reembed``: the same pictures with another checkpoint."""

from pathlib import Path

import click

from ..db import collections
from ..images import decoding
from ..ingest import pipeline, reembed
from ..ingest.pipeline import IngestOptions
from ..ingest.prefetch import WORKERS, ReadOptions
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from . import options as shared
from .output import ProgressBar, say_on_stderr
from .summary import say_counts


@click.command("reembed")
@click.argument("collection")
@click.argument("new")
@click.option("-m", "--model", required=True, help="Checkpoint for the new collection")
@click.option(
    "--thumbnails",
    is_flag=True,
    help="Read the stored thumbnails instead of the original files",
)
@shared.database_option
@shared.device_option
@shared.reading_options
def command(
    collection: str,
    new: str,
    model: str,
    device: str | None,
    thumbnails: bool,
    database: Path,
    workers: int | None,
    thumbnail_size: int,
    no_thumbnails: bool,
    max_megapixels: float,
    batch_size: int | None,
) -> None:
    """Embed COLLECTION with another checkpoint, as collection NEW.

    Both collections share the same records, labels and thumbnails, and the old embeddings are
    kept. Repeat the command to continue an interrupted run.

    \b
    Example:
        llm glam reembed photos photos-archaeclip -m archaeclip
    """
    decoding.allow_megapixels(max_megapixels)
    shared.check_exists(database)
    db = collections.connect(database)
    model_id = embedding_model.resolve(model)
    engine_options = EngineOptions(say_on_stderr, device=device)
    old, opened = reembed.open_beside(db, collection, new, model_id, engine_options)
    size = None if no_thumbnails else thumbnail_size
    read_options = ReadOptions(workers or WORKERS, size, max_megapixels)
    options = IngestOptions(read_options, batch_size or pipeline.BATCH_SIZE)
    arguments = {"collection": collection, "thumbnails": thumbnails}
    with ProgressBar() as progress:
        with pipeline.run(
            db, opened, options, progress, "glam reembed", arguments
        ) as run:
            reembed.reembed(run, old, thumbnails=thumbnails)
    say_counts(run.target.collection, run.counts)
