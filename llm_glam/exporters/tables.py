"""Write records as a table: an Excel workbook, CSV, TSV, JSON lines or parquet."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import CannotExport
from ..formats import delimited
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
    rows = (
        (row["id"], [column.cell(row) for column in selection.columns])
        for row in selection.rows()
    )
    remarks = write_sheet(path, selection.headings, rows, len(selection.ids))
    return Outcome(len(selection.ids), remarks)


def write_sheet(
    path: Path,
    headings: Sequence[str],
    rows: Iterable[tuple[str, Sequence[Any]]],
    count: int,
) -> list[str]:
    """Write a workbook with one sheet, and return remarks for people on what was cut.

    :param rows: the id of each picture, and its cells
    :param count: how many rows there are
    :raises CannotExport: there are more rows or columns than a sheet can have
    """
    width = len(headings)
    if count > MOST_ROWS or width > MOST_COLUMNS:
        raise CannotExport(
            f"An Excel sheet has room for {MOST_ROWS:,} rows and {MOST_COLUMNS:,} columns; these "
            f"are {count:,} and {width:,}. Write CSV or parquet instead, or fewer pictures."
        )
    cut: list[str] = []
    writer.write(path, {"records": (headings, _sheet_rows(rows, cut))})
    if not cut:
        return []
    return [
        f"Cut {counted(len(cut), 'cell')} after {LONGEST_CELL:,} characters, the most that Excel "
        f"stores (the first is of {cut[0]}); CSV has all of them."
    ]


def _sheet_rows(
    rows: Iterable[tuple[str, Sequence[Any]]], cut: list[str]
) -> Iterator[list[Any]]:
    for item_id, cells in rows:
        cut += [item_id for cell in cells if len(str(cell)) > LONGEST_CELL]
        yield [for_excel(cell) for cell in cells]


def for_excel(cell: Any) -> Any:
    """Return a cell as Excel keeps it: a number of more digits than it has as text."""
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
    """Write a file of delimited text in which no cell is a formula."""
    with replacing(path) as work, work.open("w", encoding=encoding, newline="") as file:
        file.writelines(delimited.lines(headings, rows, delimiter))


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
