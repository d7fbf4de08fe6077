"""Read the cells of an Excel workbook that have values, wherever its sheets claim to end."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import iterparse

from openpyxl.cell.text import Text
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import range_boundaries
from openpyxl.worksheet._reader import FORMULA_TAG, VALUE_TAG, WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from ...errors import BadRecords
from . import shown
from .sheets import (
    UNCALCULATED,
    Archive,
    Cells,
    Merge,
    Sheet,
    XmlPart,
    in_order,
    too_large,
)

# Programs that write formulas without calculating them ask Excel to do so. openpyxl takes this for
# the default, so that it has to be looked up in the file.
TO_CALCULATE = re.compile(rb"""fullCalcOnLoad\s*=\s*["'](1|true)["']""")
STRICT = b"http://purl.oclc.org/ooxml/"
INLINE = ("inlineStr", "str")  # text whose marks for escapes openpyxl leaves in
MOST_ROWS = 1_048_576  # as in Excel
STRING = f"{{{SHEET_MAIN_NS}}}si"


class _Parser(WorkSheetParser):
    """openpyxl's parser, which also tells formulas without a value from empty cells."""

    is_to_calculate = False
    book: Any = None

    def parse_cell(self, element: Any) -> dict[str, Any]:
        """Return a cell; a formula whose value is not in the file has :data:`UNCALCULATED`."""
        cell: dict[str, Any] = super().parse_cell(element)
        if element.get("t") in INLINE and isinstance(cell["value"], str):
            cell["value"] = cell["value"].replace("x005F_", "")
        if element.find(FORMULA_TAG) is not None and self._is_missing(element, cell):
            cell["value"] = UNCALCULATED
        elif cell["style_id"] and cell["data_type"] in "nd":
            code = _format(self.book, cell["style_id"])
            cell["value"] = shown.by_format(cell["value"], code)
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
class _Sheet(Sheet):
    book: ExcelReader
    part: str

    def cells(self, merges: list[Merge]) -> Iterator[tuple[int, Cells]]:
        """Yield the cells of each row, with its number; at their end, add the merged ranges."""
        wb = self.book.wb
        with self.book.archive.open(self.part) as source:
            xml = XmlPart(source, self.path)
            parser = _Parser(
                xml,
                self.book.shared_strings,
                data_only=True,
                epoch=wb.epoch,
                date_formats=wb._date_formats,
                timedelta_formats=wb._timedelta_formats,
            )
            parser.book = wb
            parser.is_to_calculate = bool(TO_CALCULATE.search(_definition(self.book)))
            for count, (number, row) in enumerate(parser.parse(), 1):
                if count > MOST_ROWS:  # openpyxl keeps an element for each
                    raise too_large(self.path, f"over {MOST_ROWS:,} rows")
                xml.finished()
                yield number, {cell["column"]: cell["value"] for cell in row}
            merged = parser.merged_cells.mergeCell if parser.merged_cells else ()
            merges += [range_boundaries(one.ref) for one in merged]


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Sheet]]:
    """Open a workbook and return its sheets with cells, hidden ones last.

    :raises BadZipFile, KeyError: it is not a workbook
    :raises BadRecords: it is in the strict variant of the format, which openpyxl finds empty
    """
    book = ExcelReader(path, read_only=True, data_only=True, keep_links=False)
    book.archive.close()
    book.archive = Archive(path)
    with book.archive:
        book.read_manifest()
        book.shared_strings = _strings(book, path)
        book.read_workbook()
        if STRICT in _definition(book):
            raise BadRecords(
                f"{path} is a 'Strict Open XML' workbook, which cannot be read. In Excel, save it as "
                "an ordinary 'Excel Workbook', or as 'CSV UTF-8'."
            )
        apply_stylesheet(book.archive, book.wb)
        found = [
            _Sheet(path, sheet.name, sheet.state == "visible", book, part.target)
            for sheet, part in book.parser.find_sheets()
            if part.target in book.valid_files and part.Type.endswith("/worksheet")
        ]
        first = {sheet.part: sheet for sheet in reversed(found)}  # read each part once
        in_order(path, found)
        yield in_order(path, [sheet for sheet in found if first[sheet.part] is sheet])


def _format(book: Any, style: int) -> str:
    """Return the number format of a style, which is looked up only where it is used."""
    if not 0 <= style < len(book._cell_styles):
        return ""
    code = book._cell_styles[style].numFmtId
    own = code - BUILTIN_FORMATS_MAX_SIZE
    if 0 <= own < len(book._number_formats):
        return str(book._number_formats[own])
    return str(BUILTIN_FORMATS.get(code, ""))


def _definition(book: ExcelReader) -> bytes:
    """Return the part of a workbook that lists its sheets."""
    part: bytes = book.archive.read(book.parser.workbook_part_name)
    return part


def _strings(book: ExcelReader, path: Path) -> list[str]:
    """Return the texts that cells refer to.

    openpyxl would keep an element for each of them until the last has been read.
    """
    strings: list[str] = []
    part = book.package.find(SHARED_STRINGS)
    if part is None:
        return strings
    with book.archive.open(part.PartName[1:]) as source:
        xml = XmlPart(source, path)
        events = iterparse(xml, ("start", "end"))
        _, root = next(events)
        for event, element in events:
            if event == "end" and element.tag == STRING:
                text = Text.from_tree(element).content.replace("x005F_", "")
                strings.append(text)
                root.clear()
                xml.finished()
    return strings
