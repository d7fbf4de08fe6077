"""Pictures and columns that a person marks, whatever sheets say before or afterwards."""

import json
import sqlite3
from contextlib import closing

import pytest

from ..fakes import picture

SHEET = "Nr,Object name,Price,sensitive\nA1,Apple,dear,\nA2,Pear,cheap,yes\nA3,Plum,,\n"
MARK = ("glam", "mark", "photos")


@pytest.fixture
def collection(llm, colours, tmp_path):
    """Four pictures, three of them with records from a sheet."""
    for number in (1, 2, 3, 4):
        picture(tmp_path / "photos" / f"A{number}.png", size=(8 + number, 8))
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    join(llm, tmp_path, SHEET)
    return llm


def join(llm, tmp_path, text, name="list.csv"):
    (tmp_path / name).write_text(text)
    llm("glam", "records", "photos", name, "--key", "Nr", "--yes")


def execute(llm, sql):
    with closing(sqlite3.connect(llm.database)) as db, db:
        db.execute(sql)


def values(llm, column="sensitive"):
    rows = llm.rows(f'select "{column}" as value from photos order by id')
    return [row["value"] for row in rows]


def found(llm, words):
    return {row["id"] for row in llm.json("glam", "search", "photos", "--words", words)}


def test_pictures_are_marked_as_sensitive_and_cleared(collection):
    shown = collection(*MARK, "--where", "Price is not null", "--sensitive")
    assert json.loads(shown.stdout) == {
        "mark": "sensitive",
        "column": None,
        "pictures": 2,
        "changed": 1,
    }
    assert (
        shown.stderr == "2 pictures of 4 are marked as sensitive; 1 was not before.\n"
    )
    assert values(collection) == [1, 1, 0, None]
    shown = collection(*MARK, "--filter", "Object name=Pear", "--clear")
    assert shown.stderr == "1 picture of 4 is not marked as sensitive; 1 was before.\n"
    assert values(collection) == [1, 0, 0, None]
    shown = collection(*MARK, "--all", "--sensitive")
    assert "4 pictures of 4 are marked as sensitive" in shown.stderr
    assert values(collection) == [1, 1, 1, 1]
    run = collection.rows("select command, counts from glam_runs order by id")[-1]
    assert run["command"] == "glam mark"
    assert json.loads(run["counts"]) == {"pictures": 4, "changed": 3}


def test_marks_survive_sheets(collection, tmp_path):
    collection(*MARK, "--where", "id in ('A1.png', 'A4.png')", "--sensitive")
    collection(*MARK, "--where", "id = 'A2.png'", "--clear")
    join(collection, tmp_path, SHEET.replace("dear", "cheaper"))
    assert values(collection, "Price")[0] == "cheaper"
    assert values(collection) == [1, 0, 0, 1]
    collection("glam", "embed", "photos", "photos")
    assert values(collection) == [1, 0, 0, 1]
    collection("glam", "records", "photos", "--remove", "list.csv")
    assert values(collection) == [1, 0, None, 1]
    assert (tmp_path / "photos" / "A1.png").rename(tmp_path / "photos" / "B1.png")
    collection("glam", "embed", "photos", "photos")
    assert collection.rows("select id from photos where sensitive order by id") == [
        {"id": "A4.png"},
        {"id": "B1.png"},
    ]


def test_all_pictures_but_those_that_match(collection):
    collection(*MARK, "--all", "--clear")
    named = collection.rows('select id, "Object name" as name from photos')
    others = {row["id"] for row in named if row["name"] != "Pear"}
    assert any(row["name"] is None for row in named)
    collection(*MARK, "--except", "Object name=Pear", "--sensitive")
    marked = collection.rows("select id from photos where sensitive")
    assert {row["id"] for row in marked} == others != set()


def test_no_picture_fits(collection):
    shown = collection(*MARK, "--filter", "Object name=Quince", "--sensitive")
    assert json.loads(shown.stdout)["pictures"] == 0
    assert (
        shown.stderr == "0 pictures of 4 are marked as sensitive; 0 were not before.\n"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sensitive"], "Say which pictures, with --where or --filter, or --all"),
        (
            ["--sensitive", "--all", "--where", "1"],
            "Give --all or conditions, not both",
        ),
        (["--all"], "Say what to mark them as: --sensitive, --clear, --no-train or"),
        ([], "Say what to mark: "),
    ],
)
def test_what_is_missing_is_said(collection, options, message):
    assert message in collection.fails(*MARK, *options, exit_code=2)
    assert values(collection) == [0, 1, 0, None]


def test_a_condition_that_is_wrong(collection):
    wrong = ("--where", "Prize = 1", "--sensitive", "--private", "Price")
    message = collection.fails(*MARK, *wrong)
    assert message == "The records cannot be filtered: no such column: Prize."
    assert found(collection, "dear") == {"A1.png"}
    assert values(collection) == [0, 1, 0, None]
    assert len(collection.rows("select * from glam_runs where seconds is null")) == 0


