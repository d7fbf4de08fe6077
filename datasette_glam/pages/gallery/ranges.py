"""Ranges of years and numbers to narrow a search down by, each with a histogram."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import filters
from llm_glam.db.collection import Collection
from llm_glam.formats.tables import Row

from ... import items
from ...access.context import CollectionRequest
from ...web import cache, metadata
from . import facets, indexed_records, record_filters
from .query_string import Search, key

SUGGESTED = 2  # ranges, where the settings name none
NO_RANGE = items.NOT_RECORD | {"document", "sequence", "latitude", "longitude"}
NUMERIC = 0.9  # part of the values that are numbers, in a column that is suggested
REPEATED = 0.9  # different values of it at most: where all differ, they are likely to be numbers of objects
LATEST_YEAR = 2100
BARS = 32
# The part of the records at either end that shares a bar, however far away their numbers are.
TAIL = 0.005
MOST_NUMBERS = 20_000  # different ones that are counted
STEPS = (1, 2, 5)
# Numbers, and lengths of bars, of which sums and differences are finite and not 0
LARGEST, SHORTEST = 1e300, 1e-300

ROW_BYTES = 150  # of memory, for a row of three numbers

Numbers = Sequence[tuple[float, float, int]]


@dataclass(frozen=True)
class Range:
    """A column of numbers, or two with the earliest and the latest of each record.

    A record is in the range if its own numbers overlap with it.
    """

    earliest: str
    latest: str

    @property
    def name(self) -> str:
        """The name on the page."""
        is_one = self.earliest == self.latest
        return self.earliest if is_one else f"{self.earliest} – {self.latest}"

    @property
    def from_key(self) -> str:
        """The URL parameter of the lower end."""
        return key(self.latest, "gte")

    @property
    def to_key(self) -> str:
        """The URL parameter of the upper end."""
        return key(self.earliest, "lte")

    @property
    def columns(self) -> tuple[str, ...]:
        """Its one column, or both."""
        return tuple(dict.fromkeys((self.earliest, self.latest)))


@dataclass(frozen=True)
class Bins:
    """Intervals of one length; the first and the last have what is further away, too."""

    start: float
    step: float
    number: int

    def place(self, value: float) -> int:
        """Return the number of the interval that a value is in."""
        return int(min(max((value - self.start) // self.step, 0), self.number - 1))

    def counts(self, numbers: Numbers) -> list[int]:
        """Count the records of each interval; those that overlap several are in each of them."""
        changes = [0] * (self.number + 1)
        for low, high, count in numbers:
            changes[self.place(low)] += count
            changes[self.place(max(low, high)) + 1] -= count
        return list(accumulate(changes))[:-1]

    def bars(
        self, numbers: Numbers, low: float | None, high: float | None
    ) -> list[Row]:
        """Return the intervals, each with its count and whether it is in the range.

        ``part`` is the count as a part of the largest one.
        """
        found = []
        counts = self.counts(numbers)
        most = max(counts) or 1
        for number, count in enumerate(counts):
            start = self.start + number * self.step
            ends = _plain(start), _plain(start + self.step)
            above = low is None or ends[1] > low or number == self.number - 1
            below = high is None or ends[0] <= high or number == 0
            found.append(
                {
                    "from": ends[0],
                    "to": ends[1],
                    "count": count,
                    "part": round(count / most, 3),
                    "selected": above and below,
                }
            )
        return found


async def requested(page_request: CollectionRequest) -> list[Range]:
    """Return the ranges in the settings, or else suggested ones."""
    columns = await page_request.columns()
    named = metadata.setting(page_request, "ranges")
    if named is None:
        cached = cache.of(page_request.datasette)
        found = await cached.read(page_request, "ranges", suggested)
        return [Range(c, c) for c in found if c in columns]
    ranges = [_range_of(one) for one in named] if isinstance(named, list) else []
    return [one for one in ranges if one and set(one.columns) <= set(columns)]


def _range_of(setting: Any) -> Range | None:
    """Parse a range of the settings: a column, or a list of two."""
    ends = setting if isinstance(setting, list) else [setting, setting]
    return Range(*map(str, ends)) if len(ends) == 2 else None


def suggested(db: Database, collection: Collection) -> list[str]:
    """Return the first columns of which most values are numbers that are not one object's each."""
    table = str(collection.items_table)
    columns = [c for c in db.table(table).columns_dict if c.lower() not in NO_RANGE]
    found = []
    for column in columns:
        name = quote_identifier(column)
        sql = f"select {name} from {quote_identifier(table)} limit {facets.SAMPLED}"
        values = [v for (v,) in db.execute(sql).fetchall() if v not in (None, "")]
        if _is_range(values):
            found.append(column)
    return found[:SUGGESTED]


def _is_range(values: Sequence[Any]) -> bool:
    texts = [str(value) for value in values if not isinstance(value, bytes)]
    numbers = [n for n in map(filters.number, texts) if n is not None]
    different = set(numbers)
    if len(different) < 3 or len(numbers) < NUMERIC * len(values):
        return False
    are_years = sum(1000 <= n <= LATEST_YEAR for n in numbers) > len(numbers) / 2
    is_repeated = len(different) <= REPEATED * len(numbers)
    return is_repeated or (are_years and max(different) <= LATEST_YEAR)


