"""Workbooks in Excel's format before 2007 are read as those of the newer one."""

from contextlib import suppress
from datetime import time, timedelta

import pytest

from llm_glam.errors import BadRecords
from llm_glam.formats import tables

from ..old_excel import (
    DATE,
    DURATION,
    YEAR,
    ZEROS,
    blank,
    compound,
    error,
    formula,
    label,
    merged,
    number,
    of_rows,
    record,
    save,
    stream,
)
from ..sheets import READ, ROWS

HEADER = label(0, 0, "file_name") + label(0, 1, "value")


def read(path, *key):
    notes = tables.Notes(key)
    return list(tables.read(path, notes)), notes.remarks


def values(tmp_path, *cells):
    path = save(tmp_path / "a.xls", {"Sheet1": HEADER + b"".join(cells)})
    return [row["value"] for row in tables.read(path)]


def test_rows_are_read(tmp_path):
    assert read(save(tmp_path / "a.xls", ROWS)) == (READ, [])
    path = tmp_path / "B.XLS"
    path.write_bytes(stream({"Sheet1": of_rows(ROWS)}))  # not in a compound file
    assert read(path) == (READ, [])


def test_the_sheet_with_the_column_is_read_and_hidden_ones_last(tmp_path):
    sheets = {"Notes": [["read me"]], "Old": ROWS[:2], "Data": ROWS}
    path = save(tmp_path / "a.xls", sheets, hidden=["Old"])
    expected = "reading the sheet 'Data'; not read: 'Old'"
    assert read(path, "file_name") == (READ, [expected])


@pytest.mark.parametrize(
    ("value", "style", "expected"),
    [
        (1887, 0, 1887),
        (0, 0, 0),
        (-1.5, 0, -1.5),
        (2.0**53, 0, 2**53),
        (1.23e29, 0, 1.23e29),
        (31898, DATE, "1987-05-01"),
        (31898.5, DATE, "1987-05-01T12:00:00"),
        (31898, YEAR, 1987),
        (1234, ZEROS, "0001234"),
        (12345678, ZEROS, 12345678),
        (0.25, DATE, time(6)),
        (1.25, DURATION, timedelta(hours=30)),
        (-1e9, DATE, "#VALUE!"),
    ],
)
def test_numbers_and_dates(tmp_path, value, style, expected):
    (found,) = values(tmp_path, number(1, 1, value, style))
    assert found == expected
    assert type(found) is type(expected)


def test_other_values(tmp_path):
    path = save(
        tmp_path / "a.xls", [["file_name", "v"], ["a", True], ["b", "é \U0001f33b"]]
    )
    assert [row["v"] for row in tables.read(path)] == [True, "é \U0001f33b"]
    assert values(tmp_path, error(1, 1, 42), error(2, 1, 7)) == ["#N/A", "#DIV/0!"]


def test_formulas_without_a_value_are_refused(tmp_path):
    assert values(tmp_path, formula(1, 1, 2, flags=2), formula(2, 1, 0)) == [2, 0]
    with pytest.raises(
        BadRecords, match=r"a.xls has a formula without a value .* B2\)"
    ):
        values(tmp_path, formula(1, 1, 0, flags=2))


def test_merged_cells_all_have_the_value(tmp_path):
    names = [label(row, 0, f"{row}.png") for row in range(1, 4)]
    cells = [*names, label(1, 1, "yes"), merged((1, 2, 1, 1))]
    assert values(tmp_path, *cells) == ["yes", "yes", None]


def test_formats_far_from_the_cells_are_neither_columns_nor_rows(tmp_path):
    cells = of_rows(ROWS) + blank(2, 255) + blank(65535, 0) + blank(65535, 255)
    assert read(save(tmp_path / "a.xls", {"Sheet1": cells})) == (READ, [])


def test_an_encrypted_workbook_is_refused(tmp_path):
    protected = record(0x2F, bytes(6))
    path = save(tmp_path / "a.xls", ROWS, before=protected)
    with pytest.raises(BadRecords, match=r"a.xls is encrypted. .* without a password"):
        read(path)


def test_too_many_sheets_are_refused(tmp_path):
    sheets = {f"S{n}": [] for n in range(1001)}
    with pytest.raises(
        BadRecords, match=r"is too large to be read \(over 1,000 sheets"
    ):
        read(save(tmp_path / "a.xls", sheets))


@pytest.mark.parametrize("step", [0, 1, -1])
def test_sectors_in_a_circle_are_refused(tmp_path, step):
    data = stream({"Sheet1": of_rows(ROWS * 200)})
    chain = [max(0, n + step) for n in range(-(-len(data) // 512))]
    path = tmp_path / "a.xls"
    path.write_bytes(compound(data, chain=chain))
    with pytest.raises(BadRecords, match="it is damaged"):
        read(path)


def test_damage_anywhere_is_one_sentence(tmp_path):
    path = save(tmp_path / "a.xls", ROWS)
    whole = path.read_bytes()
    for place in range(0, len(whole), 97):
        for data in (whole[:place], whole[:place] + b"\xff\xff" + whole[place + 2 :]):
            path.write_bytes(data)
            with suppress(BadRecords):  # no other error, and no traceback
                read(path)
