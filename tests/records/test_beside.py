"""Records from spreadsheets as people have them, beside the pictures."""

import json
import unicodedata

import pytest

from .. import old_excel, open_document
from ..fakes import GREEN, picture
from ..sheets import ROWS, edit, save

EMBED = ("glam", "embed", "photos", "photos", "-m", "glam-clip")


def titles(llm):
    return {
        row["id"]: (row["title"], row["sensitive"])
        for row in llm.rows("select id, title, sensitive from photos")
    }


ALL = {
    "red.png": ("A red thing", 0),
    "green.png": ("A green thing", 1),
    "sub folder/blé.png": ("A blue thing", 0),
}


@pytest.mark.parametrize("dimension", ["A1", "A1:B2", "A1:A4"])
def test_all_rows_of_a_sheet_with_a_wrong_dimension(llm, colours, photos, dimension):
    save(photos / "metadata.xlsx")
    edit(photos / "metadata.xlsx", ('ref="A1:C4"', f'ref="{dimension}"'))
    llm(*EMBED)
    assert titles(llm) == ALL


def test_a_formula_without_a_value_ends_the_run(llm, colours, photos):
    save(photos / "metadata.xlsx", [*ROWS[:2], ("green.png", "green", "=TRUE()")])
    message = llm.fails(*EMBED)
    assert "metadata.xlsx has a formula without a value" in message
    assert "(see cell C3)" in message
    assert not llm.database.exists()


def test_a_merged_cell_marks_all_its_rows_as_sensitive(llm, colours, photos):
    def change(sheet):
        sheet["C2"] = "yes"
        sheet.merge_cells("C2:C4")

    save(photos / "metadata.xlsx", change=change)
    llm(*EMBED)
    assert {marked for _, marked in titles(llm).values()} == {1}


def test_notes_before_the_records(llm, colours, photos):
    def change(sheet):
        sheet.title = "Data"
        notes = sheet.parent.create_sheet("Notes", 0)
        notes.append(["read me"])

    save(photos / "metadata.xlsx", change=change)
    assert "metadata.xlsx: reading the sheet 'Data'\n" in llm(*EMBED).stderr
    assert titles(llm) == ALL


@pytest.mark.parametrize(
    "text", ["file_name,title\n", "", "\n\n", "file_name,n\n\n,\n"]
)
def test_a_table_without_rows_is_mentioned(llm, colours, photos, text):
    (photos / "metadata.csv").write_text(text)
    assert "metadata.csv: there are no rows in it" in llm(*EMBED).stderr


def test_a_quotation_mark_that_is_not_closed_ends_the_run(llm, colours, photos):
    lines = ["file_name,title,sensitive", 'red.png,"17"" plate,no', "green.png,x,yes"]
    (photos / "metadata.csv").write_text("\n".join(lines))
    message = llm.fails(*EMBED)
    assert "metadata.csv, line 2: a cell begins with a quotation mark" in message
    assert not llm.database.exists()


@pytest.mark.parametrize("space", [" ", "\xa0", "\t", "\u2007"])
def test_spaces_around_names_of_pictures(llm, colours, photos, space):
    rows = [[f"{space}{row[0]}{space}", *row[1:]] for row in ROWS]
    save(photos / "metadata.xlsx", rows)
    llm(*EMBED)
    assert titles(llm) == ALL


def test_empty_rows_and_columns_are_none(llm, colours, photos):
    more = "," * 2000
    lines = [f"{','.join(row)}{more}" for row in (*ROWS, [""], [" ", ""])]
    (photos / "metadata.csv").write_text("\n".join(lines), "utf-8")
    result = llm(*EMBED)
    assert titles(llm) == ALL
    assert "metadata.csv" not in result.stderr
    (row,) = llm.rows("select * from photos where id = 'red.png'")
    assert not any(name.startswith("column_") for name in row)


@pytest.mark.parametrize("name", ["Metadata.xlsx", "METADATA.XLSX", "metadata.Xlsx"])
def test_upper_case_in_the_name_of_a_workbook(llm, colours, photos, name):
    save(photos / "metadata.xlsx").rename(photos / name)
    assert "left out" not in llm(*EMBED).stderr
    assert titles(llm) == ALL


