"""Write records as a table: an Excel workbook, CSV, TSV, JSON lines or parquet."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import CannotExport
from ..formats import formulas
from ..formats.atomic import replacing
from ..formats.spreadsheets import writer
from ..formats.spreadsheets.writer import LONGEST_CELL
from . import parquet
from .columns import Kind
from .selection import Outcome, Selection, counted

MOST_ROWS, MOST_COLUMNS = 1_048_575, 16_384  # of a sheet, the headings aside
LARGEST = 10**15  # Excel keeps 15 digits of a number
ROWS_IN_GROUP = 5_000


def write_xlsx(path: Path, selection: Selection) -> Outcome:
    """Write a workbook; what Excel cannot store is cut, which a remark says.

    :raises CannotExport: there are more rows or columns than a sheet can have
    """
    count, width = len(selection.ids), len(selection.columns)
    if count > MOST_ROWS or width > MOST_COLUMNS:
        raise CannotExport(
            f"An Excel sheet has room for {MOST_ROWS:,} rows and {MOST_COLUMNS:,} columns; these "
            f"are {count:,} and {width:,}. Write CSV or parquet instead, or fewer pictures."
        )
    cut: list[str] = []
    rows = _sheet_rows(selection, cut)
    writer.write(path, {"records": (selection.headings, rows)})
    if not cut:
        return Outcome(count)
    remark = (
        f"Cut {counted(len(cut), 'cell')} after {LONGEST_CELL:,} characters, the most that Excel "
        f"stores (the first is of {cut[0]}); CSV has all of them."
    )
    return Outcome(count, [remark])


def _sheet_rows(selection: Selection, cut: list[str]) -> Iterator[list[Any]]:
    for row in selection.rows():
        cells = [column.cell(row) for column in selection.columns]
        cut += [row["id"] for cell in cells if len(str(cell)) > LONGEST_CELL]
        yield [_for_excel(cell) for cell in cells]


def _for_excel(cell: Any) -> Any:
    is_long = isinstance(cell, int) and abs(cell) >= LARGEST
    return str(cell) if is_long else cell


def write_csv(path: Path, selection: Selection) -> Outcome:
    """Write CSV in UTF-8 with a byte order mark, without which Excel misreads accents."""
    cells = (
        [column.cell(row) for column in selection.columns] for row in selection.rows()
    )
    write_cells(path, selection.headings, cells, encoding="utf-8-sig")
    return Outcome(len(selection.ids))


def write_tsv(path: Path, selection: Selection) -> Outcome:
    """Write TSV in UTF-8."""
    cells = (
        [column.cell(row) for column in selection.columns] for row in selection.rows()
    )
    write_cells(path, selection.headings, cells, delimiter="\t")
    return Outcome(len(selection.ids))


def write_cells(
    path: Path,
    headings: Iterable[str],
    rows: Iterable[Iterable[Any]],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> None:
    """Write delimited text in which no cell is a formula.

    Cells with spaces around them are quoted too, since many programs drop these otherwise.
    """
    with replacing(path) as work, work.open("w", encoding=encoding, newline="") as file:
        file.write(_line(headings, delimiter))
        file.writelines(_line(cells, delimiter) for cells in rows)


def _line(cells: Iterable[Any], delimiter: str) -> str:
    return delimiter.join(map(_quoted, cells)) + "\r\n"


def _quoted(cell: Any) -> str:
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    text = formulas.escape(cell)
    if text != text.strip() or any(mark in text for mark in '",;\t\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def write_jsonl(path: Path, selection: Selection) -> Outcome:
    """Write an object per line; lists and objects stay what they are."""
    with replacing(path) as work, work.open("w", encoding="utf-8", newline="") as file:
        for row in selection.rows():
            values = {column.heading: column.value(row) for column in selection.columns}
            file.write(json.dumps(values, ensure_ascii=False) + "\n")
    return Outcome(len(selection.ids))


def write_parquet(path: Path, selection: Selection) -> Outcome:
    """Write parquet; values that are objects or mixed lists are JSON.

    :raises CannotExport: pyarrow is not installed
    """
    pyarrow = parquet.pyarrow()
    types = {
        Kind.WHOLE: pyarrow.int64(),
        Kind.NUMBER: pyarrow.float64(),
        Kind.LIST: pyarrow.list_(pyarrow.string()),
    }
    schema = pyarrow.schema(
        [(c.heading, types.get(c.kind, pyarrow.string())) for c in selection.columns]
    )
    rows = (
        [
            row[c.name] if c.kind is Kind.JSON else c.value(row)
            for c in selection.columns
        ]
        for row in selection.rows()
    )
    parquet.write(path, schema, rows, ROWS_IN_GROUP)
    return Outcome(len(selection.ids))
