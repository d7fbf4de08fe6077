"""Cache arrays computed from pictures and texts in a file."""

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evaluate.encoding import Refused
from ...evaluate.pairs.pairs import Pair
from ...formats import atomic

# What numpy raises for a file that is truncated, empty, or something else.
DAMAGED = (OSError, EOFError, ValueError, LookupError, zipfile.BadZipFile, zlib.error)

Arrays = dict[str, NDArray[Any]]


def key_of(fingerprint: str, found: Sequence[Pair], texts: Sequence[str]) -> str:
    """Return a key for a checkpoint, the current files, and the texts."""
    digest = hashlib.sha256(fingerprint.encode())
    for pair in found:
        assert pair.file
        stat = pair.file.path.stat()
        digest.update(
            f"{pair.file.path}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode()
        )
        if pair.file.page > 1:
            digest.update(f"page {pair.file.page}\0".encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def save(path: Path, key: str, refused: Refused, arrays: Arrays) -> None:
    """Save arrays, and which pictures could not be used, atomically.

    :param path: ends in ``.npz``; an existing file is replaced
    """
    ids, reasons = zip(*refused, strict=True) if refused else ((), ())
    own: Arrays = {"key": np.array(key)}
    own |= {"ids": np.array(ids, np.str_), "reasons": np.array(reasons, np.str_)}
    with atomic.replacing(path) as work, work.open("wb") as file:
        np.savez(file, **own, **arrays)  # type: ignore[arg-type]


def load(path: Path, key: str) -> tuple[Arrays, Refused] | None:
    """Load what :func:`save` saved under this key; None if it is missing or damaged."""
    with suppress(*DAMAGED), path.open("rb") as file:
        stored = dict(np.load(file))
        if str(stored.pop("key")) == key:
            ids, reasons = (stored.pop(name).tolist() for name in ("ids", "reasons"))
            return stored, list(zip(ids, reasons, strict=True))
    return None
