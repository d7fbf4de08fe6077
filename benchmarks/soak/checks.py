"""What must be true of a database in every state, and of all answers about it."""

import json
import sqlite3
import urllib.parse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from llm_glam.db import collections, connection
from llm_glam.errors import UnknownCollection
from llm_glam.models import embedding_model
from llm_glam.search import exact, index, vector_file
from llm_glam.search.exact import Query
from llm_glam.vectors import cosine_similarities, stack

from .pictures import SETS, Pictures, title
from .processes import AGAIN, COLLECTION, MODEL, Processes, fetch

ORPHANS = """
    select count(*) from embeddings where collection_id not in (select id from collections)
"""
VECTORS = """
    select c.name, e.id, e.content_hash, e.embedding
    from embeddings e join collections c on c.id = e.collection_id
"""
SCAN = """
    select e.id, e.embedding from embeddings e join collections c on c.id = e.collection_id
    where c.name = ? order by e.id
"""
TABLES = "select distinct items_table from glam_collections"
THUMBNAILS = """
    select t.id from glam_thumbnails t join "{table}" i on i.id = t.id
    where t.items_table = '{table}' and t.image_md5 != i.image_md5
"""
FULL_TEXT = """
    insert into "{table}_fts" ("{table}_fts", rank) values ('integrity-check', 1)
"""
TOLERANCE = 1e-5
QUERIES, NUMBER = 4, 20
TRIES = 40

Rows = tuple[list[str], NDArray[np.float32]]


