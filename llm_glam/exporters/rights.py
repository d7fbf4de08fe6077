"""Recognise the rights of a picture, for formats that want them as an address."""

import re
from collections.abc import Iterable

from ..formats.tables import Row
from .columns import Column

CREDIT = ("credit line", "creditline", "credit_line", "credit")
CC = re.compile(
    r"https?://creativecommons\.org/((?:licenses|publicdomain)/[a-z+-]+/[0-9.]+)\b",
    re.I,
)
STATEMENT = re.compile(
    r"https?://rightsstatements\.org/(?:vocab|page)/([A-Za-z-]+/1\.0)\b", re.I
)
NAMED = re.compile(r"cc[ -](by(?:-nc)?(?:-nd|-sa)?)[ -]([1-4]\.0)", re.I)
CC0 = re.compile(r"cc[ -]?0(?: 1\.0)?", re.I)


def address_of(rights: object) -> str | None:
    """Return the address of a Creative Commons licence or a statement of rightsstatements.org.

    IIIF compares these as text, and wants them with ``http:``.
    """
    text = str(rights or "").strip()
    if found := CC.search(text):
        return f"http://creativecommons.org/{found[1].lower()}/"
    if found := STATEMENT.search(text):
        return f"http://rightsstatements.org/vocab/{found[1]}/"
    if CC0.fullmatch(text):
        return "http://creativecommons.org/publicdomain/zero/1.0/"
    if found := NAMED.fullmatch(text):
        return f"http://creativecommons.org/licenses/{found[1].lower()}/{found[2]}/"
    return None


def credit(columns: Iterable[Column], row: Row) -> str:
    """Return the credit line of a picture, or else its rights if they are words."""
    named = (c for c in columns if c.heading.strip().lower() in CREDIT)
    line = next((str(c.cell(row)) for c in named if c.cell(row)), "")
    rights = str(row.get("rights") or "").strip()
    is_address = bool(re.fullmatch(r"https?://\S+", rights))
    return line or ("" if is_address else rights)
