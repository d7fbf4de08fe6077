"""``llm glam status``: show the contents of collections."""

from pathlib import Path

import click

from .. import status
from ..db import collections, connection
from . import options as shared
from .output import output_options, output_rows

NO_PROBLEMS = "No problems found."
ALL_MATCHED = "Every picture has a record, and every record a picture."


@click.command("status")
@click.argument("collection", required=False)
@click.option(
    "--problems", is_flag=True, help="List files that could not be used, and why"
)
@click.option(
    "--unmatched",
    is_flag=True,
    help="List pictures without a record, and records without a picture",
)
@output_options
@shared.database_option
def command(
    collection: str | None,
    database: Path,
    problems: bool,
    unmatched: bool,
    format_: str,
) -> None:
    """Show the contents of COLLECTION, or of every collection.

    Reports its checkpoint, counts, problems and disk space.

    \b
    Examples:
        llm glam status
        llm glam status photos
        llm glam status photos --problems -t
        llm glam status photos --unmatched --csv > unmatched.csv
    """
    if problems and unmatched:
        raise click.UsageError("Give --problems or --unmatched, not both.")
    shared.check_exists(database)
    db = connection.connect(database, readonly=True)
    shown = [collections.get(db, collection)] if collection else collections.every(db)
    if not shown:
        click.echo(
            f"There are no glam-clip collections in {database}; create one with: "
            "llm glam embed COLLECTION FOLDER",
            err=True,
        )
        return
    if problems or unmatched:
        of_table = status.problems if problems else status.unmatched
        tables = {c.items_table for c in shown if c.items_table}
        rows = [row for table in sorted(tables) for row in of_table(db, table)]
        output_rows(rows, format_, NO_PROBLEMS if problems else ALL_MATCHED)
    elif format_ == "table":
        pairs = [pair for c in shown for pair in status.status(db, c).items()]
        output_rows([{"": key, "value": value} for key, value in pairs], format_)
    else:
        output_rows([status.status(db, c) for c in shown], format_)
