"""Whatever people type is a query of SQLite's full-text search, and finds its own text."""

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_glam.db.record_search import expression

from ..properties import made_of

SIGNS = (
    '"',
    "*",
    "^",
    "(",
    ":",
    "NEAR(",
    " AND ",
    " OR ",
    "-",
    "{",
    "+",
    "007",
    "é",
    "abcd",
)
TEXTS = made_of(*SIGNS, " ", "\0", "\n")


@pytest.fixture(scope="module")
def index():
    connection = sqlite3.connect(":memory:")
    connection.execute(
        'create virtual table words using fts5 (title, "it\'s", '
        "tokenize='unicode61 remove_diacritics 2')"
    )
    yield connection
    connection.close()


def found(index, query):
    sql = "select rowid from words where words match ?"
    return index.execute(sql, [query]).fetchall()


# SQLite knows the letters of an older Unicode, and takes some that are none for letters.
LETTERS = st.text(st.characters(codec="latin-1") | st.sampled_from("łΩж漢"))


@given(text=st.lists(st.sampled_from(SIGNS) | LETTERS, max_size=6).map("".join))
def test_a_text_is_found_by_itself(index, text):
    query = expression.all_words(text)
    index.execute("delete from words")
    index.execute("insert into words values (?, '')", [text])

    if query is not None:
        assert found(index, query)


@given(text=TEXTS)
def test_any_text_is_a_query(index, text):
    query = expression.all_words(text)

    if query is not None:
        found(index, query)


@given(text=TEXTS)
def test_numbers_with_any_zeros_in_some_columns(index, text):
    words = expression.tokens(text)[:12]
    if words:
        found(
            index,
            expression.in_columns(expression.with_any_zeros(words), ["title", "it's"]),
        )
