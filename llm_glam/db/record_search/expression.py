"""Write what people type as a query of SQLite's full-text search, in which nothing is an operator."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from sqlite_utils.db import quote_identifier

# What the index takes for words, too: it divides at everything but letters and digits.
WORD = re.compile(r"[^\W_]+")
MOST_WORDS = 40  # further ones are not looked for
LONG = 4  # letters of a word that may be the beginning of another one
LITTLE = 2  # letters of a word that is left out beside others
LITTLE_WORDS = {"the", "and", "with", "from", "for"}
LONGEST_NUMBER = 8  # digits, up to which zeros may stand before a number


def tokens(text: str) -> list[str]:
    """Return the words of a text as the index divides it."""
    return WORD.findall(unicodedata.normalize("NFC", text))


def all_words(text: str) -> str | None:
    """Return a query for the records that have all words of a text; None if it has no words.

    What is written without a space, such as ``1887/3804``, is looked for in that order. Longer
    words may be the beginning of others, such as plurals. Little ones, such as articles, are left
    out beside others.
    """
    found, count = [], 0
    for piece in text.split():
        words = tokens(piece)[: MOST_WORDS - count]
        count += len(words)
        if words:
            found.append(words)
    telling = [words for words in found if not _is_little(words)]
    return " ".join(map(_beginning, telling or found)) or None


def _is_little(words: Sequence[str]) -> bool:
    first = words[0].lower()
    return len(words) == 1 and (
        (len(first) <= LITTLE and first.isalpha()) or first in LITTLE_WORDS
    )


def _beginning(words: Sequence[str]) -> str:
    """Return a query for words, of which the last may be the beginning of another one."""
    may_go_on = len(words[-1]) >= LONG and words[-1].isalpha()
    return phrase(words) + ("*" if may_go_on else "")


def phrase(words: Sequence[str]) -> str:
    """Return a query for words in this order."""
    return f'"{" ".join(words)}"'


def in_columns(query: str, columns: Iterable[str]) -> str:
    """Return a query that is restricted to some columns."""
    return f"{{{' '.join(map(quote_identifier, columns))}}} : ({query})"


def with_any_zeros(words: Iterable[str]) -> str:
    """Return a query for all words in any order, numbers with any zeros before them."""
    return " AND ".join(f"({' OR '.join(map(_quoted, _padded(w)))})" for w in words)


def _padded(word: str) -> list[str]:
    if not (word.isascii() and word.isdecimal()):
        return [word]
    number = word.lstrip("0") or "0"
    widths = range(len(number), max(len(word), LONGEST_NUMBER) + 1)
    return [number.zfill(width) for width in widths]


def _quoted(word: str) -> str:
    return phrase([word])
