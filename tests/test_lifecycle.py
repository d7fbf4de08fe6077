"""Records outlive vectors, and never attach to another picture."""

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from .conftest import register_fake
from .fakes import BLUE, GREEN, RED, Colours, picture

EMBED = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")
GLAM_EMBED = ("glam", "embed", "photos", "photos")


def closing(result):
    return result.stderr.strip().splitlines()[-1]


def label(llm, item, text):
    """A label as a person gives it: to the picture as it is now."""
    database = Database(llm.database)
    md5 = database["photos"].get(item)["image_md5"]
    database["glam_labels"].insert(
        {
            "items_table": "photos",
            "id": item,
            "label": text,
            "source": "human",
            "image_md5": md5,
        }
    )
    database.close()


def labels(llm):
    sql = """
        select l.id, l.label, l.image_md5 = p.image_md5 as current
        from glam_labels l left join photos p on p.id = l.id order by l.id
    """
    return [tuple(row.values()) for row in llm.rows(sql)]


def titled(folder, **titles):
    lines = [
        json.dumps({"file_name": f"{n}.png", "title": t}) for n, t in titles.items()
    ]
    (folder / "metadata.jsonl").write_text("\n".join(lines), "utf-8")


def titles(llm):
    return {
        r["id"]: r["title"]
        for r in llm.rows("select id, title from photos order by id")
    }


@pytest.fixture
def embedded(llm, colours, photos):
    titled(photos, red="Red", green="Green")
    llm(*EMBED)
    (photos / "metadata.jsonl").unlink()
    label(llm, "red.png", "fruit")
    return photos


def test_delete_and_make_again_with_the_same_pictures(llm, embedded):
    llm("collections", "delete", "photos")
    assert llm.rows("select * from collections") == []
    assert llm.rows("select * from embeddings") == []
    assert llm.rows("select * from glam_collections") == []
    assert titles(llm) == {"green.png": "Green", "red.png": "Red"}
    assert closing(llm(*EMBED)).endswith(
        "2 embedded, 0 unchanged, 0 copies, 0 problems"
    )
    assert titles(llm) == {"green.png": "Green", "red.png": "Red"}
    assert labels(llm) == [("red.png", "fruit", 1)]


@pytest.mark.parametrize("wrapped", ["0", "1"])
def test_delete_and_make_again_with_other_pictures(llm, embedded, wrapped):
    original = (embedded / "red.png").read_bytes()
    old = llm.rows("select content from glam_thumbnails where id = 'red.png'")
    llm("collections", "delete", "photos", env={"LLM_GLAM_WRAP": wrapped})
    picture(embedded / "red.png", BLUE)
    llm(*EMBED)
    assert titles(llm) == {"green.png": "Green", "red.png": None}
    assert labels(llm) == [("red.png", "fruit", 0)]
    assert llm.rows("select content from glam_thumbnails where id = 'red.png'") != old
    assert llm.vectors()["red.png"] == (0, 0, 1)
    (kept,) = llm.rows("select id, record from glam_kept_records")
    assert (kept["id"], json.loads(kept["record"])["title"]) == ("red.png", "Red")
    (embedded / "again.png").write_bytes(original)
    llm(*EMBED)
    assert titles(llm)["again.png"] == "Red"
    assert llm.rows("select * from glam_kept_records") == []


def test_an_id_that_sqlite_gives_away_again(llm, embedded, tmp_path):
    """Deleted behind our back; the next collection gets the same id."""
    connection = sqlite3.connect(llm.database)
    connection.execute("delete from embeddings")
    connection.execute("delete from collections")
    connection.execute("insert into collections (name, model) values ('texts', 'ada')")
    connection.commit()
    connection.close()
    picture(tmp_path / "postcards" / "red.png", GREEN)
    llm("embed-multi", "postcards", "--files", "postcards", "*.png", "-m", "glam-clip")
    rows = llm.rows("select collection_id, name, items_table from glam_collections")
    assert rows == [
        {"collection_id": 2, "name": "postcards", "items_table": "postcards"}
    ]
    assert llm.rows("select id, title from postcards") == [
        {"id": "red.png", "title": None}
    ]
    assert labels(llm) == [("red.png", "fruit", 1)]
    assert llm.rows("select items_table from glam_labels") == [
        {"items_table": "photos"}
    ]


