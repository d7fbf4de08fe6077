"""Records outlive vectors, and never attach to another picture."""

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from llm_glam.images import decoding

from ..conftest import register_fake
from ..fakes import BLUE, GREEN, RED, Colours, picture
from ..site import change

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
    assert "1 pictures removed because their files are gone" in result.stderr
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
    assert "The collection 'photos-2' already exists" in message
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
    assert "Give the folder its pictures came from: --files" in message
    result = llm("glam", "adopt", "photos", "-m", "glam-clip", "--files", "photos")
    assert "compared 2 embeddings" in result.stderr
    assert "1 embedded, 2 unchanged" in closing(result)
    assert llm.vectors()["turned.jpg"][0] > 0.7
    assert llm.ids() == ["green.png", "red.png", "turned.jpg"]
    assert len(llm.rows("select * from glam_thumbnails")) == 3
    assert llm.json("similar", "photos", "-c", "red", "-n", "1")[0]["id"] == "red.png"
    assert "already belongs to llm-glam" in llm.fails(
        "glam", "adopt", "photos", "-m", "glam-clip"
    )


def test_adopt_refuses_the_vectors_of_another_checkpoint(llm, colours, photos):
    llm_clip_collection(
        llm, {"red.png": (1, 0, 0), "green.png": (0.2, 1, 0)}, content=True
    )
    before = llm.rows("select * from embeddings")
    message = llm.fails("glam", "adopt", "photos")
    assert "1 of 2 stored vectors of 'photos' do not match this checkpoint" in message
    assert llm.rows("select model from collections") == [{"model": "clip"}]
    assert llm.rows("select * from embeddings") == before
    llm.encoders["colours"].dimensions = 4
    assert "have 3 dimensions, but those of this checkpoint have 4" in llm.fails(
        "glam", "adopt", "photos"
    )


def test_a_database_copied_to_a_computer_without_the_checkpoint(
    llm, colours, photos, monkeypatch
):
    from llm_glam.models import registry

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
        "a [b] é/ü": "a (b) é/ü",
    }
    assert llm.rows("select * from photos") == [{"id": 1, "mine": "x"}]
    assert len(llm.rows('select * from "a (b) é/ü"')) == 2
    assert len(llm.rows('select * from "a (b) é/ü_fts"')) == 2


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
        "index_bytes": 0,
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
    assert "(it has: photos)" in llm.fails("glam", "status", "x")


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


def test_files_that_swapped_names(llm, embedded):
    (embedded / "red.png").rename(embedded / "t.png")
    (embedded / "green.png").rename(embedded / "red.png")
    (embedded / "t.png").rename(embedded / "green.png")
    for batch_size in ("32", "1"):
        llm(*EMBED, "--batch-size", batch_size)
        assert titles(llm) == {"green.png": "Red", "red.png": "Green"}
        assert labels(llm) == [("green.png", "fruit", 1)]
        assert llm.vectors() == {"green.png": (1, 0, 0), "red.png": (0, 1, 0)}


@pytest.mark.parametrize("batch_size", ["32", "1"])
def test_files_that_were_renumbered(llm, colours, tmp_path, batch_size):
    folder = tmp_path / "photos"
    for number in range(1, 4):
        picture(folder / f"{number}.png", (number * 50, 0, 0))
    titled(folder, **{str(n): f"picture {n}" for n in range(1, 4)})
    llm(*EMBED)
    (folder / "metadata.jsonl").unlink()
    label(llm, "2.png", "second")
    for number in (3, 2, 1):
        (folder / f"{number}.png").rename(folder / f"{number + 1}.png")
    llm(*EMBED, "--batch-size", batch_size)
    llm(*GLAM_EMBED, "--prune")
    assert titles(llm) == {f"{n + 1}.png": f"picture {n}" for n in range(1, 4)}
    assert labels(llm) == [("3.png", "second", 1)]


def test_two_copies_renamed_at_once_follow_nobody(llm, colours, tmp_path):
    folder = tmp_path / "photos"
    picture(folder / "a.png")
    shutil.copy(folder / "a.png", folder / "b.png")
    titled(folder, a="A", b="B")
    llm(*EMBED)
    (folder / "metadata.jsonl").unlink()
    (folder / "b.png").rename(folder / "c.png")
    (folder / "a.png").rename(folder / "d.png")
    llm(*EMBED)
    found = titles(llm)
    assert (found["a.png"], found["b.png"]) == ("A", "B")
    assert (found["c.png"], found["d.png"]) == (None, None)


