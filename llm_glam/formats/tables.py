"""Read the rows of a table from a file: CSV, TSV, JSON, JSON lines or a workbook."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from .. import platforms
from ..errors import BadRecords
from . import formulas
from .readers import text_encoding
from .spreadsheet_kind import check_kind, damaged

if TYPE_CHECKING:
    from .sheets import Sheet

DELIMITERS = ",;\t"  # European Excel writes semicolons
OPEN = r'(?:^|(?<=[,;\t])) *"'
QUOTED = re.compile(OPEN + r'(?:[^"]|"")*+"')
MOST_LINES = (
    100  # of the names of columns, which may have line breaks in quotation marks
)

# A cell with the name of a picture: one that looks like it has swallowed rows is mentioned.
PICTURE = re.compile(
    r"\s*\S.*\.(jpe?g|jpe|jp2|jpx|png|tiff?|gif|bmp|webp|hei[cf]|dng|svg)\s*", re.I
)

AROUND = re.compile(r"^[\s\u200b\u2060\ufeff]+|[\s\u200b\u2060\ufeff]+$")
PLAIN_SPACE = re.compile(r"[\xa0\u2007\u202f]")

JSON = (".json", ".jsonl")
WORKBOOKS = (".xlsx", ".xls", ".ods")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}

# In a file of a few megabytes, cells that are not there could otherwise take all memory.
MOST_COLUMNS = 16_384  # as in Excel
MOST_EMPTY = 40_000_000  # cells of all rows
MOST_ALIKE = 50  # columns with one name
LONGEST_LINE = 2**26
LONGEST_NAME = 100  # that is shown

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


@dataclass
class Notes:
    """What to know about a table that is being read.

    ``key`` has names of columns without which a table is of no use; ``sheet`` is the name or the
    number of the sheet of a workbook that somebody has chosen; ``line`` is where the row that was
    read last begins; ``remarks`` are for people, to follow the file's name.
    """

    key: Sequence[str] = ()
    sheet: str | None = None
    surplus: Surplus = field(default_factory=Surplus)
    remarks: list[str] = field(default_factory=list)
    line: int = 0

    def has_key(self, names: Iterable[str]) -> bool:
        """Return whether one of the names is that of a column which is needed."""
        return not {clean_name(name).lower() for name in names}.isdisjoint(self.key)


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


def _csv(path: Path, notes: Notes) -> Iterator[Row]:
    csv.field_size_limit(10_000_000)
    with _text(path, notes) as fp:
        delimiter = _delimiter(path, fp)
        rows = _csv_rows(path, fp, delimiter)
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


def _csv_rows(
    path: Path, fp: TextIO, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, with the line in which it begins.

    :raises BadRecords: a quotation mark is not closed, or not where the cell ends
    """
    lines: list[str] = []  # of the row that is being read

    def noted() -> Iterator[str]:
        while line := _line(path, fp):
            lines.append(line)
            yield line

    begins = 1
    parsed = partial(csv.reader, delimiter=delimiter, skipinitialspace=True)
    try:
        for row in parsed(noted()):
            if len(lines) > 1:  # read it strictly: it may have swallowed other rows
                list(parsed(lines, strict=True))
            yield begins, row
            begins += len(lines)
            lines.clear()
    except csv.Error as error:
        raise BadRecords(
            f"{path}, line {begins:,}: a cell begins with a quotation mark but does not end with "
            "one, so that further lines would become part of it. Close or remove the mark; "
            "double those within a cell in quotation marks."
        ) from error


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


def _delimiter(path: Path, fp: TextIO) -> str:
    """Return what separates the cells of a file, and go back to its beginning."""
    names = _names(path, fp)
    fp.seek(0)
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


def _jsonl(path: Path, notes: Notes) -> Iterator[Row]:
    with _text(path, notes, newline=None) as fp:
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
            notes.line = number
            yield row


def _json(path: Path, notes: Notes) -> Iterator[Row]:
    with _text(path, notes, newline=None) as fp:
        rows = json.loads(_checked(path, fp.read()))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadRecords(f"{path}: expected a list of objects, [{{…}}, {{…}}].")
    for notes.line, row in enumerate(rows, 1):
        yield row


def _spreadsheet(path: Path, notes: Notes) -> Iterator[Row]:
    check_kind(path)
    with ExitStack() as stack:
        try:
            sheets = stack.enter_context(_opened(path))
            sheet = _named_sheet(path, sheets, notes) or _chosen(sheets, notes)
            rows = sheet.read() if sheet else []
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
        path, _header(rows[0][1]), (c for _, cells in rows[1:] for c in cells)
    )
    _check_empty(path, sum(len(names) - len(cells) for _, cells in rows))
    for notes.line, cells in rows[1:]:
        yield {name: _cell(cells.get(c)) for c, name in names.items()}


def _opened(path: Path) -> AbstractContextManager["Sequence[Sheet]"]:
    """Open a workbook in the format of its extension."""
    from . import ods, workbook, xls

    modules = {".xlsx": workbook, ".xls": xls, ".ods": ods}
    return modules[path.suffix.lower()].opened(path)


def _named_sheet(path: Path, sheets: "Sequence[Sheet]", notes: Notes) -> "Sheet | None":
    """Return the sheet that somebody has chosen by its name or number, None if nobody has.

    :raises BadRecords: there is no such sheet, or nothing in it
    """
    if notes.sheet is None:
        return None
    wanted = notes.sheet.strip().casefold()
    by_name = {sheet.name.strip().casefold(): sheet for sheet in reversed(sheets)}
    by_number = {str(number): sheet for number, sheet in enumerate(sheets, 1)}
    exact = {sheet.name: sheet for sheet in sheets}
    chosen = exact.get(notes.sheet) or by_name.get(wanted) or by_number.get(wanted)
    if chosen is None:
        names = ", ".join(f"{n} '{sheet.name}'" for n, sheet in enumerate(sheets, 1))
        raise BadRecords(f"{path} has no sheet '{notes.sheet}' (it has: {names}).")
    if len(list(islice(chosen.rows(), 2))) < 2:
        raise BadRecords(f"The sheet '{chosen.name}' of {path} has no rows.")
    return chosen


def _chosen(sheets: "Sequence[Sheet]", notes: Notes) -> "Sheet | None":
    """Return the first sheet that has rows and a needed column, or else the first with rows.

    A remark says which one is read if it is not the first, or if others could be read as well.
    """
    with_rows = []
    for sheet in sheets:
        first_two = list(islice(sheet.rows(), 2))
        if len(first_two) == 2:
            with_rows.append((sheet, notes.has_key(_header(first_two[0][1]).values())))
    with_key = [sheet for sheet, has_key in with_rows if has_key]
    usable = with_key or [sheet for sheet, _ in with_rows]
    if not usable:
        return None
    others = [f"'{sheet.name}'" for sheet in usable[1:]]
    if others or usable[0] is not sheets[0]:
        left_out = f"; not read: {', '.join(others)}" if others else ""
        notes.remarks.append(f"reading the sheet '{usable[0].name}'{left_out}")
    return usable[0]


def _header(cells: Mapping[int, Any]) -> dict[int, str]:
    """Return the names of columns that stand in the cells of a sheet's first row."""
    return {c: clean_name(str("" if v is None else v)) for c, v in cells.items()}


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


def clean_name(name: str) -> str:
    """Return the name of a column without spaces around it, and with plain ones in it.

    What people copy has non-breaking spaces, and spaces without a width, which nobody sees.
    """
    return PLAIN_SPACE.sub(" ", AROUND.sub("", name))


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
}
