"""What parts the columns of a table."""

import pytest

from llm_glam.errors import BadRecords
from llm_glam.formats import tables


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,b", ["a", "b"]),
        ("a;b", ["a", "b"]),
        ("a\tb", ["a", "b"]),
        ('"front; back; rim",title', ["front; back; rim", "title"]),
        ('title, "found, in; or; near"', ["title", "found, in; or; near"]),
        ('"a, b, c";d', ["a, b, c", "d"]),
        ('"a ""b, c"", d";e', ['a "b, c", d', "e"]),
        ('"condition\n(1, 2, 3)";title', ["condition\n(1, 2, 3)", "title"]),
        ('height in 6" steps;a', ['height in 6" steps', "a"]),
    ],
)
def test_signs_within_quotation_marks_part_nothing(tmp_path, header, names):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1;2\n")
    assert [list(row) for row in tables.read(path)] == [names]


def test_quotation_marks_that_are_never_closed(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('"a;b\n' + "1;2\n" * 1000)
    assert list(tables.read(path)) == []


def test_utf_16_is_refused_by_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('"a";"b"\n'.encode("utf-16-le"))
    with pytest.raises(BadRecords, match="a.csv is not in UTF-8"):
        list(tables.read(path))
