"""OpenDocument spreadsheets are read as Excel's workbooks are."""

from datetime import time, timedelta
from zipfile import ZIP_BZIP2, ZipFile

import pytest

from llm_glam.errors import BadRecords
from llm_glam.formats import tables
from llm_glam.formats.spreadsheets import sheets

from ..open_document import cell, content, pack, row, save, table
from ..sheets import READ, ROWS


def read(path, *key):
    notes = tables.Notes(key)
    return list(tables.read(path, notes)), notes.remarks


def values(tmp_path, *cells):
    """The values of these cells, one below the other."""
    rows = [("file_name", "value"), *(("x", one) for one in cells)]
    return [r["value"] for r in tables.read(save(tmp_path / "a.ods", rows))]


def refused(path):
    with pytest.raises(BadRecords) as raised:
        read(path)
    assert raised.value.message.startswith(f"{path} ")
    return raised.value.message


def test_rows_are_read(tmp_path):
    assert read(save(tmp_path / "a.ods", ROWS)) == (READ, [])
    assert read(save(tmp_path / "B.ODS", [(), ("", None), *ROWS, ()])) == (READ, [])


def test_rows_in_groups_and_those_repeated_within_the_heading(tmp_path):
    first, *others = (row(*one) for one in ROWS)
    heading = f"<table:table-header-rows>{first}</table:table-header-rows>"
    group = f"<table:table-row-group>{''.join(others)}</table:table-row-group>"
    path = pack(tmp_path / "a.ods", content(table("Data", heading, group)))
    assert read(path) == (READ, [])


def test_a_table_within_a_cell_is_not_part_of_the_sheet(tmp_path):
    inner = cell(table("Inner", ("x", "y")), kind=None)
    path = save(tmp_path / "a.ods", [*ROWS, (inner,)])
    assert read(path) == (READ, [])


def test_the_sheet_with_the_column_is_read_and_hidden_ones_last(tmp_path):
    tables_ = [
        table("Old", *ROWS[:2], style="hidden"),
        table("Notes", ["read me"]),
        table("Data", *ROWS),
    ]
    path = pack(tmp_path / "a.ods", content(*tables_))
    expected = "reading the sheet 'Data'; not read: 'Old'"
    assert read(path, "file_name") == (READ, [expected])


def test_formats_far_from_the_cells_are_neither_columns_nor_rows(tmp_path):
    wide = '<table:table-cell table:number-columns-repeated="16370"/>'
    rows = [row(*one, wide) for one in ROWS]
    blank = row(wide, repeated=1_048_570)
    path = pack(tmp_path / "a.ods", content(table("Data", *rows, blank)))
    assert read(path) == (READ, [])


def test_repeated_rows_and_cells(tmp_path):
    twice = cell("<text:p>v</text:p>", **{"table_number-columns-repeated": 2})
    rows = [row("a", "b", "c"), row("x", twice, repeated=3), row(1)]
    path = pack(tmp_path / "a.ods", content(table("Data", *rows)))
    notes = tables.Notes()
    found = [(notes.line, list(r.values())) for r in tables.read(path, notes)]
    expected = [(n, ["x", "v", "v"]) for n in (2, 3, 4)]
    assert found == [*expected, (5, [1, None, None])]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (cell(kind="float", office_value="1887"), 1887),
        (cell(kind="float", office_value="1.50"), 1.5),
        (cell(kind="float", office_value="1E+030"), 1e30),
        (cell(kind="float", office_value="1" * 30), int("1" * 30)),
        (cell(kind="percentage", office_value="0.5"), 0.5),
        (cell(kind="currency", office_value="3"), 3),
        (cell(kind="boolean", **{"office_boolean-value": "true"}), True),
        (cell(kind="date", **{"office_date-value": "1987-05-01"}), "1987-05-01"),
        (
            cell(kind="date", **{"office_date-value": "1987-05-01T04:05:06"}),
            "1987-05-01T04:05:06",
        ),
        (
            cell(
                "<text:p>1 May 44 BC</text:p>",
                kind="date",
                **{"office_date-value": "-0043-05-01"},
            ),
            "1 May 44 BC",
        ),
        (
            cell(
                "<text:p>1887</text:p>", "date", **{"office_date-value": "1887-01-01"}
            ),
            1887,
        ),
        (cell("<text:p>0001234</text:p>", "float", office_value="1234"), "0001234"),
        (cell("<text:p>12.5 kg</text:p>", "float", office_value="12.5"), 12.5),
        (cell(kind="time", **{"office_time-value": "PT04H05M06S"}), time(4, 5, 6)),
        (cell(kind="time", **{"office_time-value": "PT30H"}), timedelta(hours=30)),
        (cell("<text:p/>"), None),
        (cell("<text:p>x</text:p>", **{"office_string-value": "y"}), "y"),
        (
            cell(
                "<text:p>#N/A</text:p>",
                table_formula="of:=NA()",
                **{"office_string-value": "", "calcext_value-type": "error"},
            ),
            "#N/A",
        ),
        (cell(kind="float", office_value="2", table_formula="of:=1+1"), 2),
        (cell("<text:p/>", kind=None, table_formula="of:=&quot;&quot;"), None),
        (cell("<text:p>a</text:p><text:p>b</text:p>"), "a\nb"),
        (cell('<text:p>\n a <text:s text:c="2"/>b<text:s/>\n</text:p>'), "a   b "),
        (cell("<text:p>a<text:tab/>b<text:line-break/>c</text:p>"), "a\tb\nc"),
        (cell("<text:p>a<text:a>b<text:span>c</text:span></text:a>d</text:p>"), "abcd"),
        (
            cell(
                "<office:annotation><text:p>note</text:p></office:annotation>"
                "<text:p>a</text:p>"
            ),
            "a",
        ),
    ],
)
def test_values_of_cells(tmp_path, written, expected):
    (found,) = values(tmp_path, written)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("kind", [None, "float", "string", "boolean"])
