"""Read the rows of a table from a file: CSV, TSV, JSON, JSON lines, a workbook or parquet."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .. import platforms
from ..errors import BadRecords
from . import formulas
from .readers import heading, parquet, sheet_choice, text_encoding
from .readers.notes import (
    LONGEST_NAME,
    Notes,
    below_titles,
    clean_name,
    nothing_in_row,
)
from .spreadsheets.kind import check_kind, damaged

if TYPE_CHECKING:
    from .spreadsheets.sheets import Sheet

DELIMITERS = ",;\t"  # European Excel writes semicolons
OPEN = r'(?:^|(?<=[,;\t])) *"'
QUOTED = re.compile(OPEN + r'(?:[^"]|"")*+"')
LONGEST_CELL = 10_000_000  # characters, in CSV
MOST_LINES = (
    100  # of the names of columns, which may have line breaks in quotation marks
)

# A cell with the name of a picture: one that looks like it has swallowed rows is mentioned.
PICTURE = re.compile(
    r"\s*\S.*\.(jpe?g|jpe|jp2|jpx|png|tiff?|gif|bmp|webp|hei[cf]|dng|svg)\s*", re.I
)

JSON = (".json", ".jsonl")
NESTED = (*JSON, ".parquet")  # that can have objects within objects
NO_HEADING = NESTED
WORKBOOKS = (".xlsx", ".xls", ".ods")


# In a file of a few megabytes, cells that are not there could otherwise take all memory.
MOST_COLUMNS = 16_384  # as in Excel
MOST_EMPTY = 40_000_000  # cells of all rows
MOST_ALIKE = 50  # columns with one name
LONGEST_LINE = 2**26
MOST_DIGITS = 1000  # Python refuses numbers of over 4,300


Row = dict[str, Any]  # of any table, by column


def read(path: Path, notes: Notes | None = None) -> Iterator[Row]:
    """Yield the rows of a file by column name, in the format of its extension.

    Text stays text; numbers in JSON and spreadsheets stay numbers.

    :param notes: chooses the sheet of a workbook, and collects what is not read
    :raises BadRecords: it cannot be read, or has another format
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(READERS)
        raise BadRecords(
            f"{path} is not a table in a supported format (supported: {known}). If it is a "
            "spreadsheet, save it as an Excel workbook (XLSX) or as 'CSV UTF-8'."
        )
    notes = notes or Notes()
    _check_options(path, notes)
    try:
        yield from reader(path, notes)
    except (BadRecords, ModuleNotFoundError):
        raise
    except UnicodeDecodeError as error:
        raise BadRecords(_not_utf8(path)) from error
    except RecursionError as error:
        raise BadRecords(
            f"{path} has lists or objects in each other so deep that it is no table; leave them out."
        ) from error
    except OSError as error:
        raise BadRecords(
            f"{path} cannot be read: {platforms.reason(error)}."
        ) from error
    except Exception as error:
        raise BadRecords(f"{path} cannot be read: {error}") from error


def _check_options(path: Path, notes: Notes) -> None:
    if notes.sheet is not None and path.suffix.lower() not in WORKBOOKS:
        raise BadRecords(
            f"{path} is no workbook, and so has no sheets; leave out --sheet."
        )
    if notes.header_row is not None and path.suffix.lower() in NO_HEADING:
        raise BadRecords(f"{path} has no row of headings; leave out --header-row.")


def _csv(path: Path, notes: Notes) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    with _text(path, notes) as fp:
        begin = _first_line(path, fp, notes)
        delimiter = _delimiter(path, fp, begin)
        rows = _csv_rows(path, fp, delimiter, begin)
        first = next((row for _, row in rows if any(map(str.strip, row))), [])
        first = [formulas.unescape(cell) for cell in first]
        header = {c: clean_name(cell) for c, cell in enumerate(first, 1)}
        unnamed = [c for c, name in header.items() if not name]
        if unnamed:  # they are columns if there is something in them
            every = list(rows)
            unnamed = [
                c for c in unnamed if any(_at(row, c).strip() for _, row in every)
            ]
            rows = iter(every)
        names = _named(path, header, unnamed)
        key = next((c for c, name in names.items() if notes.has_key([name])), 1)
        holding: list[int] = []
        empty = 0
        for notes.line, row in rows:
            if any(map(str.strip, row[len(first) :])):
                notes.surplus.add(notes.line, delimiter)
            if _holds_rows(row, key, delimiter):
                holding.append(notes.line)
            empty += max(0, len(names) - len(row))
            _check_empty(path, empty)
            if row:
                yield {n: formulas.unescape(_at(row, c)) for c, n in names.items()}
        if holding:
            notes.remarks.append(
                f"{len(holding):,} rows have a cell that contains what looks like further rows (see "
                f"line {holding[0]:,}); check where its quotation marks end"
            )


def _at(row: Sequence[str], column: int) -> str:
    """Return a cell by the number of its column, from 1; empty if the row has not as many."""
    return row[column - 1] if column <= len(row) else ""


