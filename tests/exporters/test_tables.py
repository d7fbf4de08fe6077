"""Tables of records, written for other programs and read again."""

import csv
import json
import os
import stat

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_glam.exporters import ExportOptions, columns, export
from llm_glam.exporters.run import FORMATS
from llm_glam.exporters.tables import write_cells
from llm_glam.formats import tables

from ..sheets import save
from .conftest import ROWS, execute

SHOWN = ["Accession No.", "Object name", "Subjects", "Year", "Title", "id", "file"]


def test_a_workbook_has_her_columns_first_as_she_wrote_them(joined, tmp_path):
    shown = joined("glam", "export", "photos", "out.xlsx")
    assert shown.stdout == ""
    assert shown.stderr == "Wrote 3 pictures with 7 columns to out.xlsx.\n"
    rows = list(openpyxl.load_workbook("out.xlsx").active.values)
    assert rows[0] == tuple(SHOWN)
    assert rows[1] == (
        *("1887/1", "Äpfel – rot", "fruit; red", 1887, "Apple"),
        *("1887_1.png", "1887_1.png"),
    )
    assert rows[2][1] == "=1+1"
    cell = openpyxl.load_workbook("out.xlsx").active["B3"]
    assert cell.data_type == "s"  # a text, not a formula


def test_csv_is_for_excel(joined, tmp_path):
    joined("glam", "export", "photos", "out.csv")
    written = (tmp_path / "out.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbfAccession No.,Object name,")
    assert '1887/1,Äpfel – rot,"fruit; red",1887,Apple,' in written.decode()
    assert "1887/2,'=1+1,fruit,1888,-6500," in written.decode()
    rows = list(csv.DictReader(written.decode("utf-8-sig").splitlines(keepends=True)))
    assert rows[2]["Object name"] == 'a "b",\n\tc; d'
    assert rows[2]["Year"] == ""


def test_tsv_and_json_lines(joined, tmp_path):
    joined("glam", "export", "photos", "out.tsv")
    joined("glam", "export", "photos", "out.JSONL")
    assert (tmp_path / "out.tsv").read_text("utf-8").startswith("Accession No.\tObj")
    rows = list(tables.read(tmp_path / "out.JSONL"))
    assert list(rows[0]) == SHOWN
    assert [row["Subjects"] for row in rows] == [
        ["fruit", "red"],
        ["fruit"],
        ["a,b", "c"],
    ]
    assert [row["Year"] for row in rows] == [1887, 1888, None]
    assert rows[1]["Object name"] == "=1+1"


def test_parquet_has_types(joined, tmp_path):
    import pyarrow.parquet

    joined("glam", "export", "photos", "out.parquet")
    table = pyarrow.parquet.read_table("out.parquet")
    assert table.column_names == SHOWN
    types = {field.name: str(field.type) for field in table.schema}
    assert types["Year"] == "int64"
    assert types["Subjects"].startswith("list<")
    assert types["Object name"] == "string"
    assert table["Year"].to_pylist() == [1887, 1888, None]
    assert table["Subjects"].to_pylist()[0] == ["fruit", "red"]


