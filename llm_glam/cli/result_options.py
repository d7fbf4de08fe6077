"""Options of ``llm glam search`` for its results: which columns, and files to send to somebody."""

import csv
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from sqlite_utils import Database

from ..db import filters
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.privacy import columns as privacy_columns
from ..db.sensitive import COLUMN, SENSITIVE, SHOWABLE
from ..errors import CannotExport
from ..exporters.results import wording
from ..formats import atomic
from ..formats.tables import Row
from ..search.collection_search import Result
from ..search.terms import Term
from .options import collected
from .output import ProgressBar, say_on_stderr

MOST_PICTURES = 1_000  # of a page
LARGE_PAGE = 10_000_000  # bytes
SHOWN = 5


@dataclass(frozen=True)
class ResultOptions:
    """Which columns results have, and the files that they are written to."""

    columns: Sequence[str]
    records: bool
    page: Path | None
    xlsx: Path | None
    sensitive: bool
    force: bool

    @property
    def files(self) -> list[Path]:
        """The files to write."""
        return [path for path in (self.page, self.xlsx) if path]

    @property
    def has_records(self) -> bool:
        """Whether rows have the columns of the records."""
        return self.records or bool(self.columns)


def _split(
    ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> list[str]:
    """Return the names in a list with commas; one with a comma is in quotes, as in CSV."""
    found = [name for row in csv.reader(value, skipinitialspace=True) for name in row]
    return [name.strip() for name in found if name.strip()]


def _file(option: str, name: str, what: str) -> Any:
    kind = click.Path(dir_okay=False, path_type=Path)
    return click.option(option, name, type=kind, metavar="FILE", help=what)


result_options = collected(
    ResultOptions,
    "output",
    click.option(
        "--columns",
        metavar="LIST",
        multiple=True,
        callback=_split,
        help='Output these columns of the records, as in "Accession No.,title,score"',
    ),
    click.option(
        "--records", is_flag=True, help="Output all columns, yours before ours"
    ),
    _file(
        "--html",
        "page",
        "Write the results, pictures included, to this HTML file; rows are output as well only "
        "with --nl, --csv, --tsv or -t",
    ),
    _file("--xlsx", "xlsx", "Write the results to this Excel workbook, likewise"),
    click.option(
        "--sensitive", is_flag=True, help="Also sensitive pictures in these files"
    ),
    click.option("--force", is_flag=True, help="Overwrite these files if they exist"),
)


def check(
    options: ResultOptions, number: int, database: Path, *, has_several: bool
) -> None:
    """Check the options before anything is computed.

    :param number: how many results there are at most
    :param has_several: whether several collections are searched
    :raises CannotExport: a file cannot be written, or would be overwritten
    """
    if has_several and (options.files or options.has_records):
        raise click.UsageError(
            "Records of several collections do not fit into one table. Leave out --also, or "
            "--html, --xlsx, --records and --columns."
        )
    for name in ("sensitive", "force"):
        if getattr(options, name) and not options.files:
            raise click.UsageError(f"--{name} needs --html or --xlsx.")
    for path in options.files:
        if not path.absolute().parent.is_dir():
            raise CannotExport(
                f"Folder {path.absolute().parent} does not exist; create it first."
            )
        if path.exists() and path.samefile(database):
            raise CannotExport(f"{path} is the database itself; choose another name.")
        if path.exists() and not options.force:
            raise CannotExport(f"{path} already exists; use --force to overwrite it.")
    if options.page and number > MOST_PICTURES:
        raise click.UsageError(
            f"A page has at most {MOST_PICTURES:,} pictures; use a smaller -n, or --xlsx."
        )


def without_sensitive(
    db: Database, collection: Collection, conditions: Conditions, options: ResultOptions
) -> Conditions:
    """Return the conditions on what to search, and say how many sensitive pictures they leave out."""
    if options.sensitive or not options.files or not collection.items_table:
        return conditions
    hidden = replace(conditions, where=[*conditions.where, SENSITIVE])
    count = len(filters.ids(db, collection, hidden))
    if not count:
        return conditions
    pictures = "1 sensitive picture" if count == 1 else f"{count:,} sensitive pictures"
    say_on_stderr(f"Left out {pictures}. Add --sensitive to include them.")
    return replace(conditions, where=[*conditions.where, SHOWABLE])


class Output:
    """The results of a search, with columns of the records, and the files that they go to."""

    def __init__(
        self, db: Database, collection: Collection, options: ResultOptions
    ) -> None:
        self._db, self._collection, self._options = db, collection, options
        if options.columns:
            self._columns([])  # so that a wrong name is reported before the search

    def rows(self, results: Sequence[Result], *, is_flat: bool) -> list[Row]:
        """Return a row for each result.

        :param is_flat: whether values are plain cells; otherwise they are as in JSON
        """
        from ..exporters.results import table

        found = self._found(results)
        return list(table.rows(self._columns(found), found, is_flat=is_flat))

    def write(
        self, results: Sequence[Result], wanted: Sequence[Term], conditions: Conditions
    ) -> None:
        """Write the files, and say what is in them."""
        found = self._found(results)
        columns = self._columns(found)
        self._say_what_is_held_back(results)
        if path := self._options.xlsx:
            self._write_xlsx(path, columns, found)
        if path := self._options.page:
            self._write_page(path, columns, found, _title(wanted), conditions)

    def _found(self, results: Sequence[Result]) -> list[Any]:
        from ..exporters.results.columns import Found

        hidden = set(self._held_back()) - {COLUMN}  # by which a page covers pictures
        if self._options.columns:
            hidden -= {column.name for column in self._columns([])}
        return [
            Found({"id": r.id, **_without(r.record, hidden)}, r.score) for r in results
        ]

    def _columns(self, found: Sequence[Any]) -> list[Any]:
        from ..exporters.results import columns

        named = self._options.columns
        hidden = set() if named else {name.lower() for name in self._held_back()}
        table = self._collection.items_table
        return columns.choose(self._db, table, found, hidden=hidden, named=named)

    def _held_back(self) -> list[str]:
        table = self._collection.items_table
        if not table:
            return []
        private = privacy_columns.private(self._db, table)
        return [*private, *privacy_columns.undecided(self._db, table)]

    def _say_what_is_held_back(self, results: Sequence[Result]) -> None:
        if self._options.columns:
            return
        names = [
            name
            for name in dict.fromkeys(self._held_back())
            if any(one.record.get(name) is not None for one in results)
        ]
        if names:
            listed = ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])
            say_on_stderr(
                f"Left out what may not be for everybody: {listed}. To include a column, name it "
                "in --columns."
            )

    def _write_xlsx(
        self, path: Path, columns: Sequence[Any], found: Sequence[Any]
    ) -> None:
        from ..exporters.results import table

        with ProgressBar() as progress:
            remarks = table.write_xlsx(path, columns, found, progress)
        say_on_stderr(
            f"Wrote {wording.of_number(len(found), is_ranked=False)} to {path}."
        )
        for remark in remarks:
            say_on_stderr(remark)

    def _write_page(
        self,
        path: Path,
        columns: Sequence[Any],
        found: Sequence[Any],
        title: str,
        conditions: Conditions,
    ) -> None:
        from ..exporters.results import page  # slow to import, because of Jinja

        name = self._collection.name
        is_ranked = found[0].score is not None
        count = wording.of_number(len(found), is_ranked=is_ranked)
        lines = [count, *_in_words(conditions)]
        text = page.Text(f"{title} in {name}" if title else name, lines)
        ids = [one.row["id"] for one in found]
        pictures = page.thumbnails(self._db, self._collection, ids)
        are_chosen = bool(self._options.columns)
        html = page.render(text, columns, found, pictures, are_chosen=are_chosen)
        content = html.encode("utf-8", "replace")
        try:
            atomic.write_bytes(path, content)
        except OSError as error:
            raise CannotExport(
                f"{path} cannot be written ({error.strerror or error}); choose another place."
            ) from error
        size = f"{len(content) / 1e6:.1f} MB"
        say_on_stderr(
            f"Wrote {wording.of_number(len(found), is_ranked=False)} to {path} ({size})."
        )
        if len(content) > LARGE_PAGE:
            say_on_stderr("That is a large page; use a smaller -n to shrink it.")


def _without(record: Row, hidden: Container[str]) -> Row:
    return {name: value for name, value in record.items() if name not in hidden}


def _in_words(conditions: Conditions) -> list[str]:
    """Return a line for each condition."""
    lines = [f"Only {text}" for text in (*conditions.filters, *conditions.where)]
    words = conditions.words
    return [*lines, f"Only records with “{words}”"] if words else lines


def _title(wanted: Sequence[Term]) -> str:
    """Return the terms of a search; of files, only the names, since others need not see folders."""
    terms = []
    for term in wanted:
        file = term.path and term.path.name
        words = term.words and wording.quoted(term.words)
        terms.append((term.weight, words or file or term.address or term.id or ""))
    return wording.of_terms(terms)
