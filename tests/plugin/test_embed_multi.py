"""The first command its user typed, and everything around it."""

import csv
import io
import json
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from ..fakes import BLUE, GREEN, RED, picture

EMBED = ("embed-multi", "photos", "--files", "photos/", "*.png", "-m", "glam-clip")


def closing(result):
    return result.stderr.strip().splitlines()[-1]


def test_exactly_as_typed(llm, colours, photos):
    result = llm(*EMBED)
    assert result.stdout == ""
    assert closing(result) == (
        "photos (glam-clip/colours): 2 embedded, 0 unchanged, 0 copies, 0 problems"
    )
    assert llm.vectors() == {"green.png": (0, 1, 0), "red.png": (1, 0, 0)}
    assert llm.rows("select name, model from collections") == [
        {"name": "photos", "model": "glam-clip/colours"}
    ]


def test_rows_are_as_llm_writes_them(llm, colours, photos):
    llm(*EMBED)
    ours = llm.rows("select * from embeddings order by id")
    llm(
        *("embed-multi", "theirs", "--files", "photos/", "*.png", "--binary"),
        *("-m", "glam-clip"),
        env={"LLM_GLAM_WRAP": "0"},
    )
    import llm as llm_library

    from llm_glam.models import embedding_model

    collection = llm_library.Collection(
        "reference", db=_database(llm), model=embedding_model.GlamClip("colours")
    )
    collection.embed_multi(
        (path.name, path.read_bytes()) for path in sorted(photos.glob("*.png"))
    )
    theirs = llm.rows("select * from embeddings where collection_id = ?", collection.id)
    keep = ("id", "embedding", "content", "content_blob", "content_hash", "metadata")
    assert [[row[k] for k in keep] for row in ours] == [
        [row[k] for k in keep] for row in theirs
    ]


def _database(llm):
    from sqlite_utils import Database

    return Database(llm.database)


def test_the_items_table_is_filled(llm, colours, photos):
    llm("embed-multi", "photos", "--files", photos, "**/*.png", "-m", "glam-clip")
    rows = llm.rows("select * from photos order by id")
    assert [row["id"] for row in rows] == ["green.png", "red.png", "sub folder/blé.png"]
    red = rows[1]
    assert (red["image_width"], red["image_height"], red["image_format"]) == (
        40,
        30,
        "PNG",
    )
    assert red["file"] == "red.png"
    assert red["image_bytes"] == (photos / "red.png").stat().st_size
    hashes = llm.rows(
        "select hex(content_hash) as h from embeddings where id = 'red.png'"
    )
    assert red["image_md5"] == hashes[0]["h"].lower()
    folders = llm.rows("select path from glam_folders")
    assert folders == [{"path": str(photos)}]


def test_thumbnails(llm, colours, tmp_path):
    from PIL import Image

    picture(tmp_path / "photos" / "wide.png", RED, size=(2000, 1000))
    picture(tmp_path / "photos" / "small.png", RED, size=(20, 10))
    picture(tmp_path / "photos" / "strip.png", RED, size=(3000, 10))
    llm(*EMBED)
    sizes = {}
    for row in llm.rows("select * from glam_thumbnails"):
        image = Image.open(io.BytesIO(row["content"]))
        assert image.size == (row["width"], row["height"])
        sizes[row["id"]] = image.size
    assert sizes == {
        "wide.png": (512, 256),
        "small.png": (20, 10),
        "strip.png": (1024, 3),
    }


def test_unchanged_files_are_not_read_again(llm, colours, photos, monkeypatch):
    llm(*EMBED)
    before = colours.pictures_encoded
    for path in photos.glob("*.png"):
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_bytes(
            b"x" * path.stat().st_size
        )  # would be a problem if it were read
        os.utime(path, ns=times)
    result = llm(*EMBED)
    assert "0 embedded, 2 unchanged, 0 copies, 0 problems" in closing(result)
    assert colours.pictures_encoded == before


def test_a_changed_file_is_embedded_again(llm, colours, photos):
    llm(*EMBED)
    picture(photos / "red.png", BLUE, size=(50, 50))
    result = llm(*EMBED)
    assert "1 embedded, 1 unchanged" in closing(result)
    assert llm.vectors()["red.png"] == (0, 0, 1)
    assert llm.rows("select image_width from photos where id = 'red.png'") == [
        {"image_width": 50}
    ]


