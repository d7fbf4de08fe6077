"""Folders of tables, which are one source together."""

import json

import openpyxl
import pytest

from ..sheets import save
from .test_join import JOIN, ROWS, collection, names  # noqa: F401


@pytest.fixture
def folder(tmp_path):
    """Three tables with the records of four pictures, and what is to be ignored."""
    (tmp_path / "exports" / "b").mkdir(parents=True)
    inside = tmp_path / "exports"
    (inside / "a.tsv").write_text("Nr\tTitle\n1887/1\tApple\n\tWithout\n")
    (inside / "b" / "more.CSV").write_text(
        "Nr;Title;Place\n1887/2;Pear;Kew\n1887/1;x;y\n"
    )
    save(inside / "c.xlsx", [("Title", "Nr"), ("Plum", "other"), ("Fig", "1999/7")])
    (inside / "~$c.xlsx").write_text("open")
    (inside / ".hidden.csv").write_text("Nr\n1\n")
    (inside / "notes.txt").write_text("?")
    return inside


def test_a_folder_is_one_table(collection, tmp_path, folder):  # noqa: F811
    shown = collection(*JOIN[:3], folder, "--report", "all.xlsx", "-y")
    row = json.loads(shown.stdout)
    assert (row["source"], row["key"]) == ("exports", "Nr")
    assert (row["records"], row["pictures"], row["further_records"]) == (6, 4, 1)
    assert "1887/1 (a.tsv, line 2; b/more.CSV, line 3)" in shown.stderr
    assert "(no number, a.tsv, line 3), 1999/7" in shown.stderr
    assert names(collection, "Title") == {
        "1887_1_recto.png": "Apple",
        "1887_1_verso.png": "Apple",
        "1887-02.PNG": "Pear",
        "other.png": "Plum",
    }
    assert names(collection, "Place")["1887-02.PNG"] == "Kew"
    sheet = openpyxl.load_workbook(tmp_path / "all.xlsx")["records without picture"]
    assert list(sheet.values)[1:] == [
        (None, "a.tsv, line 3"),
        ("1999/7", "c.xlsx, line 3"),
    ]


def test_a_folder_is_repeated_and_removed_as_a_whole(collection, folder):  # noqa: F811
    command = (*JOIN[:3], folder, "-y")
    collection(*command)
    assert json.loads(collection(*command).stdout)["changed"] == 0
    (folder / "c.xlsx").unlink()
    shown = collection(*command)
    assert (
        "2 records are no longer in exports and were removed: 1999/7, other"
        in shown.stderr
    )
    assert json.loads(shown.stdout)["changed"] == 1
    assert names(collection, "Title")["other.png"] is None
    collection("glam", "records", "photos", "--remove", "exports")
    assert set(names(collection, "title").values()) == {None}
    assert not collection.rows("select * from glam_sources")


def test_the_kind_that_most_files_have_is_read(collection, folder):  # noqa: F811
    (folder / "a.json").write_text('{"Nr": "1887/1", "Title": "JSON"}')
    shown = collection(*JOIN[:3], folder)
    assert json.loads(shown.stdout)["records"] == 6
    assert "not read, since most tables in the folder are" in shown.stderr
    assert "a.json; attach them on their own" in shown.stderr


def test_remarks_that_files_share_are_made_once(collection, folder):  # noqa: F811
    for number in range(5):
        (folder / f"w{number}.csv").write_bytes(
            f"Nr,Title\n18,B\xe4r {number}\n".encode("cp1252")
        )
    said = collection(*JOIN[:3], folder).stderr
    assert said.count("Windows-1252") == 1
    assert "exports: w0.csv, w1.csv, w2.csv, … (5 files): reading it as" in said


def test_one_bad_file_stops_all(collection, folder):  # noqa: F811
    (folder / "z.xlsx").write_text("no workbook")
    assert "exports/z.xlsx" in collection.fails(*JOIN[:3], "exports", "-y")
    assert not collection.rows("select * from glam_sources")


def test_options_of_one_file_are_those_of_all(collection, folder):  # noqa: F811
    for name in ("a.tsv", "b/more.CSV"):
        (folder / name).unlink()
    said = collection.fails(*JOIN[:3], "exports", "--sheet", "Works")
    assert said.startswith("exports/c.xlsx has no sheet")


def test_several_files_are_a_folder(collection, tmp_path):  # noqa: F811
    save(tmp_path / "export.xlsx", ROWS)
    said = collection.fails(*JOIN, "other.xlsx", exit_code=2)
    assert "Give one FILE, or a folder with all of them" in said
