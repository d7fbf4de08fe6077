"""SQL functions for those who write queries: ``glam_nearest``, ``glam_embed``, ``glam_similarity``.

They only read the database of the connection they are called on.
"""

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlite_utils import Database

from llm_glam import index, search, store
from llm_glam.store import Collection

from .gate import wrapped
from .queries import CONFIG, NotAllowed

if TYPE_CHECKING:
    from llm_glam.terms import Term

SWITCH = "sql_models"
MOST = 1_000  # pictures in one answer


def register(conn: sqlite3.Connection, datasette: Any) -> None:
    """Give a connection our functions; those with words run a model, unless that is forbidden."""
    has_models = (datasette.plugin_config(CONFIG) or {}).get(SWITCH, True)
    functions = Functions(conn, bool(has_models))
    for name, count, function in (
        ("glam_embed", 2, functions.embed),
        ("glam_nearest", 3, functions.nearest),
        ("glam_similarity", 2, similarity),
    ):
        conn.create_function(name, count, function, deterministic=True)


class Functions:
    """What needs the database and perhaps a model."""

    def __init__(self, conn: sqlite3.Connection, has_models: bool) -> None:
        self._path = index.file_of(wrapped(conn))
        self._has_models = has_models

    def embed(self, collection: str, text: str) -> bytes:
        """The vector of words by a collection's checkpoint, of length 1, as LLM stores vectors."""
        from llm_glam import terms

        db, found = self._open(collection)
        term = self._term(f"1:{text}")
        vector = terms.vector(db, found, [term], download=False)
        return vector.astype("<f4").tobytes()

    def nearest(self, collection: str, query: str, number: int) -> str:
        """The nearest pictures of a collection, as JSON: their ids and scores, best first.

        :param query: words, or ``id:`` and the id of a picture, which is left out
        """
        from llm_glam import terms

        db, found = self._open(collection)
        most = max(0, min(int(number), MOST))
        term = self._term(str(query))
        asked = terms.query(db, found, [term], most, download=False)
        hits = search.nearest_to_each(db, found, [asked])[0]
        return json.dumps({hit.id: hit.score for hit in hits}, ensure_ascii=False)

    def _open(self, name: str) -> tuple[Database, Collection]:
        if self._path is None:
            raise NotAllowed("databases in memory have no collections")
        db = store.connect(self._path, readonly=True)
        return db, store.get(db, str(name))

    def _term(self, text: str) -> "Term":
        from llm_glam import terms

        term = terms.parse(text, files=False)
        if term.words is not None and not self._has_models:
            raise NotAllowed(f"{SWITCH} is off here: only id:… can be asked for")
        return term


def similarity(one: bytes, other: bytes) -> float | None:
    """The cosine of two vectors as LLM stores them; null where one is null."""
    if one is None or other is None:
        return None
    vectors, vector = np.frombuffer(one, "<f4"), np.frombuffer(other, "<f4")
    return float(search.cosines(vectors[None], vector.astype(np.float64))[0])