def test_without_its_vector_nothing_is_unchanged(llm, colours, photos):
    llm(*EMBED)
    database = _database(llm)
    with database.conn:
        database.execute("delete from embeddings where id = 'red.png'")
    assert "1 embedded, 1 unchanged" in closing(llm(*EMBED))
    assert llm.ids() == ["green.png", "red.png"]


def test_equal_content_is_a_row_each_and_computed_once(llm, colours, photos):
    shutil.copy(photos / "red.png", photos / "again.png")
    result = llm(*EMBED)
    assert "2 embedded, 0 unchanged, 1 copy" in closing(result)
    assert colours.pictures_encoded == 2
    assert llm.vectors()["again.png"] == llm.vectors()["red.png"] == (1, 0, 0)
    shutil.copy(photos / "red.png", photos / "later.png")
    assert "0 embedded, 3 unchanged, 1 copy" in closing(llm(*EMBED))
    assert colours.pictures_encoded == 2


def test_a_bad_file_stops_nothing_and_shifts_nobody(llm, colours, tmp_path):
    expected = {}
    for number in range(100):
        colour = (number, 2 * number, 255 - number)
        path = picture(tmp_path / "photos" / f"{number:03}.png", colour)
        expected[path.name] = tuple(c / 255 for c in colour)
    for number in (0, 31, 32, 50, 99):
        Path(tmp_path, "photos", f"{number:03}.png").write_bytes(b"no picture at all")
        del expected[f"{number:03}.png"]
    result = llm(*EMBED, "--batch-size", "10")
    assert "95 embedded, 0 unchanged, 0 copies, 5 problems" in closing(result)
    assert "031.png: it is not a picture" in result.stderr
    vectors = llm.vectors()
    assert vectors.keys() == expected.keys()
    for name, vector in expected.items():
        assert vectors[name] == pytest.approx(vector, abs=1e-6)
    problems = llm.rows("select id, reason from glam_problems order by id")
    assert [row["id"] for row in problems] == [
        f"{n:03}.png" for n in (0, 31, 32, 50, 99)
    ]
    assert {row["reason"] for row in problems} == {
        "it is not a picture in a format that llm-glam can read"
    }


def test_known_problems_are_named_again_but_not_read(llm, colours, photos):
    bad = photos / "bad.png"
    bad.write_bytes(b"?" * 500)
    llm(*EMBED)
    result = llm(*EMBED)
    assert "bad.png: it is not a picture" in result.stderr
    assert "2 unchanged, 0 copies, 1 problem" in closing(result)
    picture(bad, GREEN, size=(9, 9))
    assert "1 embedded, 2 unchanged, 0 copies, 0 problems" in closing(llm(*EMBED))
    assert llm.rows("select * from glam_problems") == []


def test_whether_a_file_is_tried_again_hangs_on_the_kind_alone(
    llm, colours, photos, tmp_path
):
    (photos / "bad.png").write_bytes(b"?" * 500)
    picture(photos / "large.png", BLUE, size=(1500, 1000))
    (photos / "link.png").symlink_to(tmp_path / "nowhere.png")
    llm("glam", "embed", "photos", "photos", "--max-megapixels", "1")
    kinds = {r["id"]: r["kind"] for r in llm.rows("select id, kind from glam_problems")}
    assert kinds == {
        "bad.png": "bad-file",
        "large.png": "too-many-pixels",
        "link.png": "bad-link",
    }
    connection = sqlite3.connect(llm.database)
    connection.execute("update glam_problems set reason = 'reworded'")
    connection.commit()
    connection.close()
    result = llm("glam", "embed", "photos", "photos")
    assert "bad.png: reworded" in result.stderr
    assert "large.png" not in result.stderr
    assert "1 embedded, 3 unchanged" in closing(result)


