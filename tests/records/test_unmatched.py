"""Pictures without a record and records without a picture, counted and listed."""

import sqlite3
from contextlib import closing

import pytest

from ..fakes import picture

SHEET = "Nr,Object name,sensitive\nA 1,Apple,\nA 2,Pear,yes\nB 7,Plum,\nB 8,Fig,\n"


@pytest.fixture
def collection(llm, colours, tmp_path):
    """Four pictures, of which the sheet has two, and two records of others."""
    for name in ("a-1.png", "a-2.png", "c-3.png", "c-4.png"):
        picture(tmp_path / "photos" / name)
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    (tmp_path / "list.csv").write_text(SHEET)
    return llm


def counts(llm):
    (row,) = llm.json("glam", "status", "photos")
    return row["pictures_without_record"], row["records_without_picture"]


def unmatched(llm):
    rows = llm.json("glam", "status", "photos", "--unmatched")
    return [tuple(row.values()) for row in rows]


def test_both_are_counted_and_listed(collection):
    assert counts(collection) == (4, 0)
    collection("glam", "records", "photos", "list.csv", "--yes")
    assert counts(collection) == (2, 2)
    assert unmatched(collection) == [
        ("picture without record", "c-3.png", None, None, None),
        ("picture without record", "c-4.png", None, None, None),
        ("record without picture", None, "list.csv", "B 7", 4),
        ("record without picture", None, "list.csv", "B 8", 5),
    ]
    shown = collection("glam", "status", "photos", "--unmatched", "-t").stdout
    assert shown.split()[:5] == ["unmatched", "id", "source", "key", "line"]
    collection("glam", "records", "photos", "--remove", "list.csv")
    assert counts(collection) == (4, 0)


def test_nothing_is_unmatched(collection, tmp_path):
    (tmp_path / "list.csv").write_text("Nr,a\nA1,a\nA2,b\nC3,c\nC4,\n")
    collection("glam", "records", "photos", "list.csv", "--yes")
    assert counts(collection) == (0, 0)
    shown = collection("glam", "status", "photos", "--unmatched")
    assert shown.stdout == ""
    assert shown.stderr == "Every picture has a record, and every record a picture.\n"


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("set title = 'Apple' where id = 'c-3.png'", 3),
        ("set title = '' where id = 'c-3.png'", 4),
        ("set sensitive = 1", 4),  # which says nothing about what a picture shows
    ],
)
def test_what_a_person_wrote_is_a_record(collection, change, left):
    with closing(sqlite3.connect(collection.database)) as db, db:
        db.execute(f"update photos {change}")
    assert counts(collection) == (left, 0)


def test_a_set_from_before_there_were_sources(collection):
    with closing(sqlite3.connect(collection.database)) as db, db:
        db.execute("update photos set title = 'Old' where id = 'c-3.png'")
        db.execute("drop table glam_sources")
        db.execute("drop table glam_columns")
    assert counts(collection) == (3, 0)
    assert len(unmatched(collection)) == 3


def test_a_set_with_very_many_columns(collection, tmp_path):
    names = [f"c{n}" for n in range(1450)]
    rows = [",".join(["nr", *names]), ",".join(["A1", *["x" for _ in names]])]
    (tmp_path / "list.csv").write_text("\n".join(rows))
    collection("glam", "records", "photos", "list.csv", "--key", "nr", "--yes")
    assert counts(collection) == (3, 0)


def test_only_one_thing_is_listed_at_a_time(collection):
    message = collection.fails(
        "glam", "status", "photos", "--problems", "--unmatched", exit_code=2
    )
    assert message == "Give --problems or --unmatched, not both."
