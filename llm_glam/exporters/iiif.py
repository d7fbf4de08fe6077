"""Write a IIIF Presentation 3 manifest: pictures as canvases, their documents as ranges.

https://iiif.io/api/presentation/3.0/
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from ..db import items
from ..errors import CannotExport
from ..formats import local_contexts
from ..formats.atomic import replacing
from ..formats.tables import Row
from . import web_addresses
from .columns import ALWAYS
from .documents import document_of, ordered
from .media_types import media_type
from .rights import credit, iiif_address
from .selection import Outcome, Selection, counted
from .web_addresses import Addresses

CONTEXT = "http://iiif.io/api/presentation/3/context.json"
# Columns that are not metadata, since viewers show them elsewhere. The caption, the rights and the
# address of the page are metadata too: Mirador shows those of manifests only, not of canvases.
ELSEWHERE = {"title", "image_url", "sensitive"}
ELSEWHERE |= {"document", "sequence", *ALWAYS, *items.IMAGE_COLUMNS}
TAG = re.compile(r"<[a-z/!?]", re.I)


@dataclass
class _State:
    """What has been written so far: canvases by document, and the rights of all of them."""

    id: str
    addresses: Addresses
    canvases: int = 0
    without_size: list[str] = field(default_factory=list)
    documents: dict[str, list[str]] = field(default_factory=dict)
    rights: set[tuple[str | None, str, tuple[str, ...]]] = field(default_factory=set)


def write(path: Path, selection: Selection) -> Outcome:
    """Write a manifest to be published at the base URL, a canvas at a time.

    :raises CannotExport: the base URL is missing, or no picture has a known size
    """
    base = selection.options.base_url
    if not base:
        raise CannotExport(
            "A manifest says where it is published; add --base-url URL with the place of the "
            "manifest and the pictures."
        )
    addresses = web_addresses.addresses(base)
    state = _State(f"{addresses.base}/{quote(path.name)}", addresses)
    with replacing(path) as work, work.open("w", encoding="utf-8", newline="") as file:
        _write(file, ordered(selection).selection, state)
        if not state.canvases:
            raise CannotExport(
                "The sizes of these pictures are not known, and a canvas needs one; embed them "
                "with llm glam embed."
            )
    return Outcome(state.canvases, _remarks(state))


def _write(file: TextIO, selection: Selection, state: _State) -> None:
    """Write the canvases first, since the rest of the manifest is known after them only."""
    head = {
        "@context": CONTEXT,
        "id": state.id,
        "type": "Manifest",
        "label": _label(selection.collection.name),
    }
    file.write(f'{_json(head)[:-1]},\n"items": [\n')
    for row in selection.rows():
        canvas = _canvas(selection, row, state)
        if canvas is not None:
            file.write(",\n" * bool(state.canvases) + _json(canvas))
            state.canvases += 1
    file.write("\n]")
    for name, value in _tail(selection, state):
        file.write(f",\n{_json(name)}: {_json(value)}")
    file.write("}\n")


def _tail(selection: Selection, state: _State) -> Iterator[tuple[str, Any]]:
    """Yield the properties of the manifest that follow from its canvases."""
    if len(state.rights) == 1:
        yield from _rights(*next(iter(state.rights)))
    options = selection.options
    if options.provider:
        home = options.provider_url or state.addresses.base
        address = web_addresses.checked(str(home), "--provider-url")
        label = _label(options.provider)
        homepage = {
            "id": address,
            "type": "Text",
            "label": label,
            "format": "text/html",
        }
        agent = {"id": address, "type": "Agent", "label": label, "homepage": [homepage]}
        yield "provider", [agent]
    if any(len(canvases) > 1 for canvases in state.documents.values()):
        yield "structures", [
            {
                "id": f"{state.id}/range/{number}",
                "type": "Range",
                "label": _label(document),
                "items": [{"id": one, "type": "Canvas"} for one in canvases],
            }
            for number, (document, canvases) in enumerate(state.documents.items(), 1)
        ]


def _canvas(selection: Selection, row: Row, state: _State) -> dict[str, Any] | None:
    """Return the canvas of a picture, or None if its size is not known."""
    size = {"height": row["image_height"], "width": row["image_width"]}
    if not all(isinstance(side, int) and side > 0 for side in size.values()):
        state.without_size.append(row["id"])
        return None
    canvas = f"{state.id}/canvas/{quote(row['id'], safe='')}"
    document = document_of(row)
    if document is not None:
        state.documents.setdefault(document, []).append(canvas)
    rights = (
        iiif_address(row),
        credit(selection.columns, row),
        tuple(map(str, local_contexts.of_record(row))),
    )
    state.rights.add(rights)
    image = state.addresses.image(row)
    body = {"id": image, "type": "Image", "format": media_type(image, row), **size}
    annotation = {
        "id": f"{canvas}/image",
        "type": "Annotation",
        "motivation": "painting",
        "body": body,
        "target": canvas,
    }
    page = {"id": f"{canvas}/page", "type": "AnnotationPage", "items": [annotation]}
    return {
        "id": canvas,
        "type": "Canvas",
        "label": _label(row.get("title") or row["id"]),
        **size,
        **dict(_about(selection, row)),
        **dict(_rights(*rights)),
        "items": [page],
    }


def _about(selection: Selection, row: Row) -> Iterator[tuple[str, Any]]:
    """Yield what a canvas says of its record."""
    if row.get("caption"):
        yield "summary", _text(row["caption"])
    metadata = [
        {"label": _label(column.heading), "value": _text(value)}
        for column in selection.columns
        if column.name not in ELSEWHERE
        and (value := column.value(row)) not in (None, "", [])
    ]
    if metadata:
        yield "metadata", metadata
    page = row.get("page_url")
    if web_addresses.is_web(page):
        label = _label(row.get("title") or row["id"])
        homepage = {"id": page, "type": "Text", "label": label, "format": "text/html"}
        yield "homepage", [homepage]


def _rights(
    address: str | None, words: str, labels: Sequence[str]
) -> Iterator[tuple[str, Any]]:
    """Yield what viewers must show of the rights: also labels of Local Contexts."""
    if address:
        yield "rights", address
    heads = ["Attribution"] * bool(words) + ["Local Contexts"] * bool(labels)
    if heads:
        value = _text([words] * bool(words) + [*labels])
        label = {"en": [", ".join(heads)]}
        yield "requiredStatement", {"label": label, "value": value}


def _label(value: Any) -> dict[str, list[str]]:
    """Return a label of an unknown language, in which IIIF allows no HTML."""
    return {"none": [str(value)]}


def _text(value: Any) -> dict[str, list[str]]:
    """Return text of an unknown language where it may be HTML; lists are several values."""
    values = value if isinstance(value, list) else [value]
    return {"none": [_not_html(_plain(one)) for one in values]}


def _plain(value: Any) -> str:
    is_nested = isinstance(value, dict | list)
    return json.dumps(value, ensure_ascii=False) if is_nested else str(value)


def _not_html(text: str) -> str:
    """Return text that a viewer shows as it is.

    IIIF takes text from ``<`` to ``>`` for HTML; Mirador takes all text for it.
    """
    is_html = text.strip().startswith("<") and text.strip().endswith(">")
    if is_html or TAG.search(text) or unescape(text) != text:
        return f"<span>{escape(text)}</span>"
    return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _remarks(state: _State) -> list[str]:
    if not state.without_size:
        return []
    return [
        f"Left out {counted(len(state.without_size), 'picture')} of unknown size (the first is "
        f"{state.without_size[0]}); embed with llm glam embed to know it."
    ]
