"""SQL functions for those who write queries: ``glam_nearest``, ``glam_embed``, ``glam_similarity``.

They only read the database of the connection they are called on.
"""

import json
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlite_utils import Database

from llm_glam import index, store
from llm_glam.errors import BadTerm
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
        vector = self._vector(db, found, terms.parse(f"1:{text}"))
        return vector.astype("<f4").tobytes()

    def nearest(self, collection: str, query: str, number: int) -> str:
        """The nearest pictures of a collection, as JSON: their ids and scores, best first.

        :param query: words, or ``id:`` and the id of a picture, which is left out
        """
        from llm_glam import search, terms

        db, found = self._open(collection)
        term = terms.parse(str(query))
        vector = self._vector(db, found, term)
        skip = [] if term.id is None else [term.id]
        asked = search.Query(vector, max(0, min(int(number), MOST)), skip=skip)
        hits = search.nearest_to_each(db, found, [asked])[0]
        return json.dumps({hit.id: hit.score for hit in hits}, ensure_ascii=False)

    def _open(self, name: str) -> tuple[Database, Collection]:
        if self._path is None:
            raise NotAllowed("databases in memory have no collections")
        db = store.connect(self._path, readonly=True)
        return db, store.get(db, str(name))

    def _vector(self, db: Database, collection: Collection, term: "Term") -> Any:
        from llm_glam import terms

        if term.path is not None:
            raise BadTerm("Files cannot be searched for from SQL.")
        if term.words is not None and not self._has_models:
            raise NotAllowed(f"{SWITCH} is off here: only id:… can be asked for")
        return terms.vector(db, collection, [term], download=False)


def similarity(one: bytes, other: bytes) -> float | None:
    """The cosine of two vectors as LLM stores them; null where one is null."""
    if one is None or other is None:
        return None
    a, b = (np.frombuffer(v, "<f4").astype(np.float64) for v in (one, other))
    lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else 0.0
