"""Excel workbooks as the programs of the world write them: all rows, or a sentence."""

import re
from zipfile import ZipFile

import pytest
import xlsxwriter
from openpyxl import Workbook
from openpyxl.chart import BarChart

from llm_glam.errors import BadRecords
from llm_glam.formats import tables
from llm_glam.formats.spreadsheets import sheets, xlsx

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


def formulas(tmp_path, *cells, is_to_calculate=True):
    """A sheet whose cells B2 and C2 are these."""
    path = save(
        tmp_path / "a.xlsx", [("file_name", "title", "sensitive"), ("red.png",)]
    )
    edit(path, ("</c></row></sheetData>", f"</c>{''.join(cells)}</row></sheetData>"))
    if not is_to_calculate:
        edit(path, (' fullCalcOnLoad="1"', ""), part="xl/workbook.xml")
    return path


@pytest.mark.parametrize(
    "cell",
    [
        '<c r="C2"><f>TRUE()</f><v /></c>',  # openpyxl
        '<c r="C2"><f>TRUE()</f></c>',
        '<c r="C2" t="str"><f>IF(1,"yes","no")</f></c>',
        '<c r="C2" t="b"><f>TRUE()</f><v></v></c>',
        '<c r="C2"><f>TRUE()</f><v>0</v></c>',  # XlsxWriter
        '<c r="C2"><f t="array" ref="C2">TRUE()</f><v>0</v></c>',
        '<c r="C2"><f t="shared" si="0"/></c>',
    ],
)
def test_a_formula_without_a_value_is_no_empty_cell(tmp_path, cell):
    path = formulas(tmp_path, cell)
    with pytest.raises(BadRecords) as raised:
        list(tables.read(path))
    assert raised.value.message == (
        f"{path} has a formula without a value in the sheet 'Sheet' (see cell C2). Open it in Excel "
        "or LibreOffice, save it there, and repeat the command."
    )


def test_formulas_without_a_value_are_counted(tmp_path):
    path = save(tmp_path / "a.xlsx", [("file_name", "title"), ("red.png", "=1+1")] * 3)
    with pytest.raises(BadRecords, match=r"has 3 formulas .* \(see cell B2\)"):
        list(tables.read(path))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('<c r="C2" t="str"><f>""</f><v></v></c>', None),
        ('<c r="C2" t="str"><f>""</f><v/></c>', None),
        ('<c r="C2" t="str"><f>"y"&amp;"es"</f><v>yes</v></c>', "yes"),
        ('<c r="C2" t="b"><f>FALSE()</f><v>0</v></c>', False),
        ('<c r="C2"><f>1+1</f><v>2</v></c>', 2),
        ('<c r="C2" t="e"><f>NA()</f><v>#N/A</v></c>', "#N/A"),
    ],
)
def test_values_of_formulas_are_read(tmp_path, cell, value):
    (row,) = tables.read(formulas(tmp_path, cell))
    assert (row["file_name"], row["sensitive"]) == ("red.png", value)


def test_zeros_that_a_spreadsheet_program_calculated(tmp_path):
    cell = '<c r="C2"><f>1-1</f><v>0</v></c>'
    (row,) = tables.read(formulas(tmp_path, cell, is_to_calculate=False))
    assert row["sensitive"] == 0


def column(path, name="sensitive"):
    return [row[name] for row in tables.read(path)]


def merged(tmp_path, cells, *ranges):
    """A sheet with ten pictures, these further cells and these merged ranges."""

    def change(sheet):
        for place, value in cells.items():
            sheet[place] = value
        for one in ranges:
            sheet.merge_cells(one)

    rows = [("file_name", "sensitive", "place"), *((f"{n}.png",) for n in range(2, 8))]
    return save(tmp_path / "a.xlsx", rows, change)


@pytest.mark.parametrize(
    ("cells", "ranges", "expected"),
    [
        ({"B2": "yes"}, ["B2:B4"], ["yes", "yes", "yes", None, None, None]),
        ({"B3": 1, "B6": 0}, ["B3:B5", "B6:B7"], [None, 1, 1, 1, 0, 0]),
        ({"B2": "yes"}, ["B2:C4"], ["yes", "yes", "yes", None, None, None]),
        ({"C3": "x"}, ["C3:D4"], [None] * 6),
        ({}, ["B2:B4"], [None] * 6),
        ({"B3": "yes"}, ["B2:B2", "B3:B3"], [None, "yes", None, None, None, None]),
    ],
)
def test_merged_cells_all_have_the_value(tmp_path, cells, ranges, expected):
    assert column(merged(tmp_path, cells, *ranges)) == expected


def test_a_range_merged_across_columns(tmp_path):
    path = merged(tmp_path, {"B2": "trench 2"}, "B2:C3")
    assert list(tables.read(edit(path, ("B2:C3", "B2:XFD3"))))[:3] == [
        {"file_name": "2.png", "sensitive": "trench 2", "place": "trench 2"},
        {"file_name": "3.png", "sensitive": "trench 2", "place": "trench 2"},
        {"file_name": "4.png", "sensitive": None, "place": None},
    ]


