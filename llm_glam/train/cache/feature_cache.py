"""Compute the inputs of a checkpoint's projections for pictures and texts once, and cache them."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...engine import Vectors
from ...evaluate import encoding
from ...evaluate.encoding import Refused
from ...evaluate.pairs.pairs import Pair
from ...models import engine_choice, loading
from ...models.engine_choice import EngineOptions
from ...progress import Progress
from ..clip import checkpoint_weights
from . import npz


@dataclass(frozen=True)
class ProjectionInputs:
    """The inputs of the projections: ``pictures`` (n, dp), ``texts`` (m, dt), both float32.

    ``usable``: which pictures could be read, shape (n,); ``refused``: ids and reasons of the
    others.
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
    cache_file: Path,
    engine_options: EngineOptions,
    progress: Progress,
) -> ProjectionInputs:
    """Compute the inputs with the fastest engine, or load them from the cache.

    :param cache_file: used again for the same pictures, texts and checkpoint
    """
    key = npz.key_of(fingerprint, found, texts)
    known = npz.load(cache_file, key)
    if known:
        arrays, refused = known
        return ProjectionInputs(**arrays, refused=refused)
    computed = _computed(checkpoint, found, texts, engine_options, progress)
    arrays = {name: getattr(computed, name) for name in ("pictures", "usable", "texts")}
    npz.save(cache_file, key, computed.refused, arrays)
    return computed


def _computed(
    checkpoint: Path,
    found: Sequence[Pair],
    texts: Sequence[str],
    engine_options: EngineOptions,
    progress: Progress,
) -> ProjectionInputs:
    with tempfile.TemporaryDirectory() as work:
        copy = Path(work) / "without-projections"
        of_pictures, of_texts = checkpoint_weights.without(checkpoint, copy)
        encoder = loading.opened(copy, None, engine_options)
        pictures, usable, refused = encoding.encode_pictures(found, encoder, progress)
        written = encoding.encode_texts(texts, encoder)
        engine_choice.forget(encoder.fingerprint)
    return ProjectionInputs(
        np.ascontiguousarray(pictures[:, :of_pictures]),
        usable,
        np.ascontiguousarray(written[:, :of_texts]),
        refused,
    )
