"""``llm glam records``: attach records to pictures that are already in a collection."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlite_utils import Database

from ..db import collections, connection
from ..db.collection import Collection
from ..images import decoding
from ..ingest.reread import reread
from ..records import inside
from ..records import join as joining
from ..records import report as reports
from ..records import template as templates
from ..records.join import JoinOptions, JoinPlan
from . import options as shared
from .output import ProgressBar, output_options, output_rows, say_on_stderr

SHOWN = 5
MOST_MEGAPIXELS = 100_000  # as embed could be told; here, pictures are not decoded


def _split_options(
    ctx: click.Context, parameter: click.Parameter, values: Sequence[str]
) -> dict[str, str]:
    """Return separators by column from values such as ``Subjects=;``."""
    found = {}
    for value in values:
        column, equals, separator = value.rpartition("=")
        if not (column and equals and separator):
            raise click.BadParameter(
                f"'{value}' is not COLUMN=SEPARATOR, as in 'Subjects=;'."
            )
        found[column] = separator
    return found


@click.command("records")
@click.argument("collection")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--key",
    metavar="COLUMN",
    help="Column with the names or numbers of the pictures [default: the one that matches most]",
)
@click.option(
    "--key-regex",
    metavar="REGEX",
    help="Regular expression that finds the number within a picture's path",
)
@click.option(
    "--split",
    metavar="COLUMN=SEPARATOR",
    multiple=True,
    callback=_split_options,
    help="Split the cells of a column into several values, as in --split 'Subjects=;'",
)
@click.option(
    "--sheet",
    metavar="NAME",
    help="Sheet of a workbook, by its name or number [default: the first with rows]",
)
@click.option(
    "--header-row",
    type=click.IntRange(min=1),
    metavar="N",
    help="Row with the headings, as the spreadsheet numbers it [default: found]",
)
@click.option("-y", "--yes", is_flag=True, help="Join without asking")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.xlsx",
    help="Also list every match, and all that has none, in a spreadsheet",
)
@click.option(
    "--remove",
    metavar="SOURCE",
    help="Remove the records of a source, such as its file's name",
)
@click.option(
    "--template",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE.xlsx",
    help="Write a spreadsheet with the pictures, to fill in",
)
@click.option(
    "--embedded",
    is_flag=True,
    help="Read the records inside the pictures (EXIF, IPTC, XMP) and in .xmp files beside them",
)
@click.option(
    "--gps",
    is_flag=True,
    help="With --embedded, also store where the pictures were taken",
)
@output_options
@shared.database_option
def command(
    collection: str,
    file: Path | None,
    database: Path,
    key: str | None,
    key_regex: str | None,
    split: dict[str, str],
    sheet: str | None,
    header_row: int | None,
    yes: bool,
    report: Path | None,
    remove: str | None,
    template: Path | None,
    embedded: bool,
    gps: bool,
    format_: str,
) -> None:
    """Attach the rows of FILE to the pictures of COLLECTION.

    FILE is a spreadsheet or another table, or a folder of JSON files. The column with the names or
    numbers of the pictures is found by itself: 1887/3804.2 is the record of 1887_3804-2_recto.jpg.
    Before anything is written, the command shows what matches and asks. Repeat it after the
    spreadsheet has changed: only the records that differ are changed, and what you edited in the
    database stays.

    With --embedded, reads what is inside the pictures instead, as embed does for new ones. What a
    spreadsheet says comes before it.

    Without either, lists the sources of the records.

    \b
    Examples:
        llm glam records photos catalogue.xlsx
        llm glam records photos catalogue.xlsx --key 'Accession No.' --yes
        llm glam records photos export.csv --report matches.xlsx
        llm glam records photos register.xlsx --sheet 'Works on paper'
        llm glam records photos --template fill-me-in.xlsx
        llm glam records photos --remove catalogue.xlsx
        llm glam records photos --embedded
    """
    _check_usage(file, remove, embedded, gps)
    shared.check_exists(database)
    db = connection.connect(database)
    opened = collections.get(db, collection)
    if remove is not None:
        changed = joining.remove(db, opened, remove)
        output_rows([{"removed": remove, "changed": changed}], format_)
    elif template is not None:
        rows = templates.write_template(db, opened, template)
        output_rows([{"template": str(template), "rows": rows}], format_)
    elif embedded:
        output_rows([_reread(db, opened, gps)], format_)
    elif file is None:
        output_rows(
            joining.sources_of(db, opened), format_, "There are no records yet."
        )
    else:
        options = JoinOptions(key, key_regex, split, sheet, header_row)
        with ProgressBar() as progress:
            plan = joining.plan_join(db, opened, file, options, progress)
        _show(plan)
        if report is not None:
            reports.write(plan, report)
        row = {**plan.counts(), "joined": _is_wanted(yes)}
        if row["joined"]:
            row |= _join(db, plan, click.get_current_context().params)
        output_rows([row], format_)


def _check_usage(
    file: Path | None, remove: str | None, embedded: bool, gps: bool
) -> None:
    if gps and not embedded:
        raise click.UsageError("--gps is for --embedded only.")
    if embedded and (file is not None or remove is not None):
        raise click.UsageError(
            "--embedded takes neither FILE nor --remove; use one after the other."
        )


def _reread(db: Database, collection: Collection, gps: bool) -> dict[str, Any]:
    decoding.allow_megapixels(MOST_MEGAPIXELS)
    with ProgressBar() as progress:
        arguments = click.get_current_context().params
        counts = reread(db, collection, gps=gps, progress=progress, arguments=arguments)
    if counts.edited:
        say_on_stderr(
            f"Not read: {_number(counts.edited, 'file')} with changes since the last llm glam embed, "
            "which reads them too."
        )
    if counts.missing:
        say_on_stderr(
            f"Not read: {_number(counts.missing, 'picture')} without a readable file on this "
            "computer; what is known about them stays."
        )
    return {"source": inside.SOURCE.name, **asdict(counts)}


def _is_wanted(yes: bool) -> bool:
    """Ask at a terminal; elsewhere only ``--yes`` writes."""
    if yes:
        return True
    if sys.stdin.isatty():
        return click.confirm("Join them?", default=True, err=True)
    say_on_stderr("Nothing was written; repeat the command with --yes to join them.")
    return False


def _join(db: Database, plan: JoinPlan, arguments: dict[str, Any]) -> dict[str, int]:
    with ProgressBar() as progress:
        joined = joining.join(db, plan, arguments, progress)
    if gone := joined.gone_records:
        are = "record is" if len(gone) == 1 else "records are"
        was = "was" if len(gone) == 1 else "were"
        say_on_stderr(
            f"{len(gone):,} {are} no longer in {plan.source.name} and {was} removed: "
            f"{_first(gone)}"
        )
    if joined.gone_columns:
        say_on_stderr(
            f"Columns that are no longer in {plan.source.name} are empty now: "
            f"{_first(joined.gone_columns)}"
        )
    return {"changed": joined.changed}


def _show(plan: JoinPlan) -> None:
    """Print what would be joined."""
    counts = plan.counts()
    say_on_stderr(
        f"{plan.source.name}: {_number(counts['records'], 'record')}; key: '{plan.key}'\n"
        f"{_number(counts['matched_records'], 'record')} of them for {counts['pictures']:,} of "
        f"{_number(len(plan.pictures), 'picture')}, for example:"
    )
    for key, item_id in plan.examples():
        say_on_stderr(f"  {key} = {item_id}")
    for what, rest, names in (
        ("picture", "without a record", plan.without_record),
        ("record", "without a picture", plan.unmatched_keys),
        ("picture", "that several records could describe, left out", plan.ambiguous),
    ):
        if names:
            say_on_stderr(f"{_number(len(names), what)} {rest}: {_first(names)}")
    if further := counts["further_records"]:
        say_on_stderr(
            f"{_number(further, 'further record')} of the same pictures: kept, but the first of "
            "each picture is shown"
        )
    for remark in plan.remarks:
        say_on_stderr(f"{plan.source.name}: {remark}")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
