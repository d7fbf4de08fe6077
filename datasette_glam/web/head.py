"""Describe a page to other programs: search engines, previews of links, reference managers.

What is said of a picture comes from the columns of its record that have standard names. Nothing
is said of sensitive pictures, and nothing from private columns.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from sqlite_utils import Database

from llm_glam.db.collection import Collection
from llm_glam.formats import standard_columns
from llm_glam.formats.tables import Row

from .. import items
from ..access.context import SiteRequest
from .markdown import is_web

LONGEST = 300  # characters of a description or of a value
# The standard columns that Dublin Core has, with its names.
DUBLIN_CORE = {
    "title": "title",
    "creator": "creator",
    "date": "date",
    "caption": "description",
    "subject": "subject",
    "place": "coverage",
    "rights": "rights",
    "licence": "rights",
    "source": "source",
    "identifier": "identifier",
    "language": "language",
}
# The same for properties of schema.org's VisualArtwork whose values are texts.
SCHEMA = {
    "title": "name",
    "date": "dateCreated",
    "caption": "description",
    "material": "artMedium",
    "medium": "artMedium",
    "rights": "copyrightNotice",
    "credit line": "creditText",
    "identifier": "identifier",
}


def of_page(
    page_request: SiteRequest,
    address: str,
    *,
    title: str | None = None,
    description: str | None = None,
    picture: Mapping[str, Any] | None = None,
) -> Row:
    """Return what the head of any page says.

    :param address: the page's own, without what does not belong to its identity
    :param title: None for that of the page
    :param picture: the card of the picture to show in previews
    """
    found: Row = {
        "canonical": _absolute(page_request, address),
        "title": _short(title),
        "description": _short(description),
    }
    if picture and picture.get("thumbnail_url") and not picture["sensitive"]:
        found["image"] = _absolute(page_request, picture["thumbnail_url"])
        found["image_size"] = picture["width"], picture["height"]
    return found


def of_item(page_request: SiteRequest, card: Row, known: Mapping[str, str]) -> Row:
    """Return what the head of a picture's page says, which is little for a sensitive picture.

    :param card: the picture, with its URLs
    :param known: the result of :func:`standard`
    """
    if card["sensitive"]:
        hidden = of_page(page_request, card["url"], title="Sensitive picture")
        return {**hidden, "is_hidden": True}
    title = known.get("title") or known.get("caption") or card["id"]
    text = known.get("caption") or ", ".join(_facts(known))
    found = of_page(
        *(page_request, card["url"]),
        title=title,
        description=text or None,
        picture=card,
    )
    found["dublin_core"] = list(_dublin_core({**known, "title": title}))
    found["dublin_core"] += [("type", "Image"), ("identifier", found["canonical"])]
    found["json_ld"] = _artwork(found, {**known, "title": title}, card)
    return found


def standard(db: Database, collection: Collection, item_id: str) -> dict[str, str]:
    """Return what a picture's record has under standard names; private columns are null."""
    row = next(iter(items.records(db, collection, [item_id])), {})
    columns = standard_columns.named(name for name in row if row[name] is not None)
    return {
        name: _short(_in_words(row[column])) or ""
        for name, column in columns.items()
        if not isinstance(row[column], bytes) and row[column] not in (None, "")
    }


def first_shown(cards: Iterable[Row]) -> Row | None:
    """Return the first picture that may be shown to everybody and has a thumbnail."""
    return next((c for c in cards if c["thumbnail_url"] and not c["sensitive"]), None)


def _facts(known: Mapping[str, str]) -> list[str]:
    names = ("creator", "date", "material", "medium")
    return [known[name] for name in names if known.get(name)]


def _dublin_core(known: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, term in DUBLIN_CORE.items():
        if known.get(name):
            yield term, known[name]


def _artwork(head: Row, known: Mapping[str, str], card: Row) -> Row:
    """Return the picture as a VisualArtwork of schema.org."""
    found: Row = {
        "@context": "https://schema.org",
        "@type": "VisualArtwork",
        "@id": head["canonical"],
        "url": head["canonical"],
    }
    for name, term in SCHEMA.items():
        if known.get(name):
            found.setdefault(term, known[name])
    if known.get("creator"):
        found["creator"] = {"@type": "Person", "name": known["creator"]}
    if known.get("subject"):
        found["keywords"] = known["subject"]
    if known.get("place"):
        found["locationCreated"] = {"@type": "Place", "name": known["place"]}
    for name in ("licence", "rights"):
        if is_web(known.get(name, "")):
            found.setdefault("license", known[name])
    if is_web(known.get("page_url", "")):
        found["sameAs"] = known["page_url"]
    if head.get("image"):
        found["image"] = {
            "@type": "ImageObject",
            "url": head["image"],
            "width": card["width"],
            "height": card["height"],
        }
    return found


def _in_words(value: Any) -> str:
    """Return a value as text; the values of a list are separated."""
    if isinstance(value, str) and value.startswith("["):
        try:
            several = json.loads(value)
        except (ValueError, RecursionError):
            return value
        if isinstance(several, list):
            return "; ".join(map(str, several))
    return str(value)


def _absolute(page_request: SiteRequest, address: str) -> str:
    return str(page_request.datasette.absolute_url(page_request.request, str(address)))


def _short(text: Any) -> str | None:
    """Return a text in one line, cut off where it is long."""
    if text is None:
        return None
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"
