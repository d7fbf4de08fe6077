"""Pictures that are withdrawn: nothing of them stays, and they do not come back."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from PIL import Image

from ..fakes import picture
from ..ingest.test_lifecycle import llm_clip_collection
from .test_mark import execute, join

WITHDRAW = ("glam", "mark", "photos", "--withdraw", "--yes", "--where")
SECRET = "Zzyzx"
SHEET = f"Nr,Object name\nA1,{SECRET} apple\nA2,Pear\nA9,None\n"


@pytest.fixture
def collection(llm, colours, tmp_path):
    """Three pictures; what is known about the first has a word that occurs nowhere else."""
    for number in (1, 2, 3):
        picture(tmp_path / "photos" / f"A{number}.png", size=(8 + number, 8))
    beside = {"file_name": "A1.png", "title": SECRET}
    (tmp_path / "photos" / "metadata.jsonl").write_text(json.dumps(beside))
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    join(llm, tmp_path, SHEET)
    execute(
        llm,
        "insert into glam_labels (items_table, id, label, source, image_md5) "
        f"select 'photos', id, '{SECRET}', 'human', image_md5 from photos where id = 'A1.png'",
    )
    return llm


def embed(llm, *options):
    return llm("glam", "embed", "photos", "photos", *options)


def assert_gone(llm):
    """Nothing of the first picture is in any table, and its word nowhere in the file."""
    with closing(sqlite3.connect(llm.database)) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        for line in db.iterdump():
            assert SECRET not in line
            assert "A1.png" not in line
    files = llm.database.parent.glob("embeddings.db*")
    content = b"".join(path.read_bytes() for path in files).lower()
    assert SECRET.lower().encode() not in content


def test_nothing_is_left(collection):
    result = collection(*WITHDRAW, "id = 'A1.png'")
    assert "1 picture of 'photos' is to be withdrawn" in result.stderr
    assert collection.ids() == ["A2.png", "A3.png"]
    assert_gone(collection)
    assert not collection.json(
        "glam", "search", "photos", "--where", f"title='{SECRET}'", "red"
    )
    (row,) = collection.json("glam", "status", "photos")
    assert row["withdrawn"] == 1
    assert row["items"] == 2


@pytest.mark.parametrize("name", ["A1.png", "other name.png", "deeper/A1.png"])
def test_it_is_not_embedded_again(collection, tmp_path, name):
    collection(*WITHDRAW, "id = 'A1.png'")
    old, new = tmp_path / "photos" / "A1.png", tmp_path / "photos" / name
    new.parent.mkdir(exist_ok=True)
    old.rename(new)
    for _ in range(2):
        assert ", 1 withdrawn, 0 problems" in embed(collection).stderr
        assert collection.ids() == ["A2.png", "A3.png"]
    join(collection, tmp_path, SHEET)
    assert_gone(collection)
    assert [r["record_key"] for r in without_picture(collection)] == ["A9"]


def without_picture(llm):
    sql = "select record_key from glam_sources where id is null order by 1"
    return llm.rows(sql)


def test_a_sheet_says_what_it_leaves_out(collection, tmp_path):
    collection(*WITHDRAW, "id = 'A1.png'")
    (tmp_path / "new.csv").write_text(SHEET)
    result = collection("glam", "records", "photos", "new.csv", "--key", "Nr", "--yes")
    assert "1 row describes a picture that was withdrawn" in result.stderr
    assert_gone(collection)


def test_other_ways_to_embed_it(collection, tmp_path):
    collection("glam", "embed", "more", "photos", "-m", "glam-clip")
    collection("glam", "reembed", "photos", "second", "-m", "glam-clip")
    result = collection(*WITHDRAW, "id = 'A1.png'")
    assert "They are in other tables too: more." in result.stderr
    for name in ("photos", "more", "second"):
        assert collection.ids(name) == ["A2.png", "A3.png"]
    collection("glam", "reembed", "photos", "third", "-m", "glam-clip")
    collection("glam", "embed", "fourth", "photos", "-m", "glam-clip")
    collection(
        *("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")
    )
    for name in ("third", "fourth", "photos"):
        assert collection.ids(name) == ["A2.png", "A3.png"]
    message = collection.fails("embed", "photos", "x", "-i", "photos/A1.png")
    assert "withdrawn" in message
    assert_gone(collection)


def test_a_record_that_was_set_aside_goes_too(collection, tmp_path):
    photos = tmp_path / "photos"
    shutil.copy(photos / "A1.png", photos / "copy.png")
    embed(collection)
    (photos / "A1.png").unlink()
    embed(collection, "--prune")
    assert collection.rows("select * from glam_kept_records")
    collection(*WITHDRAW, "id = 'copy.png'")
    assert not collection.rows("select * from glam_kept_records")
    assert not collection.rows("select * from glam_labels")


def test_copies_under_other_names_go_too(collection, tmp_path):
    shutil.copy(tmp_path / "photos" / "A1.png", tmp_path / "photos" / "copy.png")
    embed(collection)
    collection(*WITHDRAW, "id = 'copy.png'")
    assert collection.ids() == ["A2.png", "A3.png"]


def test_a_record_of_several_pictures_stays_with_the_others(collection, tmp_path):
    for part in "ab":
        picture(tmp_path / "photos" / f"B1{part}.png", size=(20, ord(part)))
    embed(collection)
    join(collection, tmp_path, "Nr,Thing\nB1,Both sides\n", "sides.csv")
    collection(*WITHDRAW, "id = 'B1a.png'")
    join(collection, tmp_path, "Nr,Thing\nB1,Both sides\nA2,\n", "sides.csv")
    rows = collection.rows("select Thing from photos where id = 'B1b.png'")
    assert rows == [{"Thing": "Both sides"}]


def test_it_can_be_taken_back(collection, tmp_path):
    collection(*WITHDRAW, "id = 'A1.png'")
    result = collection("glam", "mark", "photos", "--readmit", "photos/A2.png")
    assert "was not withdrawn" in result.stderr
    result = collection("glam", "mark", "photos", "--readmit", "photos/A1.png")
    assert "can be embedded again" in result.stderr
    embed(collection)
    join(collection, tmp_path, SHEET)
    rows = collection.rows(
        """select "Object name" as n from photos where id = 'A1.png'"""
    )
    assert rows == [{"n": f"{SECRET} apple"}]


def test_pages_of_a_file(llm, colours, tmp_path):
    pages = [Image.new("RGB", (40, 30), (40 * n, 0, 0)) for n in range(3)]
    (tmp_path / "scans").mkdir()
    scan = tmp_path / "scans" / "a.tif"
    pages[0].save(scan, save_all=True, append_images=pages[1:])
    command = ("glam", "embed", "photos", "scans", "--pages", "-m", "glam-clip")
    llm(*command)
    llm(*WITHDRAW, "id = 'a.tif#2'")
    llm(*command)
    assert llm.ids() == ["a.tif", "a.tif#3"]
    llm("glam", "mark", "photos", "--readmit", scan)
    llm(*command)
    assert llm.ids() == ["a.tif", "a.tif#2", "a.tif#3"]


def test_the_row_of_no_picture_is_not_written(collection):
    message = collection.fails(*WITHDRAW, "id = 'nothing'")
    assert "nothing was withdrawn" in message


def test_nothing_happens_without_a_yes(collection):
    command = ("glam", "mark", "photos", "--withdraw", "--where", "id = 'A1.png'")
    result = collection(*command)
    assert "Nothing was withdrawn; repeat the command with --yes" in result.stderr
    assert len(collection.ids()) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--withdraw"], "Say which pictures to withdraw"),
        (["--withdraw", "--all", "--where", "1"], "Say which pictures to withdraw"),
        (["--withdraw", "--sensitive", "--all"], "without other marks"),
        (["--withdraw", "--private", "title", "--all"], "without other marks"),
        (["--readmit", "photos/A1.png", "--all"], "takes the files"),
    ],
)
def test_what_does_not_go_together(collection, options, message):
    assert message in collection.fails("glam", "mark", "photos", *options, exit_code=2)


def test_an_interruption_leaves_all_of_it(collection, monkeypatch):
    from llm_glam.records import withdrawn

    def stopped(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(withdrawn, "_remove_content", stopped)
    collection(*WITHDRAW, "id = 'A1.png'", ok=False)
    assert len(collection.ids()) == 3
    assert not collection.rows("select * from glam_withdrawn")
    assert collection.rows("select * from glam_labels")


def test_a_collection_that_is_adopted(collection, monkeypatch):
    collection(*WITHDRAW, "id = 'A1.png'")
    collection("collections", "delete", "photos")
    vectors = {f"A{number}.png": (1, 0, 0) for number in (1, 2, 3)}
    llm_clip_collection(collection, vectors)
    collection("glam", "adopt", "photos", "-m", "glam-clip", "--files", "photos")
    assert collection.ids() == ["A2.png", "A3.png"]


def test_texts_beside_it(collection, tmp_path):
    collection(*WITHDRAW, "id = 'A1.png'")
    (tmp_path / "texts").mkdir()
    for number in (1, 2, 8):
        (tmp_path / "texts" / f"A{number}.txt").write_text(f"{SECRET * (number == 1)}-")
    collection("glam", "records", "photos", "--text-dir", "texts", "--yes")
    assert_gone(collection)
    assert [r["record_key"] for r in without_picture(collection)] == ["A8.txt", "A9"]
