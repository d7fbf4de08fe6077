"""Output rows to stdout, in the formats of sqlite-utils, and progress to stderr."""

import codecs
import csv
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from types import TracebackType
from typing import Any, TextIO, TypeVar

import click

from .options import stacked

F = TypeVar("F", bound=Callable[..., Any])
QUIET_INTERVAL_SECONDS = 10
LIVE_INTERVAL_SECONDS = 0.2
NATIVE_STDERR = 2


def output_options(function: F, default: str | None = "nl") -> F:
    """Add ``--nl``, ``--csv``, ``--tsv`` and ``-t/--table``, passed as ``format_``.

    :param default: None for a command that has to know whether a format was asked for
    """
    options = (
        click.option(
            "format_",
            "--nl",
            flag_value="nl",
            default=default,
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
    return stacked(function, options)


def output_rows(
    rows: Iterable[dict[str, Any]], format_: str, no_rows: str = "No results found."
) -> None:
    """Write rows to stdout; nested values become JSON in tables, CSV and TSV.

    :param no_rows: the message for stderr if there are no rows
    """
    rest = iter(rows)
    first = list(islice(rest, 1))
    rows = chain(first, rest)
    if not first:
        say_on_stderr(no_rows)
    if format_ == "nl":
        for row in rows:  # JSON is UTF-8, or else ASCII
            click.echo(json.dumps(row, ensure_ascii=not _is_unicode(sys.stdout)))
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
    sys.stdout.flush()  # here, where a failure can still be reported


def _output_table(flat: list[dict[str, Any]], header: list[str]) -> None:
    from tabulate import tabulate

    cells = [list(row.values()) for row in flat]
    click.echo(tabulate(cells, header, disable_numparse=True))


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().startswith("utf")


class _Replacement:
    """What is written for characters that an encoding does not have, as an error handler."""

    name = "llm_glam_replacement"

    def __init__(self) -> None:
        self.is_used = False
        codecs.register_error(self.name, self)

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        if (
            error.reason == "surrogates not allowed"
        ):  # which says which text is not valid
            raise error
        self.is_used = True
        return "?" * (error.end - error.start), error.end


@contextmanager
def any_text_printable() -> Iterator[None]:
    """Write ``?`` for characters that stdout cannot show, instead of failing, and say so.

    Windows uses an old encoding for what is piped into a file or a program.
    """
    stream: Any = sys.stdout
    if getattr(stream, "errors", None) != "strict" or not hasattr(
        stream, "reconfigure"
    ):
        yield
        return
    replacement = _Replacement()
    stream.reconfigure(errors=replacement.name)
    try:
        yield
    finally:
        stream.reconfigure(errors="strict")
        if replacement.is_used:
            say_on_stderr(
                f"Characters that the encoding {stream.encoding} does not have are shown as ?. To "
                "keep them, set the environment variable PYTHONUTF8 to 1."
            )


def say_on_stderr(text: str) -> None:
    """Print a message to stderr; while a progress bar is shown, use its ``say`` instead."""
    click.echo(text, err=True)


@contextmanager
def native_stderr_silenced() -> Iterator[None]:
    """Suppress what C libraries such as libtiff print to stderr about unusual files.

    Python's own stderr is not affected.
    """
    try:
        is_real = sys.stderr.fileno() == NATIVE_STDERR
    except (OSError, ValueError, AttributeError):
        is_real = False
    if not is_real:
        yield
        return
    original, before = os.dup(NATIVE_STDERR), sys.stderr
    devnull = os.open(os.devnull, os.O_WRONLY)
    sys.stderr = os.fdopen(
        os.dup(original), "w", 1, encoding=before.encoding, errors=before.errors
    )
    os.dup2(devnull, NATIVE_STDERR)
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = before
        os.dup2(original, NATIVE_STDERR)
        os.close(original)
        os.close(devnull)


class ProgressBar:
    """A progress bar on stderr with rate and remaining time, and messages above it.

    On a terminal the bar is updated in place; otherwise a line is written every ten seconds.
    """

    def __init__(self, unit: str = "pictures") -> None:
        self._unit = unit
        self._bar: Any = None
        self._live = sys.stderr.isatty()
        self._is_line_open = False
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
        self._end_line()
        self._silence.__exit__(kind, error, traceback)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def begin(self, total: int | None) -> None:
        """Start a new bar.

        :param total: the number of units, None if it is not known
        """
        from tqdm import tqdm

        self._close()
        self._end_line()
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
        """Advance the bar by ``count`` units, removing it when it is full."""
        self._bar.update(count)
        if self._bar.total and self._bar.n >= self._bar.total:
            self._close()

    def say(self, text: str) -> None:
        """Print a message above the bar."""
        self._end_line()
        if self._bar is not None and self._live:
            self._bar.write(text, file=sys.stderr)
        else:
            click.echo(text, err=True)

    def update(self, text: str) -> None:
        """Print a message in place of the last updated one; not on a terminal, print a line each.

        What does not fit into the width of the terminal is left out, from the last comma on.
        """
        if not self._live:
            self.say(text)
            return
        self._close()
        width = shutil.get_terminal_size().columns - 1  # the last column can wrap
        click.echo(f"\r{_fitted(text, width):<{width}}", err=True, nl=False)
        self._is_line_open = True

    def _end_line(self) -> None:
        if self._is_line_open:
            click.echo(err=True)
            self._is_line_open = False


def _fitted(text: str, width: int) -> str:
    while len(text) > width and ", " in text:
        text = text.rpartition(", ")[0]
    return text[:width]


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=not _is_unicode(sys.stdout))
    return "" if value is None else value
