"""Write tables to an Excel workbook, in which no cell is ever a formula."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from ..errors import BadRecords
from .atomic import replacing

LONGEST_CELL = 32_767  # Excel's limit
NARROWEST, WIDEST = 8, 60  # of columns, in characters

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]  # headings and rows


def write(path: Path, sheets: Mapping[str, Table]) -> None:
    """Write a workbook with these sheets, replacing the file.

    Text stays text, even if it begins with ``=``; what Excel cannot store is left out of it.

    :raises BadRecords: the file cannot be written
    """
    book = Workbook(write_only=True)
    for name, (headings, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for column, heading in enumerate(headings, 1):
            width = min(max(len(heading) + 4, NARROWEST), WIDEST)
            sheet.column_dimensions[get_column_letter(column)].width = width
        sheet.append([_cell(sheet, heading, is_bold=True) for heading in headings])
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    try:
        with replacing(path) as beside:
            book.save(beside)
    except OSError as error:
        raise BadRecords(
            f"{path} cannot be written ({error.strerror or error}); close it in other programs, or "
            "choose another name."
        ) from error


def _cell(sheet: Any, value: Any, *, is_bold: bool = False) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet)
    if isinstance(value, str):
        cell.value = ILLEGAL_CHARACTERS_RE.sub("", value)[:LONGEST_CELL]
        cell.data_type = "s"  # openpyxl takes text that begins with = for a formula
    else:
        cell.value = value
    if is_bold:
        cell.font = Font(bold=True)
    return cell
