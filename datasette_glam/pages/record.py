"""Prepare a picture's record for its page: labels, links to filters, rights, how to cite it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from llm_glam.formats import standard_columns
from llm_glam.formats.tables import Row
from llm_glam.records import rights

from ..access.context import CollectionRequest
from ..items import Field, plain
from ..web import urls
from ..web.markdown import is_web
from .gallery import query_string

LONGEST = 60  # characters of a value that leads to the pictures with the same one
MOST_PARTS = 30  # of a list


def rows(
    page_request: CollectionRequest, fields: Iterable[Field], columns: Iterable[str]
) -> list[Row]:
    """Return the lines of a record: for each its label, and its values with their addresses.

    :param columns: those that filters can name
    """
    fields, filterable = list(fields), set(columns)
    # Leads to this picture only.
    named = standard_columns.named(one.column for one in fields)
    filterable.discard(named.get("identifier", ""))
    gallery = urls.collection(
        *(page_request.datasette, page_request.database, page_request.collection.name)
    )
    return [
        {
            "label": label(one.heading),
            "values": list(_values(one, gallery if one.column in filterable else None)),
        }
        for one in fields
    ]


def label(heading: str) -> str:
    """Return the label of a column: its heading, or its name in words if that is all there is."""
    if not heading.islower() or " " in heading:
        return heading
    words = " ".join(heading.replace("_", " ").split())
    return words[:1].upper() + words[1:]


def rights_address(text: Any) -> str | None:
    """Return the address of a licence or statement, however it is written."""
    return rights.address(text)


def citation(
    known: Mapping[str, str], museum: str | None, item_id: str, address: str
) -> str:
    """Return how to cite a picture.

    :param known: the values of its record under standard names
    :param address: of its page
    """
    number = known.get("identifier") or item_id
    title = str(known.get("title") or known.get("caption") or "")
    said = (known.get(name) for name in ("creator", "date"))
    creator, date = (text if str(text) not in title else None for text in said)
    parts = (
        creator,
        title,
        date,
        f"{museum}, {number}" if museum else number,
    )
    return " ".join(
        [*(f"{str(part).rstrip(' .')}." for part in parts if part), address]
    )


def _values(field: Field, gallery: str | None) -> Iterator[Row]:
    """Yield the parts of a value, each with its text and the address it leads to, if any."""
    listed = _parts(field.value)
    suffix = "exact" if listed is None else "arraycontains"
    for value in [field.value] if listed is None else listed:
        text = str(plain(value))
        url = text if is_web(text) else None
        if gallery and url is None and _is_short(value):
            key = query_string.key(field.column, suffix)
            url = f"{gallery}?{urlencode({key: text})}"
        yield {"text": text, "url": url, "is_elsewhere": is_web(text)}


def _parts(value: Any) -> list[Any] | None:
    """Return the parts of a value that is a list of texts or numbers; None for others."""
    if not isinstance(value, str) or not value.startswith("["):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    is_flat = isinstance(found, list) and all(
        isinstance(part, str | int | float) for part in found
    )
    return found if is_flat and 0 < len(found) <= MOST_PARTS else None


def _is_short(value: Any) -> bool:
    if isinstance(value, int | float):
        return True
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST
        and value == value.strip()
        and value.isprintable()
    )