def test_a_private_column_leaves_full_text_search_and_comes_back(collection, tmp_path):
    assert found(collection, "dear") == {"A1.png"}
    shown = collection(*MARK, "--private", "price")
    assert json.loads(shown.stdout) == {
        "mark": "private",
        "column": "Price",
        "pictures": None,
        "changed": None,
    }
    assert "'Price' is private now" in shown.stderr
    assert found(collection, "dear") == set()
    assert found(collection, "Apple") == {"A1.png"}
    join(collection, tmp_path, "Nr,More\nA1,windfall\n", "more.csv")
    assert found(collection, "windfall") == {"A1.png"}
    assert found(collection, "dear") == set()
    assert values(collection, "Price")[0] == "dear"
    collection(*MARK, "--public", " PRICE ")
    assert found(collection, "dear") == {"A1.png"}
    assert not collection.rows("select * from glam_columns where private = 1")


def test_a_private_column_stays_private(collection, tmp_path):
    """Although its sheet is taken away and joined again, or another one fills it."""
    collection(*MARK, "--private", "Price", "--private", "object name")
    collection("glam", "records", "photos", "--remove", "list.csv")
    assert "Price" not in collection.rows("select * from photos")[0]
    join(collection, tmp_path, SHEET)
    join(collection, tmp_path, "Nr,price\nA3,cheapest\n", "more.csv")
    collection("glam", "records", "photos", "--remove", "list.csv")
    assert values(collection, "Price")[2] == "cheapest"
    assert found(collection, "cheapest") == set()
    (row,) = collection.json("glam", "status", "photos")
    assert row["private_columns"] == ["Price"]
    collection("glam", "records", "photos", "--remove", "edited by hand", ok=False)
    assert found(collection, "cheapest") == set()


@pytest.mark.parametrize("column", ["title", "Mine", "sensitive"])
def test_a_column_that_no_source_fills(collection, tmp_path, column):
    execute(collection, "alter table photos add column Mine text")
    execute(collection, "update photos set Mine = 'secret', title = 'secret'")
    collection(*MARK, "--private", column)
    execute(
        collection, f"update photos set {'Mine' if column == 'title' else 'title'} = ''"
    )
    assert (found(collection, "secret") == set()) == (column != "sensitive")
    rows = collection.rows("select * from glam_columns where private = 1")
    assert (column, "edited by hand") in {(r["column"], r["source"]) for r in rows}
    collection("glam", "embed", "photos", "photos")
    join(collection, tmp_path, SHEET.replace("Plum", "Sloe"))
    assert set(values(collection, "Mine")) <= {"secret", ""}
    collection(*MARK, "--public", column)
    assert len(found(collection, "secret")) == 4


def test_a_heading_names_its_column_too(collection, tmp_path):
    join(collection, tmp_path, "Nr,File\nA1,box-seventeen\n", "more.csv")
    assert found(collection, "seventeen") == {"A1.png"}
    collection(*MARK, "--private", "file")
    assert found(collection, "seventeen") == set()


def test_an_unknown_column_lists_those_there_are(collection):
    message = collection.fails(*MARK, "--private", "Prize", "--private", "Price")
    assert message.startswith(
        "'photos' has no column 'Prize' to mark (it has: image_url, "
    )
    assert message.endswith(", Nr, Object name, Price).")
    assert found(collection, "dear") == {"A1.png"}
    assert "no column 'id'" in collection.fails(*MARK, "--private", "id")


def test_a_column_cannot_be_private_and_public(collection):
    message = collection.fails(*MARK, "--private", "Price", "--public", "price")
    assert message == "'Price' cannot be both private and public."


def test_training_leaves_out_what_is_marked(collection):
    shown = collection(*MARK, "--where", "id in ('A1.png', 'A2.png')", "--no-train")
    assert "2 pictures of 4 are marked to be left out of training" in shown.stderr
    train = ("glam", "train", "--collection", "photos", "--caption", "Object name")
    shown = collection(*train, "--check", ok=False).stderr
    assert "A1.png: it is marked to be left out of training" in shown
    assert "A2.png" not in shown  # which is sensitive
    assert "1 sensitive left out" in shown
    collection(*MARK, "--where", "Price is not null", "--train")
    assert "training" not in collection(*train, "--check", ok=False).stderr


def test_a_sheet_can_say_what_is_not_for_training(collection, tmp_path):
    join(collection, tmp_path, "Nr,No_Train\nA1,yes\nA3,no\n", "more.csv")
    train = ("glam", "train", "--collection", "photos", "--caption", "Object name")
    shown = collection(*train, "--check", ok=False).stderr
    assert "A1.png: it is marked to be left out of training" in shown
    assert "A3.png: it is marked" not in shown
    collection(*MARK, "--where", "id = 'A1.png'", "--train")
    shown = collection(*train, "--check", ok=False).stderr
    assert "A1.png: it is marked" not in shown


def test_measuring_does_not_leave_them_out(collection):
    collection(*MARK, "--all", "--no-train")
    shown = collection("glam", "evaluate", "--collection", "photos", "--caption", "Nr")
    assert json.loads(shown.stdout.splitlines()[0])["pool"] == 2
