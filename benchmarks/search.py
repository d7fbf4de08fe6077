"""Searching many vectors: a database filled with random ones, as LLM and llm-glam keep them."""

import hashlib
import sqlite3
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from llm_glam.db import collections, connection
from llm_glam.search import exact
from llm_glam.search.exact import Query

DIMENSIONS = 512
CLUSTERS = 200
AT_ONCE = 10_000
NAME = "bench"


def database(path: Path, count: int, ours: str, fingerprint: str) -> Path:
    """A collection of so many vectors of a model of ours, kept from run to run."""
    if path.exists():
        return path
    work = path.with_suffix(".part")
    work.unlink(missing_ok=True)
    db = connection.connect(work)
    collections.prepare(db)
    collection = collections.create(db, NAME, ours)
    collections.claim(db, collection, fingerprint, DIMENSIONS, "fp32")
    for rows in _rows(count, collection.id):
        with db.conn:
            db.conn.executemany(
                "insert into embeddings (collection_id, id, embedding, content_hash, updated) "
                "values (?, ?, ?, ?, 0)",
                rows,
            )
    db.conn.close()
    work.rename(path)
    return path


def of_llm_clip(path: Path) -> Path:
    """The same vectors in a collection of llm-clip's."""
    target = path.with_name(f"clip-{path.name}")
    if not target.exists():
        source = sqlite3.connect(path)
        work = target.with_suffix(".part")
        work.unlink(missing_ok=True)
        copy = sqlite3.connect(work)
        source.backup(copy)
        with copy:
            copy.execute("update collections set model = 'clip'")
        copy.close()
        work.rename(target)
    return target


def change(path: Path) -> None:
    """Another vector for one of the pictures."""
    blob = np.random.default_rng(1).normal(size=DIMENSIONS).astype("<f4").tobytes()
    db = sqlite3.connect(path)
    sql = (
        "update embeddings set embedding = ?, content_hash = ? where id = '0000003.jpg'"
    )
    with db:
        db.execute(sql, [blob, hashlib.md5(blob).digest()])
    db.close()


def warm(path: Path, together: int = 1, rounds: int = 5) -> float:
    """Seconds of so many searches at once in a process that has searched before, median."""
    db = connection.connect(path)
    collection = collections.get(db, NAME)
    times = []
    for seed in range(rounds + 1):
        random = np.random.default_rng(seed)
        vectors = random.normal(size=(together, DIMENSIONS))
        started = time.perf_counter()
        exact.nearest_to_each(db, collection, [Query(v, 36) for v in vectors])
        times.append(time.perf_counter() - started)
        time.sleep(3 if seed == 0 else 0)
    return statistics.median(times[1:])


def _rows(count: int, collection: int) -> Iterator[list[tuple[int, str, bytes, bytes]]]:
    """In clusters, as pictures are."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLUSTERS, DIMENSIONS)).astype("<f4")
    for start in range(0, count, AT_ONCE):
        n = min(AT_ONCE, count - start)
        noise = random.normal(size=(n, DIMENSIONS)).astype("<f4")
        vectors = centres[random.integers(0, CLUSTERS, n)] + noise
        yield [
            (collection, f"{start + i:07}.jpg", blob, hashlib.md5(blob).digest())
            for i, blob in enumerate(vector.tobytes() for vector in vectors)
        ]