def _first_line(path: Path, fp: TextIO, notes: Notes) -> int:
    """Return the number of the line with which the table begins, below titles if it has any."""
    if notes.header_row is not None:
        _go_to(path, fp, notes.header_row)
        if not _line(path, fp).strip(" \t,;\r\n"):
            raise BadRecords(nothing_in_row(path, notes.header_row))
        return notes.header_row
    usual = _delimiter(path, fp, 1)
    others = "" if path.suffix.lower() == ".tsv" else DELIMITERS.replace(usual, "")
    for delimiter in usual + others:
        with suppress(BadRecords):
            rows = _first_rows(path, fp, delimiter)
            if delimiter == usual and rows and len(rows[0][1]) > 1:
                return 1
            if index := heading.find(rows, notes.has_key):
                notes.remarks.append(below_titles(*rows[index - 1 : index + 1]))
                return rows[index][0]
    return 1


def _first_rows(
    path: Path, fp: TextIO, delimiter: str
) -> list[tuple[int, dict[int, str]]]:
    """Return the cells with something in them of the first rows, with their lines."""
    fp.seek(0)
    filled = (
        (line, {c: cell for c, cell in enumerate(row, 1) if cell.strip()})
        for line, row in _csv_rows(path, fp, delimiter)
    )
    return list(islice((row for row in filled if row[1]), heading.SAMPLE))


def _go_to(path: Path, fp: TextIO, number: int) -> None:
    """Go to the beginning of a line."""
    fp.seek(0)
    for _ in range(number - 1):
        if not _line(path, fp):
            break


