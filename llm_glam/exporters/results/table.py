"""Write search results as a table: CSV, or an Excel workbook."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...db.items import KEY
from ...formats import delimited
from ...formats.tables import Row
from ...progress import NoProgress, Progress
from .columns import Found, ResultColumn

SHEET = "results"


def rows(
    columns: Sequence[ResultColumn], found: Sequence[Found], *, is_flat: bool
) -> Iterator[Row]:
    """Yield a row for each picture, by heading.

    :param is_flat: whether values are plain cells; otherwise they are as in JSON
    """
    for one in found:
        yield {c.heading: (c.cell if is_flat else c.value)(one) for c in columns}


def csv(
    columns: Sequence[ResultColumn],
    found: Sequence[Found],
    *,
    has_byte_order_mark: bool = False,
) -> str:
    """Return results as CSV in which no cell is a formula."""
    cells = ([column.cell(one) for column in columns] for one in found)
    mark = delimited.BYTE_ORDER_MARK if has_byte_order_mark else ""
    return mark + "".join(delimited.lines(_headings(columns), cells))


def xlsx(columns: Sequence[ResultColumn], found: Sequence[Found]) -> bytes:
    """Return the content of an Excel workbook with the results; too long cells are cut."""
    from ...formats.spreadsheets import writer  # slow to import, because of openpyxl
    from ..tables import for_excel

    cells = (list(map(for_excel, _cells(columns, one))) for one in found)
    return writer.content({SHEET: (_headings(columns), cells)})


def write_xlsx(
    path: Path,
    columns: Sequence[ResultColumn],
    found: Sequence[Found],
    progress: Progress | None = None,
) -> list[str]:
    """Write an Excel workbook with the results, and return remarks for people.

    :raises CannotExport: there are more results or columns than a sheet can have
    :raises BadRecords: the file cannot be written
    """
    from ..tables import write_sheet

    numbered = _counted(columns, found, progress or NoProgress())
    return write_sheet(path, _headings(columns), numbered, len(found))


def _counted(
    columns: Sequence[ResultColumn], found: Sequence[Found], progress: Progress
) -> Iterator[tuple[str, list[Any]]]:
    progress.begin(len(found))
    for one in found:
        yield one.row[KEY], _cells(columns, one)
        progress.advance(1)


def _headings(columns: Sequence[ResultColumn]) -> list[str]:
    return [column.heading for column in columns]


def _cells(columns: Sequence[ResultColumn], one: Found) -> list[Any]:
    """Return cells for Excel, in which a link is one to click on."""
    from ...formats.spreadsheets.writer import Link

    cells = ((column.is_link, column.cell(one)) for column in columns)
    return [Link(cell) if is_link and cell else cell for is_link, cell in cells]
