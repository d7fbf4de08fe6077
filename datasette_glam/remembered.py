"""What is computed once for a state of a database: counts of a million records take a second."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from llm_glam import stamp

from .pages import Asked

MOST = 200  # results


class Remembered:
    """Results of one Datasette instance, each with the stamp of the database it is true for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], tuple[str, Any]] = OrderedDict()

    async def read(self, asked: Asked, what: str, function: Callable[..., Any]) -> Any:
        """What ``function`` reads of the collection's database, or read of it as it is."""
        collection = asked.place.collection
        return await self.get(asked, what, lambda: asked.read(function, collection))

    async def get(
        self, asked: Asked, what: str, work: Callable[[], Awaitable[Any]]
    ) -> Any:
        """What ``work`` gives for the collection, or gave while its database was the same."""
        place = asked.place
        key = place.database, place.collection, what
        path = place.db.path
        # Looked at before the work: what is written meanwhile makes the next look differ.
        seen = stamp.of(path) if path else None
        if seen is None or self._kept.get(key, ("",))[0] != seen:
            value = await work()
            if seen is None:
                return value
            self._kept[key] = seen, value
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key][1]


def of(datasette: Any) -> Remembered:
    """The one of this Datasette instance."""
    if not hasattr(datasette, "_glam_remembered"):
        datasette._glam_remembered = Remembered()
    found: Remembered = datasette._glam_remembered
    return found
