"""Write vectors as OEmbeddings, the parquet format in which museums share them.

The format is that of sfomuseum/go-embeddingsdb (``Record``), with the attributes that OEmbeddings
asks for: https://millsfield.sfomuseum.org/blog/2026/04/15/oembeddings/
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..db import embeddings
from ..errors import CannotExport, UnknownCheckpoint
from ..formats.tables import Row
from ..models import registry
from ..vectors import STORED
from . import parquet, web_addresses
from .rights import credit
from .selection import Outcome, Selection, counted
from .web_addresses import Addresses

ROWS_IN_GROUP = 2_000
TEXTS = ("provider", "depiction_id", "subject_id", "model")


def write(path: Path, selection: Selection) -> Outcome:
    """Write the vectors of the pictures.

    :raises CannotExport: pyarrow, the provider or an address on the web is missing
    """
    common = _common(selection)
    addresses = web_addresses.addresses(selection.options.base_url)
    name = model(selection)
    written, damaged = 0, []

    def rows() -> Iterator[Sequence[Any]]:
        nonlocal written
        for row, vector, created in _vectors(selection):
            if vector is None:
                damaged.append(row["id"])
                continue
            written += 1
            attributes = {**common, **_attributes(selection, row, addresses)}
            yield (
                common["provider_name"],
                row["id"],
                _subject(selection, row),
                name,
                vector,
                created,
                list(attributes.items()),
            )

    parquet.write(
        path, _schema(), rows(), ROWS_IN_GROUP, use_dictionary=[*TEXTS, "attributes"]
    )
    if not damaged:
        return Outcome(written)
    remark = (
        f"Left out {counted(len(damaged), 'damaged vector')} (the first is of {damaged[0]}); embed "
        "the pictures again."
    )
    return Outcome(written, [remark])


def _schema() -> Any:
    package = parquet.pyarrow()
    text = package.string()
    numbers = package.field("element", package.float32(), nullable=False)
    value = package.field("value", text, nullable=False)
    types = {
        **dict.fromkeys(TEXTS, text),
        "embeddings": package.list_(numbers),
        "created": package.int64(),
        "attributes": package.map_(text, value),
    }
    return package.schema(
        [package.field(name, kind, nullable=False) for name, kind in types.items()]
    )


def _common(selection: Selection) -> dict[str, str]:
    """Return the attributes that all rows have."""
    options = selection.options
    if not options.provider:
        raise CannotExport(
            "OEmbeddings name who publishes them; add --provider with the name of your "
            "institution."
        )
    home = options.provider_url or options.base_url
    if home is None:
        raise CannotExport(
            "OEmbeddings name the website of who publishes them; add --provider-url URL."
        )
    found = {
        "type": "image",
        "provider_name": options.provider,
        "provider_url": web_addresses.checked(home, "--provider-url"),
        "checkpoint": selection.collection.model_id,
        "fingerprint": selection.collection.fingerprint,
        "precision": selection.collection.precision,
        "license": options.license,
    }
    return {name: value for name, value in found.items() if value}


def _attributes(selection: Selection, row: Row, addresses: Addresses) -> dict[str, str]:
    rights = str(row.get("rights") or "")
    found = {
        "preview": addresses.image(row),
        "depiction_url": addresses.image(row),
        "subject_url": addresses.page(row),
        "subject_title": str(row.get("title") or ""),
        "subject_creditline": credit(selection.columns, row) or rights,
    }
    return {**found, "rights": rights} if rights else found


def _subject(selection: Selection, row: Row) -> str:
    """Return what a picture depicts: the number of its record, or its document, or itself."""
    numbers = (column.value(row) for column in selection.columns if column.is_number)
    return str(next(filter(None, numbers), None) or row.get("document") or row["id"])


def model(selection: Selection) -> str:
    """Return the name of the checkpoint: that on the hub, which others know, if it is from there."""
    collection = selection.collection
    try:
        entry = registry.get(registry.bare(collection.model_id))
    except UnknownCheckpoint:
        return collection.model_id
    is_same = entry.fingerprint == collection.fingerprint is not None
    return entry.source if entry.is_on_hub and is_same else collection.model_id


def _vectors(
    selection: Selection,
) -> Iterator[tuple[Row, np.ndarray | None, int]]:
    """Yield rows with their vectors and when these were made; None for a damaged vector."""
    dimensions = selection.collection.dimensions
    for rows in embeddings.chunks(selection.rows()):
        found = embeddings.vectors_and_times(
            selection.db, selection.collection.id, [row["id"] for row in rows]
        )
        for row in rows:
            if row["id"] in found:
                stored, updated = found[row["id"]]
                yield row, _vector(stored, dimensions), updated or 0


def _vector(stored: Any, dimensions: int | None) -> np.ndarray | None:
    if not isinstance(stored, bytes) or not stored or len(stored) % 4:
        return None
    vector = np.frombuffer(stored, STORED)
    is_whole = dimensions in (None, len(vector)) and bool(np.isfinite(vector).all())
    return vector if is_whole else None
