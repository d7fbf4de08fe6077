"""``--rights open``: pictures that everybody may use for every purpose."""

import json

import pytest


@pytest.fixture
def stated(many, tmp_path):
    """Sixty pictures, some of them with rights from one sheet and licences from another."""
    rights = {
        "00": "CC BY 4.0",
        "01": "cc-by-nc-4.0",
        "02": "Public domain",
        "03": "ask",
    }
    licences = {
        "02": "CC BY-NC 4.0",
        "04": "https://creativecommons.org/licenses/by-sa/3.0/",
    }
    for name, heading, values in (("a", "Rights", rights), ("b", "Licence", licences)):
        rows = [f"{number}.png,{text}" for number, text in values.items()]
        (tmp_path / f"{name}.csv").write_text("\n".join([f"file,{heading}", *rows]))
        many("glam", "records", "photos", f"{name}.csv", "--yes")
    return many


OPEN = ["00.png", "04.png"]


def test_search(stated):
    found = stated.json("glam", "search", "photos", "--rights", "open")
    assert [row["id"] for row in found] == OPEN
    found = stated.json("glam", "search", "photos", "red", "--rights", "open")
    assert sorted(row["id"] for row in found) == OPEN
    narrower = ("--rights", "open", "--where", "id > '00.png'")
    found = stated.json("glam", "search", "photos", *narrower)
    assert [row["id"] for row in found] == OPEN[1:]
    (row,) = stated.rows("select rights from photos where id = '00.png'")
    assert row == {"rights": "CC BY 4.0"}  # as written


def test_nothing_is_open(embedded):
    search = ("glam", "search", "photos", "--rights", "open")
    assert [row["id"] for row in embedded.json(*search)] == ["red.png"]
    embedded("glam", "records", "photos", "--remove", "photos/metadata.jsonl")
    assert embedded(*search).stderr == "No results found.\n"


def test_pictures_to_measure_and_train_with(stated):
    options = ("--collection", "photos", "--caption", "title", "--rights", "open")
    shown = stated("glam", "evaluate", *options)
    assert json.loads(shown.stdout.splitlines()[0])["pool"] == len(OPEN)
    usage = stated.fails(
        "glam", "train", "x.csv", "--rights", "open", "--check", exit_code=2
    )
    assert usage == "--rights can only be used with --collection."
