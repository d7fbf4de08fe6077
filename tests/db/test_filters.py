"""Filters as they are typed."""

import pytest

from llm_glam.db import filters

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