def test_problems_of_a_database_made_before_kinds(llm, colours, photos):
    """What is tried again is what was: another option, installation or folder may mend it."""
    for name in ("huge", "heic", "twice", "memory", "bad"):
        (photos / f"{name}.png").write_bytes(b"?" * 500)
    llm(*EMBED)
    reasons = {
        "huge": "it has 600 megapixels (the limit is 500); to allow more, use --max-megapixels",
        "heic": "it is a HEIC picture; to read these, run: llm install 'llm-glam[heic]'",
        "twice": "another picture has the id 'a', from b; use --prefix for this folder",
        "memory": "it is too large for this computer's memory",
        "bad": "it is damaged (broken data stream)",
    }
    connection = sqlite3.connect(llm.database)
    for name, reason in reasons.items():
        connection.execute(
            "update glam_problems set reason = ? where id = ?", [reason, f"{name}.png"]
        )
    connection.execute("alter table glam_problems drop column kind")
    connection.execute(
        "delete from _sqlite_migrations where name = 'm002_add_kind_of_problem'"
    )
    connection.commit()
    connection.close()
    stderr = llm(*EMBED).stderr
    assert "bad.png: it is damaged (broken data stream)" in stderr
    for name in ("huge", "heic", "twice", "memory"):
        assert f"{name}.png: it is not a picture" in stderr


def test_nothing_usable_is_an_error(llm, colours, tmp_path):
    Path(tmp_path, "photos").mkdir()
    Path(tmp_path, "photos", "a.png").write_bytes(b"")
    result = llm(*EMBED, ok=False)
    assert result.exit_code == 1
    assert "a.png: the file is empty" in result.stderr
    assert "Error: Nothing could be embedded (1 tried)" in result.stderr


def test_ids_with_a_prefix(llm, colours, photos):
    llm(*EMBED, "--prefix", "trench 1/[é]/")
    assert llm.ids() == ["trench 1/[é]/green.png", "trench 1/[é]/red.png"]
    assert llm.rows("select file from photos order by id")[0] == {"file": "green.png"}


def test_one_id_from_two_folders_is_an_error(llm, colours, photos, tmp_path):
    picture(tmp_path / "other" / "red.png", BLUE)
    both = (
        "--files",
        "photos",
        "*.png",
        "--files",
        "other",
        "*.png",
        "-m",
        "glam-clip",
    )
    message = llm.fails("embed-multi", "photos", *both)
    assert "would both have the id 'red.png'" in message
    assert "--prefix" in message
    llm(*EMBED)
    message = llm.fails("embed-multi", "photos", "--files", "other", "*.png")
    assert f"{tmp_path / 'other' / 'red.png'} would have the id 'red.png'" in message
    assert llm.vectors()["red.png"] == (1, 0, 0)
    llm("embed-multi", "photos", "--files", "other", "*.png", "--prefix", "other/")
    assert llm.vectors()["other/red.png"] == (0, 0, 1)


def test_a_folder_that_moved_is_the_same_folder(llm, colours, photos, tmp_path):
    llm(*EMBED)
    photos.rename(tmp_path / "moved")
    result = llm("embed-multi", "photos", "--files", "moved", "*.png")
    assert "0 embedded, 2 unchanged" in closing(result)
    folder = llm.rows(
        "select path from glam_folders join photos on glam_folders.id = image_folder"
    )
    assert {row["path"] for row in folder} == {str(tmp_path / "moved")}


def test_another_camera_card_under_the_same_names(llm, colours, photos, tmp_path):
    llm(*EMBED)
    shutil.rmtree(photos)
    picture(tmp_path / "card 2" / "red.png", BLUE)
    picture(tmp_path / "card 2" / "new.png", GREEN, size=(7, 7))
    result = llm("embed-multi", "photos", "--files", "card 2", "*.png")
    assert "red.png: another picture has the id 'red.png'" in result.stderr
    assert llm.vectors()["red.png"] == (1, 0, 0)
    assert llm.vectors()["new.png"] == (0, 1, 0)


@pytest.mark.parametrize("pattern", ["'*.png'", '"*.png"', "*.png"])
def test_quotes_that_cmd_exe_hands_on(llm, colours, photos, pattern):
    llm("embed-multi", "photos", "--files", "photos", pattern, "-m", "glam-clip")
    assert llm.ids() == ["green.png", "red.png"]


