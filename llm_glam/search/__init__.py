"""Search a collection: parse queries, and rank its items with an index of the vectors."""

from typing import TYPE_CHECKING, Any

from ..public import load

if TYPE_CHECKING:
    from .collection_search import Conditions, Result, SearchOptions, search

__all__ = ["Conditions", "Result", "SearchOptions", "search"]

_HOMES = {
    "Conditions": "collection_search",
    "Result": "collection_search",
    "SearchOptions": "collection_search",
    "search": "collection_search",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _HOMES, name)
