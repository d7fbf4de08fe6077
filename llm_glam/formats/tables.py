"""Read the rows of a table from a file: CSV, TSV, JSON, JSON lines or a spreadsheet."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TextIO
from zipfile import BadZipFile

from ..errors import BadRecords

DELIMITERS = ",;\t"  # European Excel writes semicolons
OPEN = r'(?:^|(?<=[,;\t])) *"'
QUOTED = re.compile(OPEN + r'(?:[^"]|"")*+"')
MOST_LINES = (
    100  # of the names of columns, which may have line breaks in quotation marks
)

JSON = (".json", ".jsonl")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}

Row = dict[str, Any]  # of any table, by column


@dataclass
class Surplus:
    """Rows of a CSV file with more cells than columns; ``line`` is where the first one begins."""

    rows: int = 0
    line: int = 0
    delimiter: str = ""

    def add(self, line: int, delimiter: str) -> None:
        """Count a row that begins on this line."""
        self.line = self.line or line
        self.delimiter = delimiter
        self.rows += 1

    def __str__(self) -> str:
        """Say what is wrong and what to do, to follow the file's name."""
        found = "1 row has" if self.rows == 1 else f"{self.rows:,} rows have"
        return (
            f"{found} more cells than there are columns (see line {self.line:,}); put cells that "
            f"contain {NAMES[self.delimiter]} in quotation marks"
        )


def read(path: Path, surplus: Surplus | None = None) -> Iterator[Row]:
    """Yield the rows of a file by column name, in the format of its extension.

    Text stays text; numbers in JSON and spreadsheets stay numbers.

    :param surplus: collects the rows with cells that are left out because they have no column
    :raises BadRecords: it cannot be read, or has another format
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise BadRecords(
            f"{path} is not a table in a supported format (supported: {known})."
        )
    try:
        yield from reader(path, surplus or Surplus())
    except BadRecords:
        raise
    except UnicodeDecodeError as error:
        raise BadRecords(_not_utf8(path)) from error
    # openpyxl raises KeyError, BadZipFile, InvalidFileException and more for damaged files.
    except Exception as error:
        raise BadRecords(f"{path} cannot be read: {error}") from error


def _csv(path: Path, surplus: Surplus) -> Iterator[Row]:
    csv.field_size_limit(10_000_000)
    with path.open(encoding="utf-8-sig", newline="") as fp:
        names = _names(path, fp)
        is_tsv = path.suffix.lower() == ".tsv"
        delimiter = "\t" if is_tsv else max(DELIMITERS, key=names.count)
        fp.seek(0)
        reader = csv.reader(fp, delimiter=delimiter, skipinitialspace=True)
        header = _unique([cell.strip() for cell in next(reader, [])])
        line = reader.line_num + 1
        for row in reader:
            if any(cell.strip() for cell in row[len(header) :]):
                surplus.add(line, delimiter)
            line = reader.line_num + 1
            if row:
                cells = [*row, *[""] * (len(header) - len(row))]
                yield dict(zip(header, cells, strict=False))


def _names(path: Path, fp: TextIO) -> str:
    """Return the names of columns as they stand in a file, without those in quotation marks."""
    names = ""
    for _ in range(MOST_LINES):
        names = QUOTED.sub("", names + _checked(path, fp.readline()))
        if not re.search(OPEN, names):
            break
    return names


def _jsonl(path: Path, _: Surplus) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as fp:
        for number, line in enumerate(fp, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(_checked(path, line))
            except json.JSONDecodeError as error:
                raise BadRecords(
                    f"{path}, line {number:,} is not valid JSON ({error.msg}, character "
                    f"{error.colno:,}); correct or remove it."
                ) from error
            if not isinstance(row, dict):
                raise BadRecords(
                    f"{path}, line {number}: expected an object in braces."
                )
            yield row


def _json(path: Path, _: Surplus) -> Iterator[Row]:
    rows = json.loads(_checked(path, path.read_text("utf-8-sig")))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadRecords(f"{path}: expected a list of objects, [{{…}}, {{…}}].")
    yield from rows


def _xlsx(path: Path, _: Surplus) -> Iterator[Row]:
    from openpyxl import load_workbook

    try:
        found = load_workbook(path, read_only=True, data_only=True)
    except (BadZipFile, KeyError) as error:
        raise BadRecords(
            f"{path} cannot be read: it is not an Excel workbook, or it is damaged or encrypted. "
            "Open it in Excel and save it as XLSX without a password, or as 'CSV UTF-8'."
        ) from error
    with closing(found) as book:
        rows = book.worksheets[0].iter_rows(values_only=True)
        header = _unique([str(cell or "").strip() for cell in next(rows, ())])
        for row in rows:
            if any(cell is not None for cell in row):
                yield {k: _cell(v) for k, v in zip(header, row, strict=False)}


def _checked(path: Path, text: str) -> str:
    """Refuse text that contains NUL, as UTF-16 without a byte order mark would."""
    if "\0" in text:
        raise BadRecords(_not_utf8(path))
    return text


def _not_utf8(path: Path) -> str:
    is_json = path.suffix.lower() in JSON
    advice = "Save it as UTF-8" if is_json else "In Excel, save it as 'CSV UTF-8'"
    return f"{path} is not in UTF-8. {advice}."


def _unique(header: list[str]) -> list[str]:
    names: list[str] = []
    for number, name in enumerate(header, 1):
        name = name or f"column_{number}"
        while name in names:
            name += "_source"
        names.append(name)
    return names


def _cell(value: Any) -> Any:
    if isinstance(value, datetime) and value.time().isoformat() == "00:00:00":
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


READERS: dict[str, Callable[[Path, Surplus], Iterator[Row]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
    ".xlsx": _xlsx,
}
