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


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (['"a,b', *["1,2"] * 1000], 1),
        (["a,b", '1,"Jug', "3,4", "5,6"], 2),
        (["a,b", "1,2", '3,"17"" plate', "5,6"], 3),
        (["a\tb", '1\t"Jug', "3\t4", '5\t"Jug', "7\t8"], 2),
        (["a;b", '1;"Jug', '3;"two"', "5;6"], 2),
        (["a,b", '"1\n1",2', '3,"4\n4"', '5,"6', "7,8"], 6),
        (["a,b", '1,"', "3,4"], 2),
        (["a,b", '1, "Jug', '3,4" high,5'], 2),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_quotation_marks_that_are_never_closed(tmp_path, lines, line, end):
    path = tmp_path / "a.csv"
    path.write_text("\n".join([*lines, ""]).replace("\n", end), newline="")
    with pytest.raises(BadRecords) as raised:
        list(tables.read(path))
    assert raised.value.message == (
        f"{path}, line {line}: a cell begins with a quotation mark but does not end with one, so "
        "that further lines would become part of it. Close or remove the mark; double those "
        "within a cell in quotation marks."
    )


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('5" pot', '5" pot'),
        ('"17"" plate"', '17" plate'),
        ('"Jug" of the king', "Jug of the king"),
        ('"two\nlines, ""quoted"""', 'two\nlines, "quoted"'),
        ('"\n"', "\n"),
        ('""', ""),
    ],
)
def test_quotation_marks_that_swallow_nothing(tmp_path, cell, value):
    path = tmp_path / "a.csv"
    path.write_text(f"file_name,title\na.jpg,{cell}\nb.jpg,b\n")
    notes = tables.Notes(["file_name"])
    assert [row["title"] for row in tables.read(path, notes)] == [value, "b"]
    assert notes.remarks == []


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_mark_that_closes_another_cell_is_mentioned(tmp_path, mark):
    lines = ["title,file_name,note", 'x,a.jpg,"17 plate', "y,b.jpg,no", 'z,c.jpg,5"']
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines).replace(",", mark))
    notes = tables.Notes(["file_name"])
    assert len(list(tables.read(path, notes))) == 1
    assert notes.remarks == [
        "in line 2, a cell in quotation marks contains what looks like further rows; check where "
        "its quotation marks end"
    ]


def test_utf_16_is_refused_by_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('"a";"b"\n'.encode("utf-16-le"))
    with pytest.raises(BadRecords, match="a.csv is not in UTF-8"):
        list(tables.read(path))