def test_a_changed_picture_keeps_its_record_and_its_label_is_stale(llm, embedded):
    picture(embedded / "red.png", BLUE, size=(80, 60))
    assert "1 embedded, 1 unchanged" in closing(llm(*EMBED))
    assert titles(llm) == {"green.png": "Green", "red.png": "Red"}
    assert labels(llm) == [("red.png", "fruit", 0)]


def test_a_renamed_file_keeps_everything(llm, colours, embedded):
    (embedded / "red.png").rename(embedded / "crimson.png")
    before = colours.pictures_encoded
    result = llm(*EMBED)
    assert "0 embedded, 1 unchanged, 0 copies, 1 renamed, 0 problems" in closing(result)
    assert colours.pictures_encoded == before
    assert titles(llm) == {"crimson.png": "Red", "green.png": "Green"}
    assert labels(llm) == [("crimson.png", "fruit", 1)]
    assert llm.ids() == ["crimson.png", "green.png"]
    thumbnails = llm.rows("select id from glam_thumbnails order by id")
    assert [row["id"] for row in thumbnails] == llm.ids()
    assert "0 embedded, 2 unchanged, 0 copies, 0 problems" in closing(llm(*EMBED))


def test_renamed_and_its_name_given_to_another_picture(llm, embedded):
    (embedded / "red.png").rename(embedded / "crimson.png")
    picture(embedded / "red.png", (90, 90, 90), size=(99, 99))
    llm(*EMBED)
    assert titles(llm) == {"crimson.png": "Red", "green.png": "Green", "red.png": None}
    assert labels(llm) == [("crimson.png", "fruit", 1)]


def test_the_same_picture_twice_is_no_rename(llm, embedded):
    shutil.copy(embedded / "red.png", embedded / "twin.png")
    assert "0 embedded, 2 unchanged, 1 copy" in closing(llm(*EMBED))
    assert titles(llm) == {"green.png": "Green", "red.png": "Red", "twin.png": None}
    assert labels(llm) == [("red.png", "fruit", 1)]


def test_prune_forgets_pictures_and_keeps_records(llm, embedded, tmp_path):
    picture(tmp_path / "other" / "o.png", (1, 2, 3))
    llm("glam", "embed", "photos", "other", "--prefix", "other/")
    (embedded / "red.png").unlink()
    shutil.rmtree(tmp_path / "other")
    assert "glam" in llm(*GLAM_EMBED).stderr  # without --prune nothing goes
    assert "red.png" in llm.ids()
    result = llm(*GLAM_EMBED, "--prune")
    assert "1 pictures removed whose files are gone" in result.stderr
    assert llm.ids() == ["green.png", "other/o.png", "sub folder/blé.png"]
    kept = llm.rows("select id from glam_kept_records")
    assert kept == [{"id": "red.png"}]
    picture(embedded / "back.png", RED)
    llm(*GLAM_EMBED)
    assert titles(llm)["back.png"] == "Red"


def test_reembed_shares_records_and_keeps_the_old(llm, embedded, monkeypatch):
    old = llm.vectors()
    second = register_fake(llm, monkeypatch, "second", Colours("beef"))
    second._text = lambda text: (9, 9, 9)
    llm("glam", "reembed", "photos", "photos-2", "-m", "second")
    assert llm.vectors("photos") == old
    assert llm.vectors("photos-2").keys() == old.keys()
    rows = llm.rows(
        "select name, model, items_table from glam_collections order by name"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("photos", "glam-clip/colours", "photos"),
        ("photos-2", "glam-clip/second", "photos"),
    ]
    assert titles(llm) == {"green.png": "Green", "red.png": "Red"}
    message = llm.fails("glam", "reembed", "photos", "photos-2", "-m", "colours")
    assert "There is a collection 'photos-2' already" in message
    llm("collections", "delete", "photos")
    assert llm.ids("photos-2") == ["green.png", "red.png"]