@pytest.mark.parametrize("name", ["metadata.xls", "METADATA.XLS", "Metadata.Xls"])
def test_a_workbook_in_the_older_format(llm, colours, photos, name):
    old_excel.save(photos / name, ROWS)
    assert "left out" not in llm(*EMBED).stderr
    assert titles(llm) == ALL


@pytest.mark.parametrize("name", ["metadata.ods", "METADATA.ODS"])
def test_an_open_document_spreadsheet(llm, colours, photos, name):
    open_document.save(photos / name, ROWS)
    llm(*EMBED)
    assert titles(llm) == ALL


@pytest.mark.parametrize("lock", ["~$metadata.xls", ".~lock.metadata.ods#"])
def test_a_spreadsheet_that_is_open_in_another_program(llm, colours, photos, lock):
    (photos / lock).write_bytes(b"\x05Somebody")
    open_document.save(photos / "metadata.ods", ROWS)
    stderr = llm(*EMBED).stderr
    assert "not read" not in stderr
    assert titles(llm) == ALL


def test_a_workbook_that_was_saved_in_another_format_is_read_once(llm, colours, photos):
    old_excel.save(photos / "metadata.xls", [ROWS[0], ("red.png", "old", "yes")])
    save(photos / "metadata.xlsx")
    stderr = llm(*EMBED).stderr
    expected = "metadata.xls is not read, because the workbook beside it is\n"
    assert expected in stderr
    assert titles(llm) == ALL


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        (
            "xls",
            b"<html><table><tr><td>file_name",
            "is an HTML page or XML, not a sprea",
        ),
        (
            "xls",
            b'\xef\xbb\xbf\n<?xml version="1.0"?><Workbook>',
            "is an HTML page or XML",
        ),
        ("xls", b"file_name\ttitle\nred.png\tx", "Rename it to metadata.tsv."),
        ("xlsx", b"file_name,title\nred.png,x", "Rename it to metadata.csv."),
        ("ods", b"file_name;title\nred.png;x", "Rename it to metadata.csv."),
        (
            "xls",
            "xlsx",
            "is an Excel workbook in the format XLSX, although its name ends in",
        ),
        ("ods", "xlsx", "Rename it to metadata.xlsx."),
        ("xlsx", "xls", "is a workbook in Excel's older format XLS, although its name"),
        ("ods", "xls", "Rename it to metadata.xls."),
        ("xlsx", "ods", "Rename it to metadata.ods."),
        (
            "xls",
            "ods",
            "is an OpenDocument spreadsheet, although its name ends in .xls.",
        ),
        (
            "xlsx",
            "encrypted",
            "is encrypted. Open it in Excel or LibreOffice and save it",
        ),
        ("xls", b"", "cannot be read: it is not a workbook in Excel's older format"),
        ("ods", b"PK\3\4", "cannot be read: it is not an OpenDocument spreadsheet"),
        (
            "xls",
            b"PK\3\4",
            "cannot be read: it is not a workbook in Excel's older format",
        ),
    ],
)
def test_what_only_has_the_name_of_a_spreadsheet(
    llm, colours, photos, name, data, expected
):
    path = photos / f"metadata.{name}"
    writers = {"xlsx": save, "xls": old_excel.save, "ods": open_document.save}
    if data in writers:
        writers[data](path, ROWS)
    elif data == "encrypted":
        path.write_bytes(old_excel.compound(b"", name="EncryptedPackage"))
    else:
        path.write_bytes(data)
    for command in (
        EMBED,
        ("glam", "evaluate", path),
        ("glam", "train", path, "--name", "n"),
    ):
        message = llm.fails(*command)
        assert message.startswith(f"{path} ")
        assert expected in message
        assert "\n" not in message
    assert not llm.database.exists()


@pytest.mark.parametrize(
    ("name", "mark"),
    [("METADATA.CSV", ","), ("metadata.tsv", "\t"), ("Metadata.TSV", "\t")],
)
def test_names_of_text_tables(llm, colours, photos, name, mark):
    lines = [mark.join(row) for row in ROWS]
    (photos / name).write_text("\n".join(lines), "utf-8")
    result = llm(
        "embed-multi", "photos", "--files", "photos", "**/*", "-m", "glam-clip"
    )
    assert "3 embedded" in result.stderr
    assert "0 problems" in result.stderr
    assert titles(llm) == ALL


