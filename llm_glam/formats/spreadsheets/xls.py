"""Read the cells of a workbook in Excel's format before 2007 (XLS), as those of the newer one."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import xlrd
from openpyxl.styles.numbers import is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from ...errors import BadRecords
from . import shown
from .sheets import (
    MOST_SHEETS,
    UNCALCULATED,
    Cells,
    Merge,
    Sheet,
    in_order,
    too_large,
)

# Of the records that a file consists of. A formula's result has eight bytes, in which 0 is also
# what programs write that do not calculate; these ask Excel to do so in a flag.
BEGIN, END, FORMULA = 0x0809, 0x000A, 0x0006
ZERO = bytes(8)
TO_CALCULATE = 2
EXACT = 1e16  # from here on, not all whole numbers can be written


@dataclass(frozen=True)
class _Sheet(Sheet):
    book: xlrd.Book
    index: int

    def cells(self, merges: list[Merge]) -> Iterator[tuple[int, Cells]]:
        """Yield the cells of each row, with its number; at their end, add the merged ranges."""
        sheet = self.book.sheet_by_index(self.index)
        for row in range(sheet.nrows):
            kinds = sheet.row_types(row)
            yield row + 1, {
                column
                + 1: (
                    UNCALCULATED
                    if (row, column) in self._uncalculated
                    else self._value(sheet.cell(row, column))
                )
                for column, kind in enumerate(kinds)
                if kind not in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK)
            }
        for top, below, left, beside in sheet.merged_cells:
            merges.append((left + 1, top + 1, beside, below))

    @cached_property
    def _uncalculated(self) -> set[tuple[int, int]]:
        """The rows and columns, from 0, of formulas that have yet to be calculated."""
        found = set()
        position, depth = self.book._sh_abs_posn[self.index], 0
        while position + 4 <= len(self.book.mem):
            kind, size = struct.unpack_from("<HH", self.book.mem, position)
            data = self.book.mem[position + 4 : position + 4 + size]
            depth += (kind == BEGIN) - (kind == END)
            if depth <= 0:
                break
            if kind == FORMULA and depth == 1 and size >= 16:
                row, column, _, result, flags = struct.unpack("<3H8sH", data[:16])
                if flags & TO_CALCULATE and result == ZERO:
                    found.add((row, column))
            position += 4 + size
        return found

    def _value(self, cell: Any) -> Any:
        if cell.ctype == xlrd.XL_CELL_DATE:
            return self._date(cell)
        if cell.ctype == xlrd.XL_CELL_BOOLEAN:
            return bool(cell.value)
        if cell.ctype == xlrd.XL_CELL_ERROR:
            return xlrd.error_text_from_code.get(cell.value, "#N/A")
        if cell.ctype == xlrd.XL_CELL_NUMBER:
            is_whole = abs(cell.value) < EXACT and cell.value.is_integer()
            number = int(cell.value) if is_whole else cell.value
            return shown.by_format(number, self._format(cell))
        return cell.value or None

    def _format(self, cell: Any) -> str:
        style = self.book.xf_list[cell.xf_index]
        code: str = self.book.format_map[style.format_key].format_str
        return code

    def _date(self, cell: Any) -> Any:
        code = self._format(cell)
        is_duration = is_timedelta_format(code)
        epoch = MAC_EPOCH if self.book.datemode else WINDOWS_EPOCH
        try:
            value = from_excel(cell.value, epoch, timedelta=is_duration)
            return shown.by_format(value, code)
        except (OverflowError, ValueError):  # as openpyxl in the newer format
            return "#VALUE!"


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Sheet]]:
    """Open a workbook and return its sheets with cells, hidden ones last.

    :raises BadRecords: it is encrypted
    """
    try:
        book = xlrd.open_workbook(
            path,
            logfile=StringIO(),
            formatting_info=True,
            on_demand=True,
            ragged_rows=True,
        )
    except xlrd.XLRDError as error:
        if "encrypted" in str(error):
            raise BadRecords(
                f"{path} is encrypted. Open it in Excel or LibreOffice and save it without a password."
            ) from error
        raise
    with book:
        if book.nsheets > MOST_SHEETS:
            raise too_large(path, f"over {MOST_SHEETS:,} sheets")
        if len(set(book._sh_abs_posn)) < book.nsheets:
            raise ValueError("two sheets are at the same place of the file")
        sheets = [
            _Sheet(path, sheet.name, not sheet.visibility, book, index)
            for index, sheet in enumerate(book.sheets())
        ]
        yield in_order(path, sheets)
