"""Objects within objects, and folders of JSON files, as museums' interfaces export them."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from llm_glam.records.nested import Columns

from .test_join import JOIN, collection  # noqa: F401

WORK = {
    "acno": "1887/1",
    "dateRange": {"text": "c. 1821", "startYear": 1821},
    "contributors": [{"fc": "William Blake"}, {"fc": "Linnell", "role": None}],
    "tags": ["fruit", "red"],
    "subjects": {"children": [{"name": "a", "children": [{"name": "b"}]}]},
    "group": None,
}
COLUMNS = {
    "acno": "1887/1",
    "dateRange.text": "c. 1821",
    "dateRange.startYear": 1821,
    "contributors.fc": ["William Blake", "Linnell"],
    "tags": ["fruit", "red"],
    "subjects.children.name": ["a"],
    "subjects.children.children.name": ["b"],
    "group": None,
}


def test_objects_are_columns_by_path():
    columns = Columns()
    assert columns.row(WORK) == COLUMNS
    assert columns.remarks() == []


def test_keys_with_dots_stay_apart():
    columns = Columns()
    first = columns.row({"a.b": 1, "a": {"b": 2}})
    second = columns.row({"a": {"b": 3}})
    assert first == {"a.b": 1, "a.b_source": 2}
    assert second == {"a.b_source": 3}
    (remark,) = columns.remarks()
    assert remark.startswith("several keys are written 'a.b'; another than the first")


@pytest.mark.parametrize("wrap", [lambda v: {"k": v}, lambda v: [{"k": v}]])
def test_depth_is_bounded(wrap):
    value = 1
    for _ in range(200):
        value = wrap(value)
    columns = Columns()
    (name,) = columns.row({"k": value})
    assert name == ".".join(["k"] * 8)
    assert "levels deep are kept as JSON" in columns.remarks()[0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], {"v": []}),
        ({}, {}),
        ([[1, 2], [3]], {"v": [[1, 2], [3]]}),
        ([{"a": 1}, 2], {"v": [{"a": 1}, 2]}),
        ([{"a": [1, 2]}, {"a": 3}, {}], {"v.a": [1, 2, 3]}),
        ({"a": {"b": {"c": None}}}, {}),
    ],
)
def test_lists_and_empty_objects(value, expected):
    assert Columns().row({"v": value}) == expected


@pytest.mark.parametrize("kind", ["list", "single", "lines", "parquet", "folder"])
def test_nested_json_is_joined(collection, tmp_path, kind):  # noqa: F811
    names = {"lines": "export.jsonl", "folder": "works", "parquet": "a.parquet"}
    target = tmp_path / names.get(kind, "a.json")
    if kind == "folder":
        (target / "a" / "1").mkdir(parents=True)
        (target / "a" / "1" / "b.json").write_text(json.dumps(WORK))
        (target / "c.JSON").write_text(json.dumps({"acno": "1887/2", "x": 1}))
        (target / ".hidden.json").write_text("{")
        (target / "link.json").symlink_to(tmp_path / "nowhere.json")
    elif kind == "parquet":
        parquet.write_table(pyarrow.Table.from_pylist([WORK]), target)
    else:
        target.write_text(json.dumps([WORK] if kind == "list" else WORK))
    shown = json.loads(collection(*JOIN[:3], target, "--key", "acno", "-y").stdout)
    assert shown["records"] == (2 if kind == "folder" else 1)
    assert shown["pictures"] == (3 if kind == "folder" else 2)
    (row,) = collection.rows("select * from photos where id = '1887_1_recto.png'")
    assert json.loads(row["contributors.fc"]) == ["William Blake", "Linnell"]
    assert row["dateRange.startYear"] == 1821


def test_folders_that_cannot_be_read(collection, tmp_path):  # noqa: F811
    (tmp_path / "works").mkdir()
    command = (*JOIN[:3], "works")
    said = "There are no tables in the folder works; give a file, or a folder that has some"
    assert collection.fails(*command).startswith(said)
    (tmp_path / "works" / "a.json").write_text("{")
    assert collection.fails(*command).startswith("works/a.json ")
    wide = json.dumps({"k": {str(n): n for n in range(2000)}})
    (tmp_path / "works" / "a.json").write_text(wide)
    assert "works has 2,000 columns or more; at most" in collection.fails(*command)
