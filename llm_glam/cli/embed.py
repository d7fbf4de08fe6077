"""``llm glam embed``: embed a folder of pictures."""

from pathlib import Path

import click

from ..db import network_drive
from ..engine import PRECISIONS
from ..images import decoding
from ..ingest.folder_run import FolderOptions, embed_folder, estimate_folder
from ..models.engine_choice import EngineOptions
from . import options as shared
from .embed_summary import report_counts
from .output import ProgressBar, output_options, output_rows, say_on_stderr
from .picture_options import PictureOptions, picture_options


@click.command("embed")
@click.argument("collection")
@click.argument("folder")
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1)
@click.option(
    "-m", "--model", help="Checkpoint for a new collection [default: glam-clip]"
)
@click.option("--prefix", default="", help="Prefix to add to the IDs")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Estimate the time and space needed, and write nothing",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="Embed only this many pictures, chosen at random",
)
@click.option(
    "--pages",
    is_flag=True,
    help="Embed each page of a multi-page TIFF as a picture of its own",
)
@shared.database_option
@click.option(
    "--prune",
    is_flag=True,
    help="Remove pictures whose files are no longer in the folder",
)
@click.option(
    "--retry-problems", is_flag=True, help="Retry files that failed in an earlier run"
)
@click.option(
    "--store",
    "keep_raw",
    is_flag=True,
    help="Store the files themselves in the database",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    help="Weight precision for a new collection; int8 is faster, with slightly different results "
    "[default: fp32]",
)
@click.option(
    "--no-embedded",
    is_flag=True,
    help="Do not read the records inside the pictures (EXIF, IPTC, XMP)",
)
@click.option(
    "--gps",
    is_flag=True,
    help="Also store where the pictures were taken, if they say so",
)
@output_options
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed for --sample"
)
@shared.device_option
@picture_options
def command(
    collection: str,
    folder: str,
    patterns: tuple[str, ...],
    model: str | None,
    precision: str | None,
    database: Path,
    device: str | None,
    prefix: str,
    keep_raw: bool,
    dry_run: bool,
    sample: int | None,
    pages: bool,
    seed: int,
    prune: bool,
    retry_problems: bool,
    no_embedded: bool,
    gps: bool,
    pictures: PictureOptions,
    format_: str,
) -> None:
    """Embed every picture in FOLDER and its subfolders.

    Embeds pictures of every type, or only the files that match a PATTERN. Hidden and system files
    are ignored. Files that cannot be used are reported and skipped. Unchanged files are not read
    again, so you can interrupt the command and repeat it to continue. A file called metadata
    beside the pictures (.csv, .tsv, .jsonl, .xlsx, .xls or .ods), with a file_name column,
    provides their records; what it leaves open comes from inside the pictures.

    \b
    Examples:
        llm glam embed photos ~/Pictures/excavation
        llm glam embed photos scans '**/*.tif' --prefix scans/
        llm glam embed photos scans --dry-run
        llm glam embed quick scans --precision int8
    """
    decoding.allow_megapixels(pictures.max_megapixels)
    run = pictures.ingest_options(
        *(keep_raw, retry_problems, prune), embedded=not no_embedded, gps=gps
    )
    options = FolderOptions(patterns, prefix, sample, seed, run, pages)
    engine_options = EngineOptions(say_on_stderr, precision, device)
    _warn_if_on_network(database)
    if dry_run:
        with ProgressBar() as progress:
            estimated = estimate_folder(
                *(database, collection, folder),
                model=model,
                options=options,
                engine_options=engine_options,
                progress=progress,
            )
        output_rows([estimated], format_)
        return
    with ProgressBar() as progress:
        embedded = embed_folder(
            *(database, collection, folder),
            model=model,
            options=options,
            engine_options=engine_options,
            progress=progress,
            command="glam embed",
            arguments=click.get_current_context().params,
        )
    report_counts(embedded.collection, embedded.counts)
    _report_left_out(embedded.left_out)


def _report_left_out(count: int) -> None:
    if count:
        files = (
            "file that is not a picture"
            if count == 1
            else "files that are not pictures"
        )
        say_on_stderr(f"Skipped {count:,} {files}.")


def _warn_if_on_network(database: Path) -> None:
    kind = network_drive.kind(database)
    if kind:
        click.echo(
            f"Warning: {database} is on a network share ({kind}), where SQLite databases are slow "
            "and can be damaged. Use -d PATH to keep it on a local disk instead.",
            err=True,
        )
