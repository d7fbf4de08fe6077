"""Sheets of workbooks: the cells that have values, with merged ranges filled, within limits."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

from ...errors import BadRecords

UNCALCULATED = object()  # the value of a formula that no program has calculated
MOST_CELLS = 10_000_000  # with values, of a sheet, and after merged ranges are filled
MOST_BYTES = 2**29  # of a part of a workbook, unpacked
MOST_BYTES_AT_ONCE = 2**25  # of a part that is read as a whole, such as the styles
MOST_TAGS = 1_000_000  # of XML between two rows
MOST_SHEETS = 1000

# Entities make a small file a large one, past all limits. They are defined before the first element,
# and found by their bytes, for which the encoding has to be one in which ASCII is ASCII.
ENTITIES = re.compile(rb"<!(DOCTYPE|ENTITY)")
DECLARED = re.compile(rb"""^[^>]*\bencoding\s*=\s*["']([^"']*)""")
ENCODINGS = re.compile(rb"utf-?8|(us-)?ascii|iso-8859-\d+|windows-125\d", re.I)

Cells = dict[int, Any]  # of a row, by the number of the column, from 1
Merge = tuple[int, int, int, int]  # first column and row, last column and row


@dataclass(frozen=True)
class Sheet(ABC):
    """A sheet of the workbook at ``path``, whose cells are read when needed."""

    path: Path
    name: str
    is_visible: bool

    @abstractmethod
    def cells(self, merges: list[Merge]) -> Iterator[tuple[int, Cells]]:
        """Yield the cells of each row, with its number; at their end, add the merged ranges."""

    def rows(self) -> Iterator[tuple[int, Cells]]:
        """Yield the rows that are not blank with their numbers, as they are in the file."""
        yield from self._rows([])

    def read(self, first: int = 1) -> list[tuple[int, Cells]]:
        """Return the rows that are not blank with their numbers, beginning with the heading.

        Below the heading, each cell of a merged range has the range's value.

        :param first: the number of the heading's row, or less
        :raises BadRecords: the value of a formula is not in the file, or there are too many cells
        """
        merges: list[Merge] = []
        rows = [row for row in self._rows(merges) if row[0] >= first]
        self._check_calculated(rows)
        heading = rows[0][0] if rows else 0
        below = sorted((m for m in merges if m[1] > heading), key=lambda m: m[1])
        self._fill(rows, below)
        return rows

    def _rows(self, merges: list[Merge]) -> Iterator[tuple[int, Cells]]:
        """Yield the rows; at their end, ``merges`` has the merged ranges."""
        count = 0
        for number, row in self.cells(merges):
            cells = {column: v for column, v in row.items() if v is not None}
            count += len(cells)
            self._check_count(count)
            if any(str(value).strip() for value in cells.values()):
                yield number, cells

    def _check_count(self, count: int) -> None:
        if count > MOST_CELLS:
            what = f"over {MOST_CELLS:,} cells with values in the sheet '{self.name}'"
            raise too_large(self.path, what)

    def _check_calculated(self, rows: Sequence[tuple[int, Cells]]) -> None:
        missing = [
            f"{column_letters(column)}{number}"
            for number, cells in rows
            for column, value in cells.items()
            if value is UNCALCULATED
        ]
        if missing:
            count = f"{len(missing):,} formulas" if len(missing) > 1 else "a formula"
            raise BadRecords(
                f"{self.path} has {count} without a value in the sheet '{self.name}' (see cell "
                f"{missing[0]}). Open it in Excel or LibreOffice, save it there, and repeat the "
                "command."
            )

    def _fill(self, rows: Sequence[tuple[int, Cells]], merges: Sequence[Merge]) -> None:
        """Give the empty cells of merged ranges the value of the range's first cell.

        Ranges are in the order of their first rows. A cell takes part in the last that begins
        above it.
        """
        widest = max((max(cells) for _, cells in rows), default=0)
        current: dict[int, tuple[int, Any]] = {}  # by column: last row, and value
        begun = count = 0
        for number, cells in rows:
            while begun < len(merges) and merges[begun][1] <= number:
                left, top, right, bottom = merges[begun]
                value = cells.get(left) if top == number else None
                for column in range(left, min(right, widest) + 1):
                    current[column] = bottom, value
                count += max(0, min(right, widest) + 1 - left)
                begun += 1
                self._check_count(count)
            count += len(current)
            self._check_count(count)
            for column, (bottom, value) in list(current.items()):
                if number > bottom:
                    del current[column]
                elif value is not None:
                    cells.setdefault(column, value)


class Archive(ZipFile):
    """A workbook's archive, of which no part is read that is too large.

    :raises BadRecords: when such a part is opened, or one that has entities
    """

    def __init__(self, path: Path) -> None:
        """Open the archive at a path."""
        super().__init__(path)
        self.path = path
        self.opened: dict[str, int] = {}

    def open(self, name: Any, *args: Any, **options: Any) -> Any:
        """Open a part, if the size it claims is allowed; no more than that can be read."""
        info = self.getinfo(getattr(name, "filename", name))
        self.opened[info.filename] = info.file_size
        if sum(self.opened.values()) > MOST_BYTES:
            raise too_large(self.path, f"over {MOST_BYTES // 2**20} MB unpacked")
        if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadRecords(
                f"{self.path} is compressed in a way that no spreadsheet program writes. Open it in "
                "Excel or LibreOffice and save it there."
            )
        return super().open(name, *args, **options)

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        """Return a part that is no sheet, if it is small enough to be read at once."""
        with self.open(name) as source:
            data = XmlPart(source, self.path).read(MOST_BYTES_AT_ONCE + 1)
        if len(data) > MOST_BYTES_AT_ONCE:
            raise too_large(
                self.path, f"{name} is over {MOST_BYTES_AT_ONCE // 2**20} MB"
            )
        return data


@dataclass
class XmlPart:
    """A part of an archive that is parsed as it is read.

    Elements that the parser has not finished with stay in memory, so that their number is
    limited: call :meth:`finished` after each row.
    """

    source: IO[bytes]
    path: Path
    tags: int = 0
    is_begun: bool = False
    last: bytes = field(default=b"", repr=False)

    def read(self, size: int = -1) -> bytes:
        """Return further bytes.

        :raises BadRecords: there are too many elements in a row, or entities
        """
        data = self.source.read(size)
        if not self.is_begun:
            self._check(data)
        self.tags += data.count(b"<")
        if self.tags > MOST_TAGS:
            raise too_large(self.path, f"over {MOST_TAGS:,} XML tags for one row")
        return data

    def finished(self) -> None:
        """Count anew: the elements so far have been dropped."""
        self.tags = 0
        self.is_begun = True

    def _check(self, data: bytes) -> None:
        declared = DECLARED.match(data) if not self.last else None
        is_known = declared is None or ENCODINGS.fullmatch(declared[1])
        if not is_known or ENTITIES.search(self.last + data) or b"\0" in data:
            raise BadRecords(
                f"{self.path} contains XML that no spreadsheet program writes. Open it in Excel or "
                "LibreOffice and save it there."
            )
        self.last = (self.last + data)[-10:]


def too_large(path: Path, what: str) -> BadRecords:
    """Return the error for a workbook that would take too much memory."""
    return BadRecords(
        f"{path} is too large to be read ({what}). Copy the rows into a new spreadsheet, or divide "
        "them into several files."
    )


def column_letters(column: int) -> str:
    """Return the letters of a column by its number, from 1: A, …, Z, AA, …"""
    letters = ""
    while column:
        column, digit = divmod(column - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters


def in_order(path: Path, sheets: Sequence[Sheet]) -> list[Sheet]:
    """Return sheets with the hidden ones last.

    :raises BadRecords: there are too many
    """
    if len(sheets) > MOST_SHEETS:
        raise too_large(path, f"over {MOST_SHEETS:,} sheets")
    return sorted(sheets, key=lambda sheet: not sheet.is_visible)
