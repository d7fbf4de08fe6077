"""The pictures that a visitor has selected, which are part of the address."""

from dataclasses import replace

from llm_glam.formats.tables import Row

from ...access.context import CollectionRequest
from . import query_string
from .query_string import Search

# Files that the selected pictures can be saved to; they contain no others.
SAVED = {"Page to send": ".html", "Excel": ".xlsx", "CSV": ".csv"}


def of(
    page_request: CollectionRequest, wanted: Search, found: dict[str, float | None]
) -> Row:
    """Return what a page says of the selected pictures; ``found`` are those on the page."""
    return {
        "picked": wanted.picked,
        "picked_elsewhere": [one for one in wanted.picked if one not in found],
        "unpicked": query_string.address(page_request, replace(wanted, picked=())),
        "saved_as": list(SAVED.items()),
    }
