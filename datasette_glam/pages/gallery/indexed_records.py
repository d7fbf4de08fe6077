"""Filter and count the records of a collection in memory, while its database does not change."""

from collections.abc import Callable
from typing import Any

from llm_glam.db.filters import Conditions
from llm_glam.search import record_columns
from llm_glam.search.record_columns import (
    Matches,
    RecordColumn,
    Records,
    RecordsChanged,
)

from ...access.context import CollectionRequest
from ...web import cache


async def matching(
    page_request: CollectionRequest,
    conditions: Conditions,
    work: Callable[..., Matches],
) -> Matches | None:
    """Return the pictures whose records fulfil conditions.

    :param work: :func:`llm_glam.search.record_columns.matching` within a time limit
    :return: None if SQLite has to find them: the database has been changed since the last search
    :raises BadFilter: a condition is not valid, or cannot be applied to a record, or takes too long
    """
    names = await page_request.read(record_columns.names, conditions)
    try:
        if (known := await _records(page_request)) is None:
            return None
        found = {name: await _column(page_request, known, name) for name in names}
        columns = {name: one for name, one in found.items() if one is not None}
        return await cache.of(page_request.datasette).get(
            page_request,
            f"matches {known.stamp} {conditions}",
            lambda: page_request.read(work, known, conditions, columns),
            size=lambda one: one.size,
        )
    except RecordsChanged:
        return None


async def value_counts(
    page_request: CollectionRequest, among: Matches, name: str
) -> list[tuple[Any, int]] | None:
    """Count the values of a column in some records; they come in SQLite's order, without NULL.

    :return: None if SQLite has to count them
    """
    try:
        column = await _column(page_request, among.records, name)
    except RecordsChanged:
        return None
    if column is None:
        return None
    return await page_request.read(lambda *_: column.counts(among))


async def number_counts(
    page_request: CollectionRequest, among: Matches, names: tuple[str, str]
) -> list[tuple[float, float, int]] | None:
    """Count the pairs of numbers in two columns of some records.

    :return: None if SQLite has to count them
    """
    try:
        low, high = [await _column(page_request, among.records, name) for name in names]
    except RecordsChanged:
        return None
    if low is None or high is None:
        return None
    return await page_request.read(
        lambda *_: record_columns.number_counts(low, high, among)
    )


async def _records(page_request: CollectionRequest) -> Records | None:
    if cache.stamp_of(page_request) is None:
        return None
    return await cache.of(page_request.datasette).get(
        page_request,
        "records",
        lambda: page_request.read(record_columns.records),
        size=lambda one: one.size,
    )


async def _column(
    page_request: CollectionRequest, known: Records, name: str
) -> RecordColumn | None:
    """Return a column of the records; None for one that has to be left to SQLite."""
    return await cache.of(page_request.datasette).get(
        page_request,
        f"column {known.stamp} {name}",
        lambda: page_request.read(record_columns.column, known, name),
        size=lambda one: one.size if one else 0,
    )
