"""Read the cells of an Excel workbook that have values, wherever its sheets claim to end."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.worksheet._reader import WorkSheetParser

Cells = dict[int, Any]  # of a row, by the number of the column, from 1


class _Parser(WorkSheetParser):
    """openpyxl's parser, without its warnings about what is no cell."""

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
        """Yield the rows that are not blank, with their numbers."""
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
            for number, row in parser.parse():
                cells = {c["column"]: c["value"] for c in row if c["value"] is not None}
                if any(str(value).strip() for value in cells.values()):
                    yield number, cells


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Sheet]]:
    """Open a workbook and return its sheets with cells, hidden ones last.

    :raises BadZipFile, KeyError: it is not a workbook
    """
    book = ExcelReader(path, read_only=True, data_only=True, keep_links=False)
    with book.archive:
        book.read_manifest()
        book.read_strings()
        book.read_workbook()
        apply_stylesheet(book.archive, book.wb)
        sheets = [
            Sheet(sheet.name, sheet.state == "visible", book, part.target)
            for sheet, part in book.parser.find_sheets()
            if part.target in book.valid_files and part.Type.endswith("/worksheet")
        ]
        yield sorted(sheets, key=lambda sheet: not sheet.is_visible)