def test_a_range_merged_to_the_last_row(tmp_path):
    path = merged(tmp_path, {"B6": "yes"}, "B6:B7")
    assert column(edit(path, ("B6:B7", "B6:B1048576")))[-3:] == [None, "yes", "yes"]


def test_a_merged_heading_is_no_value(tmp_path):
    path = merged(tmp_path, {"B3": "yes"}, "B1:B2")
    assert column(path) == [None, "yes", None, None, None, None]
    across = merged(tmp_path, {"B3": "yes", "C3": "x"}, "B1:C1")
    assert column(across, "column_3")[:2] == [None, "x"]


def test_a_row_that_is_part_of_a_taller_one_is_no_row(tmp_path):
    path = merged(tmp_path, {"A8": "8.png", "B8": "yes"}, "A8:A9", "B8:B9", "C8:C9")
    assert column(path, "file_name")[-2:] == ["7.png", "8.png"]


def test_many_merged_ranges_take_no_time_to_speak_of(tmp_path):
    ranges = "".join(f'<mergeCell ref="A{n}:XFD1048576"/>' for n in range(2, 20_000))
    path = merged(tmp_path, {"B2": "yes"}, "B2:B3")
    edit(path, ('<mergeCell ref="B2:B3" />', ranges))
    assert column(path)[0] == "yes"


def refused(path):
    with pytest.raises(BadRecords) as raised:
        list(tables.read(path))
    assert raised.value.message.startswith(f"{path} ")
    return raised.value.message


def test_a_merged_range_over_all_cells_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_CELLS", 1000)
    path = merged(tmp_path, {"B2": "yes", "XFD3": "far"}, "B2:B3")
    edit(path, ("B2:B3", "B2:XFD1048576"))
    assert "over 1,000 cells with values in the sheet 'Sheet'" in refused(path)


def test_too_many_cells_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_CELLS", 11)
    assert "over 11 cells with values" in refused(save(tmp_path / "a.xlsx"))
    monkeypatch.setattr(sheets, "MOST_CELLS", 12)
    assert list(tables.read(tmp_path / "a.xlsx")) == READ


@pytest.mark.parametrize("cell", ["<c/>", '<c r="B5"/>', "<c><v/></c>"])
def test_a_row_with_too_many_cells_is_refused(tmp_path, monkeypatch, cell):
    monkeypatch.setattr(sheets, "MOST_TAGS", 10_000)
    path = save(tmp_path / "a.xlsx")
    edit(path, ("</sheetData>", f'<row r="5">{cell * 30_000}</row></sheetData>'))
    assert "over 10,000 XML tags for one row" in refused(path)


def test_too_many_rows_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_ROWS", 100)
    path = save(tmp_path / "a.xlsx")
    edit(path, ("</sheetData>", f"{'<row/>' * 100}</sheetData>"))
    assert "is too large to be read (over 100 rows)" in refused(path)


def test_many_short_rows_are_none_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_TAGS", 10_000)
    path = save(tmp_path / "a.xlsx", change=lambda s: s.append(["x" * 9] * 9))
    edit(path, ("</sheetData>", f"{'<row/>' * 20_000}</sheetData>"))
    assert len(list(tables.read(path))) == 4


@pytest.mark.parametrize(
    "part", ["xl/worksheets/sheet1.xml", "xl/styles.xml", "xl/workbook.xml"]
)
def test_entities_in_a_part_are_refused(tmp_path, part):
    path = save(tmp_path / "a.xlsx")
    with ZipFile(path) as archive:
        text = archive.read(part).decode()
    root = text[text.index("<") :]
    edit(path, (text, f"<!DOCTYPE x [<!ENTITY a 'b'>]>{root}"), part=part)
    assert "contains XML that no spreadsheet program writes" in refused(path)


def test_a_part_that_claims_to_be_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_BYTES", 1000)
    assert "is too large to be read (over" in refused(save(tmp_path / "a.xlsx"))
    monkeypatch.undo()
    monkeypatch.setattr(sheets, "MOST_BYTES_AT_ONCE", 1000)
    assert "is too large to be read (xl/" in refused(tmp_path / "a.xlsx")


def book(path, **sheets):
    """Save a workbook of these sheets, without the one that openpyxl adds."""
    found = Workbook()
    found.remove(found.active)
    for name, rows in sheets.items():
        sheet = found.create_sheet(name)
        for row in rows:
            sheet.append(row)
    found.save(path)
    return path


def read(path, *key):
    notes = tables.Notes(key)
    return list(tables.read(path, notes)), notes.remarks


@pytest.mark.parametrize(
    "first",
    [
        [],
        [("read me",)],
        [("file_name", "title", "sensitive")],
        [("", " "), ("file_name",)],
        [("read me",), ("how to fill in the sheet Data",), ("and more",)],
        [("file name", "title"), ("red.png", "Red")],
    ],
)
def test_the_first_sheet_with_rows_and_file_name_is_read(tmp_path, first):
    path = book(tmp_path / "a.xlsx", Notes=first, Data=ROWS)
    assert read(path, "file_name") == (READ, ["reading the sheet 'Data'"])


