"""Texts of pages that are attached to pictures, changed, and taken away again."""

import json
import sqlite3
from contextlib import closing

import pytest

from ..fakes import picture

ALTO = """<alto><Layout><Page><TextBlock><TextLine><String CONTENT="{}"/><HYP CONTENT="-"/>
</TextLine><TextLine><String CONTENT="{}"/></TextLine></TextBlock></Page></Layout></alto>"""
ATTACH = ("glam", "records", "photos", "--text-dir", "texts")


@pytest.fixture
def collection(llm, colours, tmp_path):
    """Four pages, three of which have a text."""
    for number, name in enumerate(("a/p1", "a/p2", "b/p1", "b/p3")):
        picture(tmp_path / "photos" / f"{name}.png", size=(8 + number, 8))
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    write(tmp_path, "a/p1.xml", ALTO.format("Grüß", "gott"))
    write(tmp_path, "b/p1.txt", "A letter from Aleppo")
    write(tmp_path, "more/p3.txt", "Yours")
    write(tmp_path, "p9.txt", "Nothing")
    return llm


def write(tmp_path, name, text, folder="texts"):
    path = tmp_path / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def texts(llm):
    rows = llm.rows("select transcription as transcription from photos order by id")
    return [row["transcription"] for row in rows]


def found(llm, words):
    return {row["id"] for row in llm.json("glam", "search", "photos", "--words", words)}


def attach(llm):
    return json.loads(llm(*ATTACH, "--yes").stdout)


def test_the_preview_writes_nothing(collection):
    shown = collection(*ATTACH)
    assert json.loads(shown.stdout) == {
        "source": "texts",
        "texts": 4,
        "damaged_files": 0,
        "texts_without_picture": 1,
        "pictures": 3,
        "pictures_without_text": 1,
        "ambiguous_pictures": 0,
        "joined": False,
    }
    assert "texts: 4 texts for 3 of 4 pictures, for example:" in shown.stderr
    assert "  a/p1.xml = a/p1.png" in shown.stderr
    assert "1 picture without a text: a/p2.png" in shown.stderr
    assert "1 text without a picture: p9.txt" in shown.stderr
    assert "transcription" not in collection.rows("select * from photos")[0]


def test_texts_are_attached_and_searched(collection):
    assert attach(collection)["changed"] == 3
    assert texts(collection) == ["Grüßgott", None, "A letter from Aleppo", "Yours"]
    assert found(collection, "grußgott") == {"a/p1.png"}
    (source,) = collection.json("glam", "records", "photos")
    assert (source["source"], source["kind"]) == ("texts", "text")
    (row,) = collection.json("glam", "status", "photos")
    assert (row["pictures_without_record"], row["records_without_picture"]) == (1, 1)


def test_only_what_has_changed_is_changed(collection, tmp_path):
    attach(collection)
    vectors = collection.vectors()
    assert attach(collection)["changed"] == 0
    write(tmp_path, "b/p1.txt", "A letter from Alep-\npo")
    (tmp_path / "texts" / "more" / "p3.txt").unlink()
    write(tmp_path, "p2.txt", "New")
    shown = collection(*ATTACH, "--yes")
    assert json.loads(shown.stdout)["changed"] == 2
    assert "1 text is no longer in texts and was removed: more/p3.txt" in shown.stderr
    assert texts(collection) == ["Grüßgott", "New", "A letter from Aleppo", None]
    assert collection.vectors() == vectors


def test_removing_a_folder_is_exact(collection):
    before = collection.rows("select * from photos")
    attach(collection)
    collection("glam", "records", "photos", "--remove", "texts")
    assert collection.rows("select * from photos") == before
    assert not collection.rows("select * from glam_sources")