def test_names_a_shell_has_expanded(llm, colours, photos, monkeypatch, tmp_path):
    monkeypatch.chdir(photos)
    names = ["green.png", "red.png"]
    llm("embed-multi", "photos", "--files", ".", *names, "-m", "glam-clip")
    assert llm.ids() == names
    picture(photos / "third.png", (9, 9, 9))
    llm("embed-multi", "--files", ".", *names, "third.png", "-m", "glam-clip", "more")
    assert len(llm.ids("more")) == 3
    message = llm.fails(
        *("embed-multi", "x", "--files", "sub folder", *names, "-m", "glam-clip")
    )
    assert "Your shell has replaced the pattern by 2 names" in message
    assert "'*.jpg'" in message


def test_no_match_says_what_is_there(llm, colours, tmp_path):
    for number in range(3):
        picture(tmp_path / "photos" / f"{number}.JPG")
    picture(tmp_path / "deep" / "er" / "a.png")

    def fails(*files):
        return llm.fails("embed-multi", "x", "--files", *files, "-m", "glam-clip")

    assert fails("photos", "*.jpg") == (
        f"No match for '*.jpg' in {tmp_path / 'photos'}; 3 files match '*.JPG'."
    )
    assert "in its subfolders 1 files match '**/*.png'" in fails("deep", "*.png")
    assert "it contains 3 .JPG" in fails("photos", "*.tif")
    assert fails("nowhere", "*.tif") == "nowhere: no such folder."
    assert "points outside the folder" in fails("photos", "../*.png")
    assert llm.database.exists() is False


def test_other_spellings_of_the_extension_are_mentioned(llm, colours, photos):
    picture(photos / "C.PNG", GREEN)
    result = llm(*EMBED)
    assert (
        "1 more files match '*.png' if upper and lower case are treated alike"
        in result.stderr
    )


def test_hidden_and_metadata_files_are_no_pictures(llm, colours, photos):
    (photos / "._red.png").write_bytes(b"AppleDouble")
    (photos / "metadata.csv").write_text("file_name\nred.png\n")
    result = llm("embed-multi", "photos", "--files", "photos", "*", "-m", "glam-clip")
    assert "2 embedded, 0 unchanged, 0 copies, 0 problems" in closing(result)


def test_a_link_out_of_the_folder_is_not_followed(llm, colours, photos, tmp_path):
    secret = picture(tmp_path / "private" / "secret.png", BLUE)
    (photos / "link.png").symlink_to(secret)
    (photos / "fine.png").symlink_to(photos / "red.png")
    result = llm(*EMBED)
    assert "link.png: it is a link that points outside the folder" in result.stderr
    assert llm.ids() == ["fine.png", "green.png", "red.png"]


def test_file_names_that_are_no_text(llm, colours, photos):
    bad = os.fsencode(photos) + b"/caf\xe9.png"
    shutil.copy(photos / "red.png", bad)
    result = llm(*EMBED)
    assert "caf\\xe9.png: its name is not valid text; rename the file" in result.stderr
    assert llm.ids() == ["green.png", "red.png"]


def test_store_and_batch_size(llm, colours, photos):
    llm(*EMBED, "--store", "--batch-size", "1")
    rows = llm.rows("select id, content, content_blob from embeddings order by id")
    assert rows[1]["content_blob"] == (photos / "red.png").read_bytes()
    assert rows[1]["content"] is None


def test_texts_from_csv(llm, colours):
    Path("texts.csv").write_text("id,a,b\n007,red,\nx,gre,en\n")
    args = ("embed-multi", "words", "texts.csv", "-m", "glam-clip")
    llm(*args, "--store", "--prefix", "w/", "--prepend", "> ")
    rows = llm.rows("select id, content from embeddings order by id")
    assert rows == [
        {"id": "w/007", "content": "> red "},
        {"id": "w/x", "content": "> gre en"},
    ]
    assert "0 embedded, 2 unchanged" in closing(
        llm(*args, "--prefix", "w/", "--prepend", "> ")
    )


