"""Count the values of columns with Datasette's own facets, as it is configured."""

import itertools
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from datasette.plugins import pm
from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import filters
from llm_glam.db.collection import Collection
from llm_glam.errors import BadFilter
from llm_glam.formats.tables import Row

from ... import compat, items
from ...access.context import CollectionRequest
from ...web import cache
from . import indexed_records, record_filters
from .query_string import Search, key

SUFFIXES = {"column": "exact", "array": "arraycontains", "date": "date"}
SUGGESTED = 3  # facets, where the configuration names none
SAMPLED = 1_000  # records, to choose the columns that are suggested
FEW = 30  # different values that such a column may have
# Values of a facet on a page, unless the configuration has facet_size.
MOST_VALUES = 15


@dataclass(frozen=True)
class Facet:
    """A column and the type of its facet in Datasette."""

    column: str
    type: str = "column"

    @property
    def key(self) -> str:
        """The URL parameter that selects one of its values."""
        return key(self.column, SUFFIXES[self.type])

    @property
    def config(self) -> Any:
        """The facet as Datasette's configuration names it."""
        return self.column if self.type == "column" else {self.type: self.column}


@dataclass(frozen=True)
class Counts:
    """Values of a facet with their counts; empty where counting timed out."""

    values: Sequence[Row]
    timed_out: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether counting ended in time."""
        return not self.timed_out


async def of(
    page_request: CollectionRequest, wanted: Search
) -> tuple[list[Row], list[str]]:
    """Return the facets of a page, each with its name, parameter and values with counts.

    The counts of a facet apply all filters but the value selected in the facet itself, so that
    visitors can select another one.

    :return: the facets, and the names of those that exceeded Datasette's ``facet_time_limit_ms``
    """
    if not page_request.datasette.setting("allow_facet"):
        return [], []
    found, late = [], []
    for one in await _requested(page_request, wanted):
        try:
            counts, shown = await _counted(page_request, wanted, one)
        except BadFilter:
            if one in _in_url(wanted):
                raise
            continue  # the configuration may name a column of another type
        if shown:
            found.append({"name": one.column, "key": one.key, "values": shown})
        if counts.timed_out:
            late.append(one.column)
    return found, late


async def _requested(page_request: CollectionRequest, wanted: Search) -> list[Facet]:
    """Return the facets in the URL and in the configuration, or else suggested ones."""
    configured = await page_request.table_config()
    named = [_facet_of(one) for one in configured.get("facets") or []]
    in_url = _in_url(wanted)
    if "facets" not in configured and not in_url:
        cached = cache.of(page_request.datasette)
        return await cached.read(page_request, "facets", suggested)
    columns = await page_request.columns()
    for one in in_url:
        if one.type not in SUFFIXES or one.column not in columns:
            raise BadFilter(
                f"There is no column '{one.column}' to count as {one.type}. Use _facet, "
                "_facet_array or _facet_date with a column of the records."
            )
    # The configuration may name columns that these records lack.
    fit = [one for one in named if one and one.column in columns]
    return list(dict.fromkeys([*fit, *in_url]))


def _in_url(wanted: Search) -> list[Facet]:
    return [
        Facet(column, name.removeprefix("_facet").lstrip("_") or "column")
        for name, column in wanted.facets
    ]


def _facet_of(config: Any) -> Facet | None:
    """Parse a facet of the configuration; None for the types that only Datasette supports."""
    if isinstance(config, str):
        return Facet(config)
    ((kind, column),) = config.items()
    is_known = kind in SUFFIXES and isinstance(column, str)
    return Facet(column, kind) if is_known else None


def suggested(db: Database, collection: Collection) -> list[Facet]:
    """Return the first columns that have few different values, each of them often."""
    table = str(collection.items_table)
    columns = [c for c in db.table(table).columns_dict if c not in items.NOT_RECORD]
    if not columns:
        return []
    counted = ", ".join(
        f"count(distinct {quote_identifier(c)}), count({quote_identifier(c)})"
        for c in columns
    )
    some = f"select * from {quote_identifier(table)} limit {SAMPLED}"
    row = db.execute(f"select {counted} from ({some})").fetchone()
    counts = zip(columns, row[::2], row[1::2], strict=True)
    fit = [c for c, values, filled in counts if 1 < values <= min(FEW, filled / 2)]
    return [Facet(column) for column in fit[:SUGGESTED]]


async def _counted(
    page_request: CollectionRequest, wanted: Search, facet: Facet
) -> tuple[Counts, list[Row]]:
    """Return the counts of a facet and its values, some of which may be selected."""
    own = f"{facet.key}="
    others = replace(
        wanted, filters=tuple(f for f in wanted.filters if not f.startswith(own))
    )
    work = lambda: _counts(page_request, others, facet)  # noqa: E731
    if others.conditions:
        counts = await work()
    else:
        cached = cache.of(page_request.datasette)
        what = f"{facet} {wanted.with_sensitive}"
        counts = await cached.get(
            page_request, what, work, lambda counts: counts.is_complete
        )
    selected = [f.removeprefix(own) for f in wanted.filters if f.startswith(own)]
    shown = [{**v, "selected": str(v["value"]) in selected} for v in counts.values]
    missing = [v for v in selected if v not in {str(one["value"]) for one in shown}]
    shown += [{"value": v, "label": v, "count": 0, "selected": True} for v in missing]
    return counts, shown


async def _counts(
    page_request: CollectionRequest, wanted: Search, facet: Facet
) -> Counts:
    if wanted.conditions and (
        in_memory := await _counts_in_memory(page_request, wanted, facet)
    ):
        return in_memory
    conditions = await record_filters.whole(page_request, wanted)
    clause = await page_request.read(filters.clause, conditions)
    sql = f"select * from {quote_identifier(page_request.table)} where {clause.sql}"
    kinds = itertools.chain.from_iterable(pm.hook.register_facet_classes())
    kind = next(one for one in kinds if one.type == facet.type)
    config = await page_request.table_config()
    most = None if "facet_size" in config else MOST_VALUES
    instance = compat.facet(kind, page_request, sql, clause.values, facet.config, most)
    try:
        results, timed_out = await page_request.timed(
            "facets", instance.facet_results()
        )
    except sqlite3.Error as error:
        raise BadFilter(
            f"The values of the column '{facet.column}' cannot be counted as {facet.type}: "
            f"{error}. Remove this facet."
        ) from error
    names = ("value", "label", "count")
    # Bytes are left out: no URL can select them.
    values = [
        {n: v[n] for n in names}
        for one in results
        for v in one["results"]
        if not isinstance(v["value"], bytes)
    ]
    return Counts(values, bool(timed_out))


async def _counts_in_memory(
    page_request: CollectionRequest, wanted: Search, facet: Facet
) -> Counts | None:
    """Return what SQLite would count; None where only it can."""
    if facet.type != "column" or await _has_labels(page_request, facet.column):
        return None
    if (matches := await record_filters.matching(page_request, wanted)) is None:
        return None
    found = await indexed_records.value_counts(page_request, matches, facet.column)
    if found is None:
        return None
    frequent = sorted(found, key=lambda pair: -pair[1])
    values = [
        {"value": value, "label": value, "count": count}
        for value, count in frequent[: await _most_values(page_request)]
        if not isinstance(value, bytes)
    ]
    return Counts(values)


async def _has_labels(page_request: CollectionRequest, column: str) -> bool:
    """Return whether Datasette shows the values of a column as another table names them."""
    keys = await page_request.db.foreign_keys_for_table(page_request.table)
    return column in {key["column"] for key in keys}


async def _most_values(page_request: CollectionRequest) -> int:
    """Return how many values of a facet are shown."""
    configured = await page_request.table_config()
    most = configured.get("facet_size", MOST_VALUES)
    largest = int(page_request.datasette.setting("max_returned_rows"))
    return largest if most == "max" else min(int(most), largest)
