"""``llm glam embed --pages``: each page of a TIFF as a picture of its own."""

import io
import json

import pytest
from PIL import Image, TiffImagePlugin
from sqlite_utils import Database

from llm_glam.errors import GlamError
from llm_glam.images import pages
from llm_glam.ingest import FolderOptions, embed_folder, estimate, pipeline
from llm_glam.ingest.pipeline import IngestOptions
from llm_glam.ingest.prefetch import ReadOptions

from ..conftest import register_fake
from ..fakes import BLUE, GREEN, RED, Colours, picture
from ..site import PHOTOS, found, get, site

EMBED = ("glam", "embed", "photos", "photos", "--pages")
WITHOUT = EMBED[:-1]
REDUCED, MASK = 1, 4
GREY = (90, 90, 90)


def tiff(path, *colours, size=(40, 30)):
    """A TIFF with a page for each colour; one with tags is a pair of both."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with TiffImagePlugin.AppendingTiffWriter(path, True) as writer:
        for colour in colours:
            colour, tags = colour if isinstance(colour[0], tuple) else (colour, {})
            page = Image.new("RGB", size, colour)
            page.putpixel((0, 0), (255 - colour[0], 128, 128))  # it is not blank
            page.save(writer, "TIFF", tiffinfo=tags)
            writer.newFrame()
    return path


def closing(result):
    return result.stderr.strip().splitlines()[-1]


def colour_of(content):
    return Image.open(io.BytesIO(content)).convert("RGB").getpixel((20, 15))


def is_near(one, other):
    return all(abs(a - b) < 9 for a, b in zip(one, other, strict=True))


@pytest.fixture
def scans(llm, colours, tmp_path):
    """A TIFF with three pages, and a picture."""
    tiff(tmp_path / "photos" / "scan.tif", RED, GREEN, BLUE)
    picture(tmp_path / "photos" / "a.png", GREY)
    return tmp_path / "photos"


@pytest.mark.parametrize("prefix", ["", "box 2/"])
def test_each_page_is_a_picture(llm, scans, prefix):
    result = llm(*EMBED, "--prefix", prefix)

    assert "4 embedded, 0 unchanged, 0 copies, 0 problems" in result.stderr
    assert "pages" not in result.stderr
    names = ["a.png", "scan.tif", "scan.tif#2", "scan.tif#3"]
    assert llm.ids() == [prefix + name for name in names]
    for (item_id, vector), colour in zip(
        sorted(llm.vectors().items()), [GREY, RED, GREEN, BLUE], strict=True
    ):
        assert is_near([255 * part for part in vector], colour), item_id
    rows = llm.rows("select * from photos order by id")
    assert [row["file"] for row in rows] == ["a.png", *["scan.tif"] * 3]
    assert len({row["image_md5"] for row in rows}) == 4
    small = llm.rows("select content from glam_thumbnails order by id")
    assert is_near(colour_of(small[2]["content"]), GREEN)


def test_a_repeat_reads_nothing_and_a_collection_without_pages_gets_the_rest(
    llm, scans, colours
):
    assert "to embed each: llm glam embed --pages" in llm(*WITHOUT).stderr
    before = llm.vectors()
    assert "2 embedded, 2 unchanged" in llm(*EMBED).stderr
    assert before.items() <= llm.vectors().items()
    encoded = colours.pictures_encoded
    assert "0 embedded, 4 unchanged" in llm(*EMBED).stderr
    assert "0 embedded, 2 unchanged" in llm(*WITHOUT).stderr
    assert colours.pictures_encoded == encoded
    assert len(llm.ids()) == 4


def test_a_record_belongs_to_every_page(llm, scans):
    (scans / "metadata.csv").write_text("file_name,title\nscan.tif,Letter\n")
    result = llm(*EMBED)
    assert "1 of 2 pictures have no record: a.png" in result.stderr
    sql = "select title from photos where file = 'scan.tif'"
    assert [row["title"] for row in llm.rows(sql)] == ["Letter"] * 3
    (scans / "metadata.csv").write_text("file_name,title\nSCAN.TIF,Card\n")
    llm(*EMBED)
    assert [row["title"] for row in llm.rows(sql)] == ["Card"] * 3


def test_pages_that_are_gone_are_removed_by_prune(llm, scans):
    llm(*EMBED)
    tiff(scans / "scan.tif", RED, GREY)
    assert json.loads(llm("glam", "status").stdout)["missing_files"] == 1
    result = llm(*EMBED, "--prune")
    assert "1 pictures removed" in result.stderr
    assert llm.ids() == ["a.png", "scan.tif", "scan.tif#2"]
    assert is_near([255 * v for v in llm.vectors()["scan.tif#2"]], GREY)
    llm(*WITHOUT, "--prune")
    assert len(llm.ids()) == 3  # the page is there, though not of this run
    (scans / "scan.tif").unlink()
    llm(*WITHOUT, "--prune")
    assert llm.ids() == ["a.png"]


def test_a_damaged_file_loses_no_page(llm, scans):
    llm(*EMBED)
    (scans / "scan.tif").write_bytes(b"II*\0 damaged")
    llm(*EMBED, "--prune")
    assert len(llm.ids()) == 4


def test_pages_follow_a_renamed_file(llm, scans):
    (scans / "metadata.csv").write_text("file_name,title\nscan.tif,Letter\n")
    llm(*EMBED)
    (scans / "metadata.csv").unlink()
    (scans / "scan.tif").rename(scans / "letter#1.tif")
    assert "0 embedded, 1 unchanged, 0 copies, 3 renamed" in llm(*EMBED).stderr
    names = ["letter#1.tif", "letter#1.tif#2", "letter#1.tif#3"]
    rows = llm.rows("select id, title from photos where title is not null order by id")
    assert [row["id"] for row in rows] == names
    assert "4 unchanged" in llm(*EMBED).stderr


def test_pages_follow_a_moved_folder(llm, scans, colours):
    llm(*EMBED)
    encoded = colours.pictures_encoded
    scans.rename(scans.parent / "moved")
    result = llm("glam", "embed", "photos", "moved", "--pages", "--prune")
    assert "0 embedded, 4 unchanged" in result.stderr
    assert colours.pictures_encoded == encoded
    assert len(llm.ids()) == 4


def test_the_record_of_a_page_comes_back_with_it(llm, scans):
    (scans / "metadata.csv").write_text("file_name,title\nscan.tif,Letter\n")
    llm(*EMBED)
    (scans / "metadata.csv").unlink()
    (scans / "scan.tif").rename(scans.parent / "scan.tif")
    llm(*EMBED, "--prune")
    assert llm.ids() == ["a.png"]
    (scans / "sub").mkdir()
    (scans.parent / "scan.tif").rename(scans / "sub" / "other.tif")
    llm(*EMBED)
    rows = llm.rows("select id from photos where title = 'Letter' order by id")
    names = ["sub/other.tif", "sub/other.tif#2", "sub/other.tif#3"]
    assert [row["id"] for row in rows] == names


def test_thumbnails_and_masks_are_no_pages_of_their_own(llm, scans):
    path = scans / "scan.tif"
    content = [(GREY, {254: REDUCED}), RED, (GREY, {254: MASK}), GREEN]
    tiff(path, *content)
    llm(*EMBED)
    assert llm.ids() == ["a.png", "scan.tif", "scan.tif#4"]
    assert is_near([255 * v for v in llm.vectors()["scan.tif"]], RED)
    assert is_near([255 * v for v in llm.vectors()["scan.tif#4"]], GREEN)


def test_frames_of_animations_are_no_pages(llm, scans):
    frames = [Image.new("RGB", (40, 30), colour) for colour in (RED, GREEN)]
    for name in ("b.gif", "b.png", "b.webp"):
        frames[0].save(scans / name, save_all=True, append_images=frames[1:])
    llm(*EMBED, "b.*")
    assert llm.ids() == ["b.gif", "b.png", "b.webp"]


def test_a_page_that_cannot_be_used_is_a_problem_of_its_own(llm, scans):
    path = scans / "scan.tif"
    data = bytearray(path.read_bytes())
    with Image.open(path) as im:
        im.seek(1)
        start = im.tag_v2.offset
    entries = range(start + 2, start + 2 + 12 * data[start], 12)
    (bits,) = (at for at in entries if data[at : at + 2] == b"\2\1")
    data[bits + 4 : bits + 12] = bytes([1, 0, 0, 0, 77, 0, 0, 0])  # 77 bits per pixel
    path.write_bytes(data)
    result = llm(*EMBED)
    assert "scan.tif#2: it is damaged" in result.stderr
    assert llm.ids() == ["a.png", "scan.tif", "scan.tif#3"]
    assert closing(llm(*EMBED)).endswith("3 unchanged, 0 copies, 1 problem")
    assert "scan.tif#2: it is damaged" in llm(*EMBED, "--retry-problems").stderr
    tiff(path, RED)
    llm(*EMBED)
    assert llm.rows("select * from glam_problems") == []


def test_limits(llm, scans, monkeypatch):
    monkeypatch.setattr(pages, "MOST_NUMBERED", 4)
    tiff(scans / "scan.tif", *[RED] * 4)
    assert "more than" not in llm(*EMBED).stderr
    tiff(scans / "scan.tif", *[RED] * 7)
    result = llm(*EMBED)
    said = "scan.tif: it has more than 4 pages; the others are left out"
    assert said in result.stderr
    assert llm.ids()[-1] == "scan.tif#4"
    tiff(scans / "scan.tif", RED, GREEN, size=(1100, 1000))
    result = llm(*EMBED, "--max-megapixels", 1)
    assert result.stderr.count("it has 1.10 megapixels (the limit is 1)") == 2


def test_a_chain_of_pages_without_end_ends(llm, scans):
    path = scans / "scan.tif"
    data = bytearray(path.read_bytes())
    with Image.open(path) as im:
        im.seek(2)
        last = im.tag_v2.offset
    first = int.from_bytes(data[4:8], "little")
    end = last + 2 + 12 * int.from_bytes(data[last : last + 2], "little")
    data[end : end + 4] = first.to_bytes(4, "little")
    path.write_bytes(data)
    llm(*EMBED)
    assert len(llm.ids()) == 4


def test_a_dry_run_counts_pages_and_each_file_once(llm, scans):
    (row,) = llm.json(*EMBED, "--dry-run")
    assert row["files"] == 4
    size = sum(path.stat().st_size for path in scans.iterdir())
    assert row["file_bytes"] == size
    assert row["problems_in_sample"] == 0
    llm(*EMBED, "--sample", 3)
    assert len(llm.ids()) == 3


@pytest.mark.parametrize(
    "options", [(), ("--pages",), ("--store",), ("--no-thumbnails",)]
)
def test_a_dry_run_reads_as_the_run_does(llm, scans, monkeypatch, options):
    used = {}

    def noted(module, real):
        def prefetch(entries, encoder, read_options):
            used[module] = read_options
            return real(entries, encoder, read_options)

        return prefetch

    for module in (estimate, pipeline):
        monkeypatch.setattr(module, "prefetch", noted(module, module.prefetch))
    (row,) = llm.json(*WITHOUT, *options, "--dry-run")
    llm(*WITHOUT, *options)
    assert used[estimate] == used[pipeline]
    if "--store" in options:
        assert row["database_bytes"] > row["file_bytes"]


def test_a_file_with_the_name_of_a_page_keeps_its_own_id(llm, scans):
    (scans / "a.png").rename(scans / "scan.tif#2")
    error = llm.fails(*EMBED)
    assert "scan.tif#2 and page 2 of " in error
    assert "would both have the id 'scan.tif#2'. Rename one of the files." in error
    tiff(scans / "b.tif#2", BLUE, GREEN)
    llm(*EMBED, "b.tif#2")
    assert llm.ids() == ["b.tif#2", "b.tif#2#2"]
    assert is_near([255 * v for v in llm.vectors()["b.tif#2"]], BLUE)


@pytest.mark.parametrize(
    ("file", "page"), [("scan.tif", 2), ("2", 2), ("a#2.tif", 3), ("2#2", 2)]
)
def test_files_of_any_name_have_pages(llm, scans, monkeypatch, file, page):
    tiff(scans / file, RED, GREEN, GREEN)
    llm("glam", "embed", "photos", "photos", file, "--pages")
    other = register_fake(llm, monkeypatch, "other", Colours("0123"))
    llm("glam", "reembed", "photos", "again", "-m", "glam-clip/other")
    assert other.pictures_encoded == 3
    assert llm.vectors("again") == llm.vectors()
    assert is_near([255 * v for v in llm.vectors()[f"{file}#{page}"]], GREEN)


def test_reembed_reads_the_page(llm, scans, monkeypatch):
    llm(*EMBED)
    register_fake(llm, monkeypatch, "other", Colours("0123"))
    llm("glam", "reembed", "photos", "again", "-m", "glam-clip/other")
    assert llm.vectors("again") == llm.vectors()
    tiff(scans / "scan.tif", RED)
    result = llm("glam", "reembed", "photos", "third", "-m", "glam-clip/other")
    assert "scan.tif#2: it has no page 2" in result.stderr


def test_search_by_id(llm, scans):
    llm(*EMBED)
    hits = llm.json("glam", "search", "photos", "id:scan.tif#2")
    assert len(hits) == 3
    assert "scan.tif#3" in [hit["id"] for hit in hits]
    assert llm("similar", "photos", "scan.tif#3").exit_code == 0


def test_store_and_pages_cannot_be_combined(llm, scans):
    error = llm.fails(*EMBED, "--store")
    assert error.startswith("--store keeps whole files, so it cannot be combined with")
    run = IngestOptions(ReadOptions(keep_raw=True))
    with pytest.raises(GlamError):
        FolderOptions(pages=True, run=run)


def test_from_python(llm, scans):
    options = FolderOptions(pages=True)
    done = embed_folder(llm.database, "photos", scans, options=options)
    assert done.counts.embedded == 4


def test_pages_are_evaluated_as_pictures_of_their_own(llm, scans):
    llm(*EMBED)
    database = Database(llm.database)
    for row in list(database["photos"].rows):
        database["photos"].update(row["id"], {"caption": f"picture {row['id']}"})
    database.close()
    from llm_glam.db import collections, connection
    from llm_glam.evaluate import encoding
    from llm_glam.evaluate.pairs import from_collection
    from llm_glam.progress import NoProgress
    from llm_glam.train.cache import npz

    db = connection.connect(llm.database)
    collection = collections.get(db, "photos")
    pairs = from_collection.read(db, collection, from_files=True).pairs
    vectors, usable, _ = encoding.encode_pictures(pairs, Colours(), NoProgress())
    assert usable.all()
    stored = llm.vectors()
    for pair, vector in zip(pairs, vectors, strict=True):
        assert is_near(255 * vector, [255 * v for v in stored[pair.id]])
    keys = {npz.key_of("x", [pair], []) for pair in pairs}
    assert len(keys) == len(pairs) == 4


@pytest.mark.asyncio
async def test_the_site_shows_the_page(llm, scans):
    tiff(scans / "scan.tif", RED, GREEN, BLUE, size=(400, 300))
    llm(*EMBED)
    plugins = {"datasette-glam": {"image_root": str(scans)}}
    datasette = site(llm, {"plugins": plugins})
    item = (await found(datasette, f"{PHOTOS}/item/scan~2Etif~232.json"))["item"]
    assert item["id"] == "scan.tif#2"
    for key in ("larger_url", "thumbnail_url"):
        response = await get(datasette, item[key])
        assert is_near(colour_of(response.content), GREEN)
    similar = await get(datasette, item["similar_url"])
    assert similar.status_code == 200
    assert "scan.tif#3" in similar.text


def test_tables_of_pairs_can_name_pages(scans):
    from llm_glam.evaluate.pairs import from_table

    tiff(scans / "b#2.tif", RED, GREEN)
    names = ["scan.tif", "scan.tif#3", "b#2.tif#2", "scan.tif#4", "a.png#2", "scan#2"]
    rows = [f"{name},picture {number}" for number, name in enumerate(names)]
    (scans / "pairs.csv").write_text("\n".join(["file_name,caption", *rows]))

    pairs = from_table.read(scans / "pairs.csv")

    found = [(pair.id, pair.file.file, pair.file.page) for pair in pairs.pairs]
    assert found == [
        ("scan.tif", "scan.tif", 1),
        ("scan.tif#3", "scan.tif", 3),
        ("b#2.tif#2", "b#2.tif", 2),
    ]
    assert [name for name, reason in pairs.refused] == names[3:]
    assert all("there is no such file" in reason for _, reason in pairs.refused)