def test_a_missing_pyarrow_is_one_sentence(joined, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    message = joined.fails("glam", "export", "photos", "out.parquet")
    assert message == (
        "Writing parquet needs the package pyarrow. Install it with: llm install "
        "'llm-glam[parquet]'"
    )
    assert not os.path.exists("out.parquet")


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.xlsx"])
def test_what_is_written_comes_back_with_the_same_items(joined, tmp_path, name):
    joined("glam", "export", "photos", name)
    again = ("-d", "again.db")
    joined("glam", "embed", "photos", "photos", "-m", "glam-clip", *again)
    done = joined("glam", "records", "photos", name, "--yes", *again)
    assert json.loads(done.stdout)["matched_records"] == 3
    second = f"second{name}"
    joined("glam", "export", "photos", second, *again)
    first, other = (list(tables.read(tmp_path / n)) for n in (name, second))
    assert first == other
    assert [row["Object name"] for row in first] == [row[1] for row in ROWS[1:]]


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
        ),
        min_size=1,
        max_size=3,
    )
)
def test_every_text_comes_back_from_csv(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("cells") / "cells.csv"
    cells = [(text, "end") for (text,) in rows]
    write_cells(path, ["text", "last"], cells, encoding="utf-8-sig")
    assert [(row["text"], row["last"]) for row in tables.read(path)] == cells


def test_technical_columns_only_when_asked_for(joined, tmp_path):
    joined("glam", "export", "photos", "out.jsonl", "--all-columns")
    row = json.loads((tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0])
    assert list(row)[:7] == SHOWN
    assert row["image_width"] == 40
    assert "image_md5" in row


def test_columns_of_the_database_follow_the_sheets(joined, tmp_path):
    execute(joined, 'alter table photos add column "Note" text')
    execute(joined, "update photos set Note = 'mine', rights = 'CC0'")
    joined("glam", "export", "photos", "out.csv")
    head = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()[0]
    assert head.split(",") == [*SHOWN[:5], "Note", "id", "file", "rights"]


def test_values_of_any_type_are_written(joined, tmp_path):
    execute(
        joined, "update photos set \"Object name\" = x'00ff' where id like '%1.png'"
    )
    execute(joined, "update photos set Year = 9e999 where id like '%2.png'")
    execute(joined, "update photos set Year = 9007199254740993 where id like '%3.png'")
    for name in ("out.csv", "out.jsonl", "out.xlsx", "out.parquet"):
        joined("glam", "export", "photos", name)
    rows = list(tables.read(tmp_path / "out.jsonl"))
    assert [row["Year"] for row in rows][:2] == [1887, None]
    assert rows[0]["Object name"] == "AP8="


@pytest.mark.parametrize(
    "item_id", ["", ".", "..", "a/..", "x", "https://a.b/c?d#e", "\n"]
)
def test_ids_of_any_kind_are_written(joined, tmp_path, item_id):
    for table in ("photos", "embeddings", "glam_thumbnails"):
        execute(joined, f"update {table} set id = '{item_id}' where id = '1887_1.png'")
    execute(joined, "update photos set file = null where id = '" + item_id + "'")
    options = ExportOptions(thumbnails=True, base_url="https://a.b", provider="M")
    for format_ in FORMATS:
        done = export(
            joined.database, "photos", format_, format_=format_, options=options
        )
        assert done.pictures == 3, format_
    inside = {p.resolve() for p in (tmp_path / "imagefolder").rglob("*")}
    assert len([p for p in inside if p.is_file()]) == 6
    assert all(p.is_relative_to(tmp_path / "imagefolder") for p in inside)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 999 + "]" * 999,
        "[" + "1" * 5000 + "]",
        '{"a": 1e999}',
        "[1, null, NaN]",
        "[]",
        '{"a": {"b": ["c"]}}',
    ],
)
def test_json_of_any_kind_is_written(joined, tmp_path, text):
    execute(joined, f"update photos set Subjects = '{text}'")
    for name in ("out.csv", "out.jsonl", "out.xlsx", "out.parquet"):
        joined("glam", "export", "photos", name)
    for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines():
        json.loads(line, parse_constant=pytest.fail)
    assert next(tables.read(tmp_path / "out.csv"))["Subjects"] == text


