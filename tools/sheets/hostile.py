"""Sheets that attack: each has to be read or refused by one sentence, in bounded memory and time."""

import json
import resource
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import openpyxl

from tests import old_excel, open_document
from tests.open_document import cell, content, row, table

MOST_MB = 2500
MOST_SECONDS = 120
MEGA = 2**20
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LAUGHS = "<!DOCTYPE x [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {new} '" + f"&{old};" * 10 + "'>"
    for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">'
REMOTE = '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd" ['
READ = """
import json, sys
from pathlib import Path
from llm_glam.errors import BadRecords
from llm_glam.formats import tables
try:
    count = sum(1 for _ in tables.read(Path(sys.argv[1]), tables.Notes(key=("file_name",))))
    said = f"{count} rows"
except BadRecords as error:
    said = error.message
status = Path("/proc/self/status").read_text()  # getrusage would count the parent, too
print(json.dumps([said, int(status.split("VmHWM:")[1].split()[0]) // 1024]))
"""

Write = Callable[[Path], object]


def run(folder: Path) -> bool:
    """Write, read and print each; return whether all ended well."""
    is_right = True
    for number, (name, ending, write) in enumerate(cases()):
        path = folder / f"{number:03}{ending}"
        write(path)
        said, megabytes = read(path)
        is_well = megabytes < MOST_MB and "\n" not in said
        is_right = is_right and is_well
        size = path.stat().st_size / MEGA
        print(
            f"{'' if is_well else 'FAILED '}{ending:6} {name}: {size:,.1f} MB, {megabytes} MB of memory"
        )
        print(f"       {said.replace(str(folder), '…')[:200]}", flush=True)
        path.unlink()
    return is_right


