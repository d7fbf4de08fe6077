"""Search several collections of one checkpoint together: which can be, and their one ranking."""

from collections.abc import Sequence
from typing import TypeVar

from sqlite_utils import Database

from ..db import collections
from ..db.collection import Collection
from ..errors import NotComparable
from ..models import registry

P = TypeVar("P", bound=tuple[str, float | None])


def open_all(db: Database, names: Sequence[str]) -> list[Collection]:
    """Return the collections with these names, each once, to search together.

    :raises UnknownCollection: there is no such collection
    :raises NotComparable: two were made with different checkpoints, or at different precisions
    """
    first, *others = [collections.get(db, name) for name in dict.fromkeys(names)]
    for other in others:
        if other.embedding_space != first.embedding_space:
            raise NotComparable(_why_not(first, other))
    return [first, *others]


def _why_not(first: Collection, other: Collection) -> str:
    name = registry.bare(first.model_id)
    return (
        f"'{other.name}' cannot be searched together with '{first.name}', because vectors of "
        f"different checkpoints cannot be compared: '{first.name}' was made with "
        f"{_checkpoint(first)}, '{other.name}' with {_checkpoint(other)}. Embed the pictures of "
        f"'{other.name}' with the first as well, and search the new collection: llm glam reembed "
        f"{other.name} {other.name}-{name} -m {name}"
    )


def _checkpoint(collection: Collection) -> str:
    known = collection.fingerprint or "fingerprint unknown"
    return f"{collection.model_id} ({known}, {collection.precision})"


def merge(rankings: Sequence[Sequence[P]], number: int) -> list[tuple[int, P]]:
    """Return the best of several rankings, each with the position of the ranking that it is from.

    Pictures with equal scores are in the order of the rankings, then of their ids; so are those
    without a score.

    :param rankings: ids and scores; those of one ranking are all numbers, or all None
    """
    every = [
        (position, picture)
        for position, ranking in enumerate(rankings)
        for picture in ranking
    ]
    return sorted(every, key=_order)[:number]


def _order(placed: tuple[int, tuple[str, float | None]]) -> tuple[float, int, str]:
    position, (item_id, score) = placed
    return 0.0 if score is None else -score, position, item_id
