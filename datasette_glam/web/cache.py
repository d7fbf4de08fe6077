"""Cache what is computed from a database until it changes, such as counts of a million records."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlite_utils import Database

from llm_glam.db import change_stamp
from llm_glam.db.collection import Collection

from ..access.context import CollectionRequest

MOST = 200  # results
INCOMPLETE_S = 60  # seconds for which a result that ran out of time is cached

T = TypeVar("T")


@dataclass(frozen=True)
class _Result:
    stamp: str
    read_at: float
    is_complete: bool
    value: Any

    def is_valid(self, stamp: str | None) -> bool:
        """Return whether the result may be used while the database has this stamp."""
        return self.stamp == stamp and (
            self.is_complete or time.monotonic() < self.read_at + INCOMPLETE_S
        )


class Cache:
    """The results of one Datasette instance, each with the stamp of its database."""

    def __init__(self) -> None:
        self._results: OrderedDict[tuple[Any, ...], _Result] = OrderedDict()

    async def read(
        self,
        page_request: CollectionRequest,
        what: str,
        function: Callable[[Database, Collection], T],
    ) -> T:
        """Return what ``function`` reads of the collection, cached while its database is the same."""
        return await self.get(page_request, what, lambda: page_request.read(function))

    async def get(
        self,
        page_request: CollectionRequest,
        what: str,
        work: Callable[[], Awaitable[T]],
        is_complete: Callable[[T], bool] = lambda value: True,
    ) -> T:
        """Return the result of ``work``, cached while the collection's database is the same.

        :param is_complete: whether a result is complete; others are computed again after a while
        """
        key = page_request.database, page_request.collection, what
        path = page_request.db.path
        # Read before the work, so that what is written during it invalidates the result.
        stamp = change_stamp.of(path) if path else None
        cached = self._results.get(key)
        if cached and cached.is_valid(stamp):
            self._results.move_to_end(key)
            return cached.value
        value = await work()
        if stamp is not None:
            result = _Result(stamp, time.monotonic(), is_complete(value), value)
            self._results[key] = result
            self._results.move_to_end(key)
            while len(self._results) > MOST:
                self._results.popitem(last=False)
        return value


def of(datasette: Any) -> Cache:
    """Return the cache of this Datasette instance."""
    if not hasattr(datasette, "_glam_cache"):
        datasette._glam_cache = Cache()
    found: Cache = datasette._glam_cache
    return found
