"""``llm glam embed``: a folder of pictures, whatever they are."""

from pathlib import Path

import click

from .. import estimate, files, images, ingest, records, share, store
from ..ahead import WORKERS, Reading
from ..ingest import Options
from ..output import Progress, output_options, output_rows
from . import options as shared
from .closing import say_counts


@click.command("embed")
@click.argument("collection")
@click.argument("folder")
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@click.option(
    "-m", "--model", help="Checkpoint for a new collection [default: glam-clip]"
)
@shared.database_option
@click.option("--prefix", default="", help="Put this before each id")
@click.option(
    "--store", "keep_raw", is_flag=True, help="Store the files in the database too"
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say how many, how large and how long; write nothing",
)
@click.option("--sample", type=click.IntRange(1), help="Only so many, chosen at random")
@click.option("--seed", type=int, default=0, show_default=True, help="For --sample")
@click.option(
    "--prune", is_flag=True, help="Remove pictures whose files are gone from the folder"
)
@click.option(
    "--retry-problems", is_flag=True, help="Try files again that could not be used"
)
@shared.reading_options
@output_options
def command(
    collection: str,
    folder: str,
    patterns: tuple[str, ...],
    model: str | None,
    database: Path,
    prefix: str,
    keep_raw: bool,
    dry_run: bool,
    sample: int | None,
    seed: int,
    prune: bool,
    retry_problems: bool,
    workers: int | None,
    thumbnail_size: int,
    no_thumbnails: bool,
    max_megapixels: float,
    batch_size: int | None,
    format_: str,
) -> None:
    """Embed every picture in FOLDER and its subfolders.

    All picture types are taken, or those that match a PATTERN. Hidden and system files are left
    out. Files that cannot be used are named and skipped; unchanged ones are not read again, so
    that the command can be interrupted and repeated. A metadata.csv, metadata.jsonl or
    metadata.xlsx beside the pictures (column file_name) becomes their records.

    \b
    Examples:
        llm glam embed photos ~/Pictures/excavation
        llm glam embed photos scans '**/*.tif' --prefix scans/
        llm glam embed photos scans --dry-run
    """
    images.allow_megapixels(max_megapixels)
    found = files.pictures(folder, patterns, prefix)
    if sample:
        found = files.sampled(found, sample, seed)
    reading = Reading(
        workers or WORKERS,
        None if no_thumbnails else thumbnail_size,
        max_megapixels,
        keep_raw,
    )
    existing = store.find_in(database, collection)
    chosen = shared.model_id(model) if model or not existing else None
    if dry_run:
        model_id = chosen or store.get(store.connect(database), collection).model_id
        output_rows([estimate.estimate(found, model_id, reading)], format_)
        return
    _warn_of_network(database)
    beside = records.beside(found.files)
    how = Options(reading, batch_size or ingest.BATCH_SIZE, retry_problems, prune)
    db = store.connect(database)
    opened = ingest.open_collection(db, collection, chosen)
    arguments = click.get_current_context().params
    with Progress() as progress:
        with ingest.run(db, opened, how, progress, "glam embed", arguments) as run:
            ingest.embed_files(run, found, beside)
    say_counts(run)
    if found.left_out:
        click.echo(
            f"{found.left_out:,} files that are no pictures were left out.", err=True
        )


def _warn_of_network(database: Path) -> None:
    kind = share.kind(database)
    if kind:
        click.echo(
            f"Warning: {database} is on a network share ({kind}), where SQLite databases are slow "
            "and can be damaged. Better keep it on this computer's own disk: -d PATH",
            err=True,
        )
