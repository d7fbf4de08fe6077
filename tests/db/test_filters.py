"""Filters as they are typed."""

import pytest
from sqlite_utils import Database

from llm_glam.db import filters, items
from llm_glam.db.collections import Collection
from llm_glam.db.filters import Conditions

COLUMNS = ["a", "a__gt", "a=b", "condition (1=good, 5=bad)", "x__isnull"]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a=1", ("a", "exact", "1")),
        ("a=", ("a", "exact", "")),
        ("a__gte=1=2", ("a", "gte", "1=2")),
        ("a__gt=1", ("a__gt", "exact", "1")),
        ("a__gt__gt=1", ("a__gt", "gt", "1")),
        ("a=b=c", ("a=b", "exact", "c")),
        ("a__exact=b=c", ("a", "exact", "b=c")),
        ("a=b__isblank", ("a=b", "isblank", None)),
        ("condition (1=good, 5=bad)=3", ("condition (1=good, 5=bad)", "exact", "3")),
        ("condition (1=good, 5=bad)__lt=3", ("condition (1=good, 5=bad)", "lt", "3")),
        ("x__isnull=", ("x__isnull", "exact", "")),
        ("x__isnull__isnull", ("x__isnull", "isnull", None)),
    ],
)
def test_names_of_columns_may_look_like_filters(typed, expected):
    found = filters.split(typed, COLUMNS, "photos")
    assert (found.column, found.suffix, found.value) == expected


YEARS = [
    *(
        "1887",
        "c. 1890",
        "ca. 1891",
        "circa 1892",
        "[1893]",
        "~ 1894",
        "1895-1899",
        "1896?",
    ),
    *(
        "-44",
        "300 BC",
        "c. 250 B.C.",
        "[200 BCE]",
        " 9",
        "10",
        "12.5",
        ".5",
        "1900-05-03",
    ),
    *("", "unknown", "n.d.", "c. ?", None, b"1887", "9999999999999999999999"),
]
NUMBERS = [
    *(1887, 1890, 1891, 1892, 1893, 1894, 1895, 1896),
    *(-44, -300, -250, -200, 9, 10, 12.5, 0.5, 1900),
    *(None, None, None, None, None, None, 1e22),
]


@pytest.fixture(scope="module")
def dated():
    """A find of each of the years above."""
    db = Database(memory=True)
    items.create(db, "finds")
    items.add_columns(db, "finds", {"year": str})
    rows = [{"id": f"{n:02}", "year": year} for n, year in enumerate(YEARS)]
    items.write(db, "finds", rows)
    return db


def found(db, *typed, exceptions=()):
    finds = Collection(1, "finds", "glam-clip/colours", items_table="finds")
    ids = filters.ids(db, finds, Conditions(typed, exceptions=exceptions))
    return [YEARS[int(item_id)] for item_id in sorted(ids)]


def test_the_numbers_of_a_column_of_text(dated):
    sql = f"select {filters.number_in('year')} from finds order by id"
    assert [row[0] for row in dated.execute(sql)] == NUMBERS


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["year__lt=0"], ["-44", "300 BC", "c. 250 B.C.", "[200 BCE]"]),
        (["year__gte=-250", "year__lte=-44"], ["-44", "c. 250 B.C.", "[200 BCE]"]),
        (["year__gt=250 BC", "year__lt=44 b.c.e."], ["[200 BCE]"]),
        (["year__gte=9", "year__lte=AD 12"], [" 9", "10"]),
        (["year__gte=12.5", "year__lt=1887"], ["12.5"]),
        (["year__gte=1894 CE", "year__lt=1897"], ["~ 1894", "1895-1899", "1896?"]),
        (["year__gt=" + "9" * 20], ["9" * 22]),
        (["year__gt=" + "9" * 400], []),
        (["year__gte=n", "year__lt=z"], ["unknown", "n.d."]),  # texts, as in Datasette
    ],
)
def test_ranges_compare_numbers(dated, typed, expected):
    assert found(dated, *typed) == expected


def test_exceptions_keep_what_has_no_value(dated):
    left = found(dated, exceptions=["year=unknown", "year__glob=*[0-9]*", "year="])
    assert left == ["n.d.", "c. ?", None, b"1887"]
    blank = found(dated, exceptions=["year__notnull"])
    assert blank == [None]
    assert found(dated, "year__gte=1896", exceptions=["year__gt=1900"]) == [
        "1896?",
        "1900-05-03",
    ]
