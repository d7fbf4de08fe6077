"""The order of pictures in documents: letters, books or boxes, and the pages in these."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..db import embeddings, items
from ..formats.tables import Row
from .selection import Selection


@dataclass(frozen=True)
class Ordered:
    """A selection in the order of its documents; ``pages`` counts the pictures of each."""

    selection: Selection
    pages: Mapping[str, int]


def ordered(selection: Selection) -> Ordered:
    """Return a selection in the order of ``document`` and ``sequence``.

    Pictures without a document follow. What is private orders nothing.
    """
    shown = {column.name for column in selection.columns} & {"document", "sequence"}
    if not shown:
        return Ordered(selection, {})
    keys: dict[str, tuple[Any, ...]] = {}
    pages: Counter[str] = Counter()
    for chunk in embeddings.chunks(selection.ids):
        columns = ", ".join(("id", *sorted(shown)))
        rows = items.fetch(selection.db, selection.table, chunk, columns)
        keys |= {item_id: _key(row) for item_id, row in rows.items()}
        pages.update(filter(None, map(document_of, rows.values())))
    ids = sorted(keys, key=lambda item_id: (*keys[item_id], item_id))
    return Ordered(replace(selection, ids=ids), pages)


def document_of(row: Row) -> str | None:
    """Return the document of a picture, None for a picture of its own."""
    value = row.get("document")
    return None if value is None or value == "" else str(value)


def _key(row: Row) -> tuple[Any, ...]:
    document, sequence = document_of(row), row.get("sequence")
    is_whole = isinstance(sequence, int)
    parts = [(not p.isdigit(), int(p) if p.isdigit() else p) for p in _parts(document)]
    return document is None, parts, not is_whole, sequence if is_whole else 0


def _parts(name: str | None) -> Sequence[str]:
    """Return words and numbers, so that ``Letter 9`` comes before ``Letter 10``."""
    return re.findall(r"[0-9]+|[^0-9]+", name or "")
