"""Write CSV for Palladio, which shows maps, networks and galleries: https://hdlab.stanford.edu/palladio/"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import CannotExport
from ..formats.tables import Row
from . import tables, web_addresses
from .columns import Column
from .selection import Outcome, Selection
from .web_addresses import Addresses

COORDINATES, IMAGE = "Coordinates", "Image"
LATITUDE = ("latitude", "lat")
LONGITUDE = ("longitude", "long", "lon", "lng")
BETWEEN = "|"  # several values of a cell, which Palladio asks for
TECHNICAL = ("image_url", "sensitive")


def write(path: Path, selection: Selection) -> Outcome:
    """Write a row for each picture, its coordinates in one column, as Palladio wants them."""
    columns = [c for c in selection.columns if c.name not in TECHNICAL]
    addresses = web_addresses.addresses(selection.options.base_url)
    extra = _unique((COORDINATES, IMAGE), [column.heading for column in columns])
    headings = [*(column.heading for column in columns), *extra]
    rows = (_cells(row, columns, addresses) for row in selection.rows())
    tables.write_cells(path, headings, rows)
    return Outcome(len(selection.ids))


def _cells(row: Row, columns: Sequence[Column], addresses: Addresses) -> Iterator[Any]:
    for column in columns:
        yield _on_one_line(column.value(row))
    yield _coordinates(row, columns)
    try:
        yield addresses.image(row)
    except CannotExport:
        yield None


def _on_one_line(value: Any) -> Any:
    """Return a cell; Palladio's preview has no place for line breaks."""
    if isinstance(value, list):
        value = BETWEEN.join(str(one).replace(BETWEEN, "/") for one in value)
    return " ".join(value.split()) if isinstance(value, str) else value


def _coordinates(row: Row, columns: Sequence[Column]) -> str | None:
    """Return latitude and longitude, None unless both are known."""
    found = [
        next(
            (c.value(row) for c in columns if c.heading.strip().lower() in names), None
        )
        for names in (LATITUDE, LONGITUDE)
    ]
    try:
        latitude, longitude = (float(str(value)) for value in found)
    except ValueError:
        return None
    is_place = abs(latitude) <= 90 and abs(longitude) <= 180
    return f"{latitude},{longitude}" if is_place else None


def _unique(wanted: Sequence[str], taken: Sequence[str]) -> list[str]:
    return [f"{name} (Palladio)" if name in taken else name for name in wanted]