@pytest.mark.parametrize("format_", ["json", "nl", "tsv"])
def test_texts_in_other_formats(llm, colours, format_):
    rows = [{"id": "1", "text": "red"}, {"id": "2", "text": "blue"}]
    if format_ == "tsv":
        text = "id\ttext\n1\tred\n2\tblue\n"
    elif format_ == "nl":
        text = "\n".join(json.dumps(row) for row in rows)
    else:
        text = json.dumps(rows)
    llm("embed-multi", "w", "-", "--format", format_, "-m", "glam-clip", input=text)
    assert llm.vectors("w") == {"1": (1, 0, 0), "2": (0, 0, 1)}


def test_broken_input_is_one_sentence(llm, colours):
    Path("broken.json").write_text('[{"id": 1')
    message = llm.fails("embed-multi", "w", "broken.json", "-m", "glam-clip")
    assert message.startswith("broken.json cannot be read")


def test_sql_with_a_blob_column(llm, colours, photos, tmp_path):
    import sqlite3

    connection = sqlite3.connect(tmp_path / "source.db")
    connection.execute("create table scans (key text, picture blob, note text)")
    blob = (photos / "blé.png").read_bytes() if (photos / "blé.png").exists() else None
    blob = blob or (photos / "red.png").read_bytes()
    connection.executemany(
        "insert into scans values (?, ?, ?)", [("a", blob, "x"), ("b", b"junk", "y")]
    )
    connection.execute("insert into scans values ('c', null, 'red')")
    connection.commit()
    result = llm(
        *("embed-multi", "scans", "--attach", "src", tmp_path / "source.db"),
        *("--sql", "select key, picture from src.scans", "-m", "glam-clip"),
    )
    assert "b: it is not a picture" in result.stderr
    assert llm.vectors("scans")["a"] == (1, 0, 0)
    items = llm.rows("select id, file, image_width from scans order by id")
    assert items == [{"id": "a", "file": None, "image_width": 40}]


def test_encoding_means_texts(llm, colours, tmp_path):
    Path("texts").mkdir()
    Path("texts", "a.txt").write_text("red")
    Path("texts", "b.txt").write_bytes("é".encode("latin-1"))
    llm(
        *("embed-multi", "t", "--files", "texts", "*.txt", "-m", "glam-clip"),
        *("--encoding", "utf-8", "--encoding", "latin-1", "--store"),
    )
    rows = llm.rows("select id, content from embeddings order by id")
    assert rows == [{"id": "a.txt", "content": "red"}, {"id": "b.txt", "content": "é"}]


def test_metadata_beside_the_pictures(llm, colours, photos):
    with (photos / "metadata.csv").open("w", newline="", encoding="utf-8-sig") as fp:
        writer = csv.writer(fp)
        writer.writerow(
            [" file_name", "Title", "inventory no", "ID", "File", "sensitive", ""]
        )
        writer.writerow(["red.png", "A red thing", "007", "x1", "f", "yes", "extra"])
        writer.writerow(["green.png", "", "1.10", "", "", "no", ""])
        writer.writerow(["../red.png", "outside", "", "", "", "", ""])
    result = llm(*EMBED)
    assert "1 rows do not name a file in this folder (see line 4)" in result.stderr
    red, green = llm.rows("select * from photos order by id desc")
    assert red["title"] == "A red thing"
    assert red["inventory no"] == "007"
    assert (red["ID_source"], red["File_source"], red["column_7"]) == (
        "x1",
        "f",
        "extra",
    )
    assert (red["sensitive"], green["sensitive"]) == (1, 0)
    assert green["title"] is None
    assert green["inventory no"] == "1.10"


def test_changed_records_are_updated_without_embedding_again(llm, colours, photos):
    metadata = photos / "metadata.jsonl"
    metadata.write_text('{"file_name": "red.png", "caption": "old", "year": 1909}\n')
    llm(*EMBED)
    metadata.write_text(
        '{"file_name": "red.png", "caption": "new", "year": 1910, "tags": ["a", "b"]}\n'
    )
    before = colours.pictures_encoded
    result = llm(*EMBED)
    assert "records updated: 1" in result.stderr
    assert colours.pictures_encoded == before
    (red,) = llm.rows("select caption, year, tags from photos where id = 'red.png'")
    assert red == {"caption": "new", "year": 1910, "tags": '["a", "b"]'}
    assert "records updated" not in llm(*EMBED).stderr


