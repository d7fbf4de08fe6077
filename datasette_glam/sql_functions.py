"""SQL functions for those who write queries: ``glam_nearest``, ``glam_embed``, ``glam_similarity``.

They only read the database of the connection they are called on.
"""

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlite_utils import Database

from llm_glam.db import collections
from llm_glam.db.collection import Collection
from llm_glam.search import exact, index
from llm_glam.vectors import cosine_similarities, from_bytes, normalize, to_bytes

from .access.context import wrapped
from .access.llm_embed_guard import CONFIG, NotAllowed

if TYPE_CHECKING:
    from llm_glam.search.terms import Term

SWITCH = "sql_models"
MOST = 1_000  # pictures in one answer


def register(conn: sqlite3.Connection, datasette: Any) -> None:
    """Give a connection our functions; those with words run a model, unless that is forbidden."""
    functions = Functions(conn, has_models(datasette))
    for name, count, function in (
        ("glam_embed", 2, functions.embed),
        ("glam_nearest", 3, functions.nearest),
        ("glam_nearest", 4, functions.nearest),
        ("glam_similarity", 2, similarity),
    ):
        conn.create_function(name, count, function, deterministic=True)


def has_models(datasette: Any) -> bool:
    """Whether words may be asked in SQL."""
    return bool((datasette.plugin_config(CONFIG) or {}).get(SWITCH, True))


class Functions:
    """What needs the database and perhaps a model."""

    def __init__(self, conn: sqlite3.Connection, has_models: bool) -> None:
        self._path = index.file_of(wrapped(conn))
        self._has_models = has_models

    def embed(self, collection: str, query: str) -> bytes:
        """The vector of a query by a collection's checkpoint, of length 1, as LLM stores vectors."""
        from llm_glam.search import terms

        db, found = self._open(collection)
        vector = terms.vector(db, found, self._terms(query), download=False)
        return to_bytes(normalize(vector))

    def nearest(
        self, collection: str, query: str, number: int, among: str | None = None
    ) -> str:
        """The nearest pictures of a collection, as JSON: their ids and scores, best first.

        :param query: what would be typed on the site; pictures named in it are left out
        :param among: ids as a JSON array, the only ones that are compared
        """
        from llm_glam.search import terms

        db, found = self._open(collection)
        most = max(0, min(int(number), MOST))
        ids = None if among is None else json.loads(among)
        wanted = terms.query(
            db, found, self._terms(query), most, among=ids, download=False
        )
        hits = exact.nearest_to_each(db, found, [wanted])[0]
        return json.dumps({hit.id: hit.score for hit in hits}, ensure_ascii=False)

    def _open(self, name: str) -> tuple[Database, Collection]:
        if self._path is None:
            raise NotAllowed("databases in memory have no collections")
        db = collections.connect(self._path, readonly=True)
        return db, collections.get(db, str(name))

    def _terms(self, query: str) -> "list[Term]":
        from llm_glam.errors import BadTerm
        from llm_glam.search import query_syntax

        found = query_syntax.parse(str(query))
        if not found:
            raise BadTerm("there is nothing to look for")
        if not self._has_models and any(term.words is not None for term in found):
            raise NotAllowed(f"{SWITCH} is off here: only id:… can be asked for")
        return found


def similarity(one: bytes, other: bytes) -> float | None:
    """The cosine of two vectors as LLM stores them; null where one is null."""
    if one is None or other is None:
        return None
    rows, vector = from_bytes(one)[None], from_bytes(other)
    return float(cosine_similarities(rows, vector.astype(np.float64))[0])
