"""Windows and macOS, simulated: files in use, paths that are too long, reserved names."""

import builtins
import io
import os
from pathlib import Path, PureWindowsPath

import pytest

from llm_glam import platforms
from llm_glam.errors import BadRecords
from llm_glam.formats import tables

from . import sheets
from .fakes import picture
from .windows import refused

EMBED = ("glam", "embed", "photos", "photos")
IN_USE = "another program has it open; close it there and repeat the command"


def refuse_to_open(monkeypatch, name, code, number=13):
    """Files of this name cannot be opened; ``open`` of Python reports no code of Windows."""
    real = io.open

    def opening(file, *args, **options):
        if isinstance(file, str | os.PathLike) and Path(file).name == name:
            raise refused(code, file, number)
        return real(file, *args, **options)

    monkeypatch.setattr(io, "open", opening)
    monkeypatch.setattr(builtins, "open", opening)


@pytest.mark.parametrize("name", ["metadata.xlsx", "metadata.csv", "metadata.jsonl"])
@pytest.mark.parametrize("code", [32, 33])
def test_a_table_that_another_program_locks(
    llm, colours, photos, monkeypatch, name, code
):
    (
        sheets.save(photos / "metadata.xlsx")
        if name.endswith("x")
        else (photos / name).write_text("{}")
    )
    refuse_to_open(monkeypatch, name, code)
    assert llm.fails(*EMBED) == f"{photos / name} cannot be read: {IN_USE}."


@pytest.mark.parametrize("lock", ["~$metadata.xlsx", ".~lock.metadata.xlsx#"])
def test_a_table_with_a_lock_file_beside_it(llm, colours, photos, monkeypatch, lock):
    sheets.save(photos / "metadata.xlsx")
    (photos / lock).write_bytes(b"\6Ann")
    refuse_to_open(monkeypatch, "metadata.xlsx", None)
    assert llm.fails(*EMBED) == (
        f"{photos / 'metadata.xlsx'} cannot be read: another program has it open, as {lock} shows; "
        "close it there and repeat the command."
    )


@pytest.mark.parametrize("name", ["a.xlsx", "a.CSV", "a.tsv"])
def test_windows_does_not_say_who_has_a_table_open(monkeypatch, tmp_path, name):
    monkeypatch.setattr(platforms, "IS_WINDOWS", True)
    (tmp_path / name).write_text("x")
    refuse_to_open(monkeypatch, name, None)
    with pytest.raises(BadRecords) as caught:
        list(tables.read(tmp_path / name))
    assert caught.value.message == (
        f"{tmp_path / name} cannot be read: Access denied; if it is open in Excel, close it there "
        "and repeat the command."
    )


def test_without_a_lock_it_is_a_matter_of_permission(monkeypatch, tmp_path):
    (tmp_path / "a.csv").write_text("x")
    refuse_to_open(monkeypatch, "a.csv", None)
    with pytest.raises(BadRecords, match=r"a\.csv cannot be read: Access denied\.$"):
        list(tables.read(tmp_path / "a.csv"))


def test_lock_files_are_neither_records_nor_left_out(llm, colours, photos):
    sheets.save(photos / "metadata.xlsx")
    for name in ("~$metadata.xlsx", ".~lock.metadata.xlsx#", "~$red.png"):
        (photos / name).write_bytes(b"\6Ann")
    done = llm(*EMBED)
    assert "3 embedded, 0 unchanged, 0 copies, 0 problems" in done.stderr
    assert "Skipped" not in done.stderr
    assert "not read" not in done.stderr
    assert "no record" not in done.stderr


def test_lock_files_alone_are_no_records(llm, colours, photos):
    (photos / "~$metadata.xlsx").write_bytes(b"\6Ann")
    assert llm(*EMBED).stderr.count("metadata") == 0


def test_a_picture_that_another_program_has_open(llm, colours, photos, monkeypatch):
    refuse_to_open(monkeypatch, "red.png", 32)
    done = llm(*EMBED)
    assert f"red.png: it cannot be read ({IN_USE})" in done.stderr
    assert "2 embedded" in done.stderr


def too_long(name):
    return (
        f"{len(os.path.abspath(name))} characters, more than Windows allows; move the folder "
        "closer to the top of the drive, or enable long paths in Windows"
    )


@pytest.mark.parametrize(("code", "number"), [(3, 2), (206, 2), (None, 2)])
def test_a_path_that_is_too_long_for_windows(
    llm, colours, photos, monkeypatch, code, number
):
    monkeypatch.setattr(platforms, "IS_WINDOWS", True)
    deep = photos.joinpath(*["a folder with a long name"] * 10)
    path = picture(deep / "deep.png")
    refuse_to_open(monkeypatch, "deep.png", code, number)
    done = llm(*EMBED)
    assert f"deep.png: it cannot be read (its path has {too_long(path)})" in done.stderr
    assert "3 embedded" in done.stderr
    assert "1 problem" in done.stderr


def test_a_path_that_is_too_long_for_the_listing_is_not_skipped(
    llm, colours, photos, monkeypatch
):
    """On Windows, ``stat`` fails for such a path, and ``is_file`` says that it is no file."""
    path = picture(photos.joinpath(*["a folder with a long name"] * 10) / "deep.png")
    real = os.stat, os.lstat

    def failing(which):
        def call(file, *args, **options):
            if isinstance(file, str | os.PathLike) and Path(file).name == "deep.png":
                raise refused(3, file, 2)
            return real[which](file, *args, **options)

        return call

    monkeypatch.setattr(os, "stat", failing(0))
    monkeypatch.setattr(os, "lstat", failing(1))
    done = llm(*EMBED)
    assert f"deep.png: it cannot be read (its path has {too_long(path)})" in done.stderr
    assert "1 problem" in done.stderr


def test_a_short_path_that_is_missing_is_missing(monkeypatch):
    monkeypatch.setattr(platforms, "IS_WINDOWS", True)
    error = refused(3, "photos/a.jpg", 2)
    assert platforms.reason(error) == "The system cannot find the path specified"


@pytest.mark.parametrize(
    "name", ["con", "AUX", "nul.jpg", "a/lpt1", "com1.v2", "a.", "a./b"]
)
def test_a_checkpoint_cannot_have_a_name_that_windows_reserves(llm, tiny_clip, name):
    message = llm.fails("glam", "models", "add", name, tiny_clip)
    assert "Windows" in message
    assert name in message


@pytest.mark.parametrize("name", ["console", "auxiliary", "com10", "lpt", "a.con"])
def test_names_that_only_look_reserved(name):
    assert not platforms.is_reserved(name)


@pytest.mark.parametrize(
    ("name", "is_inner"),
    [
        *[("a.jpg", True), ("a/b.jpg", True), (r"a\b.jpg", True), ("a..b/c", True)],
        *[
            ("C:a.jpg", False),
            (r"\a.jpg", False),
            ("/a.jpg", False),
            (r"a\..\b", False),
        ],
        *[(r"C:\a.jpg", False), (r"\\server\share\a.jpg", False), ("../a", False)],
    ],
)
def test_what_stays_in_a_folder_on_windows(name, is_inner):
    assert platforms.is_inner(PureWindowsPath(name)) == is_inner
    folder = PureWindowsPath(r"D:\photos")
    inside = (folder / name).is_relative_to(folder) and ".." not in name.split("\\")
    assert is_inner <= inside
