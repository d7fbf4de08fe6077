"""The terms of a search: words, pictures and ids, which are added, subtracted and weighted.

A term can begin with a weight, as in rclip: ``2:golden retriever``.
"""

import os.path
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlite_utils import Database

from .. import platforms
from ..db import embeddings
from ..db.collection import Collection
from ..errors import BadImage, BadTerm, check_text
from ..images import decoding
from ..vectors import normalize
from . import exact
from .exact import Query, Vector

WEIGHTED = re.compile(r"(\d+(?:\.\d+)?|\.\d+):(.*)", re.DOTALL)
PATH = re.compile(r"\.{1,2}[/\\]|/|~[/\\]|[A-Za-z]:[/\\]|\\")
ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
MAX_TERMS = 20  # each may need the model
MAX_CHARACTERS = 2_000  # of words
MAX_WEIGHT = 1_000


@dataclass(frozen=True)
class Term:
    """A term of a search: either words, a picture file, a picture's URL, or an item's id.

    ``weight`` is negative if the term is subtracted.

    :raises BadTerm: a text is not valid Unicode
    """

    weight: float
    words: str | None = None
    path: Path | None = None
    address: str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        for text in (self.words, self.address, self.id):
            check_text(text or "", BadTerm)


def parse(text: str, *, subtract: bool = False, files: bool = True) -> Term:
    """Parse a term as it is typed on a command line.

    :param files: whether the term may name a file on this computer, or a URL for it to fetch
    :raises BadTerm: the term is empty, too long, or a file or URL that is not allowed
    """
    weighted = WEIGHTED.fullmatch(text)
    weight = weight_of(weighted[1]) if weighted else 1.0
    rest = (weighted[2] if weighted else text).strip()
    sign = -weight if subtract else weight
    if not rest:
        raise BadTerm(f"There is nothing to search for in '{text}'.")
    if rest.startswith("id:"):
        return Term(sign, id=rest[3:])
    if files and PATH.match(rest):
        return Term(sign, path=Path(os.path.expanduser(rest)))
    if files and ADDRESS.match(rest):
        return Term(sign, address=rest)
    check_words(rest)
    return Term(sign, words=rest)


def check(wanted: Sequence[Term]) -> None:
    """Check that a search is not too long.

    :raises BadTerm: it has too many terms, or too many words
    """
    if len(wanted) > MAX_TERMS:
        raise BadTerm(
            f"The query has {len(wanted)} terms; at most {MAX_TERMS} are allowed."
        )
    check_length(" ".join(term.words for term in wanted if term.words))


def check_words(words: str) -> None:
    """Check that words are neither a file name nor a URL, and not too long.

    :raises BadTerm: they are
    """
    for pattern, what in (PATH, "Files"), (ADDRESS, "Addresses"):
        if pattern.match(words):
            raise BadTerm(f"{what} cannot be searched for here: use words or id:ID.")
    check_length(words)


def check_length(words: str) -> None:
    """Check that words are not longer than any model can read.

    :raises BadTerm: they are
    """
    if len(words) > MAX_CHARACTERS:
        raise BadTerm(
            f"The words have {len(words):,} characters; at most {MAX_CHARACTERS:,} are allowed (the "
            "model reads fewer than a hundred words)."
        )


def weight_of(digits: str) -> float:
    """Return the weight that these digits denote.

    :raises BadTerm: it is too large
    """
    weight = float(digits)
    if weight > MAX_WEIGHT:
        raise BadTerm(f"A weight can be at most {MAX_WEIGHT:,}, not {digits[:20]}.")
    return weight


def vector(
    db: Database,
    collection: Collection,
    terms: Sequence[Term],
    prompt: str = "{}",
    *,
    download: bool = True,
    private: bool = False,
) -> Vector:
    """Return the weighted sum of the terms' unit vectors.

    :param prompt: a template for words, with ``{}`` for the words
    :param download: whether to download a checkpoint from the Hugging Face Hub if necessary
    :param private: whether URLs may be on this computer and on private networks
    :return: shape (d,)
    :raises BadTerm: the terms cancel each other out
    :raises BadAddress: a URL does not provide a picture
    :raises BadImage: a picture cannot be used
    :raises UnknownItem: the collection has no such id
    """
    vectors = [
        _vector(db, collection, term, prompt, download, private) for term in terms
    ]
    return total([term.weight for term in terms], vectors)


def total(weights: Sequence[float], vectors: Sequence[Vector]) -> Vector:
    """Return the weighted sum of vectors, each normalised to length 1.

    :return: shape (d,)
    :raises BadTerm: they cancel each other out
    """
    parts = [
        weight * normalize(one) for weight, one in zip(weights, vectors, strict=True)
    ]
    weighted_sum: Vector = np.sum(parts, axis=0)
    if float(np.linalg.norm(weighted_sum)) < 1e-6:
        raise BadTerm("The terms cancel each other out: nothing is left to search for.")
    return weighted_sum


def query(
    db: Database,
    collection: Collection,
    terms: Sequence[Term],
    number: int,
    *,
    among: Sequence[str] | None = None,
    prompt: str = "{}",
    download: bool = True,
    private: bool = False,
) -> Query:
    """Return a query for the sum of terms that skips the pictures used as terms.

    For parameters and errors see :func:`vector` and :class:`llm_glam.search.exact.Query`.
    """
    total = vector(db, collection, terms, prompt, download=download, private=private)
    named = [term.id for term in terms if term.id is not None]
    return Query(total, number, among=among, skip=named)


def _vector(
    db: Database,
    collection: Collection,
    term: Term,
    prompt: str,
    download: bool,
    private: bool,
) -> Vector:
    if term.id is not None:
        return embeddings.stored_vector(db, collection, term.id)
    query: str | bytes
    if term.path is not None:
        query = _picture(str(term.path), _file(term.path))
    elif term.address is not None:
        query = _picture(term.address, _fetched(term.address, private))
    else:
        query = prompt.replace("{}", str(term.words))
    return exact.query_vector(collection, query, download=download)


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"{path} cannot be read: {platforms.reason(error)}.") from error


def _fetched(address: str, private: bool) -> bytes:
    from ..net.fetch import fetch  # slow to import, because of HTTP

    return fetch(address, private=private)


def _picture(name: str, raw: bytes) -> bytes:
    try:
        decoding.read(raw)
    except BadImage as error:
        raise BadImage(f"{name} cannot be used: {error.message}.") from error
    return raw