def test_a_rename_stays_within_its_prefix(llm, colours, photos):
    for prefix in ("one/", "two/"):
        llm(*EMBED, "--prefix", prefix)
    (photos / "red.png").rename(photos / "crimson.png")
    llm(*EMBED, "--prefix", "two/")
    assert "two/crimson.png" in llm.ids()
    assert "one/red.png" in llm.ids()
    assert "two/red.png" not in llm.ids()


def test_a_changed_picture_is_embedded_again_in_every_collection(
    llm, embedded, monkeypatch
):
    register_fake(llm, monkeypatch, "second", Colours("beef"))
    llm("glam", "reembed", "photos", "photos-2", "-m", "second")
    picture(embedded / "red.png", BLUE, size=(70, 70))
    for name in ("photos", "photos-2"):
        result = llm("glam", "embed", name, "photos", "*.png")
        assert "1 embedded, 1 unchanged" in closing(result)
        assert llm.vectors(name)["red.png"] == (0, 0, 1)


def test_a_text_under_a_pictures_id_is_repaired(llm, embedded):
    llm("embed", "photos", "red.png", "-c", "blue")
    assert llm.vectors()["red.png"] == (0, 0, 1)
    llm(*EMBED)
    assert llm.vectors()["red.png"] == (1, 0, 0)


def test_a_disk_that_is_not_connected_loses_nothing(llm, colours, photos, tmp_path):
    llm(*GLAM_EMBED)
    photos.rename(tmp_path / "offline")
    (tmp_path / "chosen").mkdir()
    shutil.copy2(tmp_path / "offline" / "red.png", tmp_path / "chosen" / "red.png")
    llm("glam", "embed", "photos", "chosen", "--prune")
    assert llm.ids() == ["green.png", "red.png", "sub folder/blé.png"]
    (tmp_path / "offline").rename(photos)
    assert "0 embedded, 2 unchanged" in closing(
        llm(*GLAM_EMBED, "green.png", "**/b*.png")
    )


def test_another_disk_with_the_same_names_and_sizes(llm, colours, tmp_path):
    for number in range(3):
        picture(tmp_path / "photos" / f"{number}.bmp", (number, 0, 0))
    lines = [json.dumps({"file_name": f"{n}.bmp", "title": f"T{n}"}) for n in range(3)]
    (tmp_path / "photos" / "metadata.jsonl").write_text("\n".join(lines))
    llm(*GLAM_EMBED)
    (tmp_path / "photos").rename(tmp_path / "offline")
    for number in range(3):
        picture(tmp_path / "disk 2" / f"{number}.bmp", (0, 0, 99 + number))
    result = llm("glam", "embed", "photos", "disk 2", ok=False)
    assert "another picture has the id '0.bmp'" in result.stderr
    rows = llm.rows("select title from photos order by id")
    assert [row["title"] for row in rows] == ["T0", "T1", "T2"]


def test_a_name_made_again_beside_a_collection_that_shares_its_records(
    llm, embedded, monkeypatch
):
    register_fake(llm, monkeypatch, "second", Colours("beef"))
    llm("glam", "reembed", "photos", "photos-2", "-m", "second")
    llm("collections", "delete", "photos")
    picture(Path("other/red.png"), BLUE)
    llm("embed-multi", "photos", "--files", "other", "*.png", "-m", "glam-clip/second")
    assert titles(llm)["red.png"] == "Red"
    assert llm.rows("select id, title from photos_items") == [
        {"id": "red.png", "title": None}
    ]


def test_labels_come_back_with_their_picture(llm, embedded):
    content = (embedded / "red.png").read_bytes()
    (embedded / "red.png").unlink()
    llm(*GLAM_EMBED, "--prune")
    picture(embedded / "red.png", BLUE)
    llm(*EMBED)
    assert labels(llm) == [("red.png", "fruit", 0)]
    (embedded / "back.png").write_bytes(content)
    llm(*EMBED)
    assert titles(llm)["back.png"] == "Red"
    assert labels(llm) == [("back.png", "fruit", 1)]


