"""Count the values of columns with Datasette's own facets, as it is configured."""

import itertools
import json
import sqlite3
import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
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
SUGGESTED = 4  # facets, where the configuration names none
SAMPLED = 1_000  # records, to choose the columns that are suggested
# Different values that such a column may have, if each is there twice or five times on average.
FEW, MANY = 30, 200
# Values of a facet on a page, unless the configuration has facet_size.
MOST_VALUES = 15
VALUE_BYTES = 400  # of memory that a value with its count takes, its text aside
MOST_SELECTED = 20  # values beyond these that are counted, too


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
    """Values of a facet with their counts; empty where counting timed out.

    ``has_more`` is whether there are further values, which are less frequent.
    """

    values: Sequence[Row]
    timed_out: bool = False
    has_more: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether counting ended in time."""
        return not self.timed_out

    @property
    def size(self) -> int:
        """About how many bytes of memory this takes."""
        return sum(VALUE_BYTES + sys.getsizeof(one["value"]) for one in self.values)


@dataclass(frozen=True)
class Own:
    """The filters and exceptions of a facet itself, and the values that they name."""

    filters: tuple[str, ...]
    exceptions: tuple[str, ...]
    selected: tuple[str, ...]
    excluded: tuple[str, ...]


async def requested(
    page_request: CollectionRequest, wanted: Search, ranges: AbstractSet[str]
) -> list[Facet]:
    """Return the facets in the URL and in the configuration, or else suggested ones.

    There are none where Datasette's settings allow none.

    :param ranges: columns that are not suggested, since they have a range
    """
    if not page_request.datasette.setting("allow_facet"):
        return []
    named = await _named(page_request, wanted)
    if named is not None:
        return named
    cached = cache.of(page_request.datasette)
    found = await cached.read(page_request, "facets", suggested)
    return [facet for facet in found if facet.column not in ranges][:SUGGESTED]


async def counted(
    page_request: CollectionRequest, wanted: Search, facet: Facet
) -> tuple[Row | None, Own, bool]:
    """Return a facet with its name, its parameter and its values with counts.

    The counts apply all conditions but those on the facet itself, so that visitors can select
    further values.

    :return: the facet or None without values, its own conditions, and whether counting it exceeded
        Datasette's ``facet_time_limit_ms``
    """
    own = _own(page_request, wanted, facet, await page_request.columns())
    try:
        counts, shown = await _counted(page_request, wanted, facet, own)
    except BadFilter:
        if facet in _in_url(wanted):
            raise
        # The configuration may name a column of another type.
        return None, Own((), (), (), ()), False
    row = {
        "name": facet.column,
        "type": facet.type,
        "key": facet.key,
        "values": shown,
        "has_more": counts.has_more,
    }
    return (row if shown else None), own, counts.timed_out


def _own(
    page_request: CollectionRequest, wanted: Search, facet: Facet, columns: list[str]
) -> Own:
    """Return a facet's own conditions.

    Two filters on one column must both match, which its values cannot show, except of an array:
    these count as conditions of others.
    """
    suffixes = {SUFFIXES[facet.type]} | ({"in"} if facet.type == "column" else set())

    def named(texts: Sequence[str], allowed: set[str]) -> dict[str, list[str]]:
        parsed = {t: filters.split(t, columns, page_request.table) for t in texts}
        fit = {t: f for t, f in parsed.items() if f.column == facet.column}
        return {t: filters.values_of(f) for t, f in fit.items() if f.suffix in allowed}

    chosen = named(wanted.filters, suffixes)
    if len(chosen) > 1 and facet.type != "array":
        chosen = {}
    left_out = named(wanted.exceptions, {SUFFIXES[facet.type]})
    return Own(
        tuple(chosen),
        tuple(left_out),
        tuple(value for values in chosen.values() for value in values),
        tuple(value for values in left_out.values() for value in values),
    )


async def _named(page_request: CollectionRequest, wanted: Search) -> list[Facet] | None:
    """Return the facets in the URL and in the configuration; None where neither names any."""
    configured = await page_request.table_config()
    named = [_facet_of(one) for one in configured.get("facets") or []]
    in_url = _in_url(wanted)
    if "facets" not in configured and not in_url:
        return None
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
        f"count(distinct {c}), count({c}), total(substr({c}, 1, 1) = '[')"
        for c in map(quote_identifier, columns)
    )
    some = f"select * from {quote_identifier(table)} limit {SAMPLED}"
    row = db.execute(f"select {counted} from ({some})").fetchone()
    found = []
    for column, values, filled, lists in zip(
        columns, row[::3], row[1::3], row[2::3], strict=True
    ):
        if 1 < values <= max(min(FEW, filled / 2), min(MANY, filled / 5)):
            is_list = lists == filled and _are_lists(db, table, column)
            found.append(Facet(column, "array" if is_list else "column"))
    return found


def _are_lists(db: Database, table: str, column: str) -> bool:
    """Return whether the first values of a column are JSON arrays of texts, as Datasette's facet needs."""
    some = f"select {quote_identifier(column)} from {quote_identifier(table)} limit {SAMPLED}"
    try:
        values = [json.loads(text) for (text,) in db.execute(some).fetchall() if text]
    except (ValueError, TypeError, RecursionError):
        return False
    return all(isinstance(v, list) and all(map(_is_text, v)) for v in values)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


async def _counted(
    page_request: CollectionRequest, wanted: Search, facet: Facet, own: Own
) -> tuple[Counts, list[Row]]:
    """Return the counts of a facet and its values, some of which may be selected."""
    others = replace(
        wanted,
        filters=tuple(f for f in wanted.filters if f not in own.filters),
        exceptions=tuple(f for f in wanted.exceptions if f not in own.exceptions),
    )
    what = f"{facet} {others.conditions} {wanted.with_sensitive}"
    counts = await cache.of(page_request.datasette).get(
        page_request,
        what,
        lambda: _counts(page_request, others, facet),
        lambda counts: counts.is_complete,
        lambda counts: counts.size,
    )
    named = (*own.selected, *own.excluded)
    known = {str(one["value"]) for one in counts.values}
    missing = [v for v in dict.fromkeys(named) if v not in known][:MOST_SELECTED]
    values = [*counts.values]
    for value in missing:
        filter_ = (f"{facet.key}={value}",)
        one = replace(others, filters=(*others.filters, *filter_))
        number = await record_filters.count(page_request, one)
        values.append({"value": value, "label": value, "count": number})
    marked = [
        {
            **one,
            "selected": str(one["value"]) in own.selected,
            "excluded": str(one["value"]) in own.excluded,
        }
        for one in _in_order(values)
    ]
    marked.sort(key=lambda one: not (one["selected"] or one["excluded"]))
    return counts, marked


def _in_order(values: list[Row]) -> list[Row]:
    """Return values by frequency and then alphabet, as they are, or numbers and dates by value."""
    numbers = [filters.number(str(one["value"])) for one in values]
    known = [number for number in numbers if number is not None]
    if len(known) < len(values):
        return values
    pairs = zip(known, values, strict=True)
    return [one for _, one in sorted(pairs, key=lambda pair: pair[0])]


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
    has_more = any(one["truncated"] for one in results)
    return Counts(values, bool(timed_out), has_more)


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
    most = await _most_values(page_request)
    values = [
        {"value": value, "label": value, "count": count}
        for value, count in frequent[:most]
        if not isinstance(value, bytes)
    ]
    return Counts(values, has_more=len(frequent) > most)


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