def test_records_are_searchable(llm, colours, photos):
    (photos / "metadata.csv").write_text(
        "file_name,site\nred.png,Çatalhöyük\n", "utf-8"
    )
    llm(*EMBED)
    sql = "select photos.id from photos join photos_fts on photos.rowid = photos_fts.rowid"
    found = llm.rows(f"{sql} where photos_fts match 'catalhoyuk'")
    assert found == [{"id": "red.png"}]


def test_an_excel_sheet_in_a_subfolder(llm, colours, photos):
    from datetime import datetime

    from openpyxl import Workbook

    book = Workbook()
    book.active.append(["file_name", "found", "depth"])
    book.active.append(["blé.png", datetime(1909, 5, 1), 1.5])
    book.save(photos / "sub folder" / "metadata.xlsx")
    llm("embed-multi", "photos", "--files", photos, "**/*.png", "-m", "glam-clip")
    (row,) = llm.rows("select found, depth from photos where id like 'sub%'")
    assert row == {"found": "1909-05-01", "depth": 1.5}


def test_a_broken_metadata_file_is_one_sentence(llm, colours, photos):
    (photos / "metadata.csv").write_text("name,title\nred.png,x\n")
    message = llm.fails(*EMBED)
    assert "has no column 'file_name'" in message
    (photos / "metadata.csv").unlink()
    (photos / "metadata.xlsx").write_bytes(b"\1\2")
    assert "metadata.xlsx cannot be read" in llm.fails(*EMBED)
    assert not llm.database.exists()


def test_a_csv_from_european_excel(llm, colours, photos):
    (photos / "metadata.csv").write_text(
        "file_name;title\nred.png;Rot, sehr\n", "utf-8"
    )
    llm(*EMBED)
    assert llm.rows("select title from photos where id = 'red.png'") == [
        {"title": "Rot, sehr"}
    ]
    (photos / "metadata.csv").write_bytes(
        "file_name,title\nred.png,café\n".encode("cp1252")
    )
    said = llm(*EMBED).stderr
    assert "metadata.csv: reading it as Windows-1252; if letters look wrong" in said
    assert llm.rows("select title from photos where id = 'red.png'") == [
        {"title": "café"}
    ]
    (photos / "metadata.csv").write_bytes(
        "file_name,title\nred.png,каменный\n".encode("cp1251")
    )
    assert "is not in UTF-8. In Excel, save it as 'CSV UTF-8'" in llm.fails(*EMBED)


def test_cells_behind_the_last_column_are_mentioned(llm, colours, photos):
    (photos / "metadata.csv").write_text(
        "file_name,title\nred.png,1872.001, gold ring\ngreen.png,green,,\n"
    )
    assert (
        "metadata.csv: 1 row has more cells than there are columns (see line 2); put cells that "
        "contain commas in quotation marks (cells beyond the last column are left out)"
    ) in llm(*EMBED).stderr
    assert llm.rows("select title from photos order by id") == [
        {"title": "green"},
        {"title": "1872.001"},
    ]


def test_hidden_folders_are_left_out_unless_named(llm, colours, photos):
    picture(photos / ".secret" / "a.png", GREEN)
    picture(photos / "__MACOSX" / "b.png", GREEN)
    llm("embed-multi", "photos", "--files", "photos", "**/*.png", "-m", "glam-clip")
    assert llm.ids() == ["green.png", "red.png", "sub folder/blé.png"]
    llm("embed-multi", "x", "--files", "photos", ".secret/*.png", "-m", "glam-clip")
    assert llm.ids("x") == [".secret/a.png"]


def test_glam_embed_takes_names_a_shell_has_expanded(llm, colours, photos, monkeypatch):
    monkeypatch.chdir(photos)
    llm("glam", "embed", "photos", ".", "green.png", "red.png", "-m", "glam-clip")
    assert llm.ids() == ["green.png", "red.png"]


def test_errors_name_the_database_in_use(llm, colours, photos):
    Path("mine.db").write_bytes(b"no database at all" * 50)
    for command in (("glam", "status"), ("glam", "embed", "photos", "photos")):
        assert "The database mine.db is not an SQLite" in llm.fails(
            *command, "-d", "mine.db"
        )
