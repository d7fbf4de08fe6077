"""Find the standard address of a rights statement that people have written in many ways.

The addresses are those of Creative Commons and rightsstatements.org. What is not certain, such as
``CC BY`` without a version, has none.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

COLUMNS = ("licence", "rights")
LONGEST = 10_000  # characters that are looked at
CC = "https://creativecommons.org/"
CC0, PUBLIC_DOMAIN = f"{CC}publicdomain/zero/1.0/", f"{CC}publicdomain/mark/1.0/"
OPEN = re.compile(rf"{CC}(publicdomain/(zero|mark)|licenses/by(-sa)?)/")

# The statements of rightsstatements.org, version 1.0, with their names.
STATEMENTS = {
    "InC": "in copyright",
    "InC-OW-EU": "in copyright eu orphan work",
    "InC-EDU": "in copyright educational use permitted",
    "InC-NC": "in copyright non commercial use permitted",
    "InC-RUU": "in copyright rights holder s unlocatable or unidentifiable",
    "NoC-CR": "no copyright contractual restrictions",
    "NoC-NC": "no copyright non commercial use only",
    "NoC-OKLR": "no copyright other known legal restrictions",
    "NoC-US": "no copyright united states",
    "CNE": "copyright not evaluated",
    "UND": "copyright undetermined",
    "NKC": "no known copyright",
}
FURTHER = {
    "all rights reserved": "InC",
    "urheberrechtlich geschützt": "InC",
    "no known copyright restrictions": "NKC",
    "no known restrictions": "NKC",
}
# Statements that Europeana used before, the last part of their addresses.
EUROPEANA = {
    "rr-f": "InC",
    "rr-p": "InC",
    "rr-r": "InC",
    "unknown": "CNE",
    "out-of-copyright-non-commercial": "NoC-NC",
    "orphan": "InC-OW-EU",
}
NAMES_OF_PUBLIC_DOMAIN = {
    *(
        "public domain",
        "public domain mark",
        "public domain mark 1 0",
        "pdm",
        "pdm 1 0",
    ),
    *("in the public domain", "gemeinfrei", "domaine public", "publiek domein"),
    *("dominio público", "dominio pubblico", "pubblico dominio", "domínio público"),
}

VERSIONS = {"1.0", "2.0", "2.1", "2.5", "3.0", "4.0"}
LICENCES = {"by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd"}
PORTED = {"1.0", "2.0", "2.1", "2.5", "3.0"}  # versions that were adapted to countries
PORTS = set(
    "ar at au az be bg br ca ch cl cn co cr cz de dk ec ee eg es fi fr ge gr gt hk hr hu ie igo il "
    "in it jp kr lu mk mt mx my ng nl no nz pe ph pl pr pt ro rs scotland se sg si th tw ug uk us "
    "ve vn za".split()
)
OF_CC = re.compile(
    r"creativecommons\.org/(?:(?P<zero>publicdomain/zero/1\.0)|(?P<mark>publicdomain/mark/1\.0)|"
    r"licen[sc]es/(?P<parts>[a-z-]{2,8})/(?P<version>\d\.\d)(?:/(?P<port>[a-z]{2,8})\b)?)"
)
OF_STATEMENTS = re.compile(r"rightsstatements\.org/(?:vocab|page|data)/([a-z-]{2,9})\b")
OF_EUROPEANA = re.compile(r"europeana\.eu/(?:portal/)?rights/([a-z-]{2,40})")
SHORT = re.compile(
    r"\bcc (?P<parts>by(?: (?:nc|nd|sa))*)(?: (?P<version>\d(?: \d)?))?(?: (?P<port>[a-z]+))?\b"
)
ZERO = re.compile(r"\bcc ?(?:0|zero)\b|\bcreative commons zero\b")
IN_WORDS = (
    (re.compile(r"\bcreative commons\b(?! zero)"), "cc"),
    (re.compile(r"\battribution\b"), "by"),
    (re.compile(r"\bnon ?commercial\b"), "nc"),
    (re.compile(r"\bno ?deriv(?:ative|ate)?s?(?: works)?\b"), "nd"),
    (re.compile(r"\bshare ?alike\b"), "sa"),
    (re.compile(r"\b(?:cc )?by((?: (?:nc|nd|sa))*) (?:licen[sc]e|deed)\b"), r"cc by\1"),
    (re.compile(r"\bcc by cc by\b"), "cc by"),
)
# With these words, a statement is about something else, or about a part only.
DOUBTFUL = re.compile(
    r"\b(?:not|except|unless|excluding|metadata|nicht|außer|sauf|pas)\b"
)


def address(text: Any) -> str | None:
    """Return the standard address of a rights statement, or None where it is not certain.

    :param text: as written: an address in any of its forms, a short name such as ``CC BY-SA 4.0``,
        or the whole name of a statement
    """
    if not isinstance(text, str):
        return None
    lower = unicodedata.normalize("NFKC", text[:LONGEST]).lower().strip()
    found = _in_addresses(lower) or _by_name(_plain(lower))
    return found.pop() if len(found) == 1 else None


def is_open(*texts: Any) -> bool:
    """Return whether everybody may use a picture for every purpose, according to its rights.

    That is so in the public domain and under CC0, CC BY and CC BY-SA, if none of the texts says
    anything else for certain.
    """
    found = list(filter(None, map(address, texts)))
    return bool(found) and all(OPEN.match(one) for one in found)


def address_in(record: Mapping[str, Any]) -> str | None:
    """Return the standard address of the rights of a record, or None where there is none.

    What is in ``licence`` comes before ``rights``.
    """
    return next(filter(None, (address(record.get(name)) for name in COLUMNS)), None)


def of_record(record: Mapping[str, Any]) -> str:
    """Return the rights of a record: their standard address, or else as they are written."""
    written = (record.get(name) for name in reversed(COLUMNS))
    texts = (str(one).strip() for one in written if one is not None)
    return address_in(record) or next(filter(None, texts), "")


def _in_addresses(text: str) -> set[str]:
    found = set()
    for one in OF_CC.finditer(text):
        if one["parts"]:
            found.add(_licence(one["parts"], one["version"], one["port"]))
        else:
            found.add(CC0 if one["zero"] else PUBLIC_DOMAIN)
    codes = {code.lower(): code for code in STATEMENTS}
    found |= {_statement(codes.get(one)) for one in OF_STATEMENTS.findall(text)}
    found |= {_statement(EUROPEANA.get(one)) for one in OF_EUROPEANA.findall(text)}
    return {one for one in found if one}


def _by_name(text: str) -> set[str]:
    if text in NAMES_OF_PUBLIC_DOMAIN:
        return {PUBLIC_DOMAIN}
    for code, name in STATEMENTS.items():
        if text in (name, _plain(code.lower())):
            return {str(_statement(code))}
    if text in FURTHER:
        return {str(_statement(FURTHER[text]))}
    if DOUBTFUL.search(text):
        return set()
    found = {CC0} if ZERO.search(text) else set()
    for pattern, short in IN_WORDS:
        text = pattern.sub(short, text)
    for one in SHORT.finditer(text):
        licence = _licence(one["parts"], one["version"] or "", one["port"])
        if licence is None:
            return set()
        found.add(licence)
    return found


def _plain(text: str) -> str:
    """Return the words and numbers of a text, with a space between them."""
    return " ".join(re.findall(r"[^\W_]+", text))


def _licence(parts: str, version: str, port: str | None) -> str | None:
    given = parts.replace(" ", "-").split("-")
    name = "-".join(part for part in ("by", "nc", "nd", "sa") if part in given)
    number = version.replace(" ", ".")
    number = f"{number}.0" if len(number) == 1 else number
    if (
        name not in LICENCES
        or len(given) != name.count("-") + 1
        or number not in VERSIONS
    ):
        return None
    country = f"{port}/" if port in PORTS and number in PORTED else ""
    return f"{CC}licenses/{name}/{number}/{country}"


def _statement(code: str | None) -> str | None:
    return f"http://rightsstatements.org/vocab/{code}/1.0/" if code else None
