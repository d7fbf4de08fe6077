"""Numbers and dates as a workbook shows them, in each format of workbooks."""

from datetime import date

import pytest
from openpyxl import Workbook

from llm_glam.formats import tables
from llm_glam.formats.spreadsheets import shown

DAY = date(1987, 5, 3)
SHOWN = [  # value, format, its text in English, what is read
    (1234, "0000000", "0001234", "0001234"),
    (12, "00-00", "00-12", "00-12"),
    (18873804, '0000"."0000', "1887.3804", "1887.3804"),
    (123456, "0000", "123456", 123456),
    (1887, "0000", "1887", 1887),
    (12.0, "0000", "0012", "0012"),
    (12.5, "0000", "0013", 12.5),
    (7, "General", "7", 7),
    (7, "0", "7", 7),
    (7, "0.00", "7.00", 7),
    (0, "0.00", "0.00", 0),
    (1234567, "#,##0", "1,234,567", 1234567),
    (0.25, "0%", "25%", 0.25),
    (5, '"£"#,##0.00', "£5.00", 5),
    (5, '0" kg"', "5 kg", 5),
    (5, "00%", "500%", 5),
    (DAY, "yyyy", "1987", 1987),
    (DAY, "[$-409]mmmm\\ yyyy;@", "May 1987", "1987-05"),
    (DAY, "mm/yyyy", "05/1987", "1987-05"),
    (DAY, "yyyy-mm", "1987-05", "1987-05"),
    (DAY, "dd/mm/yyyy", "03/05/1987", "1987-05-03"),
    (DAY, "d mmm", "3 May", "1987-05-03"),
    (DAY, "d. mmmm yyyy", "3. May 1987", "1987-05-03"),
]


def xlsx(path, value, code):
    book = Workbook()
    book.active.append(["n"])
    book.active.append([value])
    book.active["A2"].number_format = code
    book.save(path)


def test_zeros_and_precision_are_those_shown(tmp_path):
    for value, code, _, expected in SHOWN:
        xlsx(tmp_path / "a.xlsx", value, code)
        (row,) = tables.read(tmp_path / "a.xlsx")
        assert row == {"n": expected}, (value, code)
        assert type(row["n"]) is type(expected)


@pytest.mark.parametrize(("value", "code", "text", "expected"), SHOWN)
def test_the_text_of_a_cell_says_the_same(value, code, text, expected):
    found = shown.by_text(value, text)
    if value == 18873804:
        expected = value  # might be a number with a decimal point
    assert (found.isoformat() if isinstance(found, date) else found) == expected


@pytest.mark.parametrize(
    "code", ["", "0" * 300, '"', "\\", "[", "0;0;0", "00/00", "@", "00E+00"]
)
def test_odd_formats_leave_the_value(code):
    assert shown.by_format(1234, code) in (1234, "1234".zfill(255))
    assert shown.by_format(DAY, code) == DAY
    assert shown.by_format(True, code) is True
