"""Excel workbooks as the programs of the world write them: all rows, or a sentence."""

import pytest

from llm_glam.formats import tables

from ..sheets import READ, ROWS, edit, save

DIMENSION = '<dimension ref="A1:C4" />'


@pytest.mark.parametrize(
    "dimension",
    [
        *('<dimension ref="A1"/>', '<dimension ref="A1:B2"/>'),
        *('<dimension ref="A1:A4"/>', '<dimension ref="B2:C3"/>'),
        *('<dimension ref="A1:XFD1048576"/>', '<dimension ref="1:4"/>'),
        *('<dimension ref=""/>', '<dimension ref="$A$1:$C$4"/>', "<dimension/>", ""),
        '<dimension ref="none of this"/>',
    ],
)
def test_all_rows_are_read_whatever_the_dimension_says(tmp_path, dimension):
    path = edit(save(tmp_path / "a.xlsx"), (DIMENSION, dimension))
    assert list(tables.read(path)) == READ


def test_rows_and_cells_without_numbers(tmp_path):
    cells = [f' r="{c}{r}"' for c in "ABC" for r in range(1, 5)]
    rows = [f' r="{r}"' for r in range(1, 5)]
    path = save(tmp_path / "a.xlsx")
    edit(path, (DIMENSION, ""), *((number, "") for number in (*cells, *rows)))
    assert list(tables.read(path)) == READ


def test_formats_far_from_the_cells_are_neither_columns_nor_rows(tmp_path):
    def change(sheet):
        for cell in ("XFD3", "D1", "Z2", "A1048576", "XFD1048576"):
            sheet[cell].number_format = "0.00"

    path = save(tmp_path / "a.xlsx", change=change)
    assert list(tables.read(path)) == READ


def test_a_note_far_right_is_one_column(tmp_path):
    path = save(tmp_path / "a.xlsx", change=lambda sheet: sheet.cell(3, 16384, "seen"))
    found = list(tables.read(path))
    assert [row.pop("column_16384") for row in found] == [None, "seen", None]
    assert found == READ


def test_extensions_and_formats_cause_no_warnings(tmp_path, recwarn):
    extension = '<extLst><ext uri="{78C0D931-6437-407d-A8EE-F0AAD7539E65}"/></extLst>'
    path = edit(save(tmp_path / "a.xlsx"), ("</worksheet>", f"{extension}</worksheet>"))
    assert list(tables.read(path)) == READ
    assert not recwarn.list


def test_the_first_rows_may_be_empty(tmp_path):
    path = save(tmp_path / "a.xlsx", [(), ("", None, " "), *ROWS, (), ("",)])
    assert list(tables.read(path)) == READ
