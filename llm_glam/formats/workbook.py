"""Read the cells of an Excel workbook that have values, wherever its sheets claim to end."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser

from ..errors import BadRecords

# Programs that write formulas without calculating them ask Excel to do so. openpyxl takes this for
# the default, so that it has to be looked up in the file.
TO_CALCULATE = re.compile(rb"""fullCalcOnLoad\s*=\s*["'](1|true)["']""")
STRICT = b"http://purl.oclc.org/ooxml/"
INLINE = ("inlineStr", "str")  # text whose marks for escapes openpyxl leaves in
UNCALCULATED = object()  # the value of a formula that no program has calculated

Cells = dict[int, Any]  # of a row, by the number of the column, from 1
Merge = tuple[int, int, int, int]  # first column and row, last column and row


class _Parser(WorkSheetParser):
    """openpyxl's parser, which also tells formulas without a value from empty cells."""

    is_to_calculate = False

    def parse_cell(self, element: Any) -> dict[str, Any]:
        """Return a cell; a formula whose value is not in the file has :data:`UNCALCULATED`."""
        cell: dict[str, Any] = super().parse_cell(element)
        if element.get("t") in INLINE and isinstance(cell["value"], str):
            cell["value"] = cell["value"].replace("x005F_", "")
        if element.find(FORMULA_TAG) is not None and self._is_missing(element, cell):
            cell["value"] = UNCALCULATED
        return cell

    def _is_missing(self, element: Any, cell: dict[str, Any]) -> bool:
        """Return whether the value is missing, for which XlsxWriter puts 0.

        The empty text, which is the value of ``=""``, is not missing.
        """
        if cell["value"] is None:
            return element.get("t") != "str" or element.find(VALUE_TAG) is None
        is_number = element.get("t", "n") == "n"
        return self.is_to_calculate and is_number and element.findtext(VALUE_TAG) == "0"

    def parse_extensions(self, element: Any) -> None:
        """Ignore extensions, about which openpyxl would warn."""

    def parse_formatting(self, element: Any) -> None:
        """Ignore conditional formats, about which openpyxl would warn if they are damaged."""


@dataclass(frozen=True)
class Sheet:
    """A sheet with cells, which are read when needed."""

    name: str
    is_visible: bool
    book: ExcelReader
    part: str

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Yield the rows that are not blank with their numbers, as they are in the file."""
        yield from self._rows([])

    def read(self) -> list[tuple[int, Cells]]:
        """Return the rows that are not blank with their numbers, beginning with the heading.

        Below the heading, each cell of a merged range has the range's value.

        :raises BadRecords: the value of a formula is not in the file
        """
        merges: list[Merge] = []
        rows = list(self._rows(merges))
        self._check_calculated(rows)
        heading = rows[0][0] if rows else 0
        _fill(rows, sorted((m for m in merges if m[1] > heading), key=lambda m: m[1]))
        return rows

    def _check_calculated(self, rows: Sequence[tuple[int, Cells]]) -> None:
        missing = [
            f"{get_column_letter(column)}{number}"
            for number, cells in rows
            for column, value in cells.items()
            if value is UNCALCULATED
        ]
        if missing:
            count = f"{len(missing):,} formulas" if len(missing) > 1 else "a formula"
            raise BadRecords(
                f"{self.book.archive.filename} has {count} without a value in the sheet "
                f"'{self.name}' (see cell {missing[0]}). Open it in Excel or LibreOffice, save it "
                "there, and repeat the command."
            )

    def _rows(self, merges: list[Merge]) -> Iterator[tuple[int, Cells]]:
        """Yield the rows; at their end, ``merges`` has the merged ranges."""
        wb = self.book.wb
        with self.book.archive.open(self.part) as source:
            parser = _Parser(
                source,
                self.book.shared_strings,
                data_only=True,
                epoch=wb.epoch,
                date_formats=wb._date_formats,
                timedelta_formats=wb._timedelta_formats,
            )
            parser.is_to_calculate = bool(TO_CALCULATE.search(_definition(self.book)))
            for number, row in parser.parse():
                cells = {c["column"]: c["value"] for c in row if c["value"] is not None}
                if any(str(value).strip() for value in cells.values()):
                    yield number, cells
            merged = parser.merged_cells.mergeCell if parser.merged_cells else ()
            merges += [range_boundaries(one.ref) for one in merged]


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Sheet]]:
    """Open a workbook and return its sheets with cells, hidden ones last.

    :raises BadZipFile, KeyError: it is not a workbook
    :raises BadRecords: it is in the strict variant of the format, which openpyxl finds empty
    """
    book = ExcelReader(path, read_only=True, data_only=True, keep_links=False)
    with book.archive:
        book.read_manifest()
        book.read_strings()
        book.read_workbook()
        if STRICT in _definition(book):
            raise BadRecords(
                f"{path} is a 'Strict Open XML' workbook, which cannot be read. In Excel, save it as "
                "an ordinary 'Excel Workbook', or as 'CSV UTF-8'."
            )
        apply_stylesheet(book.archive, book.wb)
        sheets = [
            Sheet(sheet.name, sheet.state == "visible", book, part.target)
            for sheet, part in book.parser.find_sheets()
            if part.target in book.valid_files and part.Type.endswith("/worksheet")
        ]
        yield sorted(sheets, key=lambda sheet: not sheet.is_visible)


def _definition(book: ExcelReader) -> bytes:
    """Return the part of a workbook that lists its sheets."""
    part: bytes = book.archive.read(book.parser.workbook_part_name)
    return part


def _fill(rows: Sequence[tuple[int, Cells]], merges: Sequence[Merge]) -> None:
    """Give the empty cells of merged ranges the value of the range's first cell.

    Ranges are in the order of their first rows. A cell takes part in the last that begins above it.
    """
    widest = max((max(cells) for _, cells in rows), default=0)
    current: dict[int, tuple[int, Any]] = {}  # by column: the last row, and the value
    begun = 0
    for number, cells in rows:
        while begun < len(merges) and merges[begun][1] <= number:
            left, top, right, bottom = merges[begun]
            value = cells.get(left) if top == number else None
            for column in range(left, min(right, widest) + 1):
                current[column] = bottom, value
            begun += 1
        for column, (bottom, value) in current.items():
            if value is not None and number <= bottom:
                cells.setdefault(column, value)
