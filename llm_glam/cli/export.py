"""``llm glam export``: write a collection for other programs."""

from collections.abc import Sequence
from pathlib import Path

import click

from ..db.filters import Conditions
from ..exporters.run import FORMATS, Exported, export
from ..exporters.selection import ExportOptions
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
@click.option("--replace", is_flag=True, help="Overwrite FILE if it exists")
@shared.database_option
def command(
    collection: str,
    file: Path,
    format_: str | None,
    all_columns: bool,
    replace: bool,
    database: Path,
) -> None:
    """Write the pictures of COLLECTION, and their records, to FILE.

    Columns are in the order of your own spreadsheets, under their headings; the id and the file of
    each picture follow. Private columns and sensitive pictures are left out, and the command says
    how many. FILE is complete or not there at all.

    \b
    Examples:
        llm glam export photos photos.xlsx
        llm glam export photos photos.csv --all-columns
    """
    shared.check_exists(database)
    options = ExportOptions(Conditions(), all_columns=all_columns, replace=replace)
    with ProgressBar() as progress:
        done = export(
            *(database, collection, file),
            format_=format_,
            options=options,
            progress=progress,
        )
    _report(done)


def _report(done: Exported) -> None:
    """Print what was written, and what was left out."""
    say_on_stderr(
        f"Wrote {_number(done.pictures, 'picture')} with "
        f"{_number(len(done.columns), 'column')} to {done.path}."
    )
    if done.private:
        names = (
            f"{_number(len(done.private), 'private column')}: {_first(done.private)}"
        )
        say_on_stderr(f"Left out {names}.")
    if done.sensitive:
        say_on_stderr(f"Left out {_number(done.sensitive, 'sensitive picture')}.")
    for remark in done.remarks:
        say_on_stderr(remark)


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
