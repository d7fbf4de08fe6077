"""What a page offers to narrow a search down by: facets and ranges, counted side by side."""

import asyncio
from dataclasses import dataclass, field

from llm_glam.formats.tables import Row

from ...access.context import CollectionRequest
from . import chips, facets, query_string, ranges, record_filters
from .query_string import Search

MOST_LEFT_OUT = 6  # conditions of an empty result that are left out in turn


@dataclass
class Narrowed:
    """Facets and ranges with their counts, and the filters of the search that they show.

    ``timed_out`` are the names of those that exceeded Datasette's ``facet_time_limit_ms``.
    """

    facets: list[Row] = field(default_factory=list)
    ranges: list[Row] = field(default_factory=list)
    timed_out: list[str] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)

    @property
    def data(self) -> Row:
        """What pages and JSON have of it."""
        return {
            "facets": self.facets,
            "ranges": self.ranges,
            "facets_timed_out": self.timed_out,
        }


async def of(page_request: CollectionRequest, wanted: Search) -> Narrowed:
    """Return the facets and ranges of a page."""
    found = Narrowed()
    wide = await ranges.requested(page_request)
    columns = {column for one in wide for column in one.columns}
    lists = await facets.requested(page_request, wanted, columns)
    counted = await asyncio.gather(
        *(facets.counted(page_request, wanted, one) for one in lists)
    )
    for facet, (row, own, is_late) in zip(lists, counted, strict=True):
        found.facets += [row] if row else []
        found.shown |= set(own.filters) if row else set()
        found.timed_out += [facet.column] if is_late else []
    drawn = await asyncio.gather(
        *(ranges.counted(page_request, wanted, one) for one in wide)
    )
    for one, (row, shown, is_late) in zip(wide, drawn, strict=True):
        found.ranges += [row] if row else []
        found.shown |= shown if row else set()
        found.timed_out += [one.name] if is_late else []
    return found


async def left_out(
    page_request: CollectionRequest, wanted: Search, columns: list[str]
) -> list[Row]:
    """Return the conditions of an empty result without each of which there are pictures.

    The largest results come first.
    """
    conditions = list(chips.conditions(page_request, wanted, columns))
    tried = [one for one in conditions if one["kind"] != "score"][:MOST_LEFT_OUT]
    numbers = await asyncio.gather(
        *(record_filters.count(page_request, one["rest"]) for one in tried)
    )
    rows = [
        {
            "text": one["text"],
            "url": query_string.address(page_request, one["rest"]),
            "pictures": number,
        }
        for one, number in zip(tried, numbers, strict=True)
        if number
    ]
    return sorted(rows, key=lambda row: -row["pictures"])
