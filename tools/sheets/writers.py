"""Ways to write the same records: programs, formats, and what sheets in the world look like.

Each yields names and functions that write a file; a name says what is special about it.
"""

import csv
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl

from .rows import HEADER, Row, records

DIMENSION = re.compile(r"<dimension [^>]*/>")
SHEET = "xl/worksheets/sheet1.xml"


@dataclass(frozen=True)
class Case:
    """A sheet to write; ``refuses`` if a sentence is the right answer, ``ending`` of its name."""

    name: str
    ending: str
    write: Callable[[Path], None]
    refuses: bool = False


Change = Callable[[Any], None]


def all_cases() -> list[Case]:
    """Return every case that can be written without LibreOffice."""
    groups = (text_tables, json_tables, by_openpyxl, by_xlsxwriter, by_pandas)
    return list(itertools.chain.from_iterable(group() for group in groups))


def text_tables() -> Iterator[Case]:
    """CSV in its dialects."""
    quotes = {"quoted": csv.QUOTE_ALL, "minimal": csv.QUOTE_MINIMAL}
    ends = {"lf": "\n", "crlf": "\r\n"}
    marks = {"commas": ",", "semicolons": ";", "tabs": "\t"}
    for mark, quoting, end, encoding in itertools.product(
        marks, quotes, ends, ("utf-8", "utf-8-sig")
    ):
        yield Case(
            f"csv {mark} {quoting} {end} {encoding}",
            ".csv",
            _csv(marks[mark], quotes[quoting], ends[end], encoding),
        )
    for name, change in {
        "empty rows": lambda rows: [(), *rows[:3], (), *rows[3:], ("", "")],
        "trailing separators": lambda rows: [(*row, "", "", "") for row in rows],
        "spaces in the heading": lambda rows: [
            tuple(f" {name}\xa0" for name in rows[0]),
            *rows[1:],
        ],
        "spaces before quotes": lambda rows: rows,
        "short rows": lambda rows: [_stripped(row) for row in rows],
    }.items():
        for mark, ending in ((",", ".csv"), (";", ".csv"), ("\t", ".tsv")):
            yield Case(
                f"csv {name} {mark!r}",
                ending,
                _csv(mark, csv.QUOTE_MINIMAL, "\n", "utf-8", change),
            )
    yield Case("csv utf-16", ".csv", _csv("\t", 1, "\n", "utf-16"))
    yield Case("csv cp1251", ".csv", _bytes(_cyrillic), refuses=True)
    yield Case("csv unclosed mark", ".csv", _bytes(_unclosed), refuses=True)


def json_tables() -> Iterator[Case]:
    """JSON and JSON lines."""
    objects = [dict(zip(HEADER, map(_json, row), strict=True)) for row in records()]
    for ascii_only in (True, False):
        lines = "\n".join(json.dumps(o, ensure_ascii=ascii_only) for o in objects)
        whole = json.dumps(objects, ensure_ascii=ascii_only, indent=1)
        yield Case(f"jsonl ascii={ascii_only}", ".jsonl", _text(lines))
        yield Case(
            f"jsonl crlf {ascii_only}", ".jsonl", _text(lines.replace("\n", "\r\n"))
        )
        yield Case(f"json ascii={ascii_only}", ".json", _text(whole))


