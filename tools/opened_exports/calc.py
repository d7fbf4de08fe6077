"""Open tables in LibreOffice, save what it read as CSV, and compare that with the database."""

import math
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .collection import Row

# Comma, double quotes, UTF-8: what LibreOffice's dialogue for CSV files proposes.
AS_PROPOSED = "--infilter=CSV:44,34,76,1,,0,false,false"
# Texts in quotes and numbers without; values and not formulas, so that these would be noticed.
TO_CSV = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,true,true,false,false,false,-1"
CELL = re.compile(r'"((?:[^"]|"")*)"|([^",\r\n]*)')
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(E[+-]?\d+)?")
LARGEST = 10**15  # Excel keeps 15 digits of a number, so greater ones are text


def xlsx_problems(path: Path, stored: dict[str, Row]) -> Iterator[str]:
    """Yield where a workbook differs from the database; all texts must be texts."""
    for place, (cell, is_text), value in _cells(path, stored):
        is_number = isinstance(value, int | float) and abs(value) < LARGEST
        expected = "" if value is None else str(value)
        if cell != expected or (value is not None and is_text == is_number):
            yield f"{place}: {cell!r}, {'text' if is_text else 'number'}, not {value!r}"


def csv_problems(path: Path, stored: dict[str, Row]) -> Iterator[str]:
    """Yield where a CSV file differs from the database.

    What looks like a number becomes one, and a formula has an apostrophe, as docs/export.md says.
    """
    for place, (cell, _), value in _cells(path, stored):
        expected = "" if value is None else str(value)
        if cell != expected and cell != f"'{expected}" and not _equal(cell, expected):
            yield f"{place}: {cell!r}, not {value!r}"


def _equal(cell: str, expected: str) -> bool:
    """Return whether both are the same number."""
    both = NUMBER.fullmatch(cell) and NUMBER.fullmatch(expected)
    return bool(both) and math.isclose(float(cell), float(expected), rel_tol=1e-14)


def _cells(
    path: Path, stored: dict[str, Row]
) -> Iterator[tuple[str, tuple[str, bool], Any]]:
    """Yield where each cell is, its text as LibreOffice read it, and the stored value.

    :raises ValueError: the rows are not those of the pictures
    """
    headings, *rows = parse(opened(path))
    names = [text for text, _ in headings]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    if "id" not in names or [r["id"][0] for r in records] != sorted(stored):
        raise ValueError(f"{path.name} has other rows or headings: {names}")
    for record in records:
        item_id = record["id"][0]
        for name, cell in record.items():
            yield f"{item_id}, {name}", cell, stored[item_id][name]


def opened(path: Path) -> str:
    """Return the CSV that LibreOffice makes of a table."""
    folder = path.parent / f"opened {path.name}"
    command = [
        "soffice",
        f"-env:UserInstallation=file://{path.parent}/profile",
        "--headless",
        *([AS_PROPOSED] if path.suffix == ".csv" else []),
        "--convert-to",
        TO_CSV,
        "--outdir",
        str(folder),
        str(path),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (result,) = folder.iterdir()  # named after the sheet, too
    return result.read_text(encoding="utf-8")


def parse(text: str) -> list[list[tuple[str, bool]]]:
    """Return rows of cells, with whether each is in quotes, which Python's reader does not tell."""
    rows: list[list[tuple[str, bool]]] = [[]]
    position = 0
    while position < len(text):
        found = CELL.match(text, position)
        assert found, text[position : position + 100]
        quoted = found[1]
        plain = found[2] if quoted is None else quoted.replace('""', '"')
        rows[-1].append((plain, quoted is not None))
        position = found.end() + 1
        if text[found.end() : position] == "\n":
            rows.append([])
    return [row for row in rows if row]
