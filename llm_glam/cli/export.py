"""``llm glam export``: write a collection for other programs."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..db.filters import Conditions
from ..exporters.run import FORMATS, Exported, export
from ..exporters.selection import ExportOptions, counted
from . import options as shared
from .output import ProgressBar, say_on_stderr

SHOWN = 5


@click.command("export")
@click.argument("collection")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    help="Format of FILE [default: that of its extension]",
)
@click.option(
    "--all-columns",
    is_flag=True,
    help="Also the technical columns, such as image_width and image_md5",
)
@shared.condition_options
@click.option(
    "--private",
    metavar="COLUMN",
    multiple=True,
    help="Also this private column; can be given several times",
)
@click.option("--sensitive", is_flag=True, help="Also sensitive pictures")
@click.option("--replace", is_flag=True, help="Overwrite FILE if it exists")
@click.option(
    "--label",
    metavar="COLUMN",
    help="Image folder: a folder for each value of this column",
)
@click.option(
    "--thumbnails",
    is_flag=True,
    help="Image folder: thumbnails of pictures whose files are not on this computer",
)
@click.option(
    "--with-metadata",
    is_flag=True,
    help="Image folder: copy files with the EXIF, IPTC and XMP embedded in them",
)
@click.option(
    "--hard-links",
    is_flag=True,
    help="Image folder, with --with-metadata: link to the files instead of copying them, where "
    "possible",
)
@click.option(
    "--base-url",
    metavar="URL",
    help="Where the pictures are published, each at its id [default: image_url of the records]",
)
@click.option(
    "--provider", metavar="NAME", help="IIIF, OEmbeddings: who publishes them"
)
@click.option(
    "--provider-url",
    metavar="URL",
    help="IIIF, OEmbeddings: the provider's website [default: --base-url]",
)
@click.option("--license", metavar="TEXT", help="OEmbeddings: licence of the vectors")
@shared.database_option
def command(
    collection: str,
    file: Path,
    format_: str | None,
    filters_: tuple[str, ...],
    exceptions: tuple[str, ...],
    words: str | None,
    where: tuple[str, ...],
    database: Path,
    **chosen: Any,
) -> None:
    """Write the pictures of COLLECTION, and their records, to FILE.

    Columns are in the order of your own spreadsheets, under their headings; the id and the file of
    each picture follow. Private columns and sensitive pictures are left out, and the command says
    how many; so are columns whose names suggest storage, value or a person's address, until you have
    decided about them with llm glam mark. FILE is complete or not there at all. An image folder, for Hugging Face's datasets, is a
    folder with the pictures themselves, without what is embedded in their files.

    \b
    Examples:
        llm glam export photos photos.xlsx
        llm glam export photos bronze.csv --filter material=bronze
        llm glam export photos ours.xlsx --private 'Store' --sensitive
        llm glam export photos dataset --format imagefolder --label material
        llm glam export photos vectors.parquet --format oembeddings --provider 'A Museum' \\
            --base-url https://museum.example/pictures
    """
    shared.check_exists(database)
    conditions = Conditions(filters_, where, words, exceptions=exceptions)
    options = ExportOptions(conditions, **chosen)
    with ProgressBar() as progress:
        done = export(
            *(database, collection, file),
            format_=format_,
            options=options,
            progress=progress,
        )
    _report(done, collection)


def _report(done: Exported, collection: str) -> None:
    """Print what was written, and what was left out."""
    say_on_stderr(
        f"Wrote {counted(done.pictures, 'picture')} with "
        f"{counted(len(done.columns), 'column')} to {done.path}."
    )
    if done.private:
        names = (
            f"{counted(len(done.private), 'private column')}: {_first(done.private)}"
        )
        say_on_stderr(f"Left out {names}. Add --private COLUMN for each to export.")
    if done.undecided:
        names = counted(len(done.undecided), "column")
        say_on_stderr(
            f"Left out {names} that may not be for everybody: {_first(done.undecided)}. Decide with "
            f"llm glam mark {shlex.quote(collection)} --private COLUMN or --public COLUMN."
        )
    if done.sensitive:
        pictures = counted(done.sensitive, "sensitive picture")
        say_on_stderr(f"Left out {pictures}. Add --sensitive to export them.")
    for remark in done.remarks:
        say_on_stderr(remark)


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
