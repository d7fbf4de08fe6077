"""What people see: rows on stdout in the formats sqlite-utils has, progress on stderr."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from types import TracebackType
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
QUIET_INTERVAL_SECONDS = 10
LIVE_INTERVAL_SECONDS = 0.2
NATIVE_STDERR = 2


def output_options(function: F) -> F:
    """Add ``--nl --csv --tsv -t/--table`` to a command; it gets them as ``format_``."""
    options = (
        click.option(
            "format_",
            "--nl",
            flag_value="nl",
            default="nl",
            help="Output newline-delimited JSON (default)",
        ),
        click.option("format_", "--csv", flag_value="csv", help="Output CSV"),
        click.option("format_", "--tsv", flag_value="tsv", help="Output TSV"),
        click.option(
            "format_",
            "-t",
            "--table",
            flag_value="table",
            help="Output as a formatted table",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def output_rows(
    rows: Iterable[dict[str, Any]], format_: str, none: str = "No results found."
) -> None:
    """Write rows to stdout; nested values are JSON in tables and CSV.

    :param none: what is said on stderr where there are no rows
    """
    rest = iter(rows)
    first = list(islice(rest, 1))
    rows = chain(first, rest)
    if not first:
        say_on_stderr(none)
    if format_ == "nl":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    flat = [{key: _cell(value) for key, value in row.items()} for row in rows]
    header = list(flat[0]) if flat else []
    if format_ == "table":
        if flat:
            _output_table(flat, header)
        return
    delimiter = "," if format_ == "csv" else "\t"
    writer = csv.writer(sys.stdout, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(row.values() for row in flat)
    sys.stdout.flush()  # while whoever called can still say that this failed


def _output_table(flat: list[dict[str, Any]], header: list[str]) -> None:
    from tabulate import tabulate

    cells = [list(row.values()) for row in flat]
    click.echo(tabulate(cells, header, disable_numparse=True))


def say_on_stderr(text: str) -> None:
    """A line for people, where no progress is shown."""
    click.echo(text, err=True)


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Keep what C libraries print about odd files (libtiff does) off the screen.

    Python's own stderr goes on to where it went before.
    """
    try:
        is_real = sys.stderr.fileno() == NATIVE_STDERR
    except (OSError, ValueError, AttributeError):
        is_real = False
    if not is_real:
        yield
        return
    visible, before = os.dup(NATIVE_STDERR), sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stderr = os.fdopen(os.dup(visible), "w", encoding=before.encoding, buffering=1)
    os.dup2(nowhere, NATIVE_STDERR)
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = before
        os.dup2(visible, NATIVE_STDERR)
        os.close(visible)
        os.close(nowhere)


class ProgressBar:
    """A progress bar with rate and time left on stderr, and lines above it.

    On a terminal the bar moves; in a log file there is a line every ten seconds.
    """

    def __init__(self, unit: str = "pictures") -> None:
        self._unit = unit
        self._bar: Any = None
        self._live = sys.stderr.isatty()
        self._silence = native_stderr_silenced()

    def __enter__(self) -> "ProgressBar":
        self._silence.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()
        self._silence.__exit__(kind, error, traceback)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def begin(self, total: int | None) -> None:
        """So many are to be done, None where that is not known."""
        from tqdm import tqdm

        self._close()
        self._bar = tqdm(
            total=total,
            unit=f" {self._unit}",
            file=sys.stderr,
            dynamic_ncols=True,
            leave=False,
            mininterval=LIVE_INTERVAL_SECONDS if self._live else QUIET_INTERVAL_SECONDS,
            delay=0 if self._live else QUIET_INTERVAL_SECONDS,
        )

    def advance(self, count: int) -> None:
        """So many more are done; a bar that is full goes."""
        self._bar.update(count)
        if self._bar.total and self._bar.n >= self._bar.total:
            self._close()

    def say(self, text: str) -> None:
        """A line for people, above the bar."""
        if self._bar is not None and self._live:
            self._bar.write(text, file=sys.stderr)
        else:
            click.echo(text, err=True)


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else value
