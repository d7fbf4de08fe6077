"""The values of columns with their counts, by Datasette's own facets and its configuration."""

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
from . import record_filters
from .query_string import Search, key

SUFFIXES = {"column": "exact", "array": "arraycontains", "date": "date"}
OFFERED = 3  # facets, where the configuration names none
LOOKED_AT = 1_000  # records, to see which columns are worth one
FEW = 30  # different values at most in such a column
MOST_VALUES = (
    15  # that a page offers of a facet, unless the configuration says facet_size
)


@dataclass(frozen=True)
class Facet:
    """A column, and how Datasette's facets read it."""

    column: str
    type: str = "column"

    @property
    def key(self) -> str:
        """The parameter that chooses one of its values."""
        return key(self.column, SUFFIXES[self.type])

    @property
    def config(self) -> Any:
        """As it stands in Datasette's configuration."""
        return self.column if self.type == "column" else {self.type: self.column}


@dataclass(frozen=True)
class Counts:
    """Values of a facet with their counts; none where counting took longer than it may."""

    values: Sequence[Row]
    timed_out: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether they were counted to the end."""
        return not self.timed_out


async def of(
    page_request: CollectionRequest, wanted: Search
) -> tuple[list[Row], list[str]]:
    """The facets of a page: each with its name, parameter and values with counts.

    The counts of a facet heed all that narrows the search but the value chosen in it, so that
    another one can be chosen.

    :return: and the names of those that took longer than Datasette's ``facet_time_limit_ms``
    """
    if not page_request.datasette.setting("allow_facet"):
        return [], []
    found, late = [], []
    for one in await _pending(page_request, wanted):
        try:
            counts, shown = await _counted(page_request, wanted, one)
        except BadFilter:
            if one in _in_address(wanted):
                raise
            continue  # the configuration may name columns that hold something else
        if shown:
            found.append({"name": one.column, "key": one.key, "values": shown})
        if counts.timed_out:
            late.append(one.column)
    return found, late


async def _pending(page_request: CollectionRequest, wanted: Search) -> list[Facet]:
    """Those in the address, those of the configuration, or else some that suggest themselves."""
    told = await page_request.table_config()
    named = [_facet_of(one) for one in told.get("facets") or []]
    in_address = _in_address(wanted)
    if "facets" not in told and not in_address:
        kept = cache.of(page_request.datasette)
        return await kept.read(page_request, "facets", suggested)
    columns = await page_request.read(items.columns)
    for one in in_address:
        if one.type not in SUFFIXES or one.column not in columns:
            raise BadFilter(f"There is no '{one.column}' to count as {one.type} here.")
    # The configuration may name columns that these records lack.
    fit = [one for one in named if one and one.column in columns]
    return list(dict.fromkeys([*fit, *in_address]))


def _in_address(wanted: Search) -> list[Facet]:
    return [
        Facet(column, name.removeprefix("_facet").lstrip("_") or "column")
        for name, column in wanted.facets
    ]


def _facet_of(config: Any) -> Facet | None:
    """A facet as the configuration names it; None for kinds that Datasette alone knows."""
    if isinstance(config, str):
        return Facet(config)
    ((kind, column),) = config.items()
    is_known = kind in SUFFIXES and isinstance(column, str)
    return Facet(column, kind) if is_known else None


def suggested(db: Database, collection: Collection) -> list[Facet]:
    """The first columns of the records that hold few values again and again."""
    table = str(collection.items_table)
    columns = [c for c in db.table(table).columns_dict if c not in items.NOT_RECORD]
    if not columns:
        return []
    counted = ", ".join(
        f"count(distinct {quote_identifier(c)}), count({quote_identifier(c)})"
        for c in columns
    )
    some = f"select * from {quote_identifier(table)} limit {LOOKED_AT}"
    row = db.execute(f"select {counted} from ({some})").fetchone()
    counts = zip(columns, row[::2], row[1::2], strict=True)
    fit = [c for c, values, filled in counts if 1 < values <= min(FEW, filled / 2)]
    return [Facet(column) for column in fit[:OFFERED]]


async def _counted(
    page_request: CollectionRequest, wanted: Search, facet: Facet
) -> tuple[Counts, list[Row]]:
    """What was counted, and the values to choose from, of which some may be chosen."""
    own = f"{facet.key}="
    others = replace(
        wanted, filters=tuple(f for f in wanted.filters if not f.startswith(own))
    )
    work = lambda: _counts(page_request, others, facet)  # noqa: E731
    if others.conditions:
        counts = await work()
    else:
        kept = cache.of(page_request.datasette)
        what = f"{facet} {wanted.with_sensitive}"
        counts = await kept.get(
            page_request, what, work, lambda counts: counts.is_whole
        )
    chosen = [f.removeprefix(own) for f in wanted.filters if f.startswith(own)]
    shown = [{**v, "selected": str(v["value"]) in chosen} for v in counts.values]
    missing = [v for v in chosen if v not in {str(one["value"]) for one in shown}]
    shown += [{"value": v, "label": v, "count": 0, "selected": True} for v in missing]
    return counts, shown


async def _counts(
    page_request: CollectionRequest, wanted: Search, facet: Facet
) -> Counts:
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
            f"The column '{facet.column}' cannot be counted as {facet.type}: {error}."
        ) from error
    names = ("value", "label", "count")
    # Bytes are left out: no address could name them.
    values = [
        {n: v[n] for n in names}
        for one in results
        for v in one["results"]
        if not isinstance(v["value"], bytes)
    ]
    return Counts(values, bool(timed_out))
