"""An index of a collection's vectors, which follows every change in the database.

The index is a normalised copy of the vectors in a file below ``user_dir()/glam/index/``, which can
be deleted at any time. A check in O(1) (:mod:`llm_glam.db.change_stamp`) tells whether anything
was committed since the index was updated. Only then the rows and their vectors are compared with
the database, and those that differ are copied again. Small collections, which are read quickly
enough, have no file.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from ..db import change_stamp, collections, embeddings
from ..db.collection import Collection
from ..formats import atomic
from ..progress import Progress
from ..vectors import normalize
from . import vector_file
from .matmul import product
from .vector_file import Rows, Stored, directory
from .vector_rows import check, fill, rows_of

_lock = threading.RLock()
_cached: dict[str, "Index"] = {}


@dataclass(frozen=True)
class Index:
    """The vectors of a collection in one state of its database.

    ``stamp`` identifies that state; it is None if another process was writing at the time.
    """

    stored: Stored
    stamp: str | None

    @property
    def rows(self) -> Rows:
        """The ids and rowids that the vectors belong to."""
        return self.stored.rows

    @property
    def rounding(self) -> float:
        """The largest error that rounding can cause in the difference of two scores.

        This is half a unit in the last place for each product, sum and normalised number (Higham,
        Accuracy and Stability of Numerical Algorithms, chapter 3), for each of the two scores.
        """
        return 2 * (self.stored.vectors.shape[1] + 4) * 2.0**-24

    def scores(
        self,
        vectors: NDArray[np.float64],
        positions: NDArray[np.intp] | None = None,
    ) -> NDArray[np.float32]:
        """Return the cosine similarity of each vector to each row, in single precision.

        :param vectors: shape (q, d)
        :param positions: of the rows to compare, all by default
        :return: shape (q, n), or (q, number of positions)
        """
        unit = normalize(vectors).astype(np.float32)
        return product(np.asarray(self.stored.vectors), unit, positions)


@contextmanager
def snapshot(db: Database) -> Iterator[str | None]:
    """Read one state of a database during a block, whatever others commit meanwhile.

    Gives the stamp of that state, or None if it cannot be determined reliably.
    """
    path = file_of(db)
    if path is None or db.conn.in_transaction:
        yield None
        return
    before = change_stamp.of(path)
    db.conn.execute("begin")
    try:
        db.conn.execute("select 1 from sqlite_master limit 1").fetchall()
        yield before if before == change_stamp.of(path) else None
    finally:
        db.conn.rollback()


def of(
    db: Database,
    collection: Collection,
    stamp: str | None,
    progress: Progress | None = None,
) -> Index:
    """Return the up-to-date index of a collection, from memory, from its file, or newly made.

    Call this inside :func:`snapshot`.

    :param stamp: what :func:`snapshot` gave
    :param progress: is shown the progress if many vectors must be read
    :raises VectorsDiffer: the vectors have different lengths
    """
    path = file_of(db)
    if path is None:
        return Index(_stored(db, collection, None, None, progress), None)
    key = _key(path, collection)
    with _lock:
        last = _cached.get(key)
        if last is None or last.stamp != stamp:
            last = _saved(key) or last  # another process may have updated it
        if last is None or stamp is None or last.stamp != stamp:
            stored = _stored(db, collection, key, last, progress)
            has_changed = stamp is not None or last is None or stored is not last.stored
            last = Index(stored, stamp)
            if has_changed:
                _save_note(db, key, path, collection.name, last)
        _cached[key] = last
        return last


def if_current(db: Database, collection: Collection, stamp: str) -> Index | None:
    """Return the index of a collection in this state, if it has been made.

    Call this inside :func:`snapshot`.

    :return: None also while it is being made
    """
    path = file_of(db)
    if path is None or not _lock.acquire(blocking=False):
        return None
    try:
        key = _key(path, collection)
        last = _cached.get(key)
        if last is None or last.stamp != stamp:
            last = _saved(key)
        if last is None or last.stamp != stamp:
            return None
        _cached[key] = last
        return last
    finally:
        _lock.release()


def size(db: Database, collection: Collection) -> int:
    """Return the size of a collection's index file in bytes, 0 if it has none."""
    path = file_of(db)
    files = vector_file.of(_key(path, collection)) if path else []
    return sum(one.stat().st_size for one in files)


def file_of(db: Database) -> Path | None:
    """Return the path of a database's file, or None for a database in memory."""
    name = next(
        row[2] for row in db.execute("pragma database_list") if row[1] == "main"
    )
    return Path(name).resolve() if name else None


def _key(path: Path, collection: Collection) -> str:
    names = path, collection.id, collection.name, collection.model_id
    text = "\0".join(map(str, (*names, collection.fingerprint, collection.precision)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _stored(
    db: Database,
    collection: Collection,
    key: str | None,
    last: Index | None,
    progress: Progress | None,
) -> Stored:
    """Return the vectors of all rows, unchanged ones from the last index.

    :param key: names the collection's files, None for a database in memory
    """
    rows, dimensions = rows_of(db, collection), embeddings.dimensions(db, collection.id)
    old = last.stored if last and last.stored.vectors.shape[1] == dimensions else None
    if old:
        check(db, collection, rows, dimensions)
        if old.rows.equal(rows):
            return old
    if key and len(rows) > vector_file.SMALL:
        path = vector_file.new_path(key)
        with suppress(OSError, ValueError):
            vector_file.write(
                path,
                rows,
                dimensions,
                lambda stored: fill(db, collection, stored, old, progress),
            )
            return vector_file.load(path)
    stored = Stored(rows, np.empty((len(rows), dimensions), np.float32))
    fill(db, collection, stored, old, progress)
    return stored


def _saved(key: str) -> Index | None:
    """Return the index that this or another process has saved, or None.

    The note has the checksum of its file, since a backup or another program that copies files may
    have put another one in its place.
    """
    try:
        note = json.loads((directory() / f"{key}.json").read_text("utf-8"))
        path = directory() / note["file"]
        if vector_file.checksum_of(path) != note["checksum"]:
            return None
        return Index(vector_file.load(path), note["stamp"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _save_note(db: Database, key: str, path: Path, name: str, index: Index) -> None:
    """Note which file is valid and delete the others.

    If the note cannot be written, the index is made again next time.
    """
    file = getattr(index.stored.vectors, "filename", None)
    if file is None:
        return
    with suppress(OSError, ValueError):
        note = {
            "file": Path(file).name,
            "checksum": vector_file.checksum_of(Path(file)),
            "stamp": index.stamp,
            "database": str(path),
            "collection": name,
        }
        atomic.write_text(directory() / f"{key}.json", json.dumps(note, indent=2))
        delete_stale_files(db)


def delete_stale_files(db: Database) -> None:
    """Delete older versions of index files, and those of collections that no longer exist.

    The files of other databases are deleted only if the whole database is gone.
    """
    path = file_of(db)
    keys = {_key(path, one) for one in collections.every(db)} if path else set()
    valid = set()
    for note_file in directory().glob("*.json"):
        with suppress(OSError, ValueError, LookupError, TypeError):
            note = json.loads(note_file.read_text("utf-8"))
            is_same = note["database"] == str(path)
            if note_file.stem in keys if is_same else Path(note["database"]).exists():
                valid.add(note["file"])
            else:
                note_file.unlink()
    vector_file.delete_others(valid)


def clear_cache() -> None:
    """Forget all indexes in memory, for tests and for processes that fork."""
    _cached.clear()