def test_reembed_without_the_originals(llm, embedded, monkeypatch):
    second = register_fake(llm, monkeypatch, "second", Colours("beef"))
    shutil.rmtree(embedded)
    args = ("glam", "reembed", "photos", "photos-2", "-m", "second")
    result = llm(*args, ok=False)
    assert result.exit_code == 1
    assert "red.png: its original is not on this computer" in result.stderr
    items = llm.rows("select id, image_width, image_md5 from photos order by id")
    llm(*args, "--thumbnails")
    assert second.pictures_encoded == 2
    assert llm.vectors("photos-2")["red.png"] == pytest.approx((1, 0, 0), abs=0.01)
    assert (
        llm.rows("select id, image_width, image_md5 from photos order by id") == items
    )
    assert closing(llm(*args, "--thumbnails")).endswith(
        "0 embedded, 0 unchanged, 0 copies, 0 problems"
    )


def test_reembed_from_stored_content(llm, colours, photos, monkeypatch):
    llm(*EMBED, "--store")
    Path("words.csv").write_text("id,text\nw,red\n")
    llm("embed-multi", "photos", "words.csv", "--store")
    shutil.rmtree(photos)
    register_fake(llm, monkeypatch, "second", Colours("beef"))
    llm("glam", "reembed", "photos", "again", "-m", "second")
    assert llm.vectors("again") == llm.vectors("photos")


def llm_clip_collection(llm, vectors, content=None):
    """A collection as llm-clip leaves it, with vectors given by hand."""
    import hashlib

    import llm as library

    llm.database.parent.mkdir(parents=True, exist_ok=True)
    database = Database(llm.database)
    from llm.embeddings_migrations import embeddings_migrations

    embeddings_migrations.apply(database)
    number = database["collections"].insert({"name": "photos", "model": "clip"}).last_pk
    for name, vector in vectors.items():
        data = Path("photos", name).read_bytes()
        database["embeddings"].insert(
            {
                "collection_id": number,
                "id": name,
                "embedding": library.encode(vector),
                "content": None,
                "content_blob": content and data,
                "content_hash": hashlib.md5(data).digest(),
                "metadata": None,
                "updated": 1,
            }
        )
    database.close()


def test_adopt_verifies_and_fills(llm, colours, photos):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    picture(photos / "turned.jpg", (200, 100, 0), exif=exif)
    llm_clip_collection(
        llm,
        {"red.png": (1, 0, 0), "green.png": (0, 1, 0), "turned.jpg": (0.5, 0.5, 0.5)},
    )
    message = llm.fails("glam", "adopt", "photos")
    assert "give the folder its pictures came from: --files" in message
    result = llm("glam", "adopt", "photos", "-m", "glam-clip", "--files", "photos")
    assert "2 vectors compared" in result.stderr
    assert "1 embedded, 2 unchanged" in closing(result)
    assert llm.vectors()["turned.jpg"][0] > 0.7
    assert llm.ids() == ["green.png", "red.png", "turned.jpg"]
    assert len(llm.rows("select * from glam_thumbnails")) == 3
    assert llm.json("similar", "photos", "-c", "red", "-n", "1")[0]["id"] == "red.png"
    assert "is ours already" in llm.fails("glam", "adopt", "photos", "-m", "glam-clip")


def test_adopt_refuses_the_vectors_of_another_checkpoint(llm, colours, photos):
    llm_clip_collection(
        llm, {"red.png": (1, 0, 0), "green.png": (0.2, 1, 0)}, content=True
    )
    before = llm.rows("select * from embeddings")
    message = llm.fails("glam", "adopt", "photos")
    assert (
        "1 of 2 stored vectors of 'photos' are not those of this checkpoint" in message
    )
    assert llm.rows("select model from collections") == [{"model": "clip"}]
    assert llm.rows("select * from embeddings") == before
    llm.encoders["colours"].dimensions = 4
    assert "have 3 dimensions, those of this checkpoint 4" in llm.fails(
        "glam", "adopt", "photos"
    )


