"""Image folders, opened by the library that they are for."""

import json
import os

import pytest
from PIL import Image

from ..fakes import BLUE, RED, picture
from ..images.metadata import exif
from .conftest import FILES, execute

MARK = ".glam-export.json"
EXPORT = ("glam", "export", "photos", "out", "--format", "imagefolder")


def lines(path):
    text = (path / "metadata.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def loaded(path):
    import datasets

    datasets.disable_progress_bars()
    found = datasets.load_dataset(
        "imagefolder",
        data_dir=str(path),
        split="train",
        cache_dir=str(path.parent / "cache"),
    )
    return list(found)


def test_datasets_loads_the_same_items(joined, tmp_path):
    execute(joined, "update photos set Year = null where id = '1887_1.png'")
    shown = joined(*EXPORT)
    assert "Wrote 3 pictures" in shown.stderr
    rows = loaded(tmp_path / "out")
    assert [row["id"] for row in rows] == list(FILES)
    assert [row["image"].getpixel((0, 0)) for row in rows] == list(FILES.values())
    assert [row["Year"] for row in rows] == [None, 1888, None]
    assert [row["Subjects"] for row in rows] == [
        ["fruit", "red"],
        ["fruit"],
        ["a,b", "c"],
    ]
    assert rows[1]["Object name"] == "=1+1"


def test_the_folder_comes_back_with_the_same_items(joined, tmp_path):
    picture(tmp_path / "photos" / "sub folder" / "blé.png", BLUE, size=(9, 9))
    turned = tmp_path / "photos" / "turned.jpg"
    Image.new("RGB", (9, 7)).save(turned, exif=exif({0x010E: "A brooch", 0x0112: 6}))
    joined("glam", "embed", "photos", "photos")
    joined(*EXPORT)
    again = ("-d", "again.db")
    joined("glam", "embed", "photos", "out", "-m", "glam-clip", *again)
    joined("glam", "export", "photos", "first.jsonl")
    joined("glam", "export", "photos", "second.jsonl", *again)
    first, second = (
        [json.loads(line) for line in (tmp_path / name).read_text("utf-8").splitlines()]
        for name in ("first.jsonl", "second.jsonl")
    )
    for row in second:
        row.pop("file_name")
    assert first == second
    assert [row["id"] for row in first][-2:] == ["sub folder/blé.png", "turned.jpg"]
    assert first[-1]["caption"] == "A brooch"


def test_a_folder_for_each_label(joined, tmp_path):
    execute(joined, "update photos set Year = null where id = '1887_3.png'")
    shown = joined(*EXPORT, "--label", "Year")
    assert "Put 1 picture without a label into the folder unlabelled." in shown.stderr
    names = [row["file_name"] for row in lines(tmp_path / "out")]
    assert names == ["1887/1887_1.png", "1888/1887_2.png", "unlabelled/1887_3.png"]
    rows = loaded(tmp_path / "out")
    assert [row["Year"] for row in rows] == [1887, 1888, None]


def test_labels_that_no_folder_can_have(joined, tmp_path):
    execute(joined, "update photos set title = '../a/b' where id = '1887_1.png'")
    execute(joined, "update photos set title = '__a_b' where id = '1887_2.png'")
    execute(joined, "update photos set title = 'README.md' where id = '1887_3.png'")
    joined(*EXPORT, "--label", "Title")
    names = [row["file_name"].split("/")[0] for row in lines(tmp_path / "out")]
    assert len(set(names)) == 3
    assert (
        sorted(p.name for p in tmp_path.iterdir() if p.is_dir() and "a" in p.name) == []
    )


@pytest.mark.parametrize(
    ("label", "words"),
    [("Subjects", "several values"), ("Nothing", "There is no column 'Nothing'")],
)
def test_columns_that_are_no_label(joined, label, words):
    assert words in joined.fails(*EXPORT, "--label", label)
    assert not os.path.exists("out")


def test_missing_files_are_counted_and_left_out(joined, tmp_path):
    (tmp_path / "photos" / "1887_2.png").unlink()
    shown = joined(*EXPORT)
    assert "Wrote 2 pictures" in shown.stderr
    assert "Left out 1 picture without a file on this computer" in shown.stderr
    assert "files were not at hand: 1" in (tmp_path / "out" / "README.md").read_text()
    joined(*EXPORT, "--thumbnails", "--replace")
    rows = lines(tmp_path / "out")
    assert [row["file_name"] for row in rows][1] == "1887_2.jpg"
    assert (tmp_path / "out" / "1887_2.jpg").read_bytes().startswith(b"\xff\xd8")
    assert len(loaded(tmp_path / "out")) == 3


def test_no_file_at_all_is_one_sentence(joined, tmp_path):
    for name in FILES:
        (tmp_path / "photos" / name).unlink()
    assert "No file of 3 pictures is on this computer" in joined.fails(*EXPORT)
    assert not list(tmp_path.glob("*out*"))


def test_files_outside_their_folder_are_not_copied(joined, tmp_path):
    (tmp_path / "secret.png").write_text("secret")
    execute(joined, "update photos set file = '../secret.png' where id = '1887_1.png'")
    assert "Left out 1 picture " in joined(*EXPORT).stderr


def test_links_out_of_their_folder_are_not_copied(joined, tmp_path):
    (tmp_path / "secret.png").write_text("secret")
    (tmp_path / "photos" / "1887_1.png").unlink()
    (tmp_path / "photos" / "1887_1.png").symlink_to(tmp_path / "secret.png")
    assert "Left out 1 picture " in joined(*EXPORT).stderr


def test_hard_links_save_space(joined, tmp_path):
    assert "--hard-links needs --with-metadata" in joined.fails(*EXPORT, "--hard-links")
    assert not (tmp_path / "out").exists()
    joined(*EXPORT, "--hard-links", "--with-metadata")
    original, link = (tmp_path / f / "1887_1.png" for f in ("photos", "out"))
    assert original.samefile(link)


@pytest.fixture
def embedded(joined, tmp_path):
    """Two more pictures: one with EXIF, and one of a format from which it cannot be removed."""
    folder, im = tmp_path / "photos", Image.new("RGB", (9, 7), "blue")
    im.save(folder / "turned.jpg", exif=exif({0x010E: "Grindylow", 0x0112: 6}))
    im.save(folder / "whole.bmp")
    joined("glam", "embed", "photos", "photos")
    return joined


def test_what_is_embedded_stays_here(embedded, tmp_path):
    shown = embedded(*EXPORT)
    assert "Wrote 4 pictures" in shown.stderr
    assert "Left out 1 picture (BMP 1) from whose files embedded" in shown.stderr
    assert not (tmp_path / "out" / "whole.bmp").exists()
    with Image.open(tmp_path / "out" / "turned.jpg") as im:
        assert dict(im.getexif()) == {0x0112: 6}
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "copied without the EXIF, IPTC, XMP" in card
    assert "metadata that cannot be removed: 1" in card
    kept = {p.name for p in (tmp_path / "out").iterdir()}
    assert kept == {*FILES, "turned.jpg", "README.md", "metadata.jsonl", MARK}


def test_a_thumbnail_takes_the_place_of_what_cannot_be_copied(embedded, tmp_path):
    shown = embedded(*EXPORT, "--thumbnails")
    assert "Wrote 5 pictures" in shown.stderr
    assert "Wrote thumbnails of 1 picture from whose files embedded" in shown.stderr
    assert (tmp_path / "out" / "whole.jpg").read_bytes().startswith(b"\xff\xd8")


def test_with_metadata_files_are_copied_as_they_are(embedded, tmp_path):
    assert "Wrote 5 pictures" in embedded(*EXPORT, "--with-metadata").stderr
    for name in (*FILES, "turned.jpg", "whole.bmp"):
        original, copied = (tmp_path / f / name for f in ("photos", "out"))
        assert copied.read_bytes() == original.read_bytes()
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert "with all that is embedded in them" in card


def test_if_nothing_can_be_copied_nothing_is_written(embedded, tmp_path):
    words = embedded.fails(*EXPORT, "--filter", "file=whole.bmp")
    assert "cannot be removed from the files of 1 picture (BMP 1), so nothing" in words
    assert "--with-metadata" in words
    assert not list(tmp_path.glob("*out*"))


def test_the_card_says_where_it_is_from(joined, tmp_path):
    execute(joined, "update photos set rights = 'CC0 *1.0*' where id != '1887_3.png'")
    execute(joined, "update photos set sensitive = 1 where id = '1887_2.png'")
    execute(joined, "update glam_columns set private = 1 where \"column\" = 'Year'")
    joined(*EXPORT)
    card = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert card.startswith("---\npretty_name: out\n")
    assert "| export.xlsx | sheet | 3 |" in card
    assert "| CC0 \\*1.0\\* | 1 |" in card
    assert "| not stated | 1 |" in card
    assert "- private columns: 1\n- sensitive pictures: 1" in card
    assert "Year" not in card
    assert str(tmp_path) not in card


def test_the_card_counts_labels_of_local_contexts(joined, tmp_path):
    execute(joined, 'alter table photos add column "TK Labels" text')
    joined(*EXPORT)
    card = tmp_path / "out" / "README.md"
    assert "Local Contexts" not in card.read_text("utf-8")
    execute(
        joined, "update photos set \"TK Labels\" = 'TK NC' where id != '1887_3.png'"
    )
    joined(*EXPORT, "--replace")
    label = r"TK Non-Commercial \(TK NC\): https\://localcontexts.org/label/tk-non-commercial/"
    assert f"| {label} | 2 |" in card.read_text("utf-8")


def test_headings_that_the_loader_takes_for_pictures(joined, tmp_path):
    for name in ("image", "thumb_file_name"):
        execute(joined, f'alter table photos add column "{name}" text')
        execute(joined, f"update photos set \"{name}\" = 'words'")
    joined(*EXPORT, "--replace")
    rows = loaded(tmp_path / "out")
    assert rows[0]["image_source"] == "words"
    assert rows[0]["thumb_file_name_source"] == "words"


def test_a_folder_that_is_not_ours_is_refused(joined, tmp_path):
    (tmp_path / "out").mkdir()
    joined(*EXPORT)
    assert "add --replace" in joined.fails(*EXPORT)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    other = (
        "glam",
        "export",
        "photos",
        "other",
        "--format",
        "imagefolder",
        "--replace",
    )
    assert "was not written by llm glam export" in joined.fails(*other)


@pytest.mark.parametrize(
    "name",
    ["README.md", "metadata.jsonl", "notes.txt", "sub/mine.png", ".gitattributes"],
)
def test_what_people_added_to_a_folder_is_not_lost(joined, tmp_path, name):
    joined(*EXPORT)
    (tmp_path / "out" / "sub").mkdir()
    (tmp_path / "out" / ".DS_Store").touch()
    joined(*EXPORT, "--replace")
    (tmp_path / "out" / "sub").mkdir()
    (tmp_path / "out" / name).write_text("mine")
    assert f"out/{name} was added or changed" in joined.fails(*EXPORT, "--replace")
    assert (tmp_path / "out" / name).read_text() == "mine"


def test_a_failed_export_leaves_the_old_folder(joined, tmp_path, monkeypatch):
    joined(*EXPORT)
    before = lines(tmp_path / "out")
    execute(joined, "update photos set Year = 1")
    real = os.rename

    def rename(old, new):
        if str(new).endswith("out"):
            monkeypatch.setattr(os, "rename", real)
            raise OSError(28, "No space left on device")
        return real(old, new)

    monkeypatch.setattr(os, "rename", rename)
    assert "cannot be written (No space" in joined.fails(*EXPORT, "--replace")
    assert lines(tmp_path / "out") == before
    assert [p.name for p in tmp_path.glob("*out*")] == ["out"]


def test_pictures_of_several_folders(joined, tmp_path):
    picture(tmp_path / "more" / "1887_1.png", RED, size=(7, 7))
    joined("glam", "embed", "photos", "more", "--prefix", "more/")
    joined(*EXPORT)
    names = [row["file_name"] for row in lines(tmp_path / "out")]
    assert names == [*FILES, "more/1887_1.png"]
