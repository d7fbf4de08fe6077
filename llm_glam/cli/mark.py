"""``llm glam mark``: mark pictures as sensitive or not for training, and columns as private."""

from pathlib import Path

import click

from ..db import collections, connection
from ..db.filters import Conditions
from ..db.sensitive import NO_TRAIN
from ..formats.tables import Row
from ..records import marks
from ..records.marks import SENSITIVE, Marked
from . import options as shared
from .output import output_options, output_rows, say_on_stderr

# For each mark and whether it is given: its name in the output, and what the pictures are then.
NAMES = {
    (SENSITIVE, True): ("sensitive", "marked as sensitive"),
    (SENSITIVE, False): ("clear", "not marked as sensitive"),
    (NO_TRAIN, True): ("no-train", "marked to be left out of training"),
    (NO_TRAIN, False): ("train", "not marked to be left out of training"),
}
ABOUT_COLUMNS = {
    True: "is private now: it has left full-text search.",
    False: "is not private any more.",
}


@click.command("mark")
@click.argument("collection")
@click.option(
    "--filter",
    "filters_",
    metavar="COLUMN=VALUE",
    multiple=True,
    help="Pictures whose record matches, as in llm glam search",
)
@click.option(
    "--where",
    metavar="SQL",
    multiple=True,
    help="Pictures whose record matches this SQL condition",
)
@click.option("--all", "all_", is_flag=True, help="All pictures")
@click.option(
    "--sensitive/--clear",
    default=None,
    help="Mark these pictures as sensitive, or as not sensitive",
)
@click.option(
    "--no-train/--train",
    default=None,
    help="Leave these pictures out of training, or allow it again",
)
@click.option(
    "--private",
    metavar="COLUMN",
    multiple=True,
    help="Make a column private; can be given several times",
)
@click.option(
    "--public",
    metavar="COLUMN",
    multiple=True,
    help="Make a private column public again; can be given several times",
)
@output_options
@shared.database_option
def command(
    collection: str,
    filters_: tuple[str, ...],
    where: tuple[str, ...],
    all_: bool,
    sensitive: bool | None,
    no_train: bool | None,
    private: tuple[str, ...],
    public: tuple[str, ...],
    database: Path,
    format_: str,
) -> None:
    """Mark pictures in COLLECTION as sensitive, and columns as private.

    Pictures can also be marked to be left out of training. A mark stays when a spreadsheet is
    attached or removed, whatever that says. A private column leaves full-text search at once.

    \b
    Examples:
        llm glam mark photos --filter 'subject__contains=human remains' --sensitive
        llm glam mark photos --where "id like 'family/%'" --no-train
        llm glam mark photos --private Donor --private 'Insurance value'
    """
    conditions = Conditions(filters_, where)
    wanted = {SENSITIVE: sensitive, NO_TRAIN: no_train}
    given = {name: on for name, on in wanted.items() if on is not None}
    _check(given, conditions, all_, columns=bool(private or public))
    shared.check_exists(database)
    db = connection.connect(database)
    opened = collections.get(db, collection)
    collections.prepare(db)
    arguments = click.get_current_context().params
    columns: dict[str, bool] = {}
    marked: dict[str, Marked] = {}
    with connection.writing(db):
        if private or public:
            columns = marks.mark_columns(db, opened, private, public)
        if given:
            marked = marks.mark_pictures(db, opened, conditions, given, arguments)
    rows = [_column_row(column, on) for column, on in columns.items()]
    rows += [_row(given[name], name, counts) for name, counts in marked.items()]
    output_rows(rows, format_)


def _check(
    given: dict[str, bool], conditions: Conditions, all_: bool, *, columns: bool
) -> None:
    """Refuse a command that does not say what to mark, or which pictures."""
    if all_ and conditions:
        raise click.UsageError("Give --all or conditions, not both.")
    if given and not (conditions or all_):
        raise click.UsageError(
            "Say which pictures, with --where or --filter, or --all for all of them."
        )
    if (conditions or all_) and not given:
        raise click.UsageError(
            "Say what to mark them as: --sensitive, --clear, --no-train or --train."
        )
    if not (given or columns):
        raise click.UsageError(
            "Say what to mark: pictures with --sensitive, --clear, --no-train or --train, columns "
            "with --private or --public."
        )


def _column_row(column: str, is_private: bool) -> Row:
    """Report on stderr that a column is private or public, and return a row about it."""
    say_on_stderr(f"'{column}' {ABOUT_COLUMNS[is_private]}")
    return {
        "mark": "private" if is_private else "public",
        "column": column,
        "pictures": None,
        "changed": None,
    }


def _row(on: bool, name: str, counts: Marked) -> Row:
    """Report a mark on stderr, and return a row about it."""
    short, said = NAMES[name, on]
    pictures, are = ("picture", "is") if counts.pictures == 1 else ("pictures", "are")
    were = "was" if counts.changed == 1 else "were"
    before = "not before" if on else "before"
    say_on_stderr(
        f"{counts.pictures:,} {pictures} of {counts.total:,} {are} {said}; {counts.changed:,} {were} "
        f"{before}."
    )
    return {
        "mark": short,
        "column": None,
        "pictures": counts.pictures,
        "changed": counts.changed,
    }