def test_formulas_without_a_value_are_refused(tmp_path, kind):
    written = cell(kind=kind, table_formula="of:=TRUE()")
    path = save(tmp_path / "a.ods", [("file_name", "v"), ("red.png", written)])
    assert "has a formula without a value in the sheet 'Sheet1' (see cell B2)" in (
        refused(path)
    )


def test_merged_cells_all_have_the_value(tmp_path):
    spans = {"table_number-columns-spanned": 2, "table_number-rows-spanned": 2}
    covered = "<table:covered-table-cell/>"
    rows = [
        ("file_name", "a", "b"),
        ("1.png", cell("<text:p>yes</text:p>", **spans), covered),
        ("2.png", covered, covered),
        ("3.png",),
    ]
    found, _ = read(save(tmp_path / "a.ods", rows))
    assert [(r["a"], r["b"]) for r in found] == [
        ("yes",) * 2,
        ("yes",) * 2,
        (None,) * 2,
    ]


def test_what_is_no_spreadsheet_is_refused(tmp_path):
    path = pack(tmp_path / "a.ods", content())
    assert "it is not an OpenDocument spreadsheet" in refused(path)
    pack(path, "<office:nothing")
    assert "it is damaged" in refused(path) or "or it is damaged" in refused(path)
    manifest = "<m><manifest:encryption-data/></m>"
    pack(path, b"\1\2", **{"META-INF/manifest.xml": manifest})
    assert "is encrypted. Open it in LibreOffice" in refused(path)


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    "text",
    [
        content(table("Data", *ROWS), before=ENTITIES),
        content(table("Data", *ROWS), before=f"<!--{'x' * 70_000}-->{ENTITIES}"),
        content(table("Data", *ROWS)).encode("utf-16"),
        content(table("Data", *ROWS)).replace("UTF-8", "cp037"),
    ],
)
def test_entities_and_unusual_encodings_are_refused(tmp_path, text):
    path = pack(tmp_path / "a.ods", text)
    assert "contains XML that no spreadsheet program writes" in refused(path)


@pytest.mark.parametrize(
    "rows",
    [
        [ROWS[0], row(*ROWS[1], repeated=2_000_000_000)],
        [
            ROWS[0],
            row(cell("<text:p>x</text:p>", **{"table_number-columns-repeated": 2**31})),
        ],
        ["<table:table-row>" + "<table:table-cell/>" * 10_001 + "</table:table-row>"],
    ],
)
def test_billions_of_cells_are_refused(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(sheets, "MOST_TAGS", 10_000)
    path = pack(tmp_path / "a.ods", content(table("Data", *rows)))
    assert "is too large to be read (over " in refused(path)


def test_a_part_that_claims_to_be_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "MOST_BYTES", 1000)
    path = save(tmp_path / "a.ods", ROWS)
    assert "is too large to be read (over 0 MB unpacked)" in refused(path)


def test_other_compressions_are_refused(tmp_path):
    path = tmp_path / "a.ods"
    with ZipFile(path, "w", ZIP_BZIP2) as archive:
        archive.writestr("content.xml", content(table("Data", *ROWS)))
    assert "is compressed in a way that no spreadsheet program writes" in refused(path)
