"""``llm glam adopt``: take over a collection created with llm-clip."""

from pathlib import Path

import click

from ..db import connection
from ..images import decoding
from ..ingest import adopt, pipeline
from ..ingest.open_collection import open_collection
from ..ingest.pipeline import IngestOptions
from ..models import embedding_model
from . import options as shared
from .embed_summary import report_counts
from .output import ProgressBar


@click.command("adopt")
@click.argument("collection")
@click.option(
    "-m", "--model", help="Checkpoint the collection was made with [default: glam-clip]"
)
@click.option(
    "--files",
    "folder",
    type=click.Path(exists=True, file_okay=False),
    help="Folder the pictures came from",
)
@shared.database_option
def command(
    collection: str, model: str | None, folder: str | None, database: Path
) -> None:
    """Take over a COLLECTION created with llm-clip.

    First compares a sample of its embeddings with the checkpoint's own, and changes nothing if
    they differ. With --files, also adds records and thumbnails, and embeds again any pictures
    that llm-clip embedded sideways.

    \b
    Examples:
        llm glam adopt photos -m glam-clip --files photos/
        llm glam adopt photos -m clip-ViT-B-32
    """
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    model_id = embedding_model.resolve(model)
    path = Path(folder).resolve() if folder else None
    shared.check_exists(database)
    db = connection.connect(database)
    verified = adopt.adopt(db, collection, model_id, path)
    if verified:
        click.echo(
            f"{collection} is now a {model_id} collection: compared {verified.compared} "
            f"embeddings, largest difference {verified.largest_difference:.1e}.",
            err=True,
        )
    if path:
        opened = open_collection(db, collection, model_id)
        with ProgressBar() as progress:
            options = IngestOptions(trust_stored=False)
            with pipeline.run(
                db, opened, options, progress, "glam adopt", {"files": path}
            ) as run:
                adopt.fill(run, path)
        report_counts(run.target.collection, run.counts)
