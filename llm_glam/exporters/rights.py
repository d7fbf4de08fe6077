"""The rights of a picture as viewers show them: an address, and a line to credit somebody."""

import re
from collections.abc import Iterable

from ..formats.tables import Row
from ..records import rights
from .columns import Column

CREDIT = ("credit line", "creditline", "credit_line", "credit")


def iiif_address(row: Row) -> str | None:
    """Return the standard address of a picture's rights as IIIF compares it, with ``http:``."""
    address = rights.address_in(row)
    return address and address.replace("https:", "http:", 1)


def credit(columns: Iterable[Column], row: Row) -> str:
    """Return the credit line of a picture, or else its rights if they are words."""
    named = (c for c in columns if c.heading.strip().lower() in CREDIT)
    line = next((str(c.cell(row)) for c in named if c.cell(row)), "")
    words = str(row.get("rights") or "").strip()
    is_address = bool(re.fullmatch(r"https?://\S+", words))
    return line or ("" if is_address else words)
