"""Filters on columns of any name: what SQLite finds is what a few lines of Python find."""

import json
import operator
import re
from contextlib import suppress

from hypothesis import assume, given
from hypothesis import strategies as st
from sqlite_utils import Database

from llm_glam.db import filters, items
from llm_glam.db.collections import Collection
from llm_glam.db.filters import Conditions
from llm_glam.errors import BadFilter

from ..properties import ANYTHING, TEXT, made_of

TABLE = "finds"
COLLECTION = Collection(1, "finds", "glam-clip/colours", items_table=TABLE)
SIGNS = [*('"', "'", "`", "[", "]", "{", "}", "{c}", "%", "?", ":p0", "--", ";", " ")]
SIGNS += [*("=", "__", "__gte", "é", "a", "B")]
NAMES = made_of(*SIGNS).map(lambda name: name.replace("\0", ""))
CELLS = made_of(*"%_aAéÉ*1,[\n", "10").map(lambda text: text.replace("\0", ""))
COLUMN = st.lists(st.none() | CELLS, max_size=4)
WHOLE = st.integers(-(10**17), 10**17)
TYPED = ANYTHING | made_of(*SIGNS, *filters.COMPARED, *filters.WITHOUT_VALUE, "title")


def like(value, pattern):
    """SQL's LIKE: % and _, and upper and lower case of ASCII alike."""
    signs = {"%": ".*", "_": "."}
    wanted = "".join(signs.get(one, re.escape(one)) for one in pattern)
    return re.fullmatch(wanted, value, re.DOTALL | re.IGNORECASE | re.ASCII) is not None


ORDERED = ["exact", "not", *sorted(filters.NUMERIC)]
COMPARE = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
REFERENCE = {
    "exact": lambda cell, value: cell == value,
    "not": lambda cell, value: cell != value,
    "contains": lambda cell, value: like(cell, f"%{value}%"),
    "startswith": lambda cell, value: like(cell, f"{value}%"),
    "endswith": lambda cell, value: like(cell, f"%{value}"),
    "like": like,
    "notlike": lambda cell, value: not like(cell, value),
    **COMPARE,
}
PIECES = [
    "c. ",
    "ca.",
    "[",
    "]",
    "-",
    "+",
    ".",
    " ",
    "BC",
    " B.C.",
    "AD",
    "e",
    "x",
    "?",
]
DATES = st.lists(st.sampled_from(PIECES) | st.integers(0, 3000).map(str), max_size=5)


def number(cell):
    """The number with which a text begins, by regular expressions; None without one."""
    begins = cell if re.match(r"\.\d[.\d]*\Z", cell) else cell.lstrip("CIRcira. [(~")
    found = re.match(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", begins)
    is_before = re.search(r"[0-9 ](BC|B\.C)", cell)
    return found and float(found[0]) * (-1 if is_before else 1)


def finds(name, kind, cells):
    """A table of finds with a column of any name; where the column went."""
    db = Database(memory=True)
    items.create(db, TABLE)
    column = items.add_columns(db, TABLE, {name: kind})[name]
    rows = [{"id": str(number), column: cell} for number, cell in enumerate(cells)]
    items.write(db, TABLE, rows)
    return db, column


def check(db, column, cells, suffix, typed, value):
    """What a filter finds is what its reference finds; where nothing is said, nothing is."""
    found = filters.ids(db, COLLECTION, Conditions([f"{column}__{suffix}={typed}"]))
    is_meant = REFERENCE[suffix]
    expected = [c is not None and is_meant(c, value) for c in cells]
    assert sorted(found) == sorted(str(n) for n, fits in enumerate(expected) if fits)


@given(NAMES, COLUMN, st.sampled_from([*REFERENCE]), CELLS)
def test_text_is_compared_as_text(name, cells, suffix, value):
    assume(suffix not in COMPARE or filters.number(value) is None)
    db, column = finds(name, str, cells)
    check(db, column, cells, suffix, value, value)


@given(
    *(NAMES, st.lists(st.none() | DATES.map("".join), max_size=6)),
    *(st.sampled_from([*COMPARE]), st.integers(-3000, 3000)),
)
def test_numbers_in_text_are_compared_as_numbers(name, cells, suffix, value):
    db, column = finds(name, str, cells)
    numbers = [None if cell is None else number(cell) for cell in cells]
    check(db, column, numbers, suffix, str(value), value)


@given(NAMES, COLUMN, st.sampled_from([*REFERENCE]), CELLS)
def test_an_exception_is_what_a_filter_leaves(name, cells, suffix, value):
    db, column = finds(name, str, cells)
    one = f"{column}__{suffix}={value}"
    kept = filters.ids(db, COLLECTION, Conditions([one]))
    left = filters.ids(db, COLLECTION, Conditions(exceptions=[one]))
    assert sorted(kept + left) == sorted(map(str, range(len(cells))))
    blank = {str(n) for n, cell in enumerate(cells) if cell is None}
    assert blank <= set(left)


@given(NAMES, st.lists(st.none() | WHOLE), st.sampled_from(ORDERED), WHOLE)
def test_numbers_are_compared_as_numbers(name, cells, suffix, value):
    db, column = finds(name, int, cells)
    check(db, column, cells, suffix, str(value), value)


@given(NAMES, COLUMN, st.lists(CELLS, min_size=1))
def test_one_of_several(name, cells, values):
    db, column = finds(name, str, cells)

    def found(suffix):
        one = f"{column}__{suffix}={json.dumps(values)}"
        return {int(n) for n in filters.ids(db, COLLECTION, Conditions([one]))}

    blank = {n for n, cell in enumerate(cells) if cell is None}
    meant = {n for n, cell in enumerate(cells) if cell in values}
    assert found("isnull") == blank
    assert found("in") == meant
    assert found("notin") == set(range(len(cells))) - meant - blank


@given(TYPED, st.lists(NAMES))
def test_any_filter_is_split_or_refused(typed, columns):
    with suppress(BadFilter):
        found = filters.split(typed, columns, TABLE)
        assert found.column in columns
        assert typed.startswith(found.column)
        assert found.value is None or typed.endswith(f"={found.value}")


@given(st.lists(TYPED, max_size=2), st.lists(TYPED, max_size=2), st.none() | TYPED)
def test_any_conditions_are_asked_or_refused(typed, where, words):
    db, column = finds("title", str, ["a", "b"])
    typed += [f"{column}__{one}" for one in typed]
    with suppress(BadFilter):
        found = filters.ids(db, COLLECTION, Conditions(typed, where, words))
        assert {"0", "1"}.issuperset(found)


@given(st.lists(TEXT, min_size=1))
def test_lists_are_read_as_they_are_written(values):
    one = filters.Filter("a", "in", filters.in_list(values))
    assert filters.values_of(one) == values