def _csv_rows(
    path: Path, fp: TextIO, delimiter: str, begins: int = 1
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the line in which it begins.

    :param begins: the number of the next line of the file
    :raises BadRecords: a quotation mark is not closed, or not where the cell ends; a cell is
        too long
    """
    lines: list[str] = []  # of the row that is being read

    def noted() -> Iterator[str]:
        while line := _line(path, fp):
            lines.append(line)
            yield line

    parsed = partial(csv.reader, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in parsed(noted()):
            if len(lines) > 1:  # read it strictly: it may have swallowed other rows
                list(parsed(lines, strict=True))
            yield begins, row
            begins += len(lines)
            lines.clear()
    except csv.Error as error:
        place = f"{path}, line {begins:,}"
        if "field limit" in str(error):
            raise BadRecords(f"{place}: {_too_long(len(lines))}") from error
        raise BadRecords(
            f"{place}: a cell begins with a quotation mark but does not end with one, so that "
            "further lines would become part of it. Close or remove the mark; double those "
            "within a cell in quotation marks."
        ) from error


def _too_long(lines: int) -> str:
    what = f"a cell has more than {LONGEST_CELL:,} characters, which is the limit. "
    if lines == 1:
        return what + "Shorten it, or remove its column."
    return what + (
        f"It goes on over {lines:,} lines: close its quotation mark if it should end before, or "
        "shorten it."
    )


def _line(path: Path, fp: TextIO) -> str:
    line = fp.readline(LONGEST_LINE)
    if len(line) == LONGEST_LINE:
        raise BadRecords(
            f"{path} has a line of more than {LONGEST_LINE:,} characters, and so is no table; see "
            "whether it has line breaks."
        )
    return line


def _holds_rows(row: list[str], key: int, delimiter: str) -> bool:
    """Return whether a line within a cell looks like a row of a picture.

    :param key: the number of the column with the pictures, from 1
    """
    for cell in row:
        for line in cell.splitlines()[1:]:
            inner = line.split(delimiter)
            if len(inner) >= key and PICTURE.fullmatch(inner[key - 1]):
                return True
    return False


def _delimiter(path: Path, fp: TextIO, begin: int) -> str:
    """Return what separates the cells of a table, and go to the line with which it begins."""
    _go_to(path, fp, begin)
    names = _names(path, fp)
    _go_to(path, fp, begin)
    is_tsv = path.suffix.lower() == ".tsv"
    return "\t" if is_tsv else max(DELIMITERS, key=names.count)


def _names(path: Path, fp: TextIO) -> str:
    """Return the names of columns as they stand in a file, without those in quotation marks."""
    names = ""
    for _ in range(MOST_LINES):
        line = _checked(path, _line(path, fp))
        if not names and not line.strip(" \t,;\r\n"):
            continue
        names = QUOTED.sub("", names + line)
        if not re.search(OPEN, names):
            break
    return names


def _whole(digits: str) -> int | str:
    """Return a whole number of JSON; one with more digits than any program keeps stays text."""
    return int(digits) if len(digits) <= MOST_DIGITS else digits


def _jsonl(path: Path, notes: Notes) -> Iterator[Row]:
    with _text(path, notes, newline=None) as fp:
        for number, line in enumerate(fp, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(_checked(path, line), parse_int=_whole)
            except json.JSONDecodeError as error:
                raise BadRecords(
                    f"{path}, line {number:,} is not valid JSON ({error.msg}, character "
                    f"{error.colno:,}); correct or remove it."
                ) from error
            if not isinstance(row, dict):
                raise BadRecords(
                    f"{path}, line {number}: expected an object in braces."
                )
            notes.line = number
            yield row


def _json(path: Path, notes: Notes) -> Iterator[Row]:
    with _text(path, notes, newline=None) as fp:
        rows = json.loads(_checked(path, fp.read()), parse_int=_whole)
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadRecords(f"{path}: expected a list of objects, [{{…}}, {{…}}].")
    for notes.line, row in enumerate(rows, 1):
        yield row


def _parquet(path: Path, notes: Notes) -> Iterator[Row]:
    for notes.line, row in enumerate(parquet.rows(path), 1):
        yield row


def _spreadsheet(path: Path, notes: Notes) -> Iterator[Row]:
    check_kind(path)
    with ExitStack() as stack:
        try:
            sheets = stack.enter_context(_opened(path))
            sheet = sheet_choice.choose(path, sheets, notes)
            first = sheet_choice.first_row(path, sheet, notes) if sheet else 1
            rows = sheet.read(first) if sheet else []
        except (BadRecords, MemoryError, ModuleNotFoundError):
            raise
        # openpyxl and xlrd raise KeyError, struct.error and more for damaged files.
        except Exception as error:
            if isinstance(error, OSError) and error.errno:  # of the system
                raise
            raise BadRecords(damaged(path)) from error
    if not rows:
        return
    names = _named(
        path,
        sheet_choice.header(rows[0][1]),
        (c for _, cells in rows[1:] for c in cells),
    )
    _check_empty(path, sum(len(names) - len(cells) for _, cells in rows))
    for notes.line, cells in rows[1:]:
        yield {name: _cell(cells.get(c)) for c, name in names.items()}


def _opened(path: Path) -> AbstractContextManager["Sequence[Sheet]"]:
    """Open a workbook in the format of its extension."""
    from .spreadsheets import ods, xls, xlsx

    modules = {".xlsx": xlsx, ".xls": xls, ".ods": ods}
    return modules[path.suffix.lower()].opened(path)


def _text(path: Path, notes: Notes, newline: str | None = "") -> TextIO:
    """Open a text file in its encoding, and say which it is if it is not UTF-8."""
    encoding = text_encoding.detect(path)
    if encoding is None:
        raise BadRecords(_not_utf8(path))
    if encoding.said:
        is_certain = encoding.said.startswith("UTF")
        check = "" if is_certain else "; if letters look wrong, save it as UTF-8"
        notes.remarks.append(f"reading it as {encoding.said}{check}")
    return path.open(encoding=encoding.name, newline=newline)


def _checked(path: Path, text: str) -> str:
    """Refuse text that contains NUL, which no table has."""
    if "\0" in text:
        raise BadRecords(_not_utf8(path))
    return text


def _not_utf8(path: Path) -> str:
    is_json = path.suffix.lower() in JSON
    advice = "Save it as UTF-8" if is_json else "In Excel, save it as 'CSV UTF-8'"
    return f"{path} is not in UTF-8. {advice}."


def is_blank(row: Row) -> bool:
    """Return whether a row has nothing but empty cells."""
    return all(value is None or not str(value).strip() for value in row.values())


def _named(
    path: Path, header: Mapping[int, str], used: Iterable[int]
) -> dict[int, str]:
    """Return names by column: the header's, made unique, and one for each other column in use.

    :raises BadRecords: there are too many columns, or too many with the same name
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    columns = sorted({*used, *(c for c, name in header.items() if name)})
    _check_columns(path, [header.get(column, "") for column in columns])
    for column in columns:
        name = header.get(column) or f"column_{column}"
        while name in taken:
            name += "_source"
        taken.add(name)
        names[column] = name
    return names


def _check_columns(path: Path, names: Sequence[str]) -> None:
    if len(names) > MOST_COLUMNS:
        raise BadRecords(
            f"{path} has {len(names):,} columns; at most {MOST_COLUMNS:,} can be read. Leave out "
            "those that are not needed."
        )
    (name, count), *_ = Counter(filter(None, names)).most_common(1) or [("", 0)]
    if count > MOST_ALIKE:
        raise BadRecords(
            f"{path} has {count:,} columns called '{name[:LONGEST_NAME]}'; give each a name of its "
            "own."
        )


def _check_empty(path: Path, count: int) -> None:
    if count > MOST_EMPTY:
        raise BadRecords(
            f"{path} has more than {MOST_EMPTY:,} empty cells, which are too many to read. Leave out "
            "columns that are not needed, or divide it into several files."
        )


def _cell(value: Any) -> Any:
    if isinstance(value, datetime) and value.time().isoformat() == "00:00:00":
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, date) else value


READERS: dict[str, Callable[[Path, Notes], Iterator[Row]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".json": _json,
    ".jsonl": _jsonl,
    ".xlsx": _spreadsheet,
    ".xls": _spreadsheet,
    ".ods": _spreadsheet,
    ".parquet": _parquet,
}
