"""A collection's vectors ready to be compared, kept up to date with its database.

What is compared is a copy of the vectors, normalised, in a file below ``user_dir()/glam/index/``
that may be deleted at any time. An O(1) look at the database (:mod:`llm_glam.db.change_stamp`) tells whether
anything was committed since; only then rows are compared, their vectors included, and what
differs is copied anew. Collections that are read in no time have no file.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from ..db import change_stamp, collections, embeddings
from ..db.collection import Collection
from ..formats import atomic
from ..models import registry
from ..progress import Progress
from ..vectors import normalize
from . import vector_file
from .matmul import product
from .vector_file import Rows, Stored
from .vector_rows import check, fill, rows_of

SMALL = 5_000  # rows that are read faster than a file is made
SUFFIX = ".vectors"
HOURS_OF_WRITING = 6

_lock = threading.RLock()
_opened: dict[str, "Index"] = {}


@dataclass(frozen=True)
class Index:
    """Vectors as they were when the database's files looked like ``stamp``.

    ``stamp`` is None where that is not known, because somebody was writing.
    """

    stored: Stored
    stamp: str | None

    @property
    def rows(self) -> Rows:
        """Whose vectors they are."""
        return self.stored.rows

    @property
    def rounding(self) -> float:
        """By how much two scores may be apart wrongly.

        Half a unit in the last place for each product, sum and normalised number (Higham,
        Accuracy and Stability of Numerical Algorithms, chapter 3), for either score.
        """
        return 2 * (self.stored.vectors.shape[1] + 4) * 2.0**-24

    def scores(self, vectors: NDArray[np.float64]) -> NDArray[np.float32]:
        """The cosine of each vector, shape (q, d), with each row, in single precision.

        :return: shape (q, n), the rows in their order
        """
        unit = normalize(vectors).astype(np.float32)
        return product(np.asarray(self.stored.vectors), unit)


@contextmanager
def reading(db: Database) -> Iterator[str | None]:
    """Read one state of a database, whatever others commit meanwhile; gives its stamp.

    The stamp is None where it is not sure that it belongs to that state.
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
    seen: str | None,
    progress: Progress | None = None,
) -> Index:
    """The index of a collection as it is now, from memory, from its file, or made.

    :param seen: what :func:`reading` gave, inside which this is called
    :param progress: told how it goes where many vectors have to be read
    :raises VectorsDiffer: its vectors are not of one length
    """
    path = file_of(db)
    if path is None:
        return Index(_stored(db, collection, None, None, progress), None)
    key = _key(path, collection)
    with _lock:
        known = _opened.get(key)
        if known is None or known.stamp != seen:
            known = _saved(key) or known  # another process may have been faster
        if known is None or seen is None or known.stamp != seen:
            stored = _stored(db, collection, key, known, progress)
            is_news = seen is not None or known is None or stored is not known.stored
            known = Index(stored, seen)
            if is_news:
                _note(db, key, path, collection.name, known)
        _opened[key] = known
        return known


def directory() -> Path:
    """Where the files are."""
    return registry.directory() / "index"


def size(db: Database, collection: Collection) -> int:
    """The bytes of a collection's file, 0 where it has none."""
    path = file_of(db)
    files = _files(_key(path, collection)) if path else []
    return sum(one.stat().st_size for one in files)


def file_of(db: Database) -> Path | None:
    """The file of a database; None for one in memory."""
    name = next(
        row[2] for row in db.execute("pragma database_list") if row[1] == "main"
    )
    return Path(name).resolve() if name else None


def _key(path: Path, collection: Collection) -> str:
    of_what = path, collection.id, collection.name, collection.model_id
    text = "\0".join(map(str, (*of_what, collection.fingerprint, collection.precision)))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _stored(
    db: Database,
    collection: Collection,
    key: str | None,
    known: Index | None,
    progress: Progress | None,
) -> Stored:
    """The vectors of all rows: those that are known already, and others from the database."""
    rows, dimensions = rows_of(db, collection), embeddings.dimensions(db, collection.id)
    old = (
        known.stored if known and known.stored.vectors.shape[1] == dimensions else None
    )
    if old:
        check(db, collection, rows, dimensions)
        if old.rows.equal(rows):
            return old
    if key and len(rows) > SMALL:
        path = directory() / f"{key}-{uuid4().hex[:8]}{SUFFIX}"
        with suppress(OSError, ValueError):
            with vector_file.writing(path, rows, dimensions) as stored:
                fill(db, collection, stored, old, progress)
            return vector_file.load(path)
    stored = Stored(rows, np.empty((len(rows), dimensions), np.float32))
    fill(db, collection, stored, old, progress)
    return stored


def _saved(key: str) -> Index | None:
    """What another process has made."""
    try:
        noted = json.loads((directory() / f"{key}.json").read_text("utf-8"))
        return Index(vector_file.load(directory() / noted["file"]), noted["stamp"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _note(db: Database, key: str, path: Path, name: str, index: Index) -> None:
    """Say which file is valid, and let others go; where that cannot be said, nothing is lost."""
    file = getattr(index.stored.vectors, "filename", None)
    if file is None:
        return
    noted = {
        "file": Path(file).name,
        "stamp": index.stamp,
        "database": str(path),
        "collection": name,
    }
    with suppress(OSError):
        atomic.write_text(directory() / f"{key}.json", json.dumps(noted, indent=2))
        tidy(db)


def _files(key: str) -> list[Path]:
    return list(directory().glob(f"{key}-*{SUFFIX}"))


def tidy(db: Database) -> None:
    """Delete what is of no use: older versions, and what was a collection's that is gone.

    Of other databases only those that are gone themselves are noticed.
    """
    path = file_of(db)
    here = {_key(path, one) for one in collections.every(db)} if path else set()
    valid = set()
    for note in directory().glob("*.json"):
        with suppress(OSError, ValueError, LookupError, TypeError):
            noted = json.loads(note.read_text("utf-8"))
            is_here = noted["database"] == str(path)
            if note.stem in here if is_here else Path(noted["database"]).exists():
                valid.add(noted["file"])
            else:
                note.unlink()
    killed = [one for one in directory().glob(".*") if _is_old(one)]
    for file in (*directory().glob(f"*{SUFFIX}"), *killed):
        if file.name not in valid:
            with suppress(OSError):  # Windows keeps what somebody has open
                file.unlink()


def _is_old(file: Path) -> bool:
    with suppress(OSError):
        return file.stat().st_mtime < time.time() - HOURS_OF_WRITING * 3600
    return False


def forget_opened() -> None:
    """Open everything anew; for tests and for processes that fork."""
    _opened.clear()
