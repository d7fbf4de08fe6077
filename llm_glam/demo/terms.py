"""Terms: words, and what a find must be for them to fit."""

from collections.abc import Mapping
from dataclasses import dataclass

from .finds import Find

Wants = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Term:
    """Words, and the values of a find's attributes they allow."""

    words: str
    wants: Wants

    def fits(self, find: Find) -> bool:
        """Do the words describe this find?"""
        return all(
            getattr(find, name) in allowed for name, allowed in self.wants.items()
        )


class Vocabulary:
    """Terms, and quickly those that fit a find."""

    def __init__(self, *terms: Term) -> None:
        self.terms = terms
        self._names = sorted({name for term in terms for name in term.wants})
        self._fitting: dict[tuple[str, ...], list[Term]] = {}

    def fitting(self, find: Find) -> list[Term]:
        """All terms that fit a find."""
        values = tuple(getattr(find, name) for name in self._names)
        if values not in self._fitting:
            self._fitting[values] = [term for term in self.terms if term.fits(find)]
        return self._fitting[values]


def terms(words: str, **wants: str) -> list[Term]:
    """A term for each of the words between commas; ``|`` separates the values one allows."""
    allowed = {name: frozenset(values.split("|")) for name, values in wants.items()}
    return [Term(word.strip(), allowed) for word in words.split(",")]
