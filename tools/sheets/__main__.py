"""``python -m tools.sheets``: write the same records as 200 spreadsheets, read each, and compare.

With ``hostile``, write sheets that attack, and read each in a process of its own.

Needs XlsxWriter, pandas and LibreOffice (on Debian: apt-get install --no-install-recommends
libreoffice-calc), and no network. Ends with 1 if a sheet is read differently, or is refused though
it could be read.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from llm_glam.errors import BadRecords
from llm_glam.formats import tables

from . import hostile, writers
from .rows import HEADER, records, same
from .writers import Case

FORMATS = {
    ".xls": "xls:MS Excel 97",
    ".ods": "ods",
    ".xlsx": "xlsx:Calc MS Excel 2007 XML",
}
DIFFERENT, EQUAL, REFUSED = "DIFFERENT", "equal", "refused"


@dataclass(frozen=True)
class Result:
    """What became of a sheet; ``said`` is the error, or the first difference."""

    case: str
    ending: str
    outcome: str
    said: str = ""
    is_right: bool = True


def main() -> None:
    """Write, read, compare and print."""
    if sys.argv[1:] == ["hostile"]:
        with tempfile.TemporaryDirectory() as folder:
            sys.exit(not hostile.run(Path(folder)))
    check_tools()
    with tempfile.TemporaryDirectory() as folder:
        results = list(run(Path(folder)))
    for result in results:
        print(f"{result.outcome:10} {result.ending:6} {result.case}")
        if result.said:
            print(f"{'':18}{result.said}")
    print(summary(results))
    sys.exit(not all(result.is_right for result in results))


def check_tools() -> None:
    """End with a sentence if a program that writes sheets is missing."""
    missing = [name for name in ("xlsxwriter", "pandas") if find_spec(name) is None]
    if missing:
        sys.exit(f"Install what writes the sheets: pip install {' '.join(missing)}")
    if shutil.which("soffice") is None:
        sys.exit(
            "Install LibreOffice, which writes some of the sheets: on Debian, apt-get install "
            "--no-install-recommends libreoffice-calc"
        )


def run(folder: Path) -> Iterator[Result]:
    """Yield what becomes of each sheet, then of those that LibreOffice saves in other formats."""
    written = []
    for number, case in enumerate(writers.all_cases()):
        path = folder / f"{number:03}{case.ending}"
        case.write(path)
        written.append((case, path))
        yield result(case, path)
    readable = [(c, p) for c, p in written if c.ending == ".xlsx" and not c.refuses]
    for ending, name in FORMATS.items():
        target = folder / ending[1:]
        convert([path for _, path in readable], name, target)
        for case, path in readable:
            converted = target / path.with_suffix(ending).name
            yield result(
                Case(f"LibreOffice from {case.name}", ending, case.write), converted
            )


def convert(paths: Iterable[Path], name: str, target: Path) -> None:
    """Save workbooks in another format."""
    profile = f"-env:UserInstallation=file://{target.parent}/profile"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        name,
        "--outdir",
        str(target),
    ]
    subprocess.run([*command, *map(str, paths)], check=True, capture_output=True)


def result(case: Case, path: Path) -> Result:
    """Read a sheet, and compare it with what was written."""
    try:
        rows = list(tables.read(path, tables.Notes(key=("file_name",))))
    except BadRecords as error:
        said = error.message.replace(str(path.parent), "…")
        return Result(case.name, path.suffix, REFUSED, said, case.refuses)
    difference = compare([row for row in rows if not tables.is_blank(row)])
    if difference or case.refuses:
        return Result(
            case.name, path.suffix, DIFFERENT, difference or "was read", False
        )
    return Result(case.name, path.suffix, EQUAL)


def compare(rows: list[tables.Row]) -> str:
    """Return the first difference from the records, or nothing."""
    expected = records()
    if len(rows) != len(expected):
        return f"{len(rows)} rows, not {len(expected)}"
    for number, (row, values) in enumerate(zip(rows, expected, strict=True), 1):
        if list(row) != list(HEADER):
            return f"columns {list(row)}"
        for name, value in zip(HEADER, values, strict=True):
            if not same(row[name], value):
                return f"row {number}, {name}: {row[name]!r}, not {value!r}"
    return ""


def summary(results: list[Result]) -> str:
    """Return a table of outcomes by format."""
    counts = Counter((result.ending, result.outcome) for result in results)
    endings = sorted({result.ending for result in results})
    lines = ["", f"{'':8}{EQUAL:>8}{REFUSED:>9}{DIFFERENT:>11}"]
    for ending in [*endings, "all"]:
        row = [
            sum(
                n
                for (e, o), n in counts.items()
                if o == outcome and ending in (e, "all")
            )
            for outcome in (EQUAL, REFUSED, DIFFERENT)
        ]
        lines.append(f"{ending:8}{row[0]:8}{row[1]:9}{row[2]:11}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