def read(path: Path) -> tuple[str, int]:
    """Read a table in a process of its own; return what it says, and its memory in MB."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (3 * MOST_MB * MEGA, 3 * MOST_MB * MEGA))

    try:
        done = subprocess.run(
            [sys.executable, "-c", READ, str(path)],
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            preexec_fn=limit,
        )
    except subprocess.TimeoutExpired:
        return f"took over {MOST_SECONDS} s\n", 0
    if done.returncode:
        return done.stderr[-500:] + "\n", 0
    said, megabytes = json.loads(done.stdout)
    return said, megabytes


def cases() -> Iterator[tuple[str, str, Write]]:
    """Yield the name, the ending and the writer of each."""
    yield from _xlsx()
    yield from _ods()
    yield from _xls()
    yield from _text()


def workbook(path: Path, **parts: bytes) -> None:
    """Save a workbook with one picture; ``parts`` replace its own, by the last word of the name."""
    book = openpyxl.Workbook()
    book.active.append(["file_name", "title"])
    book.active.append(["red.png", "Red"])
    book.save(path)
    with ZipFile(path) as archive:
        own = {name: archive.read(name) for name in archive.namelist()}
    names = {Path(name).stem.strip("[]").lower(): name for name in own}
    own |= {names[key]: data for key, data in parts.items()}
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in own.items():
            archive.writestr(name, data)


def sheet(rows: str, after: str = "", before: str = "") -> bytes:
    """Return the part of a sheet."""
    return f"{before}<worksheet {MAIN}><sheetData>{HEADING}{rows}</sheetData>{after}</worksheet>".encode()


def inline(text: str, place: str = "") -> str:
    """Return a cell with its text in it."""
    return f'<c{place} t="inlineStr"><is><t>{text}</t></is></c>'


HEADING = (
    f"<row>{inline('file_name')}{inline('title')}</row><row>{inline('red.png')}</row>"
)


def strings(inner: str) -> bytes:
    """Return the part of texts."""
    return f"<sst {MAIN}>{inner}</sst>".encode()


def _numbered(number: int, cells: str) -> str:
    return f'<row r="{number}">{cells}</row>'


def _long() -> str:
    return "".join(_numbered(n, inline("y")) for n in range(4, 90_000))


def _xlsx() -> Iterator[tuple[str, str, Write]]:
    big = {
        "empty cells in a row": lambda: sheet(f"<row>{'<c/>' * 4_000_000}</row>"),
        "cells with attributes in a row": lambda: sheet(
            "<row>" + '<c r="A1" s="1"/>' * 3_000_000 + "</row>"
        ),
        "numbers in a row": lambda: sheet(
            f"<row>{'<c><v>1</v></c>' * 3_000_000}</row>"
        ),
        "empty rows": lambda: sheet("<row/>" * 8_000_000),
        "rows with a cell": lambda: sheet("<row><c><v>1</v></c></row>" * 1_500_000),
        "one long text": lambda: sheet(f"<row>{inline('x' * 100_000_000)}</row>"),
        "merged ranges": lambda: sheet(
            "",
            "<mergeCells>" + '<mergeCell ref="A2:XFD9"/>' * 3_000_000 + "</mergeCells>",
        ),
        "600 MB of spaces": lambda: sheet(" " * 600_000_000),
        "unknown elements": lambda: sheet("", "<x>" * 3_000_000),
        "a merged range over all cells": lambda: sheet(
            _numbered(3, inline("x") + inline("x", ' r="XFD3"')) + _long(),
            '<mergeCells><mergeCell ref="A3:XFD1048576"/></mergeCells>',
        ),
        "a wide sparse table": lambda: sheet(
            _numbered(3, inline("x") * 16_000) + _long(),
        ),
    }
    for name, make in big.items():
        yield name, ".xlsx", lambda p, make=make: workbook(p, sheet1=make())
    for name, number, tag in (
        ("texts", 4_000_000, "<si/>"),
        ("nested", 3_000_000, "<si>"),
    ):
        data = strings(tag * number)
        yield f"{number:,} {name}", ".xlsx", lambda p, d=data: _with_strings(p, d)
    styles = f"<styleSheet {MAIN}><cellXfs>{'<xf/>' * 5_000_000}</cellXfs></styleSheet>"
    yield "5 million styles", ".xlsx", lambda p: workbook(p, styles=styles.encode())
    few = f"<styleSheet {MAIN}><cellXfs>{'<xf/>' * 900_000}</cellXfs></styleSheet>"
    yield "900,000 styles", ".xlsx", lambda p: workbook(p, styles=few.encode())
    for name, start in (
        ("laughs", LAUGHS),
        ("a file", OUTSIDE),
        ("an address", REMOTE),
    ):
        before = f'<?xml version="1.0"?>{start}]>'
        row_ = f"<row>{inline('&j;' if start == LAUGHS else '&a;')}</row>"
        data = sheet(row_, before=before)
        yield f"entities: {name}", ".xlsx", lambda p, d=data: workbook(p, sheet1=d)
        text = f"{before}<workbook>&a;</workbook>".encode()
        yield f"entities: {name} in workbook.xml", ".xlsx", lambda p, d=text: workbook(
            p, workbook=d
        )
    ebcdic = b'<?xml version="1.0" encoding="cp037"?>' + sheet("").decode().encode(
        "cp037"
    )
    yield "in EBCDIC", ".xlsx", lambda p: workbook(p, sheet1=ebcdic)
    yield "in UTF-16", ".xlsx", lambda p: workbook(
        p, sheet1=sheet("").decode().encode("utf-16")
    )
    for place in ("ZZZZZZ1", "A99999999999", "A0", "1", "é1"):
        at = f' r="{place}"'
        data = sheet(f"<row>{inline('x', at)}</row>")
        yield f"a cell at {place}", ".xlsx", lambda p, d=data: workbook(p, sheet1=d)
    calls = (
        'WEBSERVICE("http://x")',
        "cmd|' /C calc'!A0",
        'HYPERLINK("file:///etc/passwd")',
    )
    for call in calls:
        escaped = call.replace('"', "&quot;")
        data = sheet(f"<row>{inline('x.png')}<c><f>{escaped}</f></c></row>")
        yield f"formula {call}", ".xlsx", lambda p, d=data: workbook(p, sheet1=d)
    data = sheet(
        f"<row>{inline('=cmd|calc!A0')}{inline('+1')}</row><row>{inline('@SUM(1)')}</row>"
    )
    yield "texts that begin with = + @", ".xlsx", lambda p: workbook(p, sheet1=data)
    odd = sheet(f"<row>{inline('_x0000_a&#x9;b_x001B_[31m')}</row>")
    yield "control characters", ".xlsx", lambda p: workbook(p, sheet1=odd)
    yield "a control character as such", ".xlsx", lambda p: workbook(
        p, sheet1=sheet(f"<row>{inline(chr(1))}</row>")
    )
    yield "2,000 sheets", ".xlsx", lambda p: _many_sheets(p, 2000)
    yield "the same part as 900 sheets", ".xlsx", lambda p: _many_sheets(p, 900)
    yield "a claim of 4 GB", ".xlsx", lambda p: _claim(p, 2**32 - 2)
    yield "a claim of 1 byte", ".xlsx", lambda p: _claim(p, 1)
    yield "bzip2", ".xlsx", lambda p: _compressed(p, ZIP_BZIP2)
    yield "lzma", ".xlsx", lambda p: _compressed(p, ZIP_LZMA)
    yield "an archive within an archive", ".xlsx", _nested
    yield "parts outside the archive", ".xlsx", _outside


def _ods() -> Iterator[tuple[str, str, Write]]:
    many = {"table_number-columns-repeated": 2_000_000_000}
    rows = {
        "2 billion rows": row("x.png", repeated=2_000_000_000),
        "2 billion empty rows": row(None, repeated=2_000_000_000),
        "2 billion cells": row("x.png", cell("<text:p>x</text:p>", **many)),
        "2 billion empty cells": row("x.png", cell("", kind=None, **many)),
        "rows times cells": row(
            "x",
            cell("<text:p>x</text:p>", **{"table_number-columns-repeated": 9000}),
            repeated=9000,
        ),
        "a repetition that is no number": row("x", repeated="x"),
        "a repetition with a million digits": row("x", repeated="9" * 1_000_000),
        "negative": row("x.png", repeated=-5),
        "2 billion spaces": row(
            "x.png", cell('<text:p>a<text:s text:c="2000000000"/>b</text:p>')
        ),
        "spans": row(
            cell(
                "<text:p>x</text:p>",
                **{
                    "table_number-columns-spanned": 2**31,
                    "table_number-rows-spanned": 2**31,
                },
            )
        ),
        "nested paragraphs": row(
            cell(
                "<text:p>"
                + "<text:span>" * 200_000
                + "</text:span>" * 200_000
                + "</text:p>"
            )
        ),
        "cells in a row": "<table:table-row>"
        + "<table:table-cell/>" * 2_000_000
        + "</table:table-row>",
        "rows": "<table:table-row/>" * 2_000_000,
        "a macro and a link": row(
            "x.png",
            cell(
                "<text:p>y</text:p>",
                table_formula="of:=WEBSERVICE(&quot;http://x&quot;)",
            ),
        ),
    }
    for name, written in rows.items():
        text = content(table("Data", ("file_name", "title"), written))
        yield name, ".ods", lambda p, t=text: open_document.pack(p, t)
    yield "2,000 tables", ".ods", lambda p: open_document.pack(
        p, content(table("T") * 2000)
    )
    yield "tables in tables", ".ods", lambda p: open_document.pack(
        p, content("<table:table>" * 300_000)
    )
    for name, start in (("laughs", LAUGHS), ("a file", OUTSIDE)):
        text = content(
            table("Data", ("file_name",), (cell("<text:p>&a;</text:p>"),)),
            before=f"{start}]>",
        )
        yield f"entities: {name}", ".ods", lambda p, t=text: open_document.pack(p, t)


def _xls() -> Iterator[tuple[str, str, Write]]:
    rows = old_excel.of_rows(
        [("file_name", "title")] + [(f"{n}.png", "x") for n in range(2000)]
    )
    data = old_excel.stream({"Data": rows})
    count = -(-len(data) // old_excel.SECTOR)
    chains = {
        "a sector that follows itself": [0] * count,
        "sectors in a circle": [*range(1, count), 0],
        "sectors beyond the file": [2**31 - 9] * count,
        "a chain that is too short": [-2] * count,
    }
    for name, chain in chains.items():
        yield name, ".xls", lambda p, c=chain: p.write_bytes(
            old_excel.compound(data, chain=c)
        )
    whole = old_excel.compound(data)
    for name, place, value in (
        ("2 billion sectors in the table", 44, 2**31 - 1),
        ("2 billion sectors in the second table", 72, 2**31 - 1),
        ("a directory outside the file", 48, 2**31 - 1),
        ("sectors of 2^255 bytes", 30, 0x00FF00FF),
    ):
        changed = whole[:place] + struct.pack("<I", value) + whole[place + 4 :]
        yield name, ".xls", lambda p, d=changed: p.write_bytes(d)
    claim = old_excel.record(
        0xFC, struct.pack("<II", 2**31 - 1, 2**31 - 1) + b"\xff\xff\0"
    )
    before = {
        "2 billion texts": claim,
        "2 billion formats": old_excel.record(0x8C, b"\xff" * 4),
    }
    for name, records in before.items():
        text = old_excel.stream({"Data": rows}, before=records)
        yield name, ".xls", lambda p, t=text: p.write_bytes(old_excel.compound(t))
    far = rows + b"".join(old_excel.number(r, 255, 1.0) for r in range(2001, 65535))
    yield "numbers far away", ".xls", lambda p: old_excel.save(p, {"Data": far})
    wide = rows + old_excel.merged((1, 65535, 0, 255)) * 2000
    yield "merged over all", ".xls", lambda p: old_excel.save(p, {"Data": wide})
    yield "2,000 sheets", ".xls", lambda p: old_excel.save(
        p, {f"S{n}": [] for n in range(2000)}
    )


def _text() -> Iterator[tuple[str, str, Write]]:
    texts = {
        "a million columns": ",".join(f"c{n}" for n in range(1_000_000)) + "\n1",
        "a million columns of one name": "a," * 1_000_000 + "\n1",
        "a million empty columns": "file_name" + "," * 1_000_000 + "\nred.png",
        "a line of 70 MB": "file_name,title\nred.png," + "x" * 70_000_000,
        "16,000 columns and 90,000 short rows": ",".join(f"c{n}" for n in range(16_000))
        + "\na" * 90_000,
        "a mark that is never closed": 'file_name,title\nred.png,"' + "x\n" * 5_000_000,
        "NUL": "file_name,title\nred.png,a\0b",
        "formulas": "file_name,title\nred.png,=cmd|' /C calc'!A0",
        "escapes": "file_name,title\nred.png,\x1b[31mred\x07",
    }
    for name, text in texts.items():
        yield name, ".csv", lambda p, t=text: p.write_text(t, "utf-8")
    deep = '{"file_name": ' + "[" * 200_000 + "]" * 200_000 + "}"
    yield "brackets in brackets", ".jsonl", lambda p: p.write_text(deep, "utf-8")
    yield "a number of a million digits", ".json", lambda p: p.write_text(
        '[{"file_name": ' + "9" * 1_000_000 + "}]", "utf-8"
    )


def _with_strings(path: Path, data: bytes) -> None:
    import xlsxwriter  # openpyxl writes texts into their cells

    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet().write_column(0, 0, ["file_name", "red.png"])
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, own in parts.items():
            archive.writestr(name, data if name == STRINGS else own)


def _many_sheets(path: Path, count: int) -> None:
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = "".join(
        f'<sheet name="S{n}" sheetId="{n}" r:id="rId1"/>' for n in range(1, count + 1)
    )
    text = f'<workbook {MAIN} xmlns:r="{relation}"><sheets>{sheets}</sheets></workbook>'
    workbook(path, workbook=text.encode(), sheet1=sheet("<row/>" * 300_000))


def _claim(path: Path, size: int) -> None:
    """Change the size of the first sheet that the archive claims, in both places."""
    workbook(path)
    data = bytearray(path.read_bytes())
    with ZipFile(path) as archive:
        info: ZipInfo = archive.getinfo(SHEET)
    data[info.header_offset + 22 : info.header_offset + 26] = struct.pack("<I", size)
    central = data.index(b"PK\1\2", data.rindex(SHEET.encode()) - 50)
    data[central + 24 : central + 28] = struct.pack("<I", size)
    path.write_bytes(bytes(data))


def _compressed(path: Path, method: int) -> None:
    workbook(path)
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w", method) as archive:
        for name, data in parts.items():
            archive.writestr(name, data + b" " * 50_000_000 if name == SHEET else data)


def _nested(path: Path) -> None:
    workbook(path)
    inner = path.read_bytes()
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/inner.xlsx", inner)
        archive.writestr("[Content_Types].xml", "<Types/>")


def _outside(path: Path) -> None:
    workbook(path)
    with ZipFile(path, "a") as archive:
        archive.writestr("../../../../tmp/outside.txt", "x")
