"""Records from inside pictures in a collection: `llm glam embed` and `llm glam records --embedded`."""

import json
import os
import shutil
import sqlite3

import pytest

from ..images.metadata import alt, bag, exif, iptc, jpeg, resources, xmp
from ..images.test_embedded import EXIF, rationals

NAME = "embedded in the pictures"
BROOCH = xmp(alt("dc:title", x_default="Brooch") + bag("dc:subject", "bronze", "pin"))
PLACE = exif(gps={1: "N", 2: rationals(51, 30, 0), 3: "W", 4: rationals(2, 15, 0)})


def colour(path, packet=None, seed=0, **options):
    """A picture of its own content, with something inside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    packet = packet or xmp()
    path.write_bytes(jpeg(xmp=packet, **options) + b"%d" % seed)
    return path


@pytest.fixture
def folder(tmp_path, colours):
    colour(tmp_path / "photos" / "a.jpg", BROOCH, 1)
    colour(tmp_path / "photos" / "b.jpg", None, 2, exif=PLACE)
    return tmp_path / "photos"


def rows(llm, columns="id, title, caption", where="1"):
    sql = f"select {columns} from photos where {where} order by id"
    return [tuple(row.values()) for row in llm.rows(sql)]


def columns(llm):
    return llm.rows("select * from photos")[0].keys()


def embed(llm, *options):
    return llm("glam", "embed", "photos", "photos", *options)


def reread(llm, *options):
    return llm.json("glam", "records", "photos", "--embedded", *options)[0]


def test_embed_reads_what_is_inside(llm, folder):
    embed(llm)
    assert rows(llm, "id, title, keywords") == [
        ("a.jpg", "Brooch", '["bronze", "pin"]'),
        ("b.jpg", None, None),
    ]
    assert not {"latitude", "creator", "city"} & columns(llm)
    colour(folder / "c.jpg", xmp(alt("dc:title", x_default="Pin")), 3)
    embed(llm)
    (source,) = llm.json("glam", "records", "photos")
    assert source["source"] == NAME
    assert (source["kind"], source["records"], source["pictures"]) == ("embedded", 2, 2)


def test_embed_multi_and_embed_read_it_too(llm, folder):
    llm("embed-multi", "photos", "--files", "photos", "*.jpg", "-m", "glam-clip")
    assert rows(llm)[0] == ("a.jpg", "Brooch", None)
    llm("embed", "photos", "one", "-i", "photos/a.jpg")
    assert rows(llm, where="id = 'one'") == [("one", "Brooch", None)]


def test_bytes_have_something_inside_as_well(llm, colours, folder):
    with sqlite3.connect("blobs.db") as db:
        db.execute("create table pictures (id text, content blob)")
        db.execute("insert into pictures values ('x', ?)", [jpeg(xmp=BROOCH)])
    sql = "select id, content from blobs.pictures"
    llm(
        "embed-multi",
        "photos",
        "--attach",
        "blobs",
        "blobs.db",
        "--sql",
        sql,
        "-m",
        "glam-clip",
    )
    assert rows(llm) == [("x", "Brooch", None)]


def test_it_can_be_switched_off(llm, folder):
    embed(llm, "--no-embedded")
    assert rows(llm)[0] == ("a.jpg", None, None)
    assert llm.json("glam", "records", "photos") == []


def test_coordinates_are_stored_only_if_asked_for(llm, folder):
    embed(llm)
    assert "latitude" not in columns(llm)
    found = llm.rows("select record from glam_sources")
    assert not any("latitude" in row["record"] for row in found)
    assert reread(llm, "--gps")["changed"] == 1
    assert rows(llm, "id, latitude, longitude")[1] == ("b.jpg", 51.5, -2.25)
    assert reread(llm)["changed"] == 1
    assert rows(llm, "id, latitude, longitude")[1] == ("b.jpg", None, None)


def test_embed_stores_coordinates_if_asked_for(llm, folder):
    embed(llm, "--gps")
    assert rows(llm, "id, latitude, longitude")[1] == ("b.jpg", 51.5, -2.25)


def test_a_sheet_comes_before_what_is_inside(llm, folder):
    (folder / "metadata.csv").write_text("file_name,title\na.jpg,A sheet's title\n")
    embed(llm)
    assert rows(llm, "title, keywords")[0] == ("A sheet's title", '["bronze", "pin"]')
    assert reread(llm)["changed"] == 0
    assert rows(llm)[0][1] == "A sheet's title"


def test_a_sheet_that_comes_later_does_so_too_until_it_is_removed(llm, folder):
    embed(llm)
    (folder.parent / "sheet.csv").write_text("no,title\na,A sheet's title\n")
    llm("glam", "records", "photos", "sheet.csv", "--yes")
    assert rows(llm)[0][1] == "A sheet's title"
    llm("glam", "records", "photos", "--remove", "sheet.csv")
    assert rows(llm)[0][1] == "Brooch"


def test_what_a_person_wrote_stays(llm, folder):
    embed(llm)
    with sqlite3.connect(llm.database) as db:
        db.execute("update photos set title = 'By hand'")
    packet = xmp(alt("dc:title", x_default="New") + alt("dc:rights", x_default="©"))
    (folder / "a.xmp").write_bytes(packet)
    assert reread(llm)["changed"] == 1
    assert rows(llm, "title, rights") == [("By hand", "©"), ("By hand", None)]


def test_removing_it_is_exact(llm, folder):
    embed(llm, "--no-embedded")
    with sqlite3.connect(llm.database) as db:
        db.execute("alter table photos add column city text")
        db.execute("update photos set city = 'Bath' where id = 'b.jpg'")
    before = llm.rows("select * from photos order by id")
    (folder / "b.xmp").write_bytes(
        xmp(attributes="photoshop:City='Rome' dc:rights='x'")
    )
    reread(llm, "--gps")
    assert rows(llm, "id, city, rights")[1] == ("b.jpg", "Bath", "x")
    llm("glam", "records", "photos", "--remove", NAME)
    assert llm.rows("select * from photos order by id") == before
    assert llm.rows("select * from glam_sources where kind = 'embedded'") == []


def test_existing_collections_get_it_without_embedding(llm, folder, colours):
    embed(llm, "--no-embedded")
    encoded = colours.pictures_encoded
    counts = {"pictures": 2, "with_record": 1, "changed": 1, "missing": 0, "edited": 0}
    assert reread(llm) == {"source": NAME, **counts}
    assert reread(llm) == {"source": NAME, **counts, "changed": 0}
    assert rows(llm)[0][1] == "Brooch"
    assert colours.pictures_encoded == encoded
    run = llm.rows("select * from glam_runs order by id")[-1]
    assert (run["command"], json.loads(run["counts"])["changed"]) == ("glam records", 0)


def test_a_changed_sidecar_is_noticed_when_it_is_read_again(llm, folder):
    (folder / "B.JPG.XMP").write_bytes(xmp(alt("dc:title", x_default="One")))
    assert "not pictures" not in embed(llm).stderr
    assert rows(llm)[1][1] == "One"
    (folder / "B.JPG.XMP").write_bytes(xmp(alt("dc:title", x_default="Two")))
    embed(llm)
    assert rows(llm)[1][1] == "One"
    assert reread(llm)["changed"] == 1
    assert rows(llm)[1][1] == "Two"
    (folder / "B.JPG.XMP").unlink()
    assert reread(llm)["changed"] == 1
    assert rows(llm)[1][1] is None


def test_a_changed_picture_is_read_by_embed(llm, folder):
    embed(llm)
    colour(folder / "a.jpg", xmp(alt("dc:title", x_default="Pin")), 3)
    done = llm("glam", "records", "photos", "--embedded")
    assert json.loads(done.stdout)["edited"] == 1
    assert "1 file with changes since the last llm glam embed" in done.stderr
    assert rows(llm)[0][1] == "Brooch"
    embed(llm)
    assert rows(llm, "title, keywords")[0] == ("Pin", None)


def test_a_file_with_another_time_is_the_same(llm, folder):
    embed(llm, "--no-embedded")
    raw = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").unlink()
    (folder / "a.jpg").write_bytes(raw)
    assert reread(llm)["edited"] == 0
    assert rows(llm)[0][1] == "Brooch"


def test_missing_files_are_counted_and_keep_what_is_known(llm, folder):
    embed(llm)
    shutil.move(folder, folder.with_name("elsewhere"))
    done = llm("glam", "records", "photos", "--embedded")
    assert json.loads(done.stdout) == {
        **{"source": NAME, "pictures": 0, "with_record": 0, "changed": 0},
        **{"missing": 2, "edited": 0},
    }
    assert "2 pictures without a readable file" in done.stderr
    assert rows(llm)[0][1] == "Brooch"


def test_an_interrupted_run_can_be_repeated(llm, folder, monkeypatch):
    from llm_glam.ingest import reread as module

    embed(llm, "--no-embedded")
    colour(folder / "c.jpg", BROOCH, 3)
    embed(llm, "--no-embedded")
    monkeypatch.setattr(module, "BATCH_SIZE", 1)
    real, calls = module.inside.write, []

    def interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(module.inside, "write", interrupted)
    llm("glam", "records", "photos", "--embedded", ok=False)
    assert [row[1] for row in rows(llm)] == ["Brooch", None, None]
    assert reread(llm)["changed"] == 1
    assert [row[1] for row in rows(llm)] == ["Brooch", None, "Brooch"]


def test_a_renamed_picture_keeps_it_and_the_new_one_gets_its_own(llm, folder):
    """In whichever order the two are read, and in batches of one or of both."""
    embed(llm)
    (folder / "a.jpg").rename(folder / "z.jpg")
    colour(folder / "a.jpg", xmp(alt("dc:title", x_default="Pin")), 3)
    embed(llm, "--batch-size", "1")
    assert rows(llm, "id, title, keywords") == [
        ("a.jpg", "Pin", None),
        ("b.jpg", None, None),
        ("z.jpg", "Brooch", '["bronze", "pin"]'),
    ]
    assert reread(llm)["changed"] == 0


def test_swapped_names(llm, folder):
    colour(folder / "b.jpg", xmp(alt("dc:title", x_default="Pin")), 2)
    embed(llm)
    (folder / "a.jpg").rename(folder / "c")
    (folder / "b.jpg").rename(folder / "a.jpg")
    (folder / "c").rename(folder / "b.jpg")
    embed(llm)
    assert rows(llm, "id, title, keywords") == [
        ("a.jpg", "Pin", None),
        ("b.jpg", "Brooch", '["bronze", "pin"]'),
    ]
    assert reread(llm)["changed"] == 0


def test_it_is_found_by_full_text_search(llm, folder):
    colour(folder / "c.jpg", None, 3, photoshop=resources(iptc((90, "Pompeii"))))
    embed(llm)
    found = llm.rows("select id from photos_fts where photos_fts match 'pompeii'")
    assert found == [{"id": "c.jpg"}]


def test_everything_has_its_column(llm, folder):
    colour(folder / "c.jpg", None, 3, exif=EXIF)
    embed(llm, "--gps")
    named = "title, caption, keywords, creator, date, rights, latitude, longitude"
    assert rows(llm, named)[2] == (
        *("Fibel № 7", "A bronze brooch", '["bronze", "pin"]', "Ada Ash; Ben Birch"),
        *("1931-05-20T10:15:00+01:00", "Ada Ash; Museum", -51.381, -2.36),
    )


@pytest.mark.parametrize(
    "options",
    [("--gps",), ("sheet.csv", "--embedded"), ("--embedded", "--remove", "x")],
)
def test_options_that_do_not_go_together(llm, folder, options):
    embed(llm)
    assert "--embedded" in llm.fails("glam", "records", "photos", *options, exit_code=2)


def test_a_picture_too_damaged_to_open_keeps_what_is_known(llm, folder):
    embed(llm)
    status = (folder / "a.jpg").stat()
    (folder / "a.jpg").write_bytes(b"x" * status.st_size)
    os.utime(folder / "a.jpg", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert reread(llm)["missing"] == 1
    assert rows(llm)[0][1] == "Brooch"