def test_an_interrupted_adoption_is_continued(llm, colours, photos):
    llm_clip_collection(llm, {"red.png": (1, 0, 0), "green.png": (0, 1, 0)})
    real = colours.encode_prepared
    args = ("glam", "adopt", "photos", "-m", "colours", "--files", "photos")
    from llm_glam.ingest import adopt

    real_fill = adopt.fill

    def interrupted(run, folder):
        raise KeyboardInterrupt

    adopt.fill = interrupted
    try:
        assert llm(*args, ok=False).exit_code == 1
    finally:
        adopt.fill = real_fill
    assert real is not None
    assert "2 unchanged" in closing(llm(*args))
    assert len(llm.rows("select * from glam_thumbnails")) == 2


@pytest.mark.parametrize("batch_size", ["32", "1"])
@pytest.mark.parametrize("name", ["aaa.bmp", "zzz.bmp"])
def test_a_name_given_to_a_new_picture_of_the_same_size(
    llm, colours, tmp_path, name, batch_size
):
    folder = tmp_path / "photos"
    picture(folder / "old.bmp", RED)
    (folder / "metadata.jsonl").write_text('{"file_name": "old.bmp", "title": "Red"}')
    llm(*GLAM_EMBED)
    (folder / "metadata.jsonl").unlink()
    label(llm, "old.bmp", "fruit")
    (folder / "old.bmp").rename(folder / name)
    picture(folder / "old.bmp", GREEN)
    llm(*GLAM_EMBED, "--batch-size", batch_size)
    assert titles(llm) == {name: "Red", "old.bmp": None}
    assert labels(llm) == [(name, "fruit", 1)]
    assert llm.vectors() == {name: (1, 0, 0), "old.bmp": (0, 1, 0)}


# The last three have NaN, infinity, and minus infinity among their numbers.
DAMAGE = ("null", "x''", "zeroblob(8)", "x'00'", "'text'")
DAMAGE += tuple(
    f"x'0000803f{one}0000803f'" for one in ("0000c07f", "0000807f", "000080ff")
)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_vector_that_is_none_is_embedded_again(llm, embedded, damage):
    llm("glam", "embed", "photos", "photos")
    before = llm.vectors()
    change(llm, f"update embeddings set embedding = {damage} where id = 'red.png'")
    assert "1 embedded" in llm("glam", "embed", "photos", "photos").stderr
    assert llm.vectors() == before
    assert "0 embedded" in llm("glam", "embed", "photos", "photos").stderr


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_vector_that_is_none_is_reembedded_again(llm, embedded, monkeypatch, damage):
    register_fake(llm, monkeypatch, "second", Colours("5ec0"))
    command = ("glam", "reembed", "photos", "new", "-m", "second")
    llm(*command)
    before = llm.vectors("new")
    sql = f"update embeddings set embedding = {damage} where id = 'red.png'"
    change(llm, f"{sql} and collection_id = 2")
    assert "1 embedded" in llm(*command).stderr
    assert llm.vectors("new") == before
    assert "0 embedded" in llm(*command).stderr


@pytest.fixture
def edited_while_it_is_read(photos, monkeypatch):
    """Replace red.png by another picture between its bytes and its pixels, so many times."""

    def patch(times):
        real, left = decoding.read, list(range(times))

        def read(source, **options):
            if str(source).endswith("red.png") and left:
                picture(photos / "new.png", (0, 0, 100 + left.pop()))
                (photos / "new.png").replace(photos / "red.png")
            return real(source, **options)

        monkeypatch.setattr(decoding, "read", read)

    return patch


@pytest.mark.parametrize("command", [EMBED, GLAM_EMBED])
def test_a_picture_that_is_edited_while_it_is_read(
    llm, colours, photos, edited_while_it_is_read, command
):
    edited_while_it_is_read(1)
    llm(*command)
    assert llm.vectors()["red.png"] == pytest.approx((0, 0, 100 / 255))
    md5 = hashlib.md5((photos / "red.png").read_bytes()).digest()
    (row,) = llm.rows("select content_hash from embeddings where id = 'red.png'")
    assert row["content_hash"] == md5


def test_a_picture_that_is_edited_all_the_time(
    llm, colours, photos, edited_while_it_is_read
):
    edited_while_it_is_read(100)
    assert "red.png: another program is changing it; repeat the command" in (
        llm(*GLAM_EMBED).stderr
    )
    assert "red.png" not in llm.ids()
