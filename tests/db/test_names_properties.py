"""Collections and columns of any name: every statement on them does what it says."""

import sqlite3

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from llm_glam.db import collections, connection, filters, full_text, items
from llm_glam.db.filters import Conditions

from ..fakes import RED, picture
from ..properties import ANYTHING, made_of
from ..site import change

SIGNS = [*("'", '"', "`", "[", "]", "''", '""', ";", "--", "/*", "%", "_", "?", ":p0")]
SIGNS += [
    *("{c}", "\\", "\n", "\t", " ", ".", "/", "é", "É", "🏺", "1", "a", "A", "\0")
]
SIGNS += [
    *("select", "table", "order", "rowid", "rank", "content=", "_fts", "_fts_data")
]
SIGNS += [*("sqlite_", "glam_", "idx_", "_image_md5", "_ai", "collections", "x" * 5000)]
NAMES = made_of(*SIGNS).filter(lambda name: "\0" not in name)
COLUMNS = made_of(*SIGNS).map(lambda name: name.replace("\0", ""))
MODEL = "glam-clip/colours"


def database():
    db = Database(sqlite3.connect(":memory:"))
    collections.prepare(db)
    return db


def claimed(db, name):
    """A new collection with its items table."""
    with connection.writing(db):
        made = collections.create(db, name, MODEL)
        return collections.claim(db, made, "f00d", 3, "fp32")


def written(db, collection, item_id, record):
    """The record of a picture, in columns named as the table names them."""
    columns = items.add_columns(db, collection.items_table, dict.fromkeys(record, str))
    row = {columns[name]: value for name, value in record.items()}
    with connection.writing(db):
        items.write(db, collection.items_table, [{"id": item_id, **row}])
    return columns


def found(db, collection, words):
    return filters.ids(db, collection, Conditions(words=words))


def check_search(db, collection):
    """Compare the index with the table, as SQLite itself does."""
    index = full_text.quote_identifier(full_text.index_name(collection.items_table))
    db.execute(f"insert into {index}({index}, rank) values ('integrity-check', 1)")


@settings(max_examples=25)
@given(st.lists(NAMES, min_size=1, max_size=4, unique=True), COLUMNS, COLUMNS)
@example(["St John's"], "find spot", "material")
@example(["a b", "a_b"], "x", "y")
@example(["photos_1", "photosX1"], "x", "y")
@example(["photos_fts_data", "photos"], "x", "y")
@example(["idx_photos_image_md5", "photos"], "x", "y")
def test_collections_of_any_names_do_not_disturb_each_other(names, one, other):
    db = database()
    made = [claimed(db, name) for name in names]
    tables = {collection.items_table for collection in made}
    assert len(tables) == len(made)
    assert items.every(db) == tables
    for number, collection in enumerate(made):
        written(db, collection, "a.png", {one: f"brick{number}"})
        written(db, collection, "b.png", {one: "tile", other: f"slate{number}"})
    for number, collection in enumerate(made):
        assert found(db, collection, f"brick{number}") == ["a.png"]
        assert found(db, collection, f"slate{number}") == ["b.png"]
        assert found(db, collection, f"brick{number + 1}") == []
        items.rename(db, collection.items_table, "a.png", "c.png", "c.png")
        assert found(db, collection, f"brick{number}") == ["c.png"]
        check_search(db, collection)


@settings(max_examples=25)
@given(NAMES, COLUMNS)
def test_a_deleted_collection_leaves_its_table_to_the_next_of_its_name(name, column):
    db = database()
    first = claimed(db, name)
    written(db, first, "a.png", {column: "brick"})
    collections.delete(db, first)
    assert items.every(db) == {first.items_table}
    again = claimed(db, name)
    assert again.items_table == first.items_table
    assert found(db, again, "brick") == ["a.png"]


@given(NAMES | ANYTHING, ANYTHING)
def test_names_that_no_table_can_have_are_refused_as_text(name, column):
    """Only halves of characters are: they are no text."""
    db = database()
    try:
        written(db, claimed(db, name), "a.png", {column.replace("\0", ""): "brick"})
    except UnicodeEncodeError:
        with pytest.raises(UnicodeEncodeError):
            (name + column).encode()


@pytest.mark.parametrize("lost", ["drop table photos_fts", "drop trigger photos_au"])
def test_a_search_that_was_deleted_is_made_again(embedded, photos, lost):
    change(embedded, lost)
    picture(photos / "new.png", RED)
    (photos / "metadata.jsonl").unlink()
    embedded("glam", "embed", "photos", "photos")
    assert "new.png" in embedded.ids()
    args = ("glam", "search", "photos", "red", "--words", "clay", "--nl")
    assert [row["id"] for row in embedded.json(*args)] == ["red.png"]
