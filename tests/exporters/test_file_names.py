"""Names of files that every system accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_glam.exporters.image_folder.file_names import FileNames, safe


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("a/b.png", "a/b.png"),
        ("sub folder/blé.png", "sub folder/blé.png"),
        ("../../etc/passwd", "_/_/etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("C:\\a.png", "C__a.png"),
        ("https://x/a.png", "https_/x/a.png"),
        (".hidden/.a.png", "_.hidden/_.a.png"),
        ("con.png", "_con.png"),
        ("a. /b.png", "a/b.png"),
        ("", "_"),
        ("metadata.jsonl", "metadata-2.jsonl"),
        ("Metadata.jsonl/a.png", "_Metadata.jsonl/a.png"),
    ],
)
def test_paths_stay_within_the_folder(wanted, given):
    assert FileNames("metadata.jsonl").path_for(wanted) == given


def test_no_path_is_given_out_twice():
    names = FileNames()
    wanted = ["a.png", "A.png", "a.png", "a.png/b.png", "a", "a-2.png", "x/y", "x"]
    found = [names.path_for(one) for one in wanted]
    assert found[:3] == ["a.png", "A-2.png", "a-3.png"]
    assert len({one.lower() for one in found}) == len(found)
    assert found[-1] == "x-2"


def test_accents_composed_in_two_ways_are_one_name():
    names = FileNames()
    assert names.path_for("bl\xe9.png") == "bl\xe9.png"
    assert names.path_for("ble\u0301.png") == "ble\u0301-2.png"


def test_long_names_keep_their_extension():
    assert safe("ä" * 300 + ".png").endswith("ä.png")
    assert len(safe("ä" * 300 + ".png").encode()) <= 200
    assert len(safe("x" * 300).encode()) <= 200


@given(st.lists(st.text(alphabet="aA./\\: 1", max_size=8), max_size=6))
def test_every_path_can_be_created(tmp_path_factory, wanted):
    folder, names = tmp_path_factory.mktemp("names"), FileNames("README.md")
    for one in wanted:
        path = folder / names.path_for(one)
        assert path.resolve().is_relative_to(folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(exist_ok=False)
