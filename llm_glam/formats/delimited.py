"""Write CSV and TSV in which no cell is a formula."""

from collections.abc import Iterable, Iterator
from typing import Any

from . import formulas

BYTE_ORDER_MARK = "\ufeff"  # without which Excel misreads accents


def lines(
    headings: Iterable[str], rows: Iterable[Iterable[Any]], delimiter: str = ","
) -> Iterator[str]:
    """Yield the lines of a table.

    Cells with spaces around them are quoted too, since many programs drop these otherwise.
    """
    yield _line(headings, delimiter)
    for cells in rows:
        yield _line(cells, delimiter)


def _line(cells: Iterable[Any], delimiter: str) -> str:
    return delimiter.join(map(_quoted, cells)) + "\r\n"


def _quoted(cell: Any) -> str:
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    text = formulas.escape(cell)
    if text != text.strip() or any(mark in text for mark in '",;\t\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
