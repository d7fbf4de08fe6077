"""Write tables to an Excel workbook, in which no cell is ever a formula."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.drawing.image import Image
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter

from ...errors import BadRecords
from ..atomic import replacing

# What XML cannot have (https://www.w3.org/TR/xml/#charsets)
ILLEGAL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
LONGEST_CELL = 32_767  # Excel's limit
MOST_LINKS, LONGEST_LINK = 65_530, 2_079  # the same; further ones are text
NARROWEST, WIDEST = 8, 60  # of columns, in characters

SMALL_PICTURE = 72  # longer side, in pixels
MARGIN = 4  # below it
POINTS_PER_PIXEL = 0.75
PIXELS_PER_CHARACTER = 6
SAMPLE = 100  # rows that decide how wide columns are
TOP = Alignment(vertical="top")


@dataclass(frozen=True)
class Thumbnail:
    """A cell that shows a picture, as the content of a JPEG file."""

    content: bytes


@dataclass(frozen=True)
class Link:
    """A cell with the address of a page, which a click on it opens; at most one in a row."""

    address: str


Table = tuple[Sequence[str], Iterable[Sequence[Any]]]  # headings and rows


def write_new(path: Path, sheets: Mapping[str, Table]) -> None:
    """Write a workbook as :func:`write` does, but never replace a file, which may be somebody's work.

    :raises BadRecords: there is such a file, or it cannot be written
    """
    if path.exists():
        raise BadRecords(
            f"{path} exists already; choose another name, or delete it first."
        )
    write(path, sheets)


def write(path: Path, sheets: Mapping[str, Table]) -> None:
    """Write a workbook with these sheets, replacing the file.

    Text stays text, even if it begins with ``=``; what Excel cannot store is left out of it.

    :raises BadRecords: the file cannot be written
    """
    book = _book(sheets)
    try:
        with replacing(path) as beside:
            book.save(beside)
    except OSError as error:
        raise BadRecords(
            f"{path} cannot be written ({error.strerror or error}); close it in other programs, or "
            "choose another name."
        ) from error


def content(sheets: Mapping[str, Table]) -> bytes:
    """Return the content of the file that :func:`write` writes."""
    out = BytesIO()
    _book(sheets).save(out)
    return out.getvalue()


def _book(sheets: Mapping[str, Table]) -> Workbook:
    book = Workbook(write_only=True)
    for name, (headings, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        rest = iter(rows)
        first = list(islice(rest, SAMPLE))
        for column, width in enumerate(_widths([headings, *first]), 1):
            sheet.column_dimensions[get_column_letter(column)].width = width
        sheet.append([_cell(sheet, heading, is_bold=True) for heading in headings])
        for number, row in enumerate(chain(first, rest), 2):
            _add_pictures(sheet, number, row)
            may_link = number <= MOST_LINKS
            sheet.append([_cell(sheet, value, may_link=may_link) for value in row])
    return book


def _widths(rows: Sequence[Sequence[Any]]) -> list[int]:
    """Return the widths of columns, in characters, that show most of these rows."""
    columns = zip(*rows, strict=True)
    return [min(max(NARROWEST, *map(_width, column)), WIDEST) for column in columns]


def _width(value: Any) -> int:
    if isinstance(value, Thumbnail):
        return SMALL_PICTURE // PIXELS_PER_CHARACTER
    if isinstance(value, Link):
        return len(value.address) + 2
    return 0 if value is None else len(str(value).partition("\n")[0]) + 2


def _add_pictures(sheet: Any, number: int, row: Sequence[Any]) -> None:
    for column, value in enumerate(row, 1):
        if isinstance(value, Thumbnail):
            picture = Image(BytesIO(value.content))
            scale = SMALL_PICTURE / max(picture.width, picture.height)
            picture.width, picture.height = (
                picture.width * scale,
                picture.height * scale,
            )
            sheet.add_image(picture, f"{get_column_letter(column)}{number}")
            height = (SMALL_PICTURE + MARGIN) * POINTS_PER_PIXEL
            sheet.row_dimensions[number].height = height


def _cell(
    sheet: Any, value: Any, *, is_bold: bool = False, may_link: bool = False
) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet)
    if isinstance(value, Link):
        value = value.address
        if may_link and len(value) <= LONGEST_LINK:
            cell.hyperlink = value
    if isinstance(value, str):
        cell.value = ILLEGAL.sub("", value)[:LONGEST_CELL]
        cell.data_type = "s"  # openpyxl takes text that begins with = for a formula
    elif not isinstance(value, Thumbnail):
        cell.value = value
    cell.alignment = TOP
    if is_bold:
        cell.font = Font(bold=True)
    return cell
