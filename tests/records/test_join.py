"""Spreadsheets that are joined to the pictures of a collection, changed, and taken away again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing

import openpyxl
import pytest

from llm_glam.records import sequences

from ..fakes import BLUE, GREEN, RED, picture
from ..sheets import save

FILES = {
    "1887_1_recto.png": RED,
    "1887_1_verso.png": GREEN,
    "1887-02.PNG": BLUE,
    "other.png": RED,
}
HEADINGS = ("Accession No.", "Object name", "Store")
ROWS = [
    HEADINGS,
    ("1887/1", "Apple", "Drawer 1"),
    ("1887/2", "Pear", "Drawer 2"),
    ("1999/7", "Plum", "Drawer 3"),
]
JOIN = ("glam", "records", "photos", "export.xlsx")


@pytest.fixture
def collection(llm, colours, tmp_path):
    """A collection of pictures that are named after accession numbers, without records."""
    (tmp_path / "photos").mkdir()
    for number, (name, colour) in enumerate(FILES.items()):
        picture(tmp_path / "photos" / name, colour, size=(8 + number, 8))
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    return llm


def execute(llm, sql):
    """Change the database as a person would, with SQL."""
    with closing(sqlite3.connect(llm.database)) as connection, connection:
        connection.execute(sql)


def names(llm, column="Object name"):
    rows = llm.rows(f'select id, "{column}" as value from photos')
    return {row["id"]: row["value"] for row in rows}


def test_the_preview_writes_nothing(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    shown = collection(*JOIN)
    assert json.loads(shown.stdout) == {
        "source": "export.xlsx",
        "key": "Accession No.",
        "records": 3,
        "matched_records": 2,
        "further_records": 0,
        "records_without_picture": 1,
        "pictures": 3,
        "pictures_without_record": 1,
        "ambiguous_pictures": 0,
        "joined": False,
    }
    assert "1887/1 = 1887_1_recto.png" in shown.stderr
    assert "1 record without a picture: 1999/7" in shown.stderr
    assert "1 picture without a record: other.png" in shown.stderr
    assert "repeat the command with --yes" in shown.stderr
    assert "Object name" not in collection.rows("select * from photos")[0]
    assert not collection.rows("select * from glam_sources")


def test_all_pictures_of_a_record_get_it(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    row = json.loads(collection(*JOIN, "--yes").stdout)
    assert (row["joined"], row["changed"]) == (True, 3)
    columns = '"Object name", "Store", document, sequence'
    found = collection.rows(f"select id, {columns} from photos order by id")
    assert [tuple(row.values()) for row in found] == [
        ("1887-02.PNG", "Pear", "Drawer 2", None, None),
        ("1887_1_recto.png", "Apple", "Drawer 1", "1887/1", 1),
        ("1887_1_verso.png", "Apple", "Drawer 1", "1887/1", 2),
        ("other.png", None, None, None, None),
    ]
    shown = json.loads(collection("glam", "records", "photos").stdout)
    assert (shown["source"], shown["records"], shown["pictures"]) == (
        "export.xlsx",
        3,
        3,
    )
    run = collection.rows("select command, counts from glam_runs order by id")[-1]
    assert run["command"] == "glam records"
    assert json.loads(run["counts"]) == {"changed": 3, "pictures": 3}


def test_the_records_are_kept_as_they_came(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    collection(*JOIN, "--yes")
    kept = collection.rows(
        "select id, record_key, record from glam_sources order by position, id"
    )
    assert [(row["id"], row["record_key"]) for row in kept] == [
        ("1887_1_recto.png", "1887/1"),
        ("1887_1_verso.png", "1887/1"),
        ("1887-02.PNG", "1887/2"),
        (None, "1999/7"),
    ]
    assert json.loads(kept[3]["record"]) == dict(zip(HEADINGS, ROWS[3], strict=True))
    columns = collection.rows("select * from glam_columns order by position")
    assert [row["heading"] for row in columns] == [*HEADINGS, None, None]
    assert [row["identifier"] for row in columns] == [1, 0, 0, 0, 0]


def test_only_what_has_changed_is_changed(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    collection(*JOIN, "--yes")
    vectors = collection.vectors()
    assert json.loads(collection(*JOIN, "--yes").stdout)["changed"] == 0
    save(
        tmp_path / "export.xlsx",
        [HEADINGS[:2], ("1887/2", "Quince"), ("1999/7", "Plum")],
    )
    shown = collection(*JOIN, "--yes")
    assert json.loads(shown.stdout)["changed"] == 3
    assert (
        "1 record is no longer in export.xlsx and was removed: 1887/1" in shown.stderr
    )
    assert "no longer in export.xlsx are empty now: Store" in shown.stderr
    assert names(collection) == {**dict.fromkeys(FILES), "1887-02.PNG": "Quince"}
    assert set(names(collection, "Store").values()) == {None}
    assert collection.vectors() == vectors


def test_what_a_person_edited_stays(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    collection(*JOIN, "--yes")
    execute(
        collection,
        """update photos set "Object name" = 'Old apple' where id like '%recto%'""",
    )
    execute(collection, 'alter table photos add column "Mine" text')
    execute(collection, """update photos set "Mine" = 'note'""")
    rows = [HEADINGS, ("1887/1", "Crab apple", "Drawer 9"), *ROWS[2:]]
    save(tmp_path / "export.xlsx", rows)
    collection(*JOIN, "--yes")
    assert names(collection)["1887_1_recto.png"] == "Old apple"
    assert names(collection)["1887_1_verso.png"] == "Crab apple"
    assert names(collection, "Store")["1887_1_recto.png"] == "Drawer 9"
    assert set(names(collection, "Mine").values()) == {"note"}


def test_removing_a_source_is_exact(collection, tmp_path):
    before = collection.rows("select * from photos")
    save(tmp_path / "export.xlsx", ROWS)
    collection(*JOIN, "--yes")
    shown = collection("glam", "records", "photos", "--remove", "export.xlsx")
    assert json.loads(shown.stdout) == {"removed": "export.xlsx", "changed": 3}
    assert collection.rows("select * from photos") == before
    assert not collection.rows("select * from glam_sources")
    message = collection.fails("glam", "records", "photos", "--remove", "export.xlsx")
    assert message == "'photos' has no records from 'export.xlsx' (it has: none yet)."


def test_a_later_sheet_comes_before_an_earlier_one(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    collection(*JOIN, "--yes")
    execute(collection, "update glam_sources set added = '2020'")
    (tmp_path / "more.csv").write_text("Nr,Object name,Store\n1887-1,Windfall,\n")
    collection("glam", "records", "photos", "more.csv", "--yes")
    assert names(collection)["1887_1_recto.png"] == "Windfall"
    assert names(collection, "Store")["1887_1_recto.png"] == "Drawer 1"
    collection("glam", "records", "photos", "--remove", "more.csv")
    assert names(collection)["1887_1_recto.png"] == "Apple"
    assert "Nr" not in collection.rows("select * from photos")[0]


def test_a_sheet_comes_after_metadata_of_the_folder(llm, colours, photos):
    (photos / "metadata.csv").write_text("file_name,title\nred.png,From the folder\n")
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    (photos.parent / "s.csv").write_text("name,title\nred,From the sheet\n")
    llm("glam", "records", "photos", "s.csv", "--yes")
    assert names(llm, "title")["red.png"] == "From the sheet"
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    assert names(llm, "title")["red.png"] == "From the sheet"
    (photos / "metadata.csv").write_text("file_name,title\ngreen.png,Green\n")
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    llm("glam", "records", "photos", "--remove", "s.csv")
    assert names(llm, "title")["red.png"] is None
    assert names(llm, "title")["green.png"] == "Green"


def test_several_records_of_a_picture_are_kept_and_counted(collection, tmp_path):
    rows = [*ROWS, ("1887/2", "Pear, again", "Drawer 4")]
    save(tmp_path / "export.xlsx", rows)
    shown = collection(*JOIN, "--yes")
    assert json.loads(shown.stdout)["further_records"] == 1
    assert "1 further record of the same pictures" in shown.stderr
    assert names(collection)["1887-02.PNG"] == "Pear"
    kept = collection.rows("select record from glam_sources where id = '1887-02.PNG'")
    assert [json.loads(r["record"])["Object name"] for r in kept] == [
        "Pear",
        "Pear, again",
    ]


def test_any_source_can_say_that_a_picture_is_sensitive(collection, tmp_path):
    (tmp_path / "a.csv").write_text("nr,sensitive\n1887/1,yes\n1887/2,no\n")
    (tmp_path / "b.csv").write_text("nr,sensitive\n1887/1,no\n1887/2,no\n")
    for name in ("a.csv", "b.csv"):
        collection("glam", "records", "photos", name, "--yes")
    assert names(collection, "sensitive") == {
        "1887_1_recto.png": 1,
        "1887_1_verso.png": 1,
        "1887-02.PNG": 0,
        "other.png": None,
    }


def test_cells_with_several_values_are_split(collection, tmp_path):
    (tmp_path / "a.csv").write_text("nr,Subjects\n1887/1,fruit; red ;\n1887/2,;\n")
    collection("glam", "records", "photos", "a.csv", "--split", "subjects=;", "--yes")
    found = names(collection, "Subjects")
    assert json.loads(found["1887_1_recto.png"]) == ["fruit", "red"]
    assert found["1887-02.PNG"] is None
    usage = collection.fails(*JOIN, "--split", "Subjects", exit_code=2)
    assert "'Subjects' is not COLUMN=SEPARATOR" in usage


def test_a_separator_can_be_given_later_and_is_remembered(collection, tmp_path):
    join = ("glam", "records", "photos", "a.csv", "--yes")
    (tmp_path / "a.csv").write_text("nr,Subjects\n1887/1,fruit; red\n1887/2,b\n")
    collection(*join)
    assert json.loads(collection(*join, "--split", "Subjects=;").stdout)["changed"] == 3
    split = {
        **dict.fromkeys(FILES, '["fruit", "red"]'),
        "other.png": None,
        "1887-02.PNG": '["b"]',
    }
    assert names(collection, "Subjects") == split
    (tmp_path / "a.csv").write_text("nr,Subjects\n1887/1,fruit; red\n1887/2,b;c\n")
    assert json.loads(collection(*join).stdout)["changed"] == 1
    assert names(collection, "Subjects")["1887-02.PNG"] == '["b", "c"]'
    collection("glam", "records", "photos", "--remove", "a.csv")
    assert "Subjects" not in collection.rows("select * from photos")[0]
    assert not collection.rows("select * from glam_sources")


def test_rows_that_repeat_a_number_or_have_none_are_named(collection, tmp_path):
    (tmp_path / "a.csv").write_text("nr,x\n1887/1,a\n1887/2,b\n1887/2,c\n,total\n")
    shown = collection("glam", "records", "photos", "a.csv").stderr
    assert "the first of each is shown: 1887/2 (lines 3, 4)" in shown
    assert "1 record without a picture: (no number, line 5)" in shown


@pytest.mark.parametrize("option", ["--template", "--report"])
def test_no_file_is_overwritten(collection, tmp_path, option):
    (tmp_path / "a.csv").write_text("nr\n1887/1\n")
    (tmp_path / "mine.xlsx").write_text("mine")
    file = ["a.csv"] if option == "--report" else []
    message = collection.fails("glam", "records", "photos", *file, option, "mine.xlsx")
    assert (
        message == "mine.xlsx exists already; choose another name, or delete it first."
    )
    assert (tmp_path / "mine.xlsx").read_text() == "mine"


def test_the_key_can_be_named(collection, tmp_path):
    rows = [
        (*HEADINGS, "Photo"),
        ("1887/1", "Apple", "", "other"),
        ("1887/2", "Pear", "", ""),
    ]
    save(tmp_path / "export.xlsx", rows)
    collection(*JOIN, "--key", "photo", "--yes")
    assert names(collection) == {**dict.fromkeys(FILES), "other.png": "Apple"}
    message = collection.fails(*JOIN, "--key", "Fotos")
    assert "export.xlsx has no column 'Fotos' (it has: Accession No., " in message


def test_the_key_can_be_found_by_a_pattern(collection, tmp_path):
    (tmp_path / "a.csv").write_text("nr,Object name\n1,Apple\n2,Pear\n")
    options = ("--key-regex", r"1887\D0*(\d+)")
    collection("glam", "records", "photos", "a.csv", *options, "--yes")
    assert names(collection)["1887_1_verso.png"] == "Apple"
    assert names(collection)["1887-02.PNG"] == "Pear"
    message = collection.fails("glam", "records", "photos", "a.csv", "--key-regex", "(")
    assert message.startswith("--key-regex '(' is not a regular expression: ")


def test_numbers_that_count_pictures_are_shown(llm, colours, tmp_path, monkeypatch):
    monkeypatch.setattr(sequences, "FEWEST", 2)
    names = ["60.1_1.png", "60.1_2.png", "61.2_1.png", "62_3_1.png", "63_3_1.png"]
    for number, name in enumerate(names):
        (tmp_path / "photos").mkdir(exist_ok=True)
        picture(tmp_path / "photos" / name, RED, size=(8 + number, 8))
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    rows = [("Nr", "Title"), ("60.1", "a"), ("61.2", "b"), ("9.9.9.9", "c")]
    save(tmp_path / "export.xlsx", rows)
    shown = llm(*JOIN, "--yes").stderr
    assert "3 pictures are a number and which of its pictures each is, such as" in shown
    sequence = "\"Title\" || coalesce(sequence, '')"
    found = llm.rows(f"select {sequence} as s from photos where s is not null")
    assert [row["s"] for row in found] == ["a1", "a2", "b"]
    save(tmp_path / "export.xlsx", [*rows, ("62/3", "d"), ("63.3", "e")])
    said = r'use --key-regex "([^/]*)_\d+\.\w+$"'
    assert said in llm(*JOIN, "--key", "Nr").stderr


def test_nothing_matches(collection, tmp_path):
    (tmp_path / "a.csv").write_text("nr,text\nX 9,b\n")
    message = collection.fails("glam", "records", "photos", "a.csv")
    assert "No column of a.csv has names or numbers of pictures" in message
    assert "it has: nr, text" in message
    message = collection.fails("glam", "records", "photos", "a.csv", "--key", "nr")
    assert message.startswith(
        "None of the 1 rows of a.csv matches a picture of 'photos'"
    )
    assert "the column 'nr' has X 9" in message


def test_an_empty_table(collection, tmp_path):
    (tmp_path / "a.csv").write_text("nr,text\n")
    assert (
        collection.fails("glam", "records", "photos", "a.csv") == "a.csv has no rows."
    )


def test_the_report_lists_everything(collection, tmp_path):
    (tmp_path / "a.csv").write_text("nr\n1887/1\n1887/2\n1999/7\n=1+1\n")
    collection("glam", "records", "photos", "a.csv", "--report", "report.xlsx")
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    rows = {sheet.title: list(sheet.values)[1:] for sheet in book}
    assert [row[:2] for row in rows["matched"]] == [
        ("1887/2", "1887-02.PNG"),
        ("1887/1", "1887_1_recto.png"),
        ("1887/1", "1887_1_verso.png"),
    ]
    assert rows["pictures without record"] == [("other.png",)]
    assert [row[0] for row in rows["records without picture"]] == ["1999/7", "=1+1"]
    assert book["records without picture"]["A3"].data_type == "s"


def test_records_follow_a_picture_that_is_renamed_or_comes_back(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    collection(*JOIN, "--yes")
    photos = tmp_path / "photos"
    (photos / "1887-02.PNG").rename(photos / "renamed.png")
    collection("glam", "embed", "photos", "photos")
    assert names(collection)["renamed.png"] == "Pear"
    (photos / "renamed.png").rename(tmp_path / "away.png")
    collection("glam", "embed", "photos", "photos", "--prune")
    assert not collection.rows("select * from glam_sources where id = 'renamed.png'")
    (tmp_path / "away.png").rename(photos / "back.png")
    collection("glam", "embed", "photos", "photos")
    assert names(collection)["back.png"] == "Pear"
    collection("glam", "records", "photos", "--remove", "export.xlsx")
    assert "Object name" not in collection.rows("select * from photos")[0]


def test_values_from_before_there_were_sources_stay(collection, tmp_path):
    """As in a database that an earlier version of llm-glam made."""
    execute(collection, "update photos set title = 'Old title', caption = 'Old'")
    execute(collection, "drop table glam_sources")
    execute(collection, "drop table glam_columns")
    execute(collection, "alter table glam_kept_records drop column sources")
    execute(
        collection,
        "delete from _sqlite_migrations where name = 'm004_keep_records_as_they_came'",
    )
    (tmp_path / "a.csv").write_text("nr,title\n1887/1,New title\n")
    collection("glam", "records", "photos", "a.csv", "--yes")
    assert names(collection, "title")["1887_1_recto.png"] == "New title"
    assert names(collection, "title")["other.png"] == "Old title"
    collection("glam", "records", "photos", "--remove", "a.csv")
    assert set(names(collection, "title").values()) == {"Old title"}
    assert set(names(collection, "caption").values()) == {"Old"}


def test_what_was_set_aside_before_there_were_sources_is_older_than_a_sheet(
    collection, tmp_path
):
    execute(collection, "update photos set title = 'Old title'")
    (tmp_path / "photos" / "other.png").rename(tmp_path / "other.png")
    collection("glam", "embed", "photos", "photos", "--prune")
    for sql in (
        *("drop table glam_sources", "drop table glam_columns"),
        "alter table glam_kept_records drop column sources",
        "delete from _sqlite_migrations where name = 'm004_keep_records_as_they_came'",
    ):
        execute(collection, sql)
    (tmp_path / "other.png").rename(tmp_path / "photos" / "other.png")
    collection("glam", "embed", "photos", "photos")
    assert names(collection, "title")["other.png"] == "Old title"
    (tmp_path / "a.csv").write_text("name,title\nother,New title\n")
    collection("glam", "records", "photos", "a.csv", "--yes")
    assert names(collection, "title")["other.png"] == "New title"
    collection("glam", "records", "photos", "--remove", "a.csv")
    assert names(collection, "title")["other.png"] == "Old title"


def test_a_kill_leaves_the_old_records(collection, tmp_path):
    save(tmp_path / "export.xlsx", ROWS)
    collection(*JOIN, "--yes")
    before = collection.rows("select * from photos"), collection.rows(
        "select * from glam_sources"
    )
    save(tmp_path / "export.xlsx", [(*HEADINGS, "New"), ("1887/2", "Quince", "", "x")])
    script = """
        import os, signal
        from llm.cli import cli
        from llm_glam.db import sources

        sources.put_without_picture = lambda *args: os.kill(os.getpid(), signal.SIGKILL)
        cli(["glam", "records", "photos", "export.xlsx", "--yes"])
    """
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env=os.environ, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    after = collection.rows("select * from photos"), collection.rows(
        "select * from glam_sources"
    )
    assert after == before
    collection(*JOIN, "--yes")
    assert names(collection)["1887-02.PNG"] == "Quince"


def test_a_template_is_filled_in_and_comes_back(collection, tmp_path):
    shown = collection("glam", "records", "photos", "--template", "fill.xlsx")
    assert json.loads(shown.stdout) == {"template": "fill.xlsx", "rows": 4}
    book = openpyxl.load_workbook(tmp_path / "fill.xlsx")
    sheet = book.active
    assert [cell.value for cell in sheet[1]][:4] == ["id", "file", "picture", "title"]
    assert [row[0].value for row in sheet.iter_rows(min_row=2)] == sorted(FILES)
    assert [image.anchor._from.row for image in sheet._images] == [1, 2, 3, 4]
    sheet["D2"] = "A pear"
    book.save(tmp_path / "fill.xlsx")
    before = set(collection.rows("select * from photos")[0])
    collection("glam", "records", "photos", "fill.xlsx", "--yes")
    assert names(collection, "title") == {
        **dict.fromkeys(FILES),
        "1887-02.PNG": "A pear",
    }
    listed = json.loads(collection("glam", "records", "photos").stdout)
    assert (listed["records"], listed["pictures"]) == (1, 1)  # the others are empty
    added = set(collection.rows("select * from photos")[0]) - before
    assert added == {"creator", "date"}
    collection("glam", "records", "photos", "--template", "again.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "again.xlsx").active
    assert sheet["D2"].value == "A pear"


SHEETS = {"Read me": [("how to", "use"), ("1887/1", "no")], "Data": ROWS, "3": ROWS[:2]}


def workbook(path, sheets=SHEETS):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


@pytest.mark.parametrize(
    ("sheet", "count"),
    [("Data", 3), (" data", 3), ("2", 3), ("3", 1), ("1", 1), ("READ ME", 1)],
)
def test_a_sheet_is_chosen_by_name_or_number(collection, tmp_path, sheet, count):
    workbook(tmp_path / "export.xlsx")
    shown = json.loads(collection(*JOIN, "--sheet", sheet).stdout)
    assert shown["records"] == count


def test_without_a_choice_the_first_sheet_is_read(collection, tmp_path):
    workbook(tmp_path / "export.xlsx")
    shown = collection(*JOIN)
    assert json.loads(shown.stdout)["key"] == "how to"
    said = "export.xlsx: reading the sheet 'Read me'; not read: 'Data', '3'"
    assert said in shown.stderr


def test_a_wrong_sheet_lists_the_sheets(collection, tmp_path):
    workbook(tmp_path / "export.xlsx", SHEETS | {"Empty": [("id", "title")]})
    has = "(it has: 1 'Read me', 2 'Data', 3 '3', 4 'Empty')."
    for wrong in ("Dat", "0", "5", "-1"):
        said = collection.fails(*JOIN, f"--sheet={wrong}")
        assert said == f"export.xlsx has no sheet '{wrong}' {has}"
    said = collection.fails(*JOIN, "--sheet", "Empty")
    assert said == "The sheet 'Empty' of export.xlsx has no rows."
    (tmp_path / "a.csv").write_text("id\n1887/1\n")
    said = collection.fails("glam", "records", "photos", "a.csv", "--sheet", "1")
    assert said == "a.csv is no workbook, and so has no sheets; leave out --sheet."
