"""``llm glam embed``: a folder, whatever is in it."""

import shutil
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from llm_glam.db import network_drive
from llm_glam.models import registry

from ..fakes import BLUE, GREEN, Colours, picture
from ..site import change

EMBED = ("glam", "embed", "photos", "photos")


@pytest.fixture
def mixed(tmp_path):
    """Pictures of all kinds, and what lies around in folders."""
    folder = tmp_path / "photos"
    for name in ("a.PNG", "b.jpg", "deep/er/c.tif", "d.webp", "e.gif"):
        picture(folder / name)
    shutil.copy(folder / "a.PNG", folder / "no-extension")
    for name in (".hidden.png", ".git/x.png", "__MACOSX/y.png", "Thumbs.db", "._a.PNG"):
        picture(folder / "tmp.png").rename(_made(folder / name))
    (folder / "notes.txt").write_text("hello")
    (folder / "report.pdf").write_bytes(b"%PDF-1.4")
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff junk")
    return folder


def _made(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_every_picture_and_nothing_else(llm, colours, mixed):
    result = llm(*EMBED)
    assert llm.ids() == [
        "a.PNG",
        "b.jpg",
        "d.webp",
        "deep/er/c.tif",
        "e.gif",
        "no-extension",
    ]
    assert "bad.jpg: it is not a picture in a format" in result.stderr
    assert "5 embedded, 0 unchanged, 1 copy, 1 problem" in result.stderr
    assert "Skipped 2 files that are not pictures." in result.stderr
    assert result.stdout == ""


def test_a_pattern(llm, colours, mixed):
    llm(*EMBED, "**/*.tif")
    assert llm.ids() == ["deep/er/c.tif"]


def test_a_dry_run_writes_nothing(llm, colours, mixed):
    (row,) = llm.json(*EMBED, "--dry-run")
    assert row["files"] == 7
    assert (
        row["file_bytes"]
        == sum(
            (mixed / name).stat().st_size
            for name in (
                "a.PNG",
                "b.jpg",
                "d.webp",
                "deep/er/c.tif",
                "e.gif",
                "bad.jpg",
            )
        )
        + (mixed / "no-extension").stat().st_size
    )
    assert row["problems_in_sample"] == 1
    assert row["database_bytes"] > 7 * 12
    assert row["model"] == "glam-clip/colours"
    assert not llm.database.exists()


def another_folder(llm):
    """Two folders with a file of the same name."""
    llm(*EMBED)
    picture(Path("other", "a.PNG"), BLUE)
    return ("glam", "embed", "photos", "other")


def another_model(llm):
    llm(*EMBED)
    entry = registry.get("colours")
    registry.put(replace(entry, name="second"))
    return (*EMBED, "-m", "second")


def another_precision(llm):
    llm(*EMBED)
    return (*EMBED, "--precision", "int8")


def other_weights(llm):
    llm(*EMBED)
    llm.encoders["colours"] = Colours("0bad")
    return EMBED


def somebody_else_s(llm):
    llm(*EMBED)
    change(llm, "update collections set model = 'clip'")
    return EMBED


def metadata_without_file_names(llm):
    Path("photos", "metadata.csv").write_text("name,title\na.PNG,x")
    return EMBED


def no_pictures(llm):
    Path("empty").mkdir()
    return ("glam", "embed", "photos", "empty")


REFUSED = [
    *(another_folder, another_model, another_precision, other_weights, somebody_else_s),
    *(metadata_without_file_names, no_pictures),
]


@pytest.mark.parametrize("prepare", REFUSED)
def test_a_dry_run_refuses_what_the_run_would(llm, colours, mixed, prepare):
    command = prepare(llm)
    before = llm.database.read_bytes() if llm.database.exists() else None
    message = llm.fails(*command, "--dry-run")
    assert (llm.database.read_bytes() if llm.database.exists() else None) == before
    assert message == llm.fails(*command)


def test_a_dry_run_says_what_the_run_would(llm, colours, mixed):
    (mixed / "metadata.csv").write_text("file_name,title\nb.JPG,x\nc.jpg,y\nc.jpg,z")
    (mixed / "outside.png").symlink_to("/etc/passwd")
    said = llm(*EMBED, "*.*", "--dry-run").stderr.splitlines()
    assert any("1 of 2 records do not match" in line for line in said)
    assert any("outside.png: it is a link that points outside" in line for line in said)
    assert set(said) <= set(llm(*EMBED, "*.*").stderr.splitlines())


def test_a_dry_run_of_a_moved_folder(llm, colours, mixed):
    llm(*EMBED)
    mixed.rename("moved")
    (row,) = llm.json("glam", "embed", "photos", "moved", "--dry-run")
    assert row["files"] == 7


def test_a_dry_run_on_a_database_of_an_earlier_version(llm, colours, mixed):
    llm(*EMBED)
    change(
        llm,
        "alter table glam_problems drop column kind",
        "alter table glam_collections drop column uid",
    )
    assert llm.json(*EMBED, "--dry-run")[0]["files"] == 7


def test_a_dry_run_on_a_database_without_pictures(llm, colours, mixed):
    llm("embed", "texts", "a", "-c", "a text", "-m", "glam-clip")
    assert llm.json(*EMBED, "--dry-run")[0]["files"] == 7


def test_a_sample_is_repeatable(llm, colours, tmp_path):
    for number in range(30):
        picture(tmp_path / "photos" / f"{number:02}.png", (number, 0, 0))
    llm(*EMBED, "--sample", "5", "--seed", "1")
    first = llm.ids()
    assert len(first) == 5
    assert (
        "0 embedded, 5 unchanged" in llm(*EMBED, "--sample", "5", "--seed", "1").stderr
    )
    llm(*EMBED, "--sample", "5", "--seed", "2")
    assert len(llm.ids()) > 5
    llm(*EMBED, "--sample", "500")
    assert len(llm.ids()) == 30


def test_thumbnail_options(llm, colours, tmp_path):
    picture(tmp_path / "photos" / "a.png", size=(400, 200))
    llm(*EMBED, "--no-thumbnails")
    assert llm.rows("select * from glam_thumbnails") == []
    assert "1 unchanged" in llm(*EMBED, "--no-thumbnails").stderr
    llm(*EMBED, "--thumbnail-size", "64")
    sizes = llm.rows("select width, height from glam_thumbnails")
    assert sizes == [{"width": 128, "height": 64}]
    picture(tmp_path / "photos" / "a.png", BLUE, size=(300, 200))
    llm(*EMBED, "--no-thumbnails")
    assert llm.rows("select * from glam_thumbnails") == []


def test_the_pixel_limit(llm, colours, tmp_path):
    picture(tmp_path / "photos" / "large.png", size=(1500, 1000))
    picture(tmp_path / "photos" / "small.png", GREEN)
    result = llm(*EMBED, "--max-megapixels", "1")
    assert "large.png: it has 1.50 megapixels (the limit is 1)" in result.stderr
    result = llm(*EMBED)
    assert "1 embedded, 1 unchanged, 0 copies, 0 problems" in result.stderr


def test_problems_are_retried_when_told(llm, colours, photos, monkeypatch):
    from llm_glam.images import decoding

    picture(photos / "odd.png", (5, 5, 5))
    real = decoding.decode
    reads = []

    def fails_for_odd(im):
        reads.append(im.size)
        if len(reads) and im.getpixel((0, 0)) == (5, 5, 5):
            raise OSError("not today")
        return real(im)

    monkeypatch.setattr(decoding, "decode", fails_for_odd)
    assert "odd.png: it is damaged (not today)" in llm(*EMBED).stderr
    count = len(reads)
    assert "odd.png: it is damaged (not today)" in llm(*EMBED).stderr
    assert len(reads) == count
    monkeypatch.setattr(decoding, "decode", real)
    assert "1 embedded, 3 unchanged" in llm(*EMBED, "--retry-problems").stderr
    assert llm.rows("select * from glam_problems") == []


def test_an_empty_folder(llm, colours, tmp_path):
    (tmp_path / "photos").mkdir()
    assert "the folder is empty" in llm.fails(*EMBED)
    (tmp_path / "photos" / "a.txt").write_text("x")
    assert "There are no pictures" in llm.fails(*EMBED)
    assert "a file, not a folder" in llm.fails("glam", "embed", "x", "photos/a.txt")
    assert not llm.database.exists()


def test_memory_does_not_grow_with_the_number_of_pictures(
    llm, colours, tmp_path, monkeypatch
):
    """Decoded pictures are let go before the next but few are decoded."""
    from llm_glam.images import decoding

    alive, most = set(), []
    real_decode, real_prepare = decoding.decode, colours.prepare

    def decode(im):
        picture = real_decode(im)
        alive.add(id(picture.image))
        most.append(len(alive))
        return picture

    def prepare(image):
        alive.discard(id(image))
        return real_prepare(image)

    monkeypatch.setattr(decoding, "decode", decode)
    colours.prepare = prepare
    for number in range(60):
        picture(tmp_path / "photos" / f"{number}.png", (number, 0, 0))
    llm(*EMBED, "--workers", "3")
    assert len(most) == 60
    assert max(most) <= 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/me/a.db", None),
        ("/mnt/share/deep/a.db", "cifs"),
        ("/mnt/share2/a.db", None),
        ("/mnt/nfs/a.db", "nfs4"),
    ],
)
def test_network_shares(path, expected):
    from pathlib import Path

    mounts = [
        ("/", "ext4"),
        ("/mnt/share", "cifs"),
        ("/mnt/nfs", "nfs4"),
        ("/home", "btrfs"),
    ]
    assert network_drive.kind_in(Path(path), mounts) == expected


