"""Choose the sheet of a workbook, and the row in which its table begins."""

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from ...errors import BadRecords
from ..spreadsheets.sheets import Sheet
from . import heading
from .notes import Notes, below_titles, clean_name, nothing_in_row


def choose(path: Path, sheets: Sequence[Sheet], notes: Notes) -> Sheet | None:
    """Return the sheet that somebody has chosen, or else the one that can be meant.

    :raises BadRecords: there is no sheet as chosen, or nothing in it
    """
    return _named(path, sheets, notes) or _usable(sheets, notes)


def first_row(path: Path, sheet: Sheet, notes: Notes) -> int:
    """Return the number of the row with the names of columns."""
    if (wanted := notes.header_row) is not None:
        if not any(number == wanted for number, _ in sheet.rows()):
            raise BadRecords(nothing_in_row(path, wanted))
        return wanted
    rows = list(islice(sheet.rows(), heading.SAMPLE))
    if index := heading.find(rows, notes.has_key):
        titles = [
            (n, {c: v for c, v in cells.items() if str(v).strip()}) for n, cells in rows
        ]
        notes.remarks.append(below_titles(*titles[index - 1 : index + 1]))
    return rows[index][0]


def _named(path: Path, sheets: Sequence[Sheet], notes: Notes) -> Sheet | None:
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


def _usable(sheets: Sequence[Sheet], notes: Notes) -> Sheet | None:
    """Return the first sheet that has rows and a needed column, or else the first with rows.

    A remark says which one is read if it is not the first, or if others could be read as well.
    """
    with_rows = []
    for sheet in sheets:
        rows = list(islice(sheet.rows(), heading.SAMPLE))
        if len(rows) > 1:
            names = header(rows[heading.find(rows, notes.has_key)][1])
            with_rows.append((sheet, notes.has_key(names.values())))
    with_key = [sheet for sheet, has_key in with_rows if has_key]
    usable = with_key or [sheet for sheet, _ in with_rows]
    if not usable:
        return None
    others = [f"'{sheet.name}'" for sheet in usable[1:]]
    if others or usable[0] is not sheets[0]:
        left_out = f"; not read: {', '.join(others)}" if others else ""
        notes.remarks.append(f"reading the sheet '{usable[0].name}'{left_out}")
    return usable[0]


def header(cells: Mapping[int, Any]) -> dict[int, str]:
    """Return the names of columns that stand in the cells of a sheet's first row."""
    return {c: clean_name(str("" if v is None else v)) for c, v in cells.items()}