def test_headings_come_back_too(joined, tmp_path):
    execute(
        joined,
        """update glam_columns set heading = '=a;"b", c' where heading = 'Year'""",
    )
    joined("glam", "export", "photos", "out.csv")
    assert "'=a;" in (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()[0]
    assert '=a;"b", c' in next(tables.read(tmp_path / "out.csv"))


def test_a_column_changed_meanwhile_is_one_sentence(joined, tmp_path, monkeypatch):
    real = columns.choose

    def choose(*args, **options):
        chosen = real(*args, **options)
        execute(joined, "update photos set Year = 'about 1900'")
        return chosen

    monkeypatch.setattr(columns, "choose", choose)
    message = joined.fails("glam", "export", "photos", "out.parquet")
    assert message.startswith("The column 'Year' was changed by another program")
    assert not list(tmp_path.glob("*out*"))


def test_a_list_whose_values_contain_the_separator_is_json(joined, tmp_path):
    execute(joined, """update photos set Subjects = '["a;b", "c"]'""")
    joined("glam", "export", "photos", "out.csv")
    rows = list(tables.read(tmp_path / "out.csv"))
    assert json.loads(rows[0]["Subjects"]) == ["a;b", "c"]


def test_two_columns_never_have_one_heading(joined, tmp_path):
    save(
        tmp_path / "more.xlsx",
        [("Accession No.", "id", "Object name"), ("1887/1", "x", "y")],
    )
    joined("glam", "records", "photos", "more.xlsx", "--yes", "--key", "Accession No.")
    joined("glam", "export", "photos", "out.csv")
    head = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()[0].split(",")
    assert len(set(head)) == len(head)
    assert "id_source" in head


def test_long_texts_are_cut_for_excel_and_said(joined, tmp_path):
    execute(joined, """update photos set "Object name" = printf('%.40000c', 'x')""")
    shown = joined("glam", "export", "photos", "out.xlsx")
    assert "Cut 3 cells after 32,767 characters" in shown.stderr
    joined("glam", "export", "photos", "out.csv")
    assert len(next(tables.read(tmp_path / "out.csv"))["Object name"]) == 40_000


def test_an_existing_file_is_not_lost(joined, tmp_path):
    (tmp_path / "out.csv").write_text("mine")
    message = joined.fails("glam", "export", "photos", "out.csv")
    assert message == (
        "out.csv exists already; choose another name, or add --replace to overwrite it."
    )
    assert (tmp_path / "out.csv").read_text() == "mine"
    joined("glam", "export", "photos", "out.csv", "--replace")
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("out", "add --format with one of xlsx, csv"),
        ("out.json", "add --format"),
        ("nowhere/out.csv", "There is no folder nowhere"),
        ("photos.csv/", "is a folder"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(joined, tmp_path, name, words):
    (tmp_path / "photos.csv").mkdir()
    assert words in joined.fails("glam", "export", "photos", name)


def test_the_database_is_never_overwritten(joined):
    command = (
        "glam",
        "export",
        "photos",
        joined.database,
        "--format",
        "csv",
        "--replace",
    )
    assert "is the database itself" in joined.fails(*command)


def test_a_failed_export_leaves_nothing(joined, tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    (tmp_path / "out.csv").write_text("old")
    monkeypatch.setattr(os, "replace", full)
    message = joined.fails("glam", "export", "photos", "out.csv", "--replace")
    assert "out.csv cannot be written (No space left on device)" in message
    assert sorted(p.name for p in tmp_path.glob("*out*")) == ["out.csv"]
    assert (tmp_path / "out.csv").read_text() == "old"


def test_a_database_that_is_read_only_is_exported(joined, tmp_path):
    joined.database.chmod(stat.S_IRUSR)
    joined("glam", "export", "photos", "out.csv")


def test_a_collection_older_than_the_sources_is_exported(joined, tmp_path):
    execute(joined, "drop table glam_columns")
    execute(joined, "drop table glam_sources")
    joined("glam", "export", "photos", "out.csv")
    assert len(list(tables.read(tmp_path / "out.csv"))) == 3


def test_from_python(joined, tmp_path):
    done = export(joined.database, "photos", tmp_path / "out.csv")
    assert (done.format, done.pictures, done.columns) == ("csv", 3, SHOWN)
    export(joined.database, "photos", "out.csv", options=ExportOptions(replace=True))