def test_other_sheets_with_file_name_are_mentioned(tmp_path):
    lists = [("material",), ("clay",), ("bronze",)]
    path = book(tmp_path / "a.xlsx", Data=ROWS, Lists=lists)
    assert read(path, "file_name") == (READ, [])
    again = [(" File_Name\xa0",), ("x.png",)]
    path = book(tmp_path / "b.xlsx", Data=ROWS, Lists=lists, More=again, Again=again)
    expected = ["reading the sheet 'Data'; not read: 'More', 'Again'"]
    assert read(path, "file_name") == (READ, expected)


def test_a_sheet_without_the_column_is_read_if_there_is_no_other(tmp_path):
    rows = [("pic", "n"), ("red.png", 1)]
    path = book(tmp_path / "a.xlsx", Notes=[("read me",)], Data=rows)
    expected = ([{"pic": "red.png", "n": 1}], ["reading the sheet 'Data'"])
    assert read(path, "file_name") == expected


def test_hidden_sheets_are_read_only_if_there_is_no_other(tmp_path):
    def hide(sheet):
        sheet.sheet_state = "hidden"
        other = sheet.parent.create_sheet("Shown")
        for row in (ROWS[0], ("x.png", "x", "no")):
            other.append(row)

    path = save(tmp_path / "a.xlsx", change=hide)
    assert [row["file_name"] for row in tables.read(path)] == ["x.png"]
    path = save(tmp_path / "b.xlsx", [ROWS[0]], hide)
    assert [row["file_name"] for row in tables.read(path)] == ["x.png"]


@pytest.mark.parametrize("has_chart", [True, False])
def test_a_chart_sheet_first(tmp_path, has_chart):
    def change(sheet):
        chart = sheet.parent.create_chartsheet("Chart", 0)
        if has_chart:
            chart.add_chart(BarChart())

    assert read(save(tmp_path / "a.xlsx", change=change), "file_name") == (READ, [])


def test_a_workbook_without_rows(tmp_path):
    path = book(tmp_path / "a.xlsx", Notes=[("read me",)], Data=[ROWS[0]])
    assert read(path, "file_name") == ([], [])


def test_a_strict_workbook_is_refused(tmp_path):
    path = save(tmp_path / "a.xlsx")
    plain = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    strict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
    for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml"):
        edit(path, (plain, strict), part=part)
    with pytest.raises(BadRecords, match=r"a.xlsx is a 'Strict Open XML' workbook"):
        list(tables.read(path))


def test_names_of_parts_may_have_a_prefix(tmp_path):
    path = save(tmp_path / "a.xlsx")
    with ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    prefixed = re.sub(r"<(/?)(\w)", r"<\1x:\2", sheet).replace("xmlns=", "xmlns:x=")
    edit(path, (sheet, prefixed))
    assert list(tables.read(path)) == READ


def test_escapes_in_text_that_is_not_shared(tmp_path):
    path = save(tmp_path / "a.xlsx")
    edit(path, ("A red thing", "_x005F_x000D_"))
    assert column(path, "title")[0] == "_x000D_"


def shared(path):
    """A workbook whose texts are in a part of their own, as Excel writes it."""
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(ROWS):
            sheet.write_row(number, 0, row)
    return path


def test_shared_texts(tmp_path):
    assert list(tables.read(shared(tmp_path / "a.xlsx"))) == READ


def test_shared_texts_in_parts_and_with_escapes(tmp_path):
    rich = "<r><t>A </t></r><r><rPr><b/></rPr><t>red _x005F_x000D_</t></r>"
    path = shared(tmp_path / "a.xlsx")
    edit(path, ("<t>A red thing</t>", rich), part="xl/sharedStrings.xml")
    assert column(path, "title")[0] == "A red _x000D_"


@pytest.mark.parametrize("inner", ["<si>" * 30_000, f"<si>{'<r/>' * 30_000}</si>"])
def test_a_shared_text_of_too_many_parts_is_refused(tmp_path, monkeypatch, inner):
    monkeypatch.setattr(sheets, "MOST_TAGS", 10_000)
    path = shared(tmp_path / "a.xlsx")
    edit(path, ("</sst>", f"{inner}</sst>"), part="xl/sharedStrings.xml")
    assert "over 10,000 XML tags for one row" in refused(path)


def test_a_part_that_is_several_sheets_is_read_once(tmp_path):
    path = book(tmp_path / "a.xlsx", One=ROWS, Two=ROWS)
    rels = "xl/_rels/workbook.xml.rels"
    edit(path, ("/xl/worksheets/sheet2.xml", "/xl/worksheets/sheet1.xml"), part=rels)
    assert read(path, "file_name") == (READ, [])


def test_an_archive_without_a_workbook_is_refused(tmp_path):
    path = tmp_path / "a.xlsx"
    with ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/inner.xlsx", "PK")
    assert "it is not an Excel workbook, or it is damaged" in refused(path)
