"""Recognise the labels and notices of Local Contexts, and their addresses, in records.

By labels, communities say how their heritage is to be used: TK for traditional knowledge, BC for
biological material. Notices are those of institutions. What is in a column for them is kept even
if it is none of the known ones, since communities write labels of their own.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SITE, HUB = "https://localcontexts.org/", "https://localcontextshub.org/projects/"
LONGEST = 10_000  # characters that are looked at
MOST = 50  # labels of a picture

# Names with their codes, by the last part of their addresses: as in Local Contexts' own Hub.
LABELS = {
    "tk-attribution": ("TK Attribution", "TK A"),
    "tk-clan": ("TK Clan", "TK CL"),
    "tk-family": ("TK Family", "TK F"),
    "tk-multiple-communities": ("TK Multiple Communities", "TK MC"),
    "tk-community-voice": ("TK Community Voice", "TK CV"),
    "tk-creative": ("TK Creative", "TK CR"),
    "tk-verified": ("TK Verified", "TK V"),
    "tk-non-verified": ("TK Non-Verified", "TK NV"),
    "tk-seasonal": ("TK Seasonal", "TK S"),
    "tk-women-general": ("TK Women General", "TK WG"),
    "tk-men-general": ("TK Men General", "TK MG"),
    "tk-men-restricted": ("TK Men Restricted", "TK MR"),
    "tk-women-restricted": ("TK Women Restricted", "TK WR"),
    "tk-culturally-sensitive": ("TK Culturally Sensitive", "TK CS"),
    "tk-secret-sacred": ("TK Secret / Sacred", "TK SS"),
    "tk-commercial": ("TK Open to Commercialization", "TK OC"),
    "tk-non-commercial": ("TK Non-Commercial", "TK NC"),
    "tk-community-use-only": ("TK Community Use Only", "TK CO"),
    "tk-outreach": ("TK Outreach", "TK O"),
    "tk-open-to-collaboration": ("TK Open to Collaboration", "TK CB"),
    "bc-provenance": ("BC Provenance", "BC P"),
    "bc-multiple-communities": ("BC Multiple Communities", "BC MC"),
    "bc-clan": ("BC Clan", "BC CL"),
    "bc-consent-verified": ("BC Consent Verified", "BC CV"),
    "bc-consent-non-verified": ("BC Consent Non-Verified", "BC CNV"),
    "bc-research-use": ("BC Research Use", "BC R"),
    "bc-open-to-collaboration": ("BC Open to Collaboration", "BC CB"),
    "bc-open-to-commercialization": ("BC Open to Commercialization", "BC OC"),
    "bc-outreach": ("BC Outreach", "BC O"),
    "bc-non-commercial": ("BC Non-Commercial", "BC NC"),
}
NOTICES = {
    "attribution-incomplete": "Attribution Incomplete",
    "authorization": "Authorization",
    "bc-notice": "BC Notice",
    "belonging": "Belonging",
    "caring": "Caring",
    "gender-aware": "Gender Aware",
    "leave-undisturbed": "Leave Undisturbed",
    "open-to-collaborate": "Open to Collaborate",
    "safety": "Safety",
    "tk-notice": "TK Notice",
    "viewing": "Viewing",
    "withholding": "Withholding",
}
ADDRESS = re.compile(
    r"\blocalcontexts\.org/(?:(?P<kind>label|notice)/(?P<slug>[a-z-]+))"
    r"|\blocalcontextshub\.org/projects/(?P<hub>[0-9a-f]{8}(?:-[0-9a-f]{4,12}){3,4})",
    re.I,
)
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
BETWEEN = re.compile(r"[;,|\n]")  # several in a cell
CODE = re.compile(r"\((?:TK|BC)[ -]\w+\)\s*$")
FAMILIES = {"tk", "bc", "traditional knowledge", "biocultural"}
KINDS = re.compile(r"\b(?:label|notice)s?\b")


@dataclass(frozen=True)
class Label:
    """A label, a notice or a project in the Hub: its name, and its address if that is known."""

    name: str
    address: str | None = None

    def __str__(self) -> str:
        """Return the name with the address."""
        return f"{self.name}: {self.address}" if self.address else self.name


def of_record(record: Mapping[str, Any]) -> list[Label]:
    """Return the labels and notices of a record, each once.

    These are what its columns for them say, such as *TK Labels* or *Local Contexts*, and the
    addresses of labels, notices and projects in any other column.
    """
    found: dict[Label, None] = {}
    for heading, value in record.items():
        if isinstance(value, str | list) and value:
            is_for_labels = is_column(heading)
            for text in _texts(value):
                by_address = list(_in_addresses(text[:LONGEST]))
                named = _named(text[:LONGEST]) if is_for_labels else ()
                found |= dict.fromkeys(by_address or named)
    return list(found)[:MOST]


def is_column(heading: str) -> bool:
    """Return whether a column is for labels and notices of Local Contexts, by its heading."""
    words = _plain(heading)
    if "local contexts" in words or "localcontexts" in words:
        return True
    family = KINDS.sub("", words).strip()
    is_of_family = family in FAMILIES or set(family.split()) <= {"tk", "bc", "and"}
    return bool(KINDS.search(words) and family and is_of_family)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a cell, which may be a list in JSON."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value[:LONGEST])
        except (ValueError, RecursionError):
            yield value
            return
    yield from map(str, value if isinstance(value, list) else [value])


def _in_addresses(text: str) -> Iterator[Label]:
    if "localcontexts" not in text.lower():
        return
    for one in ADDRESS.finditer(text):
        if one["hub"]:
            yield _project(one["hub"])
        elif one["slug"].lower() in _known(one["kind"]):
            yield _label(one["kind"].lower(), one["slug"].lower())


def _named(text: str) -> Iterator[Label]:
    """Yield what the parts of a cell name; what is not known, as it is written."""
    for part in map(str.strip, BETWEEN.split(text)):
        if place := NAMES.get(_plain(part)) or NAMES.get(_plain(CODE.sub("", part))):
            yield _label(*place)
        elif UUID.fullmatch(part):
            yield _project(part)
        elif part:
            yield Label(part)


def _known(kind: str) -> Mapping[str, Any]:
    return LABELS if kind.lower() == "label" else NOTICES


def _label(kind: str, slug: str) -> Label:
    name = (
        f"{LABELS[slug][0]} ({LABELS[slug][1]})" if kind == "label" else NOTICES[slug]
    )
    return Label(name, f"{SITE}{kind}/{slug}/")


def _project(uuid: str) -> Label:
    return Label("Local Contexts project", f"{HUB}{uuid.lower()}/")


def _plain(text: str) -> str:
    """Return the words of a text, with a space between them."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


NAMES: dict[str, tuple[str, str]] = {
    **{_plain(name): ("label", slug) for slug, both in LABELS.items() for name in both},
    **{_plain(name): ("notice", slug) for slug, name in NOTICES.items()},
    **{f"{_plain(name)} notice": ("notice", slug) for slug, name in NOTICES.items()},
    **{slug.replace("-", " "): ("label", slug) for slug in LABELS},
    "tk c": ("label", "tk-commercial"),  # as it was called before
}
