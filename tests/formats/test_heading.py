"""Titles above the names of columns are found, and no row is taken for one that is none."""

import pytest

from llm_glam.errors import BadRecords
from llm_glam.formats import tables

from ..open_document import content, pack, row, table
from ..sheets import save

HEADING = ("Accession No.", "Object name", "Place")
DATA = [HEADING, ("1887/1", "Apple", "Kent"), ("1887/2", "Pear", "Surrey")]
TITLES = [
    [("Collection export 2026-01-01",), ()],
    [("Collection",), ()],
    [("Museum of Orchards",)],
    [("Collection",), ("Printed by J. Smith",), (), ()],
    [(), ("Inventory 7",)],
    [(), (None, "Inventory of all things", "")],
]
REMARK = "the names of columns are taken from row {row}, below '{title}'"


def write(path, rows, delimiter=","):
    if path.suffix == ".xlsx":
        return save(path, rows)
    lines = [delimiter.join(str("" if v is None else v) for v in row) for row in rows]
    path.write_text("\n".join(lines), "utf-8")
    return path


def read(path, *key, **options):
    notes = tables.Notes(key, **options)
    rows = [list(row.items()) for row in tables.read(path, notes)]
    return [rows and [name for name, _ in rows[0]], *rows], notes


@pytest.mark.parametrize("titles", TITLES)
@pytest.mark.parametrize("name", ["a.xlsx", "a.csv", "a;.csv", "a\t.tsv", "a\t.csv"])
def test_titles_above_the_names_of_columns(tmp_path, titles, name):
    delimiter = name[1] if name[1] in ";\t" else ","
    path = write(tmp_path / name.replace("\t", ""), [*titles, *DATA], delimiter)
    (names, *rows), notes = read(path)
    assert names == list(HEADING)
    assert [dict(row)["Accession No."] for row in rows] == ["1887/1", "1887/2"]
    title = next(v for row in reversed(titles) for v in row if v)
    assert notes.remarks == [REMARK.format(row=len(titles) + 1, title=title)]
    assert notes.line == len(titles) + 3


def test_a_merged_title_stays_a_title(tmp_path):
    def change(sheet):
        sheet.merge_cells("A1:C1")
        sheet.merge_cells("A2:C2")

    rows = [("Collection export",), ("as of 2026",), *DATA]
    (names, *_), _ = read(save(tmp_path / "a.xlsx", rows, change))
    assert names == list(HEADING)


def test_a_title_in_an_open_document(tmp_path):
    rows = [row(*cells) for cells in [("", "", ""), *DATA]]
    pack(tmp_path / "a.ods", content(table("Data", ("All objects 2026",), *rows)))
    (names, *_), _ = read(tmp_path / "a.ods")
    assert names == list(HEADING)


@pytest.mark.parametrize(
    "rows",
    [
        DATA,
        [("file_name",), ("a b.jpg", "Red"), ("c.jpg", "Blue 2"), ("d.jpg", "Blue 3")],
        [("id",), ("Apple", "red"), ("Pear 2", "green"), ("Pear 3", "green")],
        [("Notes",), ("one",), ("two 2",)],
        [("Object name",), ("Apple", "Kent"), ("Pear", "Surrey")],
        [("Title of object",), ("Apple", "Kent"), ("Pear", "Surrey"), ("Fig", "Rome")],
        [("Title of object",), ("a.jpg", "Kent"), ("b2.jpg", "Surrey")],
        [("Title of object 1",), ("Kent", 1), ("Surrey", 2)],
        [("Collection 2026",), ("Object", "Object"), ("1", "2")],
        [("Collection 2026",), ("Object", "Place"), ("1", "2", "3")],
        [("Collection 2026",), ("Object", "Place")],
        [("Collection", "2026"), *DATA],
    ],
)
@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])
def test_a_first_row_with_names_stays_the_heading(tmp_path, rows, name):
    path = write(tmp_path / name, rows)
    (names, *_), notes = read(path, "file_name", "id")
    given = [str(value) for value in rows[0]]
    assert names[: len(given)] == given or names == []
    assert not notes.remarks


def test_the_column_that_is_needed_sets_a_heading_off(tmp_path):
    rows = [("Pictures",), ("file_name", "title"), ("red.png", "Red")]
    for name in ("a.xlsx", "a.csv"):
        path = write(tmp_path / name, rows)
        assert read(path)[0][0][0] == "Pictures"
        assert read(path, "file_name")[0][0] == ["file_name", "title"]


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv", "a;.csv"])
def test_the_row_of_the_heading_is_chosen(tmp_path, name):
    rows = [("Export", "1, of 2"), (), ("Group", "Group"), *DATA]
    path = write(tmp_path / name, rows, name[1] if name[1] == ";" else ",")
    (names, *rest), notes = read(path, header_row=4)
    assert names == list(HEADING)
    assert len(rest) == 2
    assert notes.line == 6
    assert not notes.remarks
    rows = [("Collection export 2026",), *DATA]
    (names, *_), _ = read(write(path, rows), header_row=1)
    assert names[0] == "Collection export 2026"
    for wrong in (20, 10**9):
        with pytest.raises(BadRecords, match=f"has nothing in row {wrong:,}; give"):
            read(path, header_row=wrong)


def test_json_has_no_heading(tmp_path):
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(BadRecords, match=r"a.json has no row of headings; leave out"):
        read(tmp_path / "a.json", header_row=2)