class Checks:
    """Examine a database that others write to, and note what is wrong."""

    def __init__(
        self,
        processes: Processes,
        pictures: Pictures,
        tally: Counter[str],
        faults: list[str],
    ) -> None:
        self.processes = processes
        self.pictures = pictures
        self.tally = tally
        self.faults = faults
        self._vectors: dict[str, NDArray[np.float32]] = {}  # by the MD5 of the picture

    def run(self) -> None:
        """Make every check once."""
        self.database()
        for name in (COLLECTION, AGAIN):
            self.answers(name)
            if self.processes.address:
                self.site_answers(name)
        self.tally["checks"] += 1

    def database(self) -> None:
        """Examine a copy: SQLite's integrity, orphans, vectors, records, thumbnails, full text."""
        copy = self._copy()
        said = [row[0] for row in copy.execute("pragma integrity_check")]
        self._expect(said == ["ok"], f"integrity_check: {said[:3]}")
        orphans = copy.execute(ORPHANS).fetchone()[0]
        self._expect(orphans == 0, f"{orphans} orphans")
        self._check_vectors(copy.execute(VECTORS).fetchall())
        for (table,) in copy.execute(TABLES).fetchall():
            self._check_records(copy, table)
        copy.close()

    def _check_records(self, copy: sqlite3.Connection, table: str) -> None:
        records = f'select id, image_md5, title from "{table}"'
        for item_id, md5, text in copy.execute(records):
            known = md5 in self.pictures.history[item_id]
            self._expect(known, f"the record of {item_id} is that of another picture")
            self._expect(text == title(item_id), f"{item_id} has the title {text}")
        wrong = copy.execute(THUMBNAILS.format(table=table)).fetchall()
        self._expect(not wrong, f"thumbnails of other pictures: {wrong[:3]}")
        try:
            copy.execute(FULL_TEXT.format(table=table))
        except sqlite3.DatabaseError as error:
            self._expect(False, f"full text of {table}: {error}")

    def _copy(self) -> sqlite3.Connection:
        source = sqlite3.connect(self.processes.database, timeout=60)
        copy = sqlite3.connect(":memory:")
        source.backup(copy)
        source.close()
        return copy

    def _check_vectors(self, rows: Sequence[tuple[str, str, bytes, bytes]]) -> None:
        self._embed({row[2].hex() for row in rows} - self._vectors.keys())
        for name, item_id, md5, stored in rows:
            known = md5.hex() in self.pictures.history[item_id]
            self._expect(known, f"{name}: {item_id} has the content of another picture")
            difference = np.frombuffer(stored, "<f4") - self._vectors[md5.hex()]
            is_own = bool(np.abs(difference).max() < TOLERANCE)
            self._expect(is_own, f"{name}: {item_id} has a foreign vector")
        self.tally["vectors compared with their pictures'"] += len(rows)

    def _embed(self, missing: set[str]) -> None:
        known = [md5 for md5 in sorted(missing) if md5 in self.pictures.content]
        model = embedding_model.find(MODEL)
        contents = [self.pictures.content[md5] for md5 in known]
        for md5, vector in zip(known, model.embed_multi(contents), strict=True):
            self._vectors[md5] = np.array(vector, "<f4")

    def answers(self, name: str) -> None:
        """Compare the answers of the index with a scan of the same state."""
        db = connection.connect(self.processes.database, readonly=True)
        try:
            for _ in range(TRIES):
                before = self._scan(db, name)
                if not before[0]:
                    return
                queries = [Query(v, NUMBER) for v in self._some(before[1])]
                try:
                    hits = exact.nearest_to_each(db, collections.get(db, name), queries)
                except UnknownCollection:
                    continue
                if same(before, self._scan(db, name)):
                    self._compare(db, name, before, queries, hits)
                    return
            self.tally["answers: changed all the time"] += 1
        finally:
            db.conn.close()

    def _compare(
        self, db: Database, name: str, rows: Rows, queries: list[Query], hits: Any
    ) -> None:
        for query, found in zip(queries, hits, strict=True):
            expected = nearest(rows, query.vector, NUMBER)
            given = [hit.id for hit in found]
            self._expect(given == expected, f"{name}: {given} instead of {expected}")
        size = index.size(db, collections.get(db, name))
        has_file = size > 0 and len(rows[0]) > vector_file.SMALL
        self.tally[
            f"answers compared, {'index file' if has_file else 'no file'}"
        ] += len(hits)

    def site_answers(self, name: str) -> None:
        """Compare similar pictures on the site with a scan of the same state."""
        db = connection.connect(self.processes.database, readonly=True)
        try:
            for _ in range(TRIES):
                before = self._scan(db, name)
                address = self.processes.address
                if not before[0] or address is None:
                    return
                item_id = self.processes.random.choice(before[0])
                quoted = urllib.parse.quote(item_id)
                try:
                    status, answer = fetch(f"{address}/{name}.json?id={quoted}")
                except OSError:
                    return
                if status == 200 and same(before, self._scan(db, name)):
                    self._compare_page(name, before, item_id, json.loads(answer))
                    return
            self.tally["site: changed all the time"] += 1
        finally:
            db.conn.close()

    def _compare_page(self, name: str, rows: Rows, item_id: str, page: Any) -> None:
        given = [item["id"] for item in page["items"]]
        vector = rows[1][rows[0].index(item_id)].astype(np.float64)
        expected = nearest(rows, vector, len(given) + 1)
        expected = [one for one in expected if one != item_id][: len(given)]
        self._expect(bool(given), f"site, {name}: nothing is similar to {item_id}")
        self._expect(given == expected, f"site, {name}: {given} instead of {expected}")
        self.tally["pages of the site compared"] += 1

    def completeness(self, names: Sequence[str]) -> None:
        """Check that each picture that exists, and no other, has a vector in each collection."""
        expected = [item_id for one in SETS for item_id in self.pictures.present(one)]
        db = connection.connect(self.processes.database, readonly=True)
        for name in names:
            ids = self._scan(db, name)[0]
            missing, foreign = set(expected) - set(ids), set(ids) - set(expected)
            self._expect(not missing, f"{name}: {len(missing)} pictures are missing")
            self._expect(not foreign, f"{name}: {len(foreign)} pictures are gone")
        table = collections.get(db, COLLECTION).items_table
        current = f'select id, image_md5 from "{table}"'
        for item_id, md5 in db.execute(current).fetchall():
            path = Path(self.pictures.folder, item_id)
            is_current = (
                path.exists() and self.pictures.content[md5] == path.read_bytes()
            )
            self._expect(is_current, f"{item_id} is not as its file")
        db.conn.close()

    def _scan(self, db: Database, name: str) -> Rows:
        rows = (
            db.execute(SCAN, [name]).fetchall()
            if db.table("embeddings").exists()
            else []
        )
        return [row[0] for row in rows], (
            stack(row[1] for row in rows) if rows else np.empty((0, 1), np.float32)
        )

    def _some(self, vectors: NDArray[np.float32]) -> list[NDArray[np.float64]]:
        chosen = [self.processes.random.randrange(len(vectors)) for _ in range(QUERIES)]
        return [vectors[one].astype(np.float64) for one in chosen]

    def _expect(self, is_true: bool, fault: str) -> None:
        if not is_true:
            self.faults.append(fault)


def same(one: Rows, other: Rows) -> bool:
    """Return whether two scans have the same rows and vectors."""
    return one[0] == other[0] and np.array_equal(one[1], other[1])


def nearest(rows: Rows, vector: NDArray[np.float64], number: int) -> list[str]:
    """Return the ids nearest to a vector by a scan."""
    scores = cosine_similarities(rows[1], vector)
    ranked = sorted(zip((-scores).tolist(), rows[0], strict=True))
    return [item_id for _, item_id in ranked[:number]]