@pytest.mark.parametrize("name", ["metadata.xlsb", "Metadata.XLSM", "metadata.numbers"])
def test_other_spreadsheets_end_the_run(llm, colours, photos, name):
    (photos / name).write_bytes(b"\xd0\xcf\x11\xe0")
    path = photos / name
    expected = (
        f"{path} cannot be read. Save it as metadata.xlsx (Excel workbook), or as metadata.csv "
        "(CSV UTF-8)."
    )
    assert llm.fails(*EMBED) == expected
    assert llm.fails("glam", "evaluate", photos) == expected
    assert not llm.database.exists()
    assert "save it as an Excel workbook" in llm.fails("glam", "evaluate", path)
    save(photos / "metadata.xlsx")
    llm(*EMBED)
    assert titles(llm) == ALL


@pytest.mark.parametrize(
    "name", ["collection export 2026.xlsx", "metadata.csv.csv", "Records.TSV", "a.ods"]
)
def test_a_spreadsheet_with_another_name_is_mentioned(llm, colours, photos, name):
    (photos / name).write_text("file_name,title\nred.png,x\n")
    expected = (
        f"{photos / name} is not read; to attach its rows to the pictures: llm glam records "
        f'COLLECTION "{photos / name}"\n'
    )
    assert expected in llm(*EMBED).stderr
    save(photos / "metadata.xlsx")
    assert "is not read" not in llm(*EMBED).stderr


LONG = 123456789012345678901234567890


@pytest.mark.parametrize("numbers", [[LONG], [-LONG, 7], [7, 2**63], [1.5, LONG, "x"]])
@pytest.mark.parametrize("suffix", ["jsonl", "xlsx"])
def test_long_numbers_keep_their_digits(llm, colours, photos, numbers, suffix):
    path = photos / f"metadata.{suffix}"
    names = [row[0] for row in ROWS[1:]][: len(numbers)]
    if suffix == "xlsx":  # openpyxl would round them
        marked = [n if isinstance(n, str) else 4321 + i for i, n in enumerate(numbers)]
        save(path, [("file_name", "barcode"), *zip(names, marked, strict=True)])
        marks = zip(marked, numbers, strict=True)
        edit(path, *((f"<v>{m}<", f"<v>{n}<") for m, n in marks if m != n))
    else:
        rows = zip(names, numbers, strict=True)
        lines = [json.dumps({"file_name": name, "barcode": n}) for name, n in rows]
        path.write_text("\n".join(lines))
    llm(*EMBED)
    found = {r["id"]: r["barcode"] for r in llm.rows("select id, barcode from photos")}
    assert [found[name] for name in names] == [str(number) for number in numbers]


def write(photos, *names):
    """A table with a row for each of these names, whose title is the name."""
    lines = [json.dumps({"file_name": name, "title": name}) for name in names]
    (photos / "metadata.jsonl").write_text("\n".join(lines))


def given(llm):
    return {row["id"]: row["title"] for row in llm.rows("select id, title from photos")}


def decomposed(text):
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize(
    "name",
    [
        *("Sub Folder/Blé.PNG", "sub folder/blé.PNG", "SUB FOLDER\\BLÉ.PNG"),
        *(decomposed("sub folder/blé.png"), decomposed("./sub folder/BLÉ.png")),
    ],
)
def test_names_match_in_upper_and_lower_case(llm, colours, photos, name):
    write(photos, "RED.png", "green.PNG", name)
    result = llm(*EMBED)
    assert given(llm) == {
        "red.png": "RED.png",
        "green.png": "green.PNG",
        "sub folder/blé.png": name,
    }
    assert "records match a picture only if upper and lower case are treated alike" in (
        result.stderr
    )
    assert "(RED.png is red.png, green.PNG is green.png" in result.stderr
    assert "do not match" not in result.stderr
    assert "no record" not in result.stderr


def test_a_picture_with_a_record_of_its_own_gets_no_other(llm, colours, photos):
    write(photos, "RED.png", "red.png", "Green.png", "GREEN.PNG")
    result = llm(*EMBED)
    assert given(llm) == {
        "red.png": "red.png",
        "green.png": "Green.png",
        "sub folder/blé.png": None,
    }
    assert (
        "2 of 4 records do not match any picture of this run: RED.png, GREEN.PNG"
        in (result.stderr)
    )
    assert "1 of 3 pictures have no record: sub folder/blé.png\n" in result.stderr


