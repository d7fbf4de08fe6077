"""``llm glam reembed``: embed a collection's pictures with another checkpoint."""

from pathlib import Path

import click

from ..db import connection
from ..images import decoding
from ..ingest import pipeline, reembed
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from . import options as shared
from .embed_summary import report_counts
from .output import ProgressBar, say_on_stderr
from .picture_options import PictureOptions, picture_options


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
@picture_options
def command(
    collection: str,
    new: str,
    model: str,
    device: str | None,
    thumbnails: bool,
    database: Path,
    pictures: PictureOptions,
) -> None:
    """Embed COLLECTION again with another checkpoint, as NEW.

    Both collections share the same records, labels and thumbnails, and the old embeddings are
    kept. Repeat the command to continue an interrupted run.

    \b
    Example:
        llm glam reembed photos photos-archaeclip -m archaeclip
    """
    decoding.allow_megapixels(pictures.max_megapixels)
    shared.check_exists(database)
    db = connection.connect(database)
    model_id = embedding_model.resolve(model)
    engine_options = EngineOptions(say_on_stderr, device=device)
    old, opened = reembed.open_beside(db, collection, new, model_id, engine_options)
    options = pictures.ingest_options()
    arguments = {"collection": collection, "thumbnails": thumbnails}
    with ProgressBar() as progress:
        with pipeline.run(
            db, opened, options, progress, "glam reembed", arguments
        ) as run:
            reembed.reembed(run, old, thumbnails=thumbnails)
    report_counts(run.target.collection, run.counts)
