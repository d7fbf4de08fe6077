"""What enters a checkpoint's projections, for pictures and texts: computed once and kept."""

import hashlib
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import engines, evaluate, models, towers
from .engine import Vectors
from .engines import Running
from .evaluate import Refused, Report
from .pairs import Pair


@dataclass(frozen=True)
class Entering:
    """What enters the projections: ``pictures`` (n, dp), ``texts`` (m, dt), both float32.

    ``usable``: which pictures could be read, shape (n,); ``refused``: ids and reasons of others.
    """

    pictures: Vectors
    usable: NDArray[np.bool_]
    texts: Vectors
    refused: Refused


def of(
    checkpoint: Path,
    fingerprint: str,
    found: Sequence[Pair],
    texts: Sequence[str],
    kept: Path,
    running: Running,
    report: Report,
) -> Entering:
    """Compute it through the fastest engine there is, or take what was kept of the same.

    :param kept: a file for it; what is in it is used for the same pictures, texts and checkpoint
    """
    key = key_of(fingerprint, found, texts)
    known = _kept(kept, key)
    if known:
        return known
    computed = _computed(checkpoint, found, texts, running, report)
    ids, reasons = zip(*computed.refused, strict=True) if computed.refused else ((), ())
    work = kept.with_suffix(".part.npz")
    np.savez(
        work,
        key=np.array(key),
        pictures=computed.pictures,
        usable=computed.usable,
        texts=computed.texts,
        ids=np.array(ids, dtype=np.str_),
        reasons=np.array(reasons, dtype=np.str_),
    )
    work.replace(kept)
    return computed


def _computed(
    checkpoint: Path,
    found: Sequence[Pair],
    texts: Sequence[str],
    running: Running,
    report: Report,
) -> Entering:
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / "without-projections"
        of_pictures, of_texts = towers.without(checkpoint, copy)
        encoder = models.opened(copy, None, running)
        pictures, usable, refused = evaluate.encode_pictures(found, encoder, report)
        written = evaluate.encode_texts(texts, encoder)
        engines.forget(encoder.fingerprint)
    return Entering(
        np.ascontiguousarray(pictures[:, :of_pictures]),
        usable,
        np.ascontiguousarray(written[:, :of_texts]),
        refused,
    )


def _kept(path: Path, key: str) -> Entering | None:
    with suppress(OSError, ValueError, LookupError), np.load(path) as told:
        if str(told["key"]) != key:
            return None
        refused = list(zip(told["ids"].tolist(), told["reasons"].tolist(), strict=True))
        return Entering(told["pictures"], told["usable"], told["texts"], refused)
    return None


def key_of(fingerprint: str, found: Sequence[Pair], texts: Sequence[str]) -> str:
    """Of the checkpoint, the files as they are, and the texts."""
    told = hashlib.sha256(fingerprint.encode())
    for pair in found:
        assert pair.file
        stat = pair.file.path.stat()
        told.update(f"{pair.file.path}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    for text in texts:
        told.update(text.encode("utf-8", "surrogatepass") + b"\0")
    return told.hexdigest()