def test_a_sheet_and_a_person_come_before_a_text(collection, tmp_path):
    (tmp_path / "list.csv").write_text("file,Transcription\nb/p1.png,From the sheet\n")
    collection("glam", "records", "photos", "list.csv", "--yes")
    attach(collection)
    assert texts(collection)[2] == "From the sheet"
    with closing(sqlite3.connect(collection.database)) as db, db:
        db.execute("update photos set transcription = 'Mine' where id = 'a/p1.png'")
    write(tmp_path, "a/p1.xml", ALTO.format("Read", "again"))
    attach(collection)
    assert texts(collection)[0] == "Mine"
    collection("glam", "records", "photos", "--remove", "list.csv")
    assert texts(collection)[2] == "A letter from Aleppo"


def test_damaged_files_are_named_and_their_pictures_keep_their_text(
    collection, tmp_path
):
    attach(collection)
    write(tmp_path, "a/p1.xml", "<alto>")
    write(tmp_path, "mets.xml", "<mets/>")
    write(tmp_path, "b/p3.txt", "Better")
    shown = collection(*ATTACH, "--yes")
    assert json.loads(shown.stdout)["damaged_files"] == 2
    assert "2 files that cannot be read, left out: a/p1.xml, mets.xml" in shown.stderr
    assert "p1.xml: it is not well-formed XML" in shown.stderr
    assert texts(collection)[0] == "Grüßgott"
    assert texts(collection)[3] == "Better"


def test_several_texts_of_a_picture_are_kept(collection, tmp_path):
    write(tmp_path, "a/p1.txt", "By hand")
    attach(collection)
    assert texts(collection)[0] == "By hand"
    kept = collection.rows("select record_key from glam_sources where id = 'a/p1.png'")
    assert {row["record_key"] for row in kept} == {"a/p1.txt", "a/p1.xml"}


def test_an_ambiguous_text_is_left_out(collection, tmp_path):
    write(tmp_path, "p1.txt", "Whose?", "other")
    write(tmp_path, "p2.txt", "Page two", "other")
    shown = collection("glam", "records", "photos", "--text-dir", "other", "--yes")
    assert json.loads(shown.stdout)["ambiguous_pictures"] == 2
    assert "2 pictures whose text is ambiguous, left out: a/p1.png" in shown.stderr
    assert texts(collection) == [None, "Page two", None, None]


def test_two_folders_of_one_name(collection, tmp_path):
    attach(collection)
    write(tmp_path / "new", "p2.txt", "Page two")
    other = ("glam", "records", "photos", "--text-dir", "new/texts", "--yes")
    assert json.loads(collection(*other).stdout)["source"] == "new/texts"
    assert texts(collection)[1:3] == ["Page two", "A letter from Aleppo"]
    assert json.loads(collection(*other).stdout)["changed"] == 0
    assert attach(collection)["changed"] == 0
    (tmp_path / "again").mkdir()
    (tmp_path / "texts").rename(tmp_path / "again" / "texts")
    moved = ("glam", "records", "photos", "--text-dir", "again/texts", "--yes")
    row = json.loads(collection(*moved).stdout)
    assert (row["source"], row["changed"]) == ("texts", 0)


def test_links_out_of_the_folder_are_not_followed(collection, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "texts" / "a" / "p2.txt").symlink_to(tmp_path / "secret.txt")
    attach(collection)
    assert texts(collection)[1] is None


def test_nothing_fits(collection, tmp_path):
    write(tmp_path, "readme.txt", "x", "other")
    message = collection.fails("glam", "records", "photos", "--text-dir", "other")
    assert message.startswith(
        "None of the 1 texts in other has the name of a picture of 'photos': texts have names "
        "such as readme.txt, and pictures a/p1.png, a/p2.png, b/p1.png."
    )
    (tmp_path / "empty").mkdir()
    message = collection.fails("glam", "records", "photos", "--text-dir", "empty")
    assert message.startswith("There are no texts in empty (their names end in: .txt, ")
    message = collection.fails("glam", "records", "photos", "--text-dir", "nowhere")
    assert "nowhere" in message
    usage = collection.fails(*ATTACH, "--key", "x", exit_code=2)
    assert usage == "--key can only be used with FILE."
