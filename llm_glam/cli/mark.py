"""``llm glam mark``: mark pictures as sensitive or not for training, and columns as private."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from sqlite_utils import Database

from ..db import collections, connection
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.sensitive import NO_TRAIN
from ..formats.tables import Row
from ..records import marks, withdrawn
from ..records.join import table_of
from ..records.marks import SENSITIVE, Marked
from ..search import index
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
@shared.except_option
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
@click.option(
    "--withdraw",
    is_flag=True,
    help="Remove these pictures and all that is stored about them from the database, and do not "
    "embed them again",
)
@click.option(
    "--readmit",
    metavar="FILE",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Allow a withdrawn picture to be embedded again; can be given several times",
)
@click.option("-y", "--yes", is_flag=True, help="Withdraw without asking")
@output_options
@shared.database_option
def command(
    collection: str,
    filters_: tuple[str, ...],
    exceptions: tuple[str, ...],
    where: tuple[str, ...],
    all_: bool,
    sensitive: bool | None,
    no_train: bool | None,
    private: tuple[str, ...],
    public: tuple[str, ...],
    withdraw: bool,
    readmit: tuple[Path, ...],
    yes: bool,
    database: Path,
    format_: str,
) -> None:
    """Mark pictures in COLLECTION as sensitive, or withdraw them.

    Columns can be marked as private, and pictures to be left out of training. A mark stays when a
    spreadsheet is attached or removed, whatever that says. A private column leaves full-text
    search at once. A picture that is withdrawn leaves the database for good, and all collections
    in it; it is recognised by its content if it is embedded again, and left out.

    \b
    Examples:
        llm glam mark photos --filter 'subject__contains=human remains' --sensitive
        llm glam mark photos --where "id like 'family/%'" --no-train
        llm glam mark photos --private Donor --private 'Insurance value'
        llm glam mark photos --where "id = 'family/1931.jpg'" --withdraw
    """
    conditions = Conditions(filters_, where, exceptions=exceptions)
    wanted = {SENSITIVE: sensitive, NO_TRAIN: no_train}
    given = {name: on for name, on in wanted.items() if on is not None}
    if withdraw or readmit:
        _check_alone(withdraw, readmit, conditions, all_, given or private or public)
    else:
        _check(given, conditions, all_, columns=bool(private or public))
    shared.check_exists(database)
    db = connection.connect(database)
    opened = collections.get(db, collection)
    if withdraw:
        output_rows(_withdraw(db, opened, conditions, yes), format_)
        return
    if readmit:
        output_rows(_readmit(db, readmit), format_)
        return
    rows = _mark(db, opened, conditions, given, private, public)
    output_rows(rows, format_)


def _mark(
    db: Database,
    collection: Collection,
    conditions: Conditions,
    given: dict[str, bool],
    private: Sequence[str],
    public: Sequence[str],
) -> list[Row]:
    """Mark columns and pictures in one transaction, and return a row about each mark."""
    collections.prepare(db)
    arguments = click.get_current_context().params
    columns: dict[str, bool] = {}
    marked: dict[str, Marked] = {}
    with connection.writing(db):
        if private or public:
            columns = marks.mark_columns(db, collection, private, public)
        if given:
            marked = marks.mark_pictures(db, collection, conditions, given, arguments)
    rows = [_column_row(column, on) for column, on in columns.items()]
    return rows + [_row(given[name], name, counts) for name, counts in marked.items()]


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


def _check_alone(
    withdraw: bool,
    readmit: Sequence[Path],
    conditions: Conditions,
    all_: bool,
    marks: object,
) -> None:
    """Refuse to withdraw or readmit pictures together with anything else."""
    if marks or (withdraw and readmit):
        raise click.UsageError(
            "Give --withdraw or --readmit alone, without other marks."
        )
    if readmit and (conditions or all_):
        raise click.UsageError(
            "--readmit takes the files of the pictures, without --where or --filter."
        )
    if withdraw and bool(conditions) == all_:
        raise click.UsageError(
            "Say which pictures to withdraw, with --where or --filter, or with --all for all of "
            "them."
        )


def _withdraw(
    db: Database, collection: Collection, conditions: Conditions, yes: bool
) -> list[Row]:
    """Withdraw pictures if that is confirmed, and return a row about it."""
    table = table_of(collection)
    found = withdrawn.plan(db, collection, conditions)
    own = len(found.ids.get(table, []))
    pictures, is_, is_their = (
        ("picture", "is", "its") if own == 1 else ("pictures", "are", "their")
    )
    say_on_stderr(
        f"{own:,} {pictures} of '{collection.name}' {is_} to be withdrawn, with {is_their} "
        "vectors, thumbnails, records and labels. This cannot be undone."
    )
    others = [name for name in found.ids if name != table]
    if others:
        say_on_stderr(f"They are in other tables too: {', '.join(others)}.")
    if not _is_confirmed(yes):
        return []
    withdrawn.withdraw(db, collection, found)
    _refresh_indexes(db)
    say_on_stderr(
        f"{found.pictures:,} withdrawn. Publish the database again, and delete its older copies; "
        "the files of the pictures are still where they were."
    )
    counts = {"pictures": own, "changed": found.pictures}
    return [{"mark": "withdraw", "column": None, **counts}]


def _is_confirmed(yes: bool) -> bool:
    """Ask at a terminal; elsewhere only ``--yes`` withdraws."""
    if yes:
        return True
    if sys.stdin.isatty():
        return click.confirm("Withdraw them?", default=False, err=True)
    say_on_stderr(
        "Nothing was withdrawn; repeat the command with --yes to withdraw them."
    )
    return False


def _refresh_indexes(db: Database) -> None:
    """Write the index files of collections again, which still have vectors that are gone."""
    for collection in collections.every(db):
        if index.size(db, collection):
            with index.snapshot(db) as stamp:
                index.of(db, collection, stamp)


def _readmit(db: Database, files: Sequence[Path]) -> list[Row]:
    """Allow withdrawn pictures to be embedded again, and return a row about it."""
    found = withdrawn.readmit(db, files)
    for path in files:
        is_known = path in found
        say_on_stderr(
            f"{path} can be embedded again, with llm glam embed."
            if is_known
            else f"{path} was not withdrawn from this database."
        )
    counts = {"pictures": len(files), "changed": len(found)}
    return [{"mark": "readmit", "column": None, **counts}]


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
