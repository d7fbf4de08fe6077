"""What is computed once for a state of a database: counts of a million records take a second."""

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
UNFINISHED = 60  # seconds that something stays which ran out of time

T = TypeVar("T")


@dataclass(frozen=True)
class _Kept:
    stamp: str
    when: float
    is_whole: bool
    value: Any

    def is_true(self, stamp: str | None) -> bool:
        """Whether it may be given to somebody who sees the database with this stamp."""
        return self.stamp == stamp and (
            self.is_whole or time.monotonic() < self.when + UNFINISHED
        )


class Remembered:
    """Results of one Datasette instance, each with the stamp of the database it is true for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], _Kept] = OrderedDict()

    async def read(
        self,
        page_request: CollectionRequest,
        what: str,
        function: Callable[[Database, Collection], T],
    ) -> T:
        """What ``function`` reads of the collection's database, or read of it as it is."""
        return await self.get(page_request, what, lambda: page_request.read(function))

    async def get(
        self,
        page_request: CollectionRequest,
        what: str,
        work: Callable[[], Awaitable[T]],
        is_whole: Callable[[T], bool] = lambda value: True,
    ) -> T:
        """What ``work`` gives for the collection, or gave while its database was the same.

        :param is_whole: whether what it gave is all; what is not is tried again after a while
        """
        key = page_request.database, page_request.collection, what
        path = page_request.db.path
        # Looked at before the work: what is written meanwhile makes the next look differ.
        seen = change_stamp.of(path) if path else None
        kept = self._kept.get(key)
        if kept and kept.is_true(seen):
            self._kept.move_to_end(key)
            return kept.value
        value = await work()
        if seen is not None:
            self._kept[key] = _Kept(seen, time.monotonic(), is_whole(value), value)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return value


def of(datasette: Any) -> Remembered:
    """The one of this Datasette instance."""
    if not hasattr(datasette, "_glam_remembered"):
        datasette._glam_remembered = Remembered()
    found: Remembered = datasette._glam_remembered
    return found
