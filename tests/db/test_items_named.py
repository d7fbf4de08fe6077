"""The names of items tables that rows of our tables belong to."""

import sqlite3

import pytest
from sqlite_utils import Database

from llm_glam.db import items


@pytest.mark.parametrize("name", ["a", "photo", "photos", "z"])
def test_a_collection_of_any_name_over_an_items_table(embedded, name):
    """SQLite took the column ``name`` of the table for that of the recursion, which did not end."""
    db = Database(embedded.database)
    db.execute("update glam_collections set name = ?", [name])
    left = iter(range(1000))
    db.conn.set_progress_handler(lambda: next(left, None) is None, 1000)
    try:
        assert items.named(db) == {"photos"}
    except sqlite3.OperationalError as error:
        pytest.fail(f"it does not end: {error}")
