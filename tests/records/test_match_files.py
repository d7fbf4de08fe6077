"""Which pictures a file such as a text is about, by its path."""

import pytest

from llm_glam.records.matching import Picture, match_files


def matched(files, names):
    found = match_files([Picture(file, file) for file in files], names)
    return found.keys, found.ambiguous


@pytest.mark.parametrize(
    ("files", "names", "expected"),
    [
        (["a.jpg", "b.jpg"], ["a", "b", "c"], {"a.jpg": "a", "b.jpg": "b"}),
        (["x/p.jpg", "y/p.jpg"], ["x/p", "y/p"], {"x/p.jpg": "x/p", "y/p.jpg": "y/p"}),
        (["x/p.jpg", "p.jpg"], ["x/p", "p"], {"x/p.jpg": "x/p", "p.jpg": "p"}),
        (["images/x/p.jpg", "images/y/p.jpg"], ["x/p"], {"images/x/p.jpg": "x/p"}),
        (["x/p.jpg", "y/p.jpg"], ["alto/y/p"], {"y/p.jpg": "alto/y/p"}),
        (["deep/in/p.jpg"], ["p"], {"deep/in/p.jpg": "p"}),
        (["p.jpg"], ["deep/in/p"], {"p.jpg": "deep/in/p"}),
        (["p.tif", "p.jpg"], ["p"], {"p.tif": "p", "p.jpg": "p"}),
        (["p.jpg"], ["p.jpg"], {"p.jpg": "p.jpg"}),
        (["A.jpg", "a.jpg"], ["a", "A"], {"A.jpg": "A", "a.jpg": "a"}),
        (["X/P1.JPG"], ["x/p1"], {"X/P1.JPG": "x/p1"}),
        (["ble\u0301.jpg"], ["bl\u00e9"], {"ble\u0301.jpg": "bl\u00e9"}),
        (["p.v2.jpg"], ["p.v2"], {"p.v2.jpg": "p.v2"}),
        (["p1.jpg"], ["p10", "1", "p"], {}),
        (["p1_recto.jpg"], ["p1"], {}),
        (
            ["x/p.jpg", "y/q.jpg", "z/q.jpg"],
            ["w/p", "y/q"],
            {"x/p.jpg": "w/p", "y/q.jpg": "y/q"},
        ),
    ],
)
def test_what_fits(files, names, expected):
    assert matched(files, names) == (expected, {})


@pytest.mark.parametrize(
    ("files", "names", "expected"),
    [
        (["x/p.jpg", "y/p.jpg"], ["p"], {"x/p.jpg": ["p"], "y/p.jpg": ["p"]}),
        (["p.jpg"], ["a/p", "b/p"], {"p.jpg": ["a/p", "b/p"]}),
        (
            ["1/a/p.jpg", "2/a/p.jpg"],
            ["a/p"],
            {"1/a/p.jpg": ["a/p"], "2/a/p.jpg": ["a/p"]},
        ),
    ],
)
def test_what_could_be_several(files, names, expected):
    assert matched(files, names) == ({}, expected)


def test_ten_thousand_files_of_one_name():
    """As IIIF servers call all of their pictures."""
    files = [f"{n}/full/default.jpg" for n in range(10_000)]
    keys, ambiguous = matched(files, [f"texts/{n}/full/default" for n in range(10_000)])
    assert len(keys) == 10_000
    assert not ambiguous
