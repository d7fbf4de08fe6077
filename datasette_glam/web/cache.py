"""Cache what is computed from a database until it changes, such as counts of a million records."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlite_utils import Database

from llm_glam.db import change_stamp
from llm_glam.db.collection import Collection

from ..access import instance
from ..access.context import CollectionRequest

MOST = 1_000  # results
MOST_BYTES = (
    256_000_000  # of all results that say their size, and of what they are asked for by
)
INCOMPLETE_S = 60  # seconds for which a result that ran out of time is cached

T = TypeVar("T")


@dataclass(frozen=True)
class _Result:
    stamp: str
    read_at: float
    is_complete: bool
    value: Any
    size: int

    def is_valid(self, stamp: str | None) -> bool:
        """Return whether the result may be used while the database has this stamp."""
        return self.stamp == stamp and (
            self.is_complete or time.monotonic() < self.read_at + INCOMPLETE_S
        )


class Cache:
    """The results of one Datasette instance, each with the stamp of its database."""

    def __init__(self) -> None:
        self._results: OrderedDict[tuple[Any, ...], _Result] = OrderedDict()
        self._size = 0
        self._pending: dict[tuple[Any, ...], asyncio.Task[Any]] = {}

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
        size: Callable[[T], int] = lambda value: 0,
    ) -> T:
        """Return the result of ``work``, cached while the collection's database is the same.

        Visitors who ask for the same at once wait for one result.

        :param is_complete: whether a result is complete; others are computed again after a while
        :param size: how many bytes a result takes; results that were not used for the longest time
            are forgotten when all together take more than ``MOST_BYTES``
        """
        key = page_request.database, page_request.collection, what
        # Read before the work, so that what is written during it invalidates the result.
        stamp = stamp_of(page_request)
        if stamp is None:
            return await work()
        cached = self._results.get(key)
        if cached and cached.is_valid(stamp):
            self._results.move_to_end(key)
            found: T = cached.value
            return found
        if (*key, stamp) not in self._pending:

            async def worked() -> T:
                value = await work()
                measured = time.monotonic(), is_complete(value), value
                self._add(key, _Result(stamp, *measured, size(value) + len(what)))
                return value

            pending = asyncio.create_task(worked())
            self._pending[*key, stamp] = pending
            pending.add_done_callback(lambda _: self._pending.pop((*key, stamp)))
        # One visitor who leaves does not cancel what others wait for.
        shared: T = await asyncio.shield(self._pending[*key, stamp])
        return shared

    def _add(self, key: tuple[Any, ...], result: _Result) -> None:
        """Cache a result, and forget others if that is necessary."""
        self._forget(key)
        self._results[key] = result
        self._size += result.size
        while len(self._results) > MOST or self._size > MOST_BYTES:
            oldest = next(iter(self._results))
            if oldest == key:  # larger than all that may be cached
                break
            self._forget(oldest)

    def _forget(self, key: tuple[Any, ...]) -> None:
        if forgotten := self._results.pop(key, None):
            self._size -= forgotten.size


def stamp_of(page_request: CollectionRequest) -> str | None:
    """Return the stamp of the database, None while nothing that is read of it may be cached."""
    path = page_request.db.path
    return change_stamp.of(path) if path else None


def of(datasette: Any) -> Cache:
    """Return the cache of this Datasette instance."""
    return instance.only(datasette, Cache)
