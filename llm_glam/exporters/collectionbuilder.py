"""Write the metadata of a CollectionBuilder site, as a CSV file for ``_data``.

https://collectionbuilder.github.io/cb-docs/docs/metadata/csv_metadata/
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from ..formats.standard_columns import MEANT
from ..formats.tables import Row
from ..records import rights
from . import tables, web_addresses
from .columns import ALWAYS, Column
from .documents import document_of, ordered
from .media_types import media_type
from .selection import Outcome, Selection
from .web_addresses import Addresses

FIELDS = (
    *("objectid", "parentid", "filename", "title", "creator", "date", "description"),
    *("subject", "location", "latitude", "longitude", "source", "identifier"),
    *("type", "format", "language", "rights", "rightsstatement", "display_template"),
    *("object_location", "image_small", "image_thumb", "image_alt_text"),
)
OURS = {"title", "caption", "rights", "document", "sequence", "sensitive"}
OURS |= {"image_url", "page_url", *ALWAYS}
TYPE = "Image;StillImage"
OBJECTS = "/objects"  # where such a site has its files
BETWEEN = "; "  # the values of a field


class ObjectIds:
    """Ids that CollectionBuilder accepts in an address, each of them once."""

    def __init__(self) -> None:
        """Begin without any."""
        self._taken: set[str] = set()

    def of(self, text: str) -> str:
        """Return a new id that looks like a text: lower case, digits, ``_`` and ``-``."""
        plain = re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_") or "item"
        found, number = plain, 1
        while found in self._taken:
            number += 1
            found = f"{plain}-{number}"
        self._taken.add(found)
        return found


def write(path: Path, selection: Selection) -> Outcome:
    """Write a row for each picture, and one for each document of several pictures."""
    fields = _fields(selection.columns)
    headings = [*FIELDS, *(f for f in fields.values() if f not in FIELDS)]
    records = _records(selection, fields)
    rows = ([record.get(heading) for heading in headings] for record in records)
    tables.write_cells(path, headings, rows)
    return Outcome(len(selection.ids))


def _fields(columns: Sequence[Column]) -> dict[Column, str]:
    """Return the field for each column of people's own; no two columns have the same."""
    own = [column for column in columns if column.name not in OURS]
    found: dict[Column, str] = {}
    taken: set[str] = set()
    for meant in (_same, _meant, _other):
        for column in own:
            field = meant(column)
            if (
                column in found
                or field is None
                or (field in taken and meant is not _other)
            ):
                continue
            while field in taken or (meant is _other and field in FIELDS):
                field += "_source"
            taken.add(field)
            found[column] = field
    return found


def _same(column: Column) -> str | None:
    """Return the field that has a column's heading."""
    plain = _plain(column)
    return plain if plain in FIELDS else None


def _meant(column: Column) -> str | None:
    """Return the field that a column is meant for."""
    return "identifier" if column.is_number else MEANT.get(_plain(column))


def _other(column: Column) -> str:
    """Return a field of people's own."""
    return re.sub(r"\W+", "_", _plain(column)).strip("_") or "column"


def _plain(column: Column) -> str:
    return " ".join(column.heading.lower().split())


def _records(
    selection: Selection, fields: dict[Column, str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of documents and pictures, those of a document after it."""
    found = ordered(selection)
    addresses = web_addresses.addresses(selection.options.base_url)
    object_ids = ObjectIds()
    parents: dict[str, str] = {}
    for row in found.selection.rows():
        document = document_of(row)
        images = _images(row, addresses)
        if document is not None and found.pages[document] > 1:
            if document not in parents:
                parents[document] = object_ids.of(document)
                yield _parent(parents[document], document, images)
        own = {field: _joined(column.value(row)) for column, field in fields.items()}
        record = {
            "parentid": parents.get(document or ""),
            **_described(row),
            **images,
            **{field: value for field, value in own.items() if value is not None},
        }
        name = record.get("objectid") or re.sub(r"\.[^./]*$", "", row["id"])
        yield {**record, "objectid": object_ids.of(str(name))}


def _parent(object_id: str, document: str, images: dict[str, str]) -> dict[str, Any]:
    """Return the row of a document, which shows its first picture."""
    shown = {name: images[name] for name in ("image_small", "image_thumb")}
    template = {"type": TYPE, "display_template": "multiple"}
    return {"objectid": object_id, "title": document, **template, **shown}


def _described(row: Row) -> dict[str, Any]:
    caption = row.get("caption")
    return {
        "description": caption,
        "filename": row["id"],
        "title": row.get("title") or row["id"],
        "type": TYPE,
        "rights": row.get("rights"),
        "rightsstatement": rights.address_in(row),
        "display_template": "image",
        "image_alt_text": caption,
    }


def _images(row: Row, addresses: Addresses) -> dict[str, str]:
    """Return where a picture is: on the web, or in the project, where its rake task makes others."""
    if addresses.base is not None or web_addresses.is_web(row.get("image_url")):
        image = addresses.image(row)
        names = ("object_location", "image_small", "image_thumb")
        return {**dict.fromkeys(names, image), "format": media_type(image, row)}
    stem = quote(PurePosixPath(row["id"]).stem)
    location = f"{OBJECTS}/{quote(row['id'], safe='/')}"
    return {
        "object_location": location,
        "image_small": f"{OBJECTS}/small/{stem}_sm.jpg",
        "image_thumb": f"{OBJECTS}/thumbs/{stem}_th.jpg",
        "format": media_type(location, row),
    }


def _joined(value: Any) -> Any:
    return BETWEEN.join(map(str, value)) if isinstance(value, list) else value
