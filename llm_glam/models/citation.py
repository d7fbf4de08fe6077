"""How to cite a checkpoint: ``CITATION.cff``, in the Citation File Format 1.2.0.

It is written from what the head of a card says, and read as text, within limits, because a
checkpoint may come from anybody.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..checkpoints import layout
from ..formats.markdown import one_line
from . import card_header

CFF_VERSION = "1.2.0"
MESSAGE = "If you use this checkpoint, please cite it as below."
MOST_AUTHORS = 20  # shown
DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
ARTICLE = "preferred-citation"


@dataclass(frozen=True)
class Citation:
    """Who made a checkpoint, and when.

    ``authors`` are written as ``Family, Given`` if they are persons, else as they are called.
    ``version`` is in words, such as ``version 1``. ``about`` is a sentence or two for people.
    """

    title: str
    authors: Sequence[str]
    version: str = ""
    released: str = ""
    licence: str = ""
    about: str = ""

    def cff(self) -> str:
        """Return the text of a CITATION.cff; what is unknown, or not of a valid form, is left out.

        :raises ValueError: there is no author, which the format requires
        """
        authors: list[dict[str, str]] = []
        for one in map(_author, self.authors):
            if all(one.values()) and one not in authors:
                authors.append(one)
        if not authors:
            raise ValueError("a citation needs an author")
        fields = {
            "cff-version": CFF_VERSION,
            "message": MESSAGE,
            "title": one_line(self.title),
            "authors": authors,
            "abstract": one_line(self.about),
            "version": one_line(self.version),
            "date-released": self.released if DATE.fullmatch(self.released) else "",
            "license": spdx(self.licence),
        }
        known = {key: value for key, value in fields.items() if value}
        text: str = yaml.safe_dump(known, sort_keys=False, allow_unicode=True)
        return text

    def line(self) -> str:
        """Return the citation as one line: ``Doe, Jane; Museum (2026): archaeclip, version 1``."""
        names = [one_line(one) for one in self.authors]
        shown = "; ".join(names[:MOST_AUTHORS])
        if len(names) > MOST_AUTHORS:
            shown += f" and {len(names) - MOST_AUTHORS:,} others"
        year = f" ({one_line(self.released[:4])})" if self.released else ""
        version = f", {one_line(self.version)}" if self.version else ""
        return f"{shown}{year}: {one_line(self.title)}{version}"


def of_card(header: Mapping[str, Any], name: str, fingerprint: str) -> Citation | None:
    """Return the citation of a checkpoint by the head of its card, None if that names no author.

    :param name: under which it is registered
    :param fingerprint: of its weights, which is the version
    """
    authors = [
        one for one in _names(header.get("authors")) if all(_author(one).values())
    ]
    if not authors:
        return None
    base = card_header.as_line(header.get("base_model"))
    sources = card_header.texts(header.get("sources"))
    about = f"A CLIP checkpoint{f', fine-tuned from {base}' if base else ''}."
    if sources:
        about += f" Sources: {'; '.join(sources)}"
    return Citation(
        title=card_header.as_line(header.get("model_name")) or name,
        authors=authors,
        # Not the digits alone, which YAML may read as a number.
        version=f"fingerprint {fingerprint}" if fingerprint else "",
        released=card_header.as_line(header.get("date")) or "",
        licence=card_header.as_line(header.get("license")) or "",
        about=about,
    )


def read(text: str) -> Citation | None:
    """Return what a CITATION.cff says; None if it names no title or author, or cannot be read.

    If it asks to cite something else, such as an article, that is returned.
    """
    whole = card_header.mapping(text)
    wanted = whole.get(ARTICLE)
    found = wanted if isinstance(wanted, dict) else whole
    listed = found.get("authors")
    authors = _names(listed) if isinstance(listed, list) else []
    title = card_header.as_line(found.get("title"))
    if not (authors and title):
        return None
    released = found.get("date-released") or found.get("year")
    version = card_header.as_line(found.get("version")) or ""
    if version and not version.startswith("fingerprint "):
        version = f"version {version}"
    return Citation(title, authors, version, card_header.as_line(released) or "")


def of_folder(directory: Path, name: str, fingerprint: str) -> Citation | None:
    """Return how to cite a checkpoint, by its CITATION.cff or else by the head of its card."""
    try:
        with (directory / layout.CITATION).open(encoding="utf-8") as file:
            text = file.read(card_header.LONGEST + 1)
    except (OSError, UnicodeDecodeError):
        text = ""
    card = card_header.of_folder(directory)
    return read(text) or of_card(card, name, fingerprint)


def spdx(licence: str) -> str:
    """Return a licence as SPDX spells its identifier, the only form allowed; empty if it has none."""
    from packaging.licenses import (
        InvalidLicenseExpression,
        canonicalize_license_expression,
    )

    try:
        found = str(canonicalize_license_expression(licence))
    except InvalidLicenseExpression:
        return ""
    return "" if " " in found or found.startswith("LicenseRef-") else found


def _author(text: str) -> dict[str, str]:
    """Return an author as the format has them: a person, or anything else that has a name."""
    family, comma, given = map(str.strip, one_line(text).partition(","))
    if family and comma and given:
        return {"family-names": family, "given-names": given}
    return {"name": family or given}


def _names(value: Any) -> list[str]:
    """Return the authors in a value, each of them a text or a mapping as the format has it."""
    every = value if isinstance(value, list) else [value]
    known = (_name(one) if isinstance(one, Mapping) else one for one in every)
    return card_header.texts([one for one in known if isinstance(one, str)])


def _name(author: Mapping[Any, Any]) -> str:
    whole = card_header.as_line(author.get("name"))
    keys = ("name-particle", "family-names", "name-suffix")
    family = " ".join(filter(None, (card_header.as_line(author.get(k)) for k in keys)))
    given = card_header.as_line(author.get("given-names"))
    person = ", ".join(filter(None, (family, given)))
    return whole or person or card_header.as_line(author.get("alias")) or ""
