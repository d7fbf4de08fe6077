"""The SQL functions ``glam_nearest``, ``glam_embed`` and ``glam_similarity``.

They only read the database of the connection they are called on.
"""

import json
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sqlite_utils import Database

from llm_glam.db import collections, connection
from llm_glam.db.collection import Collection
from llm_glam.errors import BadTerm, BadVectors, UnknownCollection, UnknownItem
from llm_glam.search import exact, index
from llm_glam.vectors import cosine_similarities, from_bytes, normalize, to_bytes

from . import compat, items
from .access import settings
from .access.context import wrapped
from .access.llm_embed_guard import NotAllowed

if TYPE_CHECKING:
    from llm_glam.search.terms import Term

T = TypeVar("T")
logger = logging.getLogger(__name__)
# Errors whose message is about what was asked for.
EXPLAINED = (BadTerm, BadVectors, NotAllowed, UnknownCollection, UnknownItem)
SWITCH = "sql_models"
MOST = 1_000  # pictures in one result
MOST_DIMENSIONS = 65_536
LONGEST_VALUE = 256 * 2**20  # bytes; SQLite makes values of a gigabyte, and copies them


def register(conn: sqlite3.Connection, datasette: Any) -> None:
    """Register our functions on a connection; words run a model unless the configuration forbids it."""
    with_sensitive = settings.of(datasette).may_show_sensitive
    functions = Functions(conn, has_models(datasette), with_sensitive)
    limit = min(conn.getlimit(sqlite3.SQLITE_LIMIT_LENGTH), LONGEST_VALUE)
    conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limit)
    for name, count, function in (
        ("glam_embed", 2, functions.embed),
        ("glam_nearest", 3, functions.nearest),
        ("glam_nearest", 4, functions.nearest),
        ("glam_similarity", 2, similarity),
    ):
        conn.create_function(name, count, _told(name, function), deterministic=True)


def has_models(datasette: Any) -> bool:
    """Return whether queries in SQL may contain words, which run a model."""
    return bool(settings.config_of(datasette).get(SWITCH, True))


def _told(name: str, function: Callable[..., T]) -> Callable[..., T]:
    """Return a function that notes why it fails, for the answer and for the log."""

    def told(*args: Any) -> T:
        try:
            return function(*args)
        except EXPLAINED as error:
            named = str(error).startswith(f"{name}()")
            compat.note_error_of_function(f"{'' if named else f'{name}(): '}{error}")
            raise
        except Exception as error:
            # What is wrong with a checkpoint may name folders of this server.
            logger.warning("%s(): %s", name, error)
            text = f"{name}() cannot answer here; the server's log says why"
            compat.note_error_of_function(text)
            raise

    return told


class Functions:
    """The functions that need the database and, for words, a model.

    Without ``with_sensitive``, it is as if sensitive pictures did not exist.
    """

    def __init__(
        self, conn: sqlite3.Connection, has_models: bool, with_sensitive: bool
    ) -> None:
        self._path = index.file_of(wrapped(conn))
        self._has_models = has_models
        self._with_sensitive = with_sensitive

    def embed(self, collection: str, query: str) -> bytes:
        """Return the vector of a query, of length 1, in the format in which LLM stores vectors."""
        from llm_glam.search import terms

        db, found = self._open(collection)
        wanted, _ = self._terms(db, found, query)
        vector = terms.vector(db, found, wanted, download=False)
        return to_bytes(normalize(vector))

    def nearest(
        self, collection: str, query: str, number: int, among: str | None = None
    ) -> str:
        """Return the ids and scores of the nearest pictures as JSON, best first.

        :param query: as typed in the site's search box; pictures named in it are left out
        :param among: ids as a JSON array; only these pictures are compared
        """
        from llm_glam.search import terms

        db, found = self._open(collection)
        most = max(0, min(_whole(number), MOST))
        ids = None if among is None else _ids(among)
        named, absent = self._terms(db, found, query)
        wanted = terms.query(db, found, named, most, among=ids, download=False)
        wanted = replace(wanted, skip={*wanted.skip, *absent})
        hits = exact.nearest_to_each(db, found, [wanted])[0]
        return json.dumps({hit.id: hit.score for hit in hits}, ensure_ascii=False)

    def _open(self, name: str) -> tuple[Database, Collection]:
        if self._path is None:
            raise NotAllowed(
                "a database in memory has no collections; use one in a file"
            )
        db = connection.connect(self._path, readonly=True)
        collection = collections.find(db, str(name))
        if collection is None or not collection.is_ours:
            names = ", ".join(one.name for one in collections.every(db)) or "none yet"
            raise UnknownCollection(
                f"There is no picture collection '{name}' in this database (it has: {names})."
            )
        return db, collection

    def _terms(
        self, db: Database, collection: Collection, query: str
    ) -> "tuple[list[Term], set[str]]":
        """Return the terms of a query, and the ids of pictures that are absent.

        :raises UnknownItem: a term is such a picture
        """
        from llm_glam.search import query_syntax

        found = query_syntax.parse(str(query))
        if not found:
            raise BadTerm("the query is empty; give it words or id:…")
        if not self._has_models and any(term.words is not None for term in found):
            raise NotAllowed(f"{SWITCH} is off on this site; search for id:… only")
        is_whole = self._with_sensitive or not collection.items_table
        absent = set() if is_whole else items.sensitive_ids(db, collection)
        for term in found:
            if term.id in absent:
                raise UnknownItem(
                    f"There is no picture '{term.id}' in the collection '{collection.name}'."
                )
        return found, absent


def similarity(one: bytes, other: bytes) -> float | None:
    """Return the cosine similarity of two vectors as LLM stores them; null if either is null."""
    if one is None or other is None:
        return None
    for vector in (one, other):
        if not isinstance(vector, bytes) or len(vector) > 4 * MOST_DIMENSIONS:
            raise BadVectors(
                f"glam_similarity() compares vectors of at most {MOST_DIMENSIONS:,} numbers, such "
                "as embeddings.embedding"
            )
    if len(one) != len(other) or len(one) % 4:
        raise BadVectors("glam_similarity() compares two vectors of the same length")
    rows, beside = from_bytes(one)[None], from_bytes(other)
    return float(cosine_similarities(rows, beside.astype(np.float64))[0])


def _whole(number: Any) -> int:
    """Return a number of pictures.

    :raises BadTerm: it is another value
    """
    try:
        return int(number)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadTerm(
            f"the number of pictures must be a number, not '{number}'"
        ) from error


def _ids(among: str) -> list[str]:
    """Return the ids in a JSON array.

    :raises BadTerm: it is another value
    """
    try:
        found = json.loads(among)
    except (TypeError, ValueError):
        found = None
    if not isinstance(found, list):
        raise BadTerm(
            "the ids must be a JSON array: (select json_group_array(id) from …)"
        )
    return [str(one) for one in found]
