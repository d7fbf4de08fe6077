"""Read the cells of an OpenDocument spreadsheet (ODS), as LibreOffice and Google write it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, iterparse
from zipfile import BadZipFile

from ...errors import BadRecords
from . import shown
from .sheets import (
    MOST_CELLS,
    UNCALCULATED,
    Archive,
    Cells,
    Merge,
    Sheet,
    XmlPart,
    in_order,
    too_large,
)

CONTENT = "content.xml"
MANIFEST = "META-INF/manifest.xml"
SPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
    "style": "urn:oasis:names:tc:opendocument:xmlns:style:1.0",
    "calcext": "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0",
}


def _tag(name: str) -> str:
    """Return a name such as table:table in the form that ElementTree has."""
    prefix, local = name.split(":")
    return f"{{{SPACES[prefix]}}}{local}"


BOOK, TABLE, ROW = map(_tag, ("office:spreadsheet", "table:table", "table:table-row"))
CELL, COVERED = _tag("table:table-cell"), _tag("table:covered-table-cell")
ROW_GROUPS = {
    _tag(f"table:table-{name}") for name in ("row-group", "header-rows", "rows")
}
VALUE_TYPE, SHOWN_TYPE = _tag("office:value-type"), _tag("calcext:value-type")
HAS_FORMULA = _tag("table:formula")
PARAGRAPH = _tag("text:p")
SPACE, TAB, BREAK = map(_tag, ("text:s", "text:tab", "text:line-break"))
ANNOTATION = _tag("office:annotation")
STYLE, TABLE_STYLE = _tag("style:style"), _tag("style:table-properties")

WHITE = re.compile(r"[ \t\r\n]+")
DURATION = re.compile(r"(-?)PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?")
DAY = timedelta(days=1)
MOST_SPACES = 100  # one after the other


@dataclass(frozen=True)
class _Sheet(Sheet):
    """A sheet; ``found`` has the number, the repetitions and the cells of rows with values."""

    found: list[tuple[int, int, Cells]] = field(default_factory=list)
    merged: list[Merge] = field(default_factory=list)

    def cells(self, merges: list[Merge]) -> Iterator[tuple[int, Cells]]:
        """Yield the cells of each row, with its number; at their end, add the merged ranges."""
        for number, repeated, cells in self.found:
            for again in range(repeated):
                yield number + again, cells
        merges += self.merged


@dataclass
class _Reader:
    """The sheets that have been read, and where in the last one the next row is."""

    path: Path
    sheets: list[_Sheet] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    number: int = 1
    count: int = 0

    def add_style(self, element: Element) -> None:
        """Note the styles of sheets that are hidden."""
        for properties in element.findall(TABLE_STYLE):
            if properties.get(_tag("table:display")) == "false":
                self.hidden.add(element.get(_tag("style:name"), ""))

    def begin(self, table: Element) -> None:
        """Begin a sheet."""
        is_visible = table.get(_tag("table:style-name")) not in self.hidden
        name = table.get(_tag("table:name"), "")
        self.sheets.append(_Sheet(self.path, name, is_visible))
        in_order(self.path, self.sheets)
        self.number = 1

    def add(self, row: Element) -> None:
        """Add a row to the sheet."""
        repeated = _count(row, "table:number-rows-repeated")
        if cells := self._cells(row):
            self._check_count((repeated - 1) * len(cells))
            self.sheets[-1].found.append((self.number, repeated, cells))
        self.number += repeated

    def _cells(self, row: Element) -> Cells:
        """Return the cells of a row that have values, and note merged ranges that begin in it."""
        cells: Cells = {}
        column = 1
        for element in row:
            if element.tag not in (CELL, COVERED):
                continue
            repeated = _count(element, "table:number-columns-repeated")
            value = _value(element)
            if value is not None:
                self._check_count(repeated)
                cells.update((column + again, value) for again in range(repeated))
                right = column + _count(element, "table:number-columns-spanned") - 1
                below = self.number + _count(element, "table:number-rows-spanned") - 1
                if (right, below) != (column, self.number):
                    merge = column, self.number, right, below
                    self.sheets[-1].merged.append(merge)
            column += repeated
        return cells

    def _check_count(self, more: int) -> None:
        self.count += more
        if self.count > MOST_CELLS:
            raise too_large(self.path, f"over {MOST_CELLS:,} cells with values")


@contextmanager
def opened(path: Path) -> Iterator[Sequence[Sheet]]:
    """Read a spreadsheet and return its sheets, hidden ones last.

    :raises BadZipFile, KeyError: it is not a spreadsheet of this format
    :raises BadRecords: it is encrypted, or too large
    """
    with Archive(path) as archive:
        is_listed = MANIFEST in archive.namelist()
        if is_listed and b"encryption-data" in archive.read(MANIFEST):
            raise BadRecords(
                f"{path} is encrypted. Open it in LibreOffice and save it without a password."
            )
        sheets = _sheets(archive, path)
    if not sheets:
        raise BadZipFile("It has no sheets.")
    yield in_order(path, sheets)


def _sheets(archive: Archive, path: Path) -> list[_Sheet]:
    """Return all sheets; they are in one part of the archive, which is read once."""
    reader = _Reader(path)
    for event, element, stack in _parsed(archive, path):
        if event == "start" and element.tag == TABLE and stack[-1].tag == BOOK:
            reader.begin(element)
        elif event == "end" and element.tag == STYLE:
            reader.add_style(element)
        elif event == "end" and element.tag == ROW and _is_in_sheet(stack):
            reader.add(element)
    return reader.sheets


def _is_in_sheet(stack: Sequence[Element]) -> bool:
    """Return whether a row within these elements is that of a sheet, not of a table in a cell."""
    outer = [element.tag for element in stack if element.tag not in ROW_GROUPS]
    return outer[-2:] == [BOOK, TABLE]


def _parsed(
    archive: Archive, path: Path
) -> Iterator[tuple[str, Element, Sequence[Element]]]:
    """Yield the beginning and end of each element, with those it is in; drop rows after that."""
    with archive.open(CONTENT) as source:
        xml = XmlPart(source, path)
        stack: list[Element] = []
        for event, element in iterparse(xml, ("start", "end")):
            if event == "end":
                stack.pop()
            yield event, element, stack
            if event == "start":
                stack.append(element)
            elif element.tag == ROW:
                stack[-1].clear()
                xml.finished()


def _count(element: Element, name: str) -> int:
    return max(1, int(element.get(_tag(name), "1")))


def _value(cell: Element) -> Any:
    """Return the value of a cell as that of an XLSX file would be; None if it is empty."""
    paragraphs = cell.findall(PARAGRAPH)
    attribute, reader = READERS.get(cell.get(VALUE_TYPE, ""), ("", None))
    written = cell.get(_tag(attribute)) if attribute else None
    if written is not None and reader and cell.get(SHOWN_TYPE) != "error":
        try:
            return shown.by_text(reader(written), "\n".join(map(_text, paragraphs)))
        except ValueError:
            pass  # a date before the year 1, for example, as it is shown
    if written is None and not paragraphs and cell.get(HAS_FORMULA) is not None:
        return UNCALCULATED
    return "\n".join(map(_text, paragraphs)) or None


def _text(paragraph: Element) -> str:
    """Return the text of a paragraph, in which spaces are elements or count as one."""
    return "".join(_parts(paragraph)).strip(" ").replace("\0", " ")


def _parts(element: Element) -> Iterator[str]:
    """Yield the pieces of text; NUL, which XML cannot contain, stands for a space to keep."""
    yield WHITE.sub(" ", element.text or "")
    for child in element:
        if child.tag == SPACE:
            yield "\0" * min(_count(child, "text:c"), MOST_SPACES)
        elif child.tag in (TAB, BREAK):
            yield "\t" if child.tag == TAB else "\n"
        elif child.tag != ANNOTATION:
            yield from _parts(child)
        yield WHITE.sub(" ", child.tail or "")


def _number(text: str) -> int | float:
    return float(text) if re.search(r"[.eE]", text) else int(text)


def _duration(text: str) -> time | timedelta:
    """Return a duration; less than a day is a time of the day."""
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError
    sign, hours, minutes, seconds = match.groups(default="0")
    found = timedelta(
        hours=int(hours),
        minutes=int(minutes),
        seconds=float(seconds.replace(",", ".")),
    )
    if sign == "-":
        return -found
    return (datetime.min + found).time() if found < DAY else found


READERS: dict[str, tuple[str, Any]] = {
    "float": ("office:value", _number),
    "percentage": ("office:value", _number),
    "currency": ("office:value", _number),
    "date": ("office:date-value", datetime.fromisoformat),
    "time": ("office:time-value", _duration),
    "boolean": ("office:boolean-value", lambda text: text == "true"),
    "string": ("office:string-value", lambda text: text or None),
}