async def counted(
    page_request: CollectionRequest, wanted: Search, one: Range
) -> tuple[Row | None, set[str], bool]:
    """Return a range with its ends and its histogram.

    The histogram applies all conditions but the range itself; its bars are the same for all
    conditions.

    :return: the range or None without different numbers, the filters that it shows, and whether
        counting exceeded Datasette's ``facet_time_limit_ms``
    """
    ends = [_end(wanted, one.from_key), _end(wanted, one.to_key)]
    own = {
        f"{k}={v}" for k, v in zip((one.from_key, one.to_key), ends, strict=True) if v
    }
    others = replace(wanted, filters=tuple(f for f in wanted.filters if f not in own))
    every = await _numbers(page_request, wanted.unfiltered(), one)
    some = await _numbers(page_request, others, one)
    if every is None or some is None:
        return _row(one, ends, [], []), own, True
    bins = bins_of(every)
    low, high = (filters.number(text) if text else None for text in ends)
    if bins is None:
        return (_row(one, ends, every, []) if own else None), own, False
    return _row(one, ends, every, bins.bars(some, low, high)), own, False


def _end(wanted: Search, name: str) -> str:
    """Return the value of a filter, if there is exactly one."""
    own = f"{name}="
    found = [text for text in wanted.filters if text.startswith(own)]
    return found[0].removeprefix(own) if len(found) == 1 else ""


def _row(one: Range, ends: list[str], every: Numbers, bars: list[Row]) -> Row:
    return {
        "name": one.name,
        "from_key": one.from_key,
        "to_key": one.to_key,
        "from": ends[0],
        "to": ends[1],
        "least": min((_plain(low) for low, _, _ in every), default=None),
        "most": max((_plain(high) for _, high, _ in every), default=None),
        "bars": bars,
    }


async def _numbers(
    page_request: CollectionRequest, wanted: Search, one: Range
) -> Numbers | None:
    """Return the numbers of the records that match, each with how many have it, as cached.

    :return: None where counting takes too long; none of them where there are too many
    """
    return await cache.of(page_request.datasette).get(
        page_request,
        f"{one} {record_filters.shown(wanted)}",
        lambda: _counted(page_request, wanted, one),
        lambda numbers: numbers is not None,
        lambda numbers: ROW_BYTES * len(numbers or ()),
    )


async def _counted(
    page_request: CollectionRequest, wanted: Search, one: Range
) -> Numbers | None:
    names = [quote_identifier(column) for column in (one.earliest, one.latest)]
    low, high = map(filters.number_in, names)
    # The cells are counted first, so that each different one is converted once.
    sql = f"""
        select low, high, sum(records) from (
            select {low} as low, {high} as high, records from (
                select {", ".join(dict.fromkeys(names))}, count(*) as records from found
                group by {", ".join(dict.fromkeys(names))}
            )
        )
        where low is not null and high is not null
        group by low, high limit {MOST_NUMBERS + 1}
    """
    try:
        found: Sequence[Any] | None
        found = await _numbers_in_memory(page_request, wanted, one)
    except record_filters.TooSlow:
        return None
    if found is None:
        conditions = await record_filters.whole(page_request, wanted)
        found = await record_filters.summary(page_request, conditions, sql)
    if found is None:
        return None
    finite = [row for row in found if all(abs(number) <= LARGEST for number in row)]
    return [] if len(found) > MOST_NUMBERS else finite


async def _numbers_in_memory(
    page_request: CollectionRequest, wanted: Search, one: Range
) -> Numbers | None:
    """Return what SQLite would count; None where only it can."""
    if (matches := await record_filters.matching(page_request, wanted)) is None:
        return None
    names = one.earliest, one.latest
    return await indexed_records.number_counts(page_request, matches, names)


def bins_of(numbers: Numbers) -> Bins | None:
    """Return intervals for a histogram; None where all numbers are as good as the same."""
    ends = sorted((n, count) for low, high, count in numbers for n in (low, high))
    if not ends or ends[0][0] == ends[-1][0]:
        return None
    low, high = _quantile(ends, TAIL), _quantile(ends, 1 - TAIL)
    if low == high:
        low, high = ends[0][0], ends[-1][0]
    length = (high - low) / BARS
    if length < SHORTEST:
        return None
    are_whole = all(float(n).is_integer() for n, _ in ends)
    step = _step(length, at_least=1 if are_whole else 0)
    start = low // step * step
    return Bins(start, step, int((high - start) // step) + 1)


def _quantile(ends: Iterable[tuple[float, int]], part: float) -> float:
    """Return the number below which a part of sorted and counted numbers is."""
    ends = list(ends)
    least = part * sum(count for _, count in ends)
    sums = accumulate(count for _, count in ends)
    return next(n for (n, _), total in zip(ends, sums, strict=True) if total >= least)


def _step(length: float, *, at_least: float) -> float:
    """Return the next round number: 1, 2 or 5, or ten or a hundred times as much, and so on."""
    length = max(length, at_least)
    power = 10.0 ** math.floor(math.log10(length))
    return next((step * power for step in STEPS if step * power >= length), 10 * power)


def _plain(number: float) -> float:
    """Return a number without the noise of binary fractions; a whole one as an integer."""
    number = round(number, 9)
    return int(number) if float(number).is_integer() else number
