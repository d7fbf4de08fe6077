"""Parse and write queries in one line, as they are typed into a search box.

``a bronze brooch -broken +"in a museum" 2:golden id:0032.jpg``

All words without an operator are one term. ``+`` and ``-`` add and subtract the single word, phrase
in quotes or ``id:`` that follows them without a space. A phrase in quotes is a term of its own. A
weight applies to what follows: the phrase, the id, or all words up to the next operator (as in
rclip's ``2:golden retriever``). In quotes, ``"`` and ``\\`` are escaped as in JSON, so SQLite's
``'id:' || json_quote(id)`` always gives a valid term.
"""

import json
import re
from collections.abc import Sequence

from ..errors import BadTerm
from . import terms
from .terms import Term

TOKEN = re.compile(
    r"""
    (?P<sign> [+-] (?=[^\s+-]) )?
    (?: (?P<weight> \d+(?:\.\d+)? | \.\d+ ) : (?=\S) )?
    (?P<id> id: (?=\S) )?
    (?: (?P<quoted> "(?:[^"\\]|\\.)*" ) (?=\s|$) | (?P<bare> \S+ ) )
    """,
    re.VERBOSE,
)
MAX_CHARACTERS = 100_000  # of a whole line; long ones consist mostly of ids


def parse(line: str) -> list[Term]:
    """Return the terms of a line, none if it is empty.

    :raises BadTerm: it is too long, has too many terms, or contains a file name or a URL
    """
    if len(line) > MAX_CHARACTERS:
        raise BadTerm(
            f"The query has {len(line):,} characters; at most {MAX_CHARACTERS:,} are allowed."
        )
    found: list[Term | None] = []
    base: list[str] = []  # words without an operator, wherever they are in the line
    open_run = base
    runs: list[tuple[int, str, list[str]]] = []
    for token in TOKEN.finditer(line):
        if token["sign"] or token["id"] or token["quoted"]:
            found.append(_single_term(token))
            open_run = base
            continue
        if token["weight"]:
            open_run = []
            runs.append((len(found), token["weight"], open_run))
            found.append(None)
        elif open_run is base and not base:
            runs.append((len(found), "1", base))
            found.append(None)
        open_run.append(token["bare"])
    for position, weight, words in runs:
        found[position] = _words(terms.weight_of(weight), " ".join(words))
    parsed = [term for term in found if term is not None]
    terms.check(parsed)
    return parsed


def write(wanted: Sequence[Term]) -> str:
    """Return a line that :func:`parse` parses as these terms.

    :param wanted: terms that are words or ids, not files or URLs
    """
    written, has_base = [], False
    for term in sorted(wanted, key=lambda term: not _is_plain(term)):
        is_base = _is_plain(term) and not has_base
        has_base = has_base or is_base
        written.append(str(term.words) if is_base else _with_operators(term))
    return " ".join(written)


def _single_term(token: re.Match[str]) -> Term:
    """Return the term of a token that is a term by itself."""
    weight = terms.weight_of(token["weight"] or "1")
    weight = -weight if token["sign"] == "-" else weight
    body = token["bare"] or _unquoted(token["quoted"])
    if not body.strip():
        raise BadTerm('An empty term ("") cannot be searched for.')
    if token["id"]:
        return Term(weight, id=body)
    return Term(weight, words=body) if token["quoted"] else _words(weight, body)


def _words(weight: float, words: str) -> Term:
    terms.check_words(words)
    return Term(weight, words=words)


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text, strict=False))
    except ValueError:  # a backslash that does not begin an escape sequence
        return text[1:-1]


def _is_plain(term: Term) -> bool:
    """Return whether a term can be written as its words, without operators or quotes."""
    if term.weight != 1 or term.words is None:
        return False
    operators = ("sign", "weight", "id", "quoted")
    tokens = list(TOKEN.finditer(term.words))
    has_operator = any(token[name] for token in tokens for name in operators)
    has_operator |= any(token[0].startswith('"') for token in tokens)
    is_normal = " ".join(term.words.split()) == term.words
    is_other = terms.PATH.match(term.words) or terms.ADDRESS.match(term.words)
    return is_normal and not has_operator and not is_other


def _with_operators(term: Term) -> str:
    """Return a term with its sign, its weight if it is not 1, and quotes if necessary."""
    body = str(term.words) if term.id is None else term.id
    is_simple = _is_plain(Term(1, words=body)) and not re.match(r"[+-]|.*\s", body)
    if not is_simple:
        body = json.dumps(body, ensure_ascii=False)
    size = f"{abs(term.weight):.6f}".rstrip("0").rstrip(".")
    weight = "" if size == "1" else f"{size}:"
    is_signed = term.weight < 0 or (term.id is None and is_simple)
    sign = ("-" if term.weight < 0 else "+") if is_signed else ""
    return f"{sign}{weight}{'' if term.id is None else 'id:'}{body}"
