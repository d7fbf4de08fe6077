"""What parts the columns of a table."""

import pytest

from llm_glam.errors import BadRecords
from llm_glam.formats import tables
from llm_glam.images.metadata_files import METADATA_ENDINGS

from ..sheets import save


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


SHORTEN = "Shorten it, or remove its column."
CLOSE = "It goes on over {} lines: close its quotation mark if it should end before, or shorten it."


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ("a,b\n1,2\n3," + "x" * 60, 3, SHORTEN),
        ("a," + "x" * 60 + "\n1,2", 1, SHORTEN),
        ('a,b\n1,2\n"3",' + f'"{"x" * 60}"', 3, SHORTEN),
        ('a,b\n1,2\n3,"Jug\n' + "4,5\n" * 20, 3, CLOSE.format(13)),
    ],
)
def test_a_cell_with_too_many_characters(tmp_path, monkeypatch, text, line, advice):
    monkeypatch.setattr(tables, "LONGEST_CELL", 50)
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(BadRecords) as raised:
        list(tables.read(path))
    assert raised.value.message == (
        f"{path}, line {line}: a cell has more than 50 characters, which is the limit. {advice}"
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
    lines = [
        "title,file_name,note",
        'x,a.jpg,"17 plate',
        "y,b.jpg,no",
        'z,c.jpg,5"',
    ] * 2
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines).replace(",", mark))
    notes = tables.Notes(["file_name"])
    assert len(list(tables.read(path, notes))) == 3
    assert notes.remarks == [
        "2 rows have a cell that contains what looks like further rows (see line 2); check where "
        "its quotation marks end"
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_empty_columns_are_left_out(tmp_path, mark):
    lines = ["file_name,title" + "," * 2000, "a.jpg,a" + "," * 2000, "b.jpg,b", ",,"]
    path = tmp_path / "a.csv"
    path.write_text("\n".join(lines).replace(",", mark))
    notes = tables.Notes()
    found = [row for row in tables.read(path, notes) if not tables.is_blank(row)]
    assert found == [
        {"file_name": "a.jpg", "title": "a"},
        {"file_name": "b.jpg", "title": "b"},
    ]
    assert not notes.surplus.rows


def test_columns_without_a_name_are_read_if_something_is_in_them(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(" ,file_name,,\n\n,a.jpg,\n1,b.jpg, ,\n,c.jpg,,x,\n,d.jpg,,,y\n")
    notes = tables.Notes()
    assert list(tables.read(path, notes)) == [
        {"column_1": "", "file_name": "a.jpg", "column_4": ""},
        {"column_1": "1", "file_name": "b.jpg", "column_4": ""},
        {"column_1": "", "file_name": "c.jpg", "column_4": "x"},
        {"column_1": "", "file_name": "d.jpg", "column_4": ""},
    ]
    assert (notes.surplus.rows, notes.surplus.line) == (1, 6)


@pytest.mark.parametrize("start", ["\n", "\r\n\r\n", ";;\n", "\ufeff\n"])
def test_empty_lines_before_the_names_of_columns(tmp_path, start):
    path = tmp_path / "a.csv"
    path.write_text(f"{start}a;b\n1;2\n", newline="")
    assert list(tables.read(path)) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *((" file_name ", "file_name"), ("file_name\xa0", "file_name")),
        *(
            ("\u200bfile_name \ufeff", "file_name"),
            ("No.\xa0of\u202ffind", "No. of find"),
        ),
        *(("\u2007file_name\t", "file_name"), ("a  b", "a  b")),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_spaces_that_nobody_sees_in_names_of_columns(tmp_path, written, name, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".csv":
        path.write_text(f"n,{written}\n1,2\n", "utf-8")
    else:
        save(path, [("n", written), ("1", "2")])
    assert list(tables.read(path)) == [{"n": "1", name: "2"}]


def test_too_many_columns_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"c{n}" for n in range(16_385)) + "\n1")
    with pytest.raises(BadRecords, match=r"has 16,385 columns; at most 16,384 can be"):
        list(tables.read(path))
    path.write_text("a," * 51 + "b\n1")
    with pytest.raises(
        BadRecords, match=r"has 51 columns called 'a'; give each a name"
    ):
        list(tables.read(path))


def test_too_many_empty_cells_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MOST_EMPTY", 5)
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\n1\n2\n3")
    with pytest.raises(BadRecords, match=r"has more than 5 empty cells, which are"):
        list(tables.read(path))
    path = save(tmp_path / "a.xlsx", [("a", "b", "c"), (1,), (2,), (3,)])
    with pytest.raises(BadRecords, match=r"has more than 5 empty cells, which are"):
        list(tables.read(path))


@pytest.mark.parametrize("text", ["x" * 200, "a,b\n" + "x" * 200])
def test_a_line_that_is_too_long_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setattr(tables, "LONGEST_LINE", 100)
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(BadRecords, match=r"has a line of more than 100 characters"):
        list(tables.read(path))


def test_metadata_can_be_in_every_format_but_a_list_of_objects():
    assert {*METADATA_ENDINGS, ".json", ".parquet"} == set(tables.READERS)


@pytest.mark.parametrize(
    ("name", "form"), [("a.json", '[{{"n": {}}}]'), ("a.jsonl", '{{"n": {}}}')]
)
def test_json_that_is_too_deep_or_has_numbers_of_many_digits(tmp_path, name, form):
    path = tmp_path / name
    path.write_text(form.format("[" * 200_000 + "]" * 200_000))
    with pytest.raises(BadRecords, match=f"{name} has lists or objects in each other"):
        list(tables.read(path))
    path.write_text(form.format("9" * 5000))
    assert list(tables.read(path)) == [{"n": "9" * 5000}]
    path.write_text(form.format("9" * 300))
    assert list(tables.read(path)) == [{"n": int("9" * 300)}]