def by_openpyxl() -> Iterator[Case]:
    """XLSX by openpyxl, and as other programs would change it."""
    for name, change in CHANGES.items():
        yield Case(f"openpyxl {name}", ".xlsx", _openpyxl(change))
    for ref in ("A1", "A1:B2", "A1:A13", "B2:C3", "A1:XFD1048576", "", "1:4", "none"):
        tag = f'<dimension ref="{ref}"/>' if ref else ""
        for name in ("plain", "far format", "notes first"):
            edit = _edit(DIMENSION, tag)
            write = _openpyxl(CHANGES[name], edit)
            yield Case(f"openpyxl dimension {ref!r} {name}", ".xlsx", write)
    no_numbers = _edit(re.compile(r'(<(?:row|c))( r="\w+")'), r"\1")
    yield Case("openpyxl without numbers", ".xlsx", _openpyxl(_nothing, no_numbers))
    yield Case("openpyxl formula", ".xlsx", _openpyxl(_formula), refuses=True)
    yield Case("openpyxl strict", ".xlsx", _openpyxl(_nothing, _strict), refuses=True)
    yield Case("openpyxl called xls", ".xls", _openpyxl(_nothing), refuses=True)
    yield Case("openpyxl called ods", ".ods", _openpyxl(_nothing), refuses=True)
    yield Case("html called xls", ".xls", _text("<html><table>"), refuses=True)
    yield Case("text called xls", ".xls", _text("file_name\ttitle\na\tb"), refuses=True)


def by_xlsxwriter() -> Iterator[Case]:
    """XLSX by XlsxWriter, with its options."""
    import xlsxwriter

    options = {
        "plain": {},
        "constant memory": {"constant_memory": True},
        "1904": {"date_1904": True},
        "zip64": {"use_zip64": True},
    }
    for name, given in options.items():
        for first in (0, 3):
            for table in (False, True):
                if table and "constant_memory" in given:
                    continue

                def write(
                    path: Path,
                    given: Any = given,
                    first: int = first,
                    table: bool = table,
                ) -> None:
                    with xlsxwriter.Workbook(str(path), given) as book:
                        _fill_xlsxwriter(book, book.add_worksheet(), first, table)

                yield Case(
                    f"xlsxwriter {name} from row {first + 1} table={table}",
                    ".xlsx",
                    write,
                )


def _fill_xlsxwriter(book: Any, sheet: Any, first: int, table: bool) -> None:
    day = book.add_format({"num_format": "dd/mm/yyyy"})
    for number, row in enumerate([HEADER, *records()]):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(first + number, column, value)
            elif column == 5 and number:
                sheet.write_datetime(first + number, column, value, day)
            else:
                sheet.write(first + number, column, value)
    if table:
        columns = [{"header": name} for name in HEADER]
        last = first + len(records())
        sheet.add_table(first, 0, last, len(HEADER) - 1, {"columns": columns})


def by_pandas() -> Iterator[Case]:
    """What notebooks write."""
    import pandas

    frame = pandas.DataFrame(records(), columns=list(HEADER))
    frame["found"] = pandas.to_datetime(frame["found"])
    for engine in ("openpyxl", "xlsxwriter"):
        for name, given in {
            "plain": {},
            "frozen": {"freeze_panes": (1, 1)},
            "lower": {"startrow": 2},
            "sheet": {"sheet_name": "Übersicht & mehr"},
        }.items():

            def write(path: Path, engine: Any = engine, given: Any = given) -> None:
                frame.to_excel(path, index=False, engine=engine, **given)

            yield Case(f"pandas {engine} {name}", ".xlsx", write)

    def with_formula(path: Path) -> None:
        frame.assign(title="=1+1").to_excel(path, index=False, engine="openpyxl")

    yield Case("pandas text that begins with =", ".xlsx", with_formula, refuses=True)
    for sep in (",", ";", "\t"):
        yield Case(
            f"pandas csv {sep!r}",
            ".csv",
            lambda path, sep=sep: frame.to_csv(path, sep=sep, index=False),
        )
    text = frame.assign(found=frame["found"].dt.strftime("%Y-%m-%d"))
    yield Case(
        "pandas jsonl",
        ".jsonl",
        lambda path: text.to_json(path, orient="records", lines=True),
    )
    yield Case(
        "pandas json", ".json", lambda path: text.to_json(path, orient="records")
    )


