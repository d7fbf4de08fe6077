"""Captions for finds, as people would write or ask: from one word to a full description."""

from collections.abc import Callable, Sequence

import numpy as np

from . import words
from .figures import FIGURES
from .finds import Find
from .grammar import plural, with_articles
from .terms import Term, Vocabulary

Random = np.random.Generator
LETTERS = tuple("abcdefghijklmnoprstuvw")


def caption(find: Find, random: Random) -> Term:
    """A caption that fits a find, and what it asks for; often short, in changing words."""
    shape = int(np.searchsorted(UP_TO, random.random()))
    parts = [part(find, random) for part in SHAPES[shape]]
    wants: dict[str, frozenset[str]] = {}
    for part in parts:
        for name, allowed in part.wants.items():
            wants[name] = wants.get(name, allowed) & allowed
    text = " ".join(part.words for part in parts if part.words)
    return Term(_dressed(text, random), wants)


def _one_of(choices: Sequence[str], random: Random) -> str:
    return choices[int(random.integers(len(choices)))]


def _any(vocabulary: Vocabulary, find: Find, random: Random) -> Term:
    """One of the terms that fit; nothing where none does."""
    fitting = vocabulary.fitting(find)
    return fitting[int(random.integers(len(fitting)))] if fitting else Term("", {})


def _kind(find: Find, random: Random) -> Term:
    term = _any(words.KIND, find, random)
    if random.random() < 0.5:  # the commonest names more often than the rest
        own = words.OWN_NAMES[find.kind]
        term = own[int(random.integers(len(own)))]
    text = term.words
    if find.kind in FIGURES and len(term.wants["kind"]) == 1 and random.random() < 0.35:
        text = _one_of(words.FIGURE_OF, random).format(text)
    if random.random() < 0.2:
        text = plural(text)
    return Term(text, term.wants)


def _material(find: Find, random: Random) -> Term:
    return _any(words.MATERIAL, find, random)


def _decorated(find: Find, random: Random) -> Term:
    return _any(words.DECORATED, find, random)


def _with_pattern(find: Find, random: Random) -> Term:
    term = _any(words.PATTERN, find, random)
    if not term.words:
        return _any(words.PLAIN, find, random)
    paint = _any(words.PAINTED, find, random)
    link = _one_of(("with", "with", "decorated with", "painted with", "and"), random)
    if not paint.words or random.random() < 0.5:
        return Term(f"{link} {term.words}", term.wants)
    bare = term.words.removeprefix("a ")
    return Term(f"{link} {paint.words} {bare}", {**term.wants, **paint.wants})


def _condition(find: Find, random: Random) -> Term:
    return _any(words.CONDITION, find, random)


def _after(find: Find, random: Random) -> Term:
    return _any(words.CONDITION_AFTER, find, random)


def _made_of(find: Find, random: Random) -> Term:
    term = _material(find, random)
    link = _one_of(("of", "made of", "in", "made from"), random)
    return Term(f"{link} {term.words}", term.wants) if term.words else term


Part = Callable[[Find, Random], Term]


def _alone(find: Find, random: Random) -> Term:
    term = _any(words.FRAGMENT, find, random)
    return term if term.words else _condition(find, random)


# What a caption is made of, and how many of a hundred are.
SHAPES_AND_SHARES: tuple[tuple[tuple[Part, ...], int], ...] = (
    ((_kind,), 15),
    ((_material,), 4),
    ((_material, _kind), 15),
    ((_kind, _made_of), 5),
    ((_condition, _kind), 10),
    ((_kind, _after), 6),
    ((_condition, _material, _kind), 8),
    ((_material, _kind, _after), 6),
    ((_decorated, _kind), 8),
    ((_kind, _with_pattern), 8),
    ((_material, _kind, _with_pattern), 8),
    ((_decorated, _material, _kind), 5),
    ((_alone,), 1),
    ((_condition, _decorated, _material, _kind, _with_pattern), 1),
)
SHAPES = [shape for shape, _ in SHAPES_AND_SHARES]
UP_TO = np.cumsum([share for _, share in SHAPES_AND_SHARES]) / 100


def _dressed(text: str, random: Random) -> str:
    """With the words around it that people type, some of them unknown, or with a slip."""
    if random.random() < 0.3:
        fillers = [
            _one_of(words.FILLERS, random) for _ in range(int(random.integers(1, 3)))
        ]
        text = " ".join([*fillers, text])
    elif random.random() < 0.25:
        text = f"a {text}"
    text = with_articles(text)
    if random.random() < 0.06:
        text = f"{text} {_nonsense(random)}"
    if random.random() < 0.04 and len(text) > 5:
        at = int(random.integers(1, len(text) - 2))
        text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text


def _nonsense(random: Random) -> str:
    """A word nobody knows: it must not matter."""
    return "".join(_one_of(LETTERS, random) for _ in range(int(random.integers(3, 9))))
