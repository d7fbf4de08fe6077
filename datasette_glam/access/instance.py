"""What there is once for each Datasette instance, such as its caches and its limits."""

from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def only(datasette: Any, make: Callable[[], T]) -> T:
    """Return what ``make`` made for this Datasette instance, which it is called for once."""
    known: dict[Callable[[], Any], Any] = datasette.__dict__.setdefault("_glam", {})
    if make not in known:
        known.setdefault(make, make())  # threads may both make one
    found: T = known[make]
    return found