def _csv(mark: str, quoting: Any, end: str, encoding: str, change: Any = list) -> Any:
    def write(path: Path) -> None:
        with path.open("w", encoding=encoding, newline="") as fp:
            writer = csv.writer(fp, delimiter=mark, quoting=quoting, lineterminator=end)
            writer.writerows(change([HEADER, *records()]))

    return write


def _stripped(row: Row) -> Row:
    return row if row[-1] is not None else row[:-1]


def _cyrillic() -> bytes:
    return "file_name,title\na.jpg,кувшины".encode("cp1251")


def _unclosed() -> bytes:
    return b'file_name,title\na.jpg,"17"" plate\nb.jpg,x\n'


def _bytes(make: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(make()) and None


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text, "utf-8", newline="") and None


def _json(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _openpyxl(change: Change, edit: Any = None) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        book = openpyxl.Workbook()
        _append(book.active, [HEADER, *records()])
        change(book)
        book.save(path.with_suffix(".xlsx"))
        if edit:
            _rewrite(path.with_suffix(".xlsx"), edit)
        path.with_suffix(".xlsx").rename(path)

    return write


def _append(sheet: Any, rows: list[Row]) -> None:
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row, 1):
            cell = sheet.cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"  # neither a formula nor an error


def _rewrite(path: Path, edit: Any) -> None:
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, edit(name, data))


def _edit(pattern: re.Pattern[str], new: str) -> Any:
    def edit(name: str, data: bytes) -> bytes:
        return pattern.sub(new, data.decode()).encode() if name == SHEET else data

    return edit


def _strict(name: str, data: bytes) -> bytes:
    plain = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return data.replace(plain, b"http://purl.oclc.org/ooxml/spreadsheetml/main")


def _nothing(book: Any) -> None:
    """Change nothing."""


def _far_format(book: Any) -> None:
    for place in ("XFD3", "Z2", "A1048576"):
        book.active[place].number_format = "0.00"


def _notes_first(book: Any) -> None:
    book.create_sheet("Read me", 0).append(["Please fill in the other sheet"])


def _hidden_first(book: Any) -> None:
    sheet = book.create_sheet("Lists", 0)
    sheet.append(["file_name"])
    sheet.append(["old.jpg"])
    sheet.sheet_state = "hidden"
    book.active = 1


def _merged(book: Any) -> None:
    sheet = book.active
    column = HEADER.index("sensitive") + 1
    for row in range(2, sheet.max_row + 1):
        value = sheet.cell(row, column).value
        if row > 2 and value and value == sheet.cell(row - 1, column).value:
            sheet.merge_cells(None, row - 1, column, row, column)
    sheet.merge_cells("I2:J20")


def _moved(book: Any) -> None:
    book.active.insert_rows(1, 3)
    book.active.insert_rows(9, 2)


def _spaced(book: Any) -> None:
    for cell in book.active[1]:
        cell.value = f"\xa0{cell.value} "


def _datetimes(book: Any) -> None:
    for row in book.active.iter_rows(min_row=2, min_col=6, max_col=6):
        row[0].number_format = "d. mmmm yyyy"


def _decorated(book: Any) -> None:
    from openpyxl.comments import Comment
    from openpyxl.worksheet.datavalidation import DataValidation

    sheet = book.active
    sheet["A2"].comment = Comment("recto?", "somebody")
    sheet["B2"].hyperlink = "https://example.org"
    sheet["B2"].value = records()[0][1]
    sheet.auto_filter.ref = sheet.dimensions
    sheet.add_data_validation(DataValidation("list", '"yes,no"', sqref="G2:G99"))
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["C"].hidden = True


def _formula(book: Any) -> None:
    book.active["B2"] = "=1+1"


CHANGES: dict[str, Change] = {
    "plain": _nothing,
    "far format": _far_format,
    "notes first": _notes_first,
    "hidden first": _hidden_first,
    "merged": _merged,
    "moved": _moved,
    "spaces in the heading": _spaced,
    "long dates": _datetimes,
    "comments, filters, hidden rows": _decorated,
}
