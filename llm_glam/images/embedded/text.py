"""Decode and tidy texts from picture files, most of which do not say how they are encoded."""

import codecs
import re
from contextlib import suppress

LONGEST = 100_000  # characters of a value
REPLACEMENT = "\ufffd"
NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufeff]")


def decode(raw: bytes, otherwise: str = "cp1252") -> str:
    """Decode bytes: as UTF-8 if they are that, but for damage, and as ``otherwise`` if not.

    This is what the Metadata Working Group recommends for texts without a known encoding. Bytes
    that the other encoding lacks become what they are in Latin-1.
    """
    with suppress(UnicodeDecodeError):
        return raw.decode("utf-8")
    text = raw.decode("utf-8", "replace")
    wrong = text.count(REPLACEMENT)
    if sum(map(len, NOT_ASCII.findall(text))) > 2 * wrong:
        return text.replace(REPLACEMENT, "")
    return raw.decode(otherwise, "latin-1-instead")


def tidy(text: str | None) -> str | None:
    """Return text without control characters and spaces around it, None if nothing is left.

    Lines end with a line feed; text longer than :data:`LONGEST` is cut.
    """
    if text is None:
        return None
    text = text[:LONGEST].replace("\r\n", "\n").replace("\r", "\n")
    return CONTROL.sub("", text).strip() or None


def tidy_all(texts: list[str]) -> list[str]:
    """Return texts tidied, without empty and repeated ones."""
    found = (tidy(text) for text in texts)
    return list(dict.fromkeys(text for text in found if text))


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("latin-1-instead", _as_latin_1)
