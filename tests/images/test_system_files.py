"""What operating systems and their devices put beside pictures is no picture."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from llm_glam.checkpoints import fingerprint, layout
from llm_glam.images import files

from ..fakes import RED, picture

EMBED = ("glam", "embed", "photos", "photos")
BESIDE = [
    *("._red.png", ".DS_Store", "Thumbs.db", "THUMBS.DB", "ehthumbs.db", "desktop.ini"),
    *("Desktop.ini", "Icon\r", "~$red.png", ".~lock.metadata.xlsx#", ".picasa.ini"),
]
FOLDERS = [
    *("__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", ".Trashes", "lost+found"),
    *("System Volume Information", ".AppleDouble", ".thumbnails", "@Recycle"),
]


@pytest.mark.parametrize("args", [EMBED, (*EMBED, "**/*.png"), (*EMBED, "*", "*/*")])
def test_system_files_are_not_pictures_and_not_failures(llm, colours, photos, args):
    for name in BESIDE:
        (photos / name).write_bytes(b"\0\5\x16\7")
    for name in FOLDERS:
        picture(photos / name / "SYNOFILE_THUMB_M.png", RED)
        picture(photos / "sub folder" / name / "red.png", RED)
    done = llm(*args)
    assert "3 embedded, 0 unchanged, 0 copies, 0 problems" in done.stderr
    assert "Skipped" not in done.stderr


def test_a_mac_s_files_beside_weights_are_not_weights(llm, tiny_clip):
    before = layout.parts(tiny_clip), fingerprint.stamps(tiny_clip)
    added = [tiny_clip / f"._{path.name}" for path in before[0]]
    try:
        for path in added:
            path.write_bytes(b"\0\5\x16\7")
        assert (layout.parts(tiny_clip), fingerprint.stamps(tiny_clip)) == before
        llm("glam", "models", "add", "mine", tiny_clip)
    finally:
        for path in added:
            path.unlink()


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456+00:00"),
        (0, "1970-01-01T00:00:00.000000+00:00"),
        (-1, "1969-12-31T23:59:59.999999+00:00"),
        (-11_644_473_600 * 10**9, "1601-01-01T00:00:00.000000+00:00"),  # 0 of Windows
        (2**63 - 1, "2262-04-11T23:47:16.854775+00:00"),
        (253_402_300_800 * 10**9, "9999-12-31T23:59:59.999999+00:00"),
        (-(10**21), "0001-01-01T00:00:00.000000+00:00"),
    ],
)
def test_any_modification_time(photos, monkeypatch, nanoseconds, expected):
    real = os.stat

    def stat(path, *args, **options):
        status = SimpleNamespace(st_size=7, st_mtime_ns=nanoseconds)
        return status if str(path).endswith("red.png") else real(path, *args, **options)

    monkeypatch.setattr(os, "stat", stat)
    assert files.file_at(photos / "red.png", "red").modified == expected


def test_demo_pictures_that_were_looked_at_are_drawn_again(llm):
    llm("glam", "demo", ".", "-n", "3", "--size", "64")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0001.jpg"):
        (Path("photos") / name).write_bytes(b"\0\5\x16\7")
    assert (
        "Wrote 3 pictures" in llm("glam", "demo", ".", "-n", "3", "--size", "64").stderr
    )


def test_lock_files_are_not_suggested_as_tables(llm, tmp_path):
    for name in ("pairs.csv", "~$pairs.xlsx", ".~lock.pairs.csv#", "._pairs.csv"):
        (tmp_path / name).write_text("image,caption\n")
    message = llm.fails("glam", "evaluate", tmp_path)
    assert "(found: pairs.csv)" in message
