"""``llm glam records``: attach records to pictures that are already in a collection."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlite_utils import Database

from ..db import collections, connection
from ..db.collection import Collection
from ..images import decoding
from ..ingest.reread import reread
from ..records import inside, page_texts
from ..records import join as joining
from ..records import report as reports
from ..records import template as templates
from ..records.join import Joined, JoinOptions, JoinPlan
from ..records.page_texts import TextPlan
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
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, metavar="[FILE]")
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
    "--text-dir",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Attach the texts in a folder (TXT, ALTO, PAGE, hOCR) that have the names of pictures",
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
    files: tuple[Path, ...],
    database: Path,
    key: str | None,
    key_regex: str | None,
    split: dict[str, str],
    text_dir: Path | None,
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

    FILE is a spreadsheet or another table, or a folder of tables, which are read as one. The column with the names or
    numbers of the pictures is found by itself: 1887/3804.2 is the record of 1887_3804-2_recto.jpg.
    Before anything is written, the command shows what matches and asks. Repeat it after the
    spreadsheet has changed: only the records that differ are changed, and what you edited in the
    database stays.

    With --embedded, reads what is inside the pictures instead, as embed does for new ones. What a
    spreadsheet says comes before it. With --text-dir, the texts of pages are attached in the same
    way as FILE, as transcription.

    Without any of these, lists the sources of the records.

    \b
    Examples:
        llm glam records photos catalogue.xlsx
        llm glam records photos catalogue.xlsx --key 'Accession No.' --yes
        llm glam records photos export.csv --report matches.xlsx
        llm glam records photos register.xlsx --sheet 'Works on paper'
        llm glam records photos exports/ --key 'Accession No.'
        llm glam records photos --template fill-me-in.xlsx
        llm glam records letters --text-dir transcriptions
        llm glam records photos --remove catalogue.xlsx
        llm glam records photos --embedded
    """
    if len(files) > 1:
        raise click.UsageError(
            "Give one FILE, or a folder with all of them, which is read as one table."
        )
    file = files[0] if files else None
    _check_usage(
        {
            "FILE": file,
            "--text-dir": text_dir,
            "--embedded": embedded or None,
            "--template": template,
            "--remove": remove,
        },
        {
            "--key": key,
            "--key-regex": key_regex,
            "--split": split or None,
            "--sheet": sheet,
            "--header-row": header_row,
            "--report": report,
        },
        gps,
    )
    shared.check_exists(database)
    db = connection.connect(database)
    opened = collections.get(db, collection)
    if file is not None:
        options = JoinOptions(key, key_regex, split, sheet, header_row)
        rows = [_join_table(db, opened, file, options, report, yes)]
    elif text_dir is not None:
        rows = [_join_texts(db, opened, text_dir, yes)]
    elif embedded:
        rows = [_reread(db, opened, gps)]
    elif template is not None:
        count = templates.write_template(db, opened, template)
        rows = [{"template": str(template), "rows": count}]
    elif remove is not None:
        rows = [{"removed": remove, "changed": joining.remove(db, opened, remove)}]
    else:
        rows = joining.sources_of(db, opened)
    output_rows(rows, format_, "There are no records yet.")


def _check_usage(
    sources: Mapping[str, Any], of_file: Mapping[str, Any], gps: bool
) -> None:
    """Check that one source is given at most, and options only with what they are about."""
    given = [name for name, value in sources.items() if value is not None]
    if len(given) > 1:
        raise click.UsageError(
            f"{given[0]} and {given[1]} cannot be used together; use one after the other."
        )
    for name, value in of_file.items():
        if value is not None and given != ["FILE"]:
            raise click.UsageError(f"{name} can only be used with FILE.")
    if gps and given != ["--embedded"]:
        raise click.UsageError("--gps can only be used with --embedded.")


def _join_table(
    db: Database,
    collection: Collection,
    file: Path,
    options: JoinOptions,
    report: Path | None,
    yes: bool,
) -> dict[str, Any]:
    with ProgressBar() as progress:
        plan = joining.plan_join(db, collection, file, options, progress)
    _show(plan)
    if report is not None:
        reports.write(plan, report)
    row = {**plan.counts(), "joined": _is_wanted(yes)}
    if row["joined"]:
        row |= _join(db, plan, click.get_current_context().params)
    return row


def _join_texts(
    db: Database, collection: Collection, folder: Path, yes: bool
) -> dict[str, Any]:
    with ProgressBar("texts") as progress:
        plan = page_texts.plan_texts(db, collection, folder, progress)
    _show_texts(plan)
    row = {**plan.counts(), "joined": _is_wanted(yes)}
    if row["joined"]:
        row |= _attach(db, plan, click.get_current_context().params)
    return row


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
    _say_what_is_gone(joined, "record", plan.source.name)
    if joined.gone_columns:
        say_on_stderr(
            f"Columns that are no longer in {plan.source.name} are empty now: "
            f"{_first(joined.gone_columns)}"
        )
    return {"changed": joined.changed}


def _attach(db: Database, plan: TextPlan, arguments: dict[str, Any]) -> dict[str, int]:
    joined = page_texts.attach(db, plan, arguments)
    _say_what_is_gone(joined, "text", plan.source.name)
    return {"changed": joined.changed}


def _say_what_is_gone(joined: Joined, what: str, source: str) -> None:
    if gone := joined.gone_records:
        are, was = ("is", "was") if len(gone) == 1 else ("are", "were")
        say_on_stderr(
            f"{_number(len(gone), what)} {are} no longer in {source} and {was} removed: "
            f"{_first(gone)}"
        )


def _show_texts(plan: TextPlan) -> None:
    """Print which texts would be attached."""
    counts = plan.counts()
    say_on_stderr(
        f"{plan.source.name}: {_number(counts['texts'], 'text')} for {counts['pictures']:,} of "
        f"{_number(len(plan.pictures), 'picture')}, for example:"
    )
    for file, item_id in plan.examples():
        say_on_stderr(f"  {file} = {item_id}")
    for what, rest, names in (
        ("picture", "without a text", plan.without_text),
        ("text", "without a picture", plan.without_picture),
        ("picture", "whose text is ambiguous, left out", plan.ambiguous),
        ("file", "that cannot be read, left out", list(plan.damaged)),
    ):
        if names:
            say_on_stderr(f"{_number(len(names), what)} {rest}: {_first(names)}")
    for message in list(plan.damaged.values())[:SHOWN]:
        say_on_stderr(message)


def _show(plan: JoinPlan) -> None:
    """Print what would be joined."""
    counts = plan.counts()
    say_on_stderr(
        f"{plan.source.name}: {_number(counts['records'], 'row')}; key: '{plan.key}'\n"
        f"{counts['matched_records']:,} of them match {counts['pictures']:,} of "
        f"{_number(len(plan.pictures), 'picture')}, for example:"
    )
    for key, item_id in plan.examples():
        say_on_stderr(f"  {key} = {item_id}")
    for what, rest, names in (
        ("picture", "without a record", plan.without_record),
        ("record", "without a picture", plan.unmatched_keys),
        (
            "picture",
            "ambiguous, since several records could fit, and left out",
            plan.ambiguous,
        ),
    ):
        if names:
            say_on_stderr(f"{_number(len(names), what)} {rest}: {_first(names)}")
    if further := counts["further_records"]:
        say_on_stderr(
            f"{_number(further, 'further record')} of the same pictures, kept, but the first of each "
            f"is shown: {_first(plan.repeated)}"
        )
    for remark in plan.remarks:
        say_on_stderr(f"{plan.source.name}: {remark}")


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
