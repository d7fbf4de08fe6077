"""Divide the names of pictures, and the keys of records, into numbers and words to compare."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

Tokens = tuple[str, ...]
TOKEN = re.compile(r"\d+|[^\W\d_]+")
ASCII_TOKEN = re.compile(r"[0-9]+|[a-z]+")  # in lower case; several times as fast
ENDING = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,4}$")
ADDRESS = re.compile(r"https?://([^?#]*)", re.I)
# Region, size, rotation and quality behind the identifier, as in /full/800,/0/default.jpg.
OF_IIIF = re.compile(
    r"/(?:(?:full|square|(?:pct:)?[\d.]+(?:,[\d.]+){3})"
    r"/(?:full|\^?max|\^?!?\d*,\d*|\^?pct:[\d.]+)/!?[\d.]+"
    r"/(?:default|native|colou?r|gr[ae]y|bitonal)(?:\.\w{1,5})?|info\.json)/?$",
    re.I,
)
BACKS = ("v", "verso", "back", "reverse", "rev", "rueckseite", "rückseite", "dos")
FRONT_FIRST = dict.fromkeys(BACKS, 1)


def written_tokens(text: str) -> Tokens:
    """Return the numbers and words of a name in lower case, numbers with their zeros."""
    if text.isascii():
        return tuple(ASCII_TOKEN.findall(text.lower()))
    return tuple(TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))


def without_zeros(written: Tokens) -> Tokens:
    """Return tokens whose numbers have no leading zeros."""
    return tuple(
        [(t.lstrip("0") or "0") if t[0] == "0" else t for t in written]
    )  # only numbers begin with 0


def tokens(text: str) -> Tokens:
    """Return the numbers and words of a name, in lower case and without leading zeros."""
    return without_zeros(written_tokens(text))


def first_token(text: str) -> str:
    """Return the first number or word of a name, as :func:`tokens` does; empty if it has none."""
    if not text.isascii():
        return next(iter(tokens(text)), "")
    found = ASCII_TOKEN.search(text.lower())
    return without_zeros((found[0],))[0] if found else ""


def natural_order(name: str) -> tuple[tuple[bool, int, str], ...]:
    """Return a key to sort names by, in which 2 comes before 10, and a front before its back."""
    return tuple(
        (
            (True, int(token), "")
            if token.isdecimal()
            else (False, FRONT_FIRST.get(token, 0), token)
        )
        for token in tokens(name)
    )


def without_ending(name: str) -> str:
    """Return a name without the ending of its file, such as ``.jpg``."""
    return ENDING.sub("", name)


def address_path(key: str) -> str | None:
    """Return the host and path of a web address, without what IIIF or a query asks of a picture.

    None if the key is no web address.
    """
    found = ADDRESS.match(key.strip())
    if not found:
        return None
    return unquote(OF_IIIF.sub("", found[1])).strip("/")


class FileTokens:
    """The tokens of a file's path, divided once: ``written``, and ``plain`` without zeros.

    :param path: with ``/`` between its folders
    """

    __slots__ = ("end", "first", "plain", "written")

    def __init__(self, path: str) -> None:
        """Divide a path into its tokens."""
        folders, _, name = path.rpartition("/")
        stem = without_ending(name)
        self.written = written_tokens(path)
        self.plain = without_zeros(self.written)
        self.first = _count(folders)  # where those of the file's name begin
        self.end = len(self.written) - _count(
            name[len(stem) :]
        )  # where its ending does

    def names(self) -> Iterator[tuple[Tokens, Tokens]]:
        """Yield the tokens of the path, the name and the stem, as written and without zeros."""
        spans = ((0, None), (self.first, None), (self.first, self.end))
        for start, end in dict.fromkeys(spans):
            yield self.written[start:end], self.plain[start:end]


@lru_cache(maxsize=10_000)
def _count(text: str) -> int:
    return len(written_tokens(text))