def test_a_database_copied_to_a_computer_without_the_checkpoint(
    llm, colours, photos, monkeypatch
):
    from llm_glam import registry

    llm(*EMBED)
    registry.path().unlink()
    ids = llm.json("similar", "photos", "red.png", "-n", "1")
    assert ids[0]["id"] == "green.png"
    message = llm.fails("similar", "photos", "-c", "red")
    assert "No checkpoint is registered as 'colours' on this computer" in message
    assert "llm glam models add colours FOLDER" in message
    assert (
        "No checkpoint is registered"
        in llm.json("glam", "status", "photos")[0]["checkpoint"]
    )
    register_fake(llm, monkeypatch, "colours", Colours("0ther"))
    for command in (("similar", "photos", "-c", "red"), EMBED):
        message = llm.fails(*command)
        assert (
            "was made with another checkpoint named 'colours' (fingerprint c0c0;"
            in message
        )


def test_names_of_items_tables(llm, colours, photos):
    Database(llm.database)["photos"].insert({"id": 1, "mine": "x"})
    for name in ("photos", "Photos", "embeddings", "sqlite_x", "glam_map", "a [b] é/ü"):
        llm("embed-multi", name, "--files", "photos", "*.png", "-m", "glam-clip")
    rows = llm.rows("select name, items_table as t from glam_collections")
    assert {row["name"]: row["t"] for row in rows} == {
        "photos": "photos_items",
        "Photos": "items_Photos",
        "embeddings": "embeddings_items",
        "sqlite_x": "items_sqlite_x",
        "glam_map": "items_glam_map",
        "a [b] é/ü": "a [b] é/ü",
    }
    assert llm.rows("select * from photos") == [{"id": 1, "mine": "x"}]
    assert len(llm.rows('select * from "a [b] é/ü"')) == 2
    assert len(llm.rows('select * from "a [b] é/ü_fts"')) == 2


def test_status(llm, embedded):
    (embedded / "red.png").unlink()
    (embedded / "bad.png").write_bytes(b"x")
    llm(*EMBED)
    (row,) = llm.json("glam", "status", "photos")
    expected = {
        "collection": "photos",
        "model": "glam-clip/colours",
        "checkpoint": "ready",
        "fingerprint": "c0c0",
        "vectors": 2,
        "vector_bytes": 24,
        "items": 2,
        "items_without_vector": 0,
        "thumbnails": 2,
        "labels": 1,
        "problems": 1,
        "missing_files": 1,
        "folders": [str(embedded)],
        "missing_folders": [],
    }
    assert {key: row[key] for key in expected} == expected
    problems = llm.json("glam", "status", "photos", "--problems")
    assert problems[0]["id"] == "bad.png"
    assert "vectors" in llm("glam", "status", "-t").stdout
    assert "There is no collection 'x'" in llm.fails("glam", "status", "x")
    assert "(there are: photos)" in llm.fails("glam", "status", "x")


def test_runs_are_remembered(llm, embedded):
    llm(*GLAM_EMBED)
    first, second = llm.rows("select * from glam_runs")
    assert (first["command"], second["command"]) == ("embed-multi", "glam embed")
    assert json.loads(first["counts"])["embedded"] == 2
    assert first["model"] == "glam-clip/colours"
    assert "torch" in json.loads(first["versions"])


def test_a_moved_folder_with_a_changed_picture(llm, embedded, tmp_path):
    for number in range(3):
        picture(embedded / f"{number}.png", (number, 0, 0))
    llm(*EMBED)
    embedded.rename(tmp_path / "moved")
    picture(tmp_path / "moved" / "red.png", BLUE, size=(90, 90))
    result = llm("embed-multi", "photos", "--files", "moved", "*.png")
    assert "1 embedded, 4 unchanged, 0 copies, 0 problems" in closing(result)
    assert titles(llm)["red.png"] == "Red"
    assert labels(llm) == [("red.png", "fruit", 0)]
    folders = llm.rows("select path from glam_folders")
    assert folders == [{"path": str(tmp_path / "moved")}]


def test_problems_of_files_that_are_gone_are_forgotten(llm, embedded, tmp_path):
    (embedded / "bad.png").write_bytes(b"x")
    (embedded / "link.png").symlink_to(picture(tmp_path / "away.png"))
    assert "2 problems" in closing(llm(*EMBED))
    assert len(llm.json("glam", "status", "--problems")) == 2
    (embedded / "bad.png").unlink()
    (embedded / "link.png").unlink()
    llm(*EMBED)
    assert llm.json("glam", "status", "--problems") == []