def test_a_database_on_a_network_share_is_warned_of(llm, colours, photos, monkeypatch):
    monkeypatch.setattr(network_drive, "kind", lambda path: "cifs")
    assert "is on a network share (cifs)" in llm(*EMBED).stderr


def test_another_database(llm, colours, photos, tmp_path, monkeypatch):
    llm(*EMBED, "-d", "mine.db")
    assert not llm.database.exists()
    monkeypatch.setenv("LLM_EMBEDDINGS_DB", str(tmp_path / "mine.db"))
    assert llm.json("similar", "photos", "-c", "red", "-n", "1")[0]["id"] == "red.png"
    assert llm.json("glam", "status")[0]["vectors"] == 3


def test_a_format_whose_plugin_closes_the_file(llm, colours, photos):
    """Pillow's FTEX plugin does, once the picture is decoded."""
    header = struct.pack("<4s7i", b"FTEX", 0, 2, 2, 1, 1, 1, 32)
    pixels = struct.pack("<i", 12) + bytes((255, 0, 0) * 4)
    (photos / "texture.ftu").write_bytes(header + pixels)
    result = llm(*EMBED)
    assert "4 embedded, 0 unchanged, 0 copies, 0 problems" in result.stderr
    assert llm.vectors()["texture.ftu"] == (1, 0, 0)