def test_a_name_that_fits_two_files_fits_none(llm, colours, photos):
    picture(photos / "Red.png", GREEN)
    write(photos, "RED.PNG")
    result = llm(*EMBED)
    assert set(given(llm).values()) == {None}
    assert (
        "1 of 1 records do not match any picture of this run: RED.PNG; pictures here have names "
        "such as Red.png\n"
    ) in result.stderr


def test_a_record_of_a_file_outside_the_run_goes_to_no_other(llm, colours, photos):
    picture(photos / "RED.PNG", GREEN)
    write(photos, "red.png")
    llm("embed-multi", "photos", "--files", "photos", "*.PNG", "-m", "glam-clip")
    assert given(llm) == {"RED.PNG": None}


def test_names_of_records_are_shown_as_written(llm, colours, photos):
    write(photos, *(f"1887/380{n}.2" for n in range(5)), "red.png")
    stderr = llm(*EMBED).stderr
    expected = "1887/3800.2, 1887/3801.2, 1887/3802.2, …"
    assert (
        f"5 of 6 records do not match any picture of this run: {expected}\n" in stderr
    )
    assert "2 of 3 pictures have no record: green.png, sub folder/blé.png\n" in stderr
    assert "pictures here have names" not in stderr


def test_without_records_no_picture_lacks_one(llm, colours, photos):
    assert "record" not in llm(*EMBED).stderr


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "xlsx"])
def test_rows_that_are_not_used_are_told_with_the_line(llm, colours, photos, suffix):
    names = ["red.png", "two\nlines.png", "", "green.png", "/x.png", "red.png"]
    path, lines = photos / f"metadata.{suffix}", (5, 8)
    if suffix == "xlsx":
        rows = [("file_name", "n"), *((name, "n") for name in names)]
        save(path, rows, change=lambda sheet: sheet.insert_rows(4))
    elif suffix == "jsonl":
        rows = [json.dumps({"file_name": name, "n": 1}) for name in names]
        path.write_text("\n".join(["", *rows]))
        lines = 4, 7
    else:
        mark = "," if suffix == "csv" else "\t"
        rows = [f'"{name}"{mark}n' for name in ("file_name", *names)]
        path.write_text("\n".join(rows))
    stderr = llm(*EMBED).stderr
    assert f"2 rows do not name a file in this folder (see line {lines[0]})" in stderr
    assert f"1 rows repeat a file_name (see line {lines[1]})" in stderr


@pytest.mark.parametrize("first", [{}, {"sensitive": ""}, {"sensitive": "no"}])
@pytest.mark.parametrize(
    "second",
    [
        {"file_name": "red.png", "sensitive": "yes"},
        {"file_name": "./red.png", "Sensitive ": 1},
        {"file_name": "red.png", "title": "other", "sensitive": True},
    ],
)
def test_any_row_of_a_picture_can_mark_it_as_sensitive(
    llm, colours, photos, first, second
):
    rows = [{"file_name": "red.png", "title": "first", **first}, second]
    others = [{"file_name": "green.png", "title": "x", "sensitive": "no"}]
    rows = [*rows, {"file_name": "red.png", "sensitive": "no"}, *others]
    (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    llm(*EMBED)
    assert titles(llm)["red.png"] == ("first", 1)
    assert titles(llm)["green.png"] == ("x", 0)


def test_a_row_of_another_file_can_mark_a_picture_as_sensitive(llm, colours, photos):
    (photos / "metadata.csv").write_text("file_name,title\nred.png,first")
    save(photos / "metadata.xlsx", [("file_name", "sensitive"), ("red.png", "yes")])
    llm(*EMBED)
    assert titles(llm)["red.png"] == ("first", 1)


@pytest.mark.parametrize("names", [("red.png", "RED.png"), ("Red.png", "RED.PNG")])
def test_rows_in_other_case_can_mark_a_picture_as_sensitive(
    llm, colours, photos, names
):
    marks = zip(names, ("no", "yes"), strict=True)
    rows = [{"file_name": name, "sensitive": mark} for name, mark in marks]
    (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    llm(*EMBED)
    assert titles(llm)["red.png"][1] == 1
