"""Decode pictures to the towers' input once, and cache the pixels in a file during training."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.preprocess import Preprocessing
from ...errors import TrainingFailed
from ...evaluate.encoding import READING, Refused, entries
from ...evaluate.pairs.pairs import Pair
from ...formats import atomic
from ...ingest.prefetch import Ready, prefetch
from ...progress import Progress, Say
from . import npz

SPARE = 100_000_000  # bytes of the disk that are left free


@dataclass(frozen=True, eq=False)
class CachedPixels:
    """Cached pixels as bytes, shape (n, height, width, 3), in the order of the pairs.

    ``linear`` is the factor and the offset that each channel's values are multiplied by and
    increased by. ``usable`` and ``refused`` as in
    :class:`llm_glam.train.cache.feature_cache.ProjectionInputs`; ``key`` identifies the inputs.
    """

    pixels: NDArray[np.uint8]
    linear: tuple[Sequence[float], Sequence[float]]
    usable: NDArray[np.bool_]
    refused: Refused
    key: str


@dataclass(frozen=True)
class _Preparing:
    """What prefetching needs of an encoder."""

    preparation: Preprocessing

    @property
    def needed(self) -> int:
        """The short side in pixels that a picture must keep."""
        return self.preparation.needed

    def prepare(self, picture: Any) -> NDArray[np.uint8]:
        """Return the pixels of one picture."""
        return self.preparation.pixels(picture)


def of(
    preparation: Preprocessing,
    fingerprint: str,
    found: Sequence[Pair],
    cache_file: Path,
    say: Say,
    progress: Progress,
) -> CachedPixels:
    """Decode the pairs' files, or load their pixels from the cache.

    :param cache_file: the file of the pixels; a file beside it identifies their source
    :raises TrainingFailed: there is not enough space on the disk
    """
    key = npz.key_of(f"{fingerprint} {preparation}", found, ())
    linear = (preparation.scale, preparation.shift)
    known = npz.load(_beside(cache_file), key)
    pixels = _pixels(cache_file, preparation, len(found)) if known else None
    if known and pixels is not None:
        arrays, refused = known
        return CachedPixels(pixels, linear, arrays["usable"], refused, key)
    usable, refused = _decoded(preparation, found, cache_file, say, progress)
    npz.save(_beside(cache_file), key, refused, {"usable": usable})
    return CachedPixels(
        np.load(cache_file, mmap_mode="r"), linear, usable, refused, key
    )


def _pixels(
    cache_file: Path, preparation: Preprocessing, count: int
) -> NDArray[np.uint8] | None:
    """Load cached pixels; None if they are missing or incomplete."""
    with suppress(*npz.DAMAGED):
        pixels: NDArray[np.uint8] = np.load(cache_file, mmap_mode="r")
        if (pixels.shape, pixels.dtype) == (_shape(preparation, count), np.uint8):
            return pixels
    return None


def _shape(preparation: Preprocessing, count: int) -> tuple[int, ...]:
    assert preparation.shape
    return count, *preparation.shape, 3


def forget(cache_file: Path) -> None:
    """Delete the cached pixels and the files beside them.

    Windows keeps one that is in use; the next training run deletes it.
    """
    for path in (cache_file, _beside(cache_file), _work(cache_file)):
        with suppress(PermissionError):
            path.unlink(missing_ok=True)


def _decoded(
    preparation: Preprocessing,
    found: Sequence[Pair],
    cache_file: Path,
    say: Say,
    progress: Progress,
) -> tuple[NDArray[np.bool_], Refused]:
    shape = _shape(preparation, len(found))
    forget(cache_file)
    _check_room(int(np.prod(shape, dtype=np.int64)), cache_file.parent, say)
    usable = np.zeros(len(found), bool)
    refused: Refused = []
    progress.begin(len(found))
    encoder: Any = _Preparing(preparation)
    nothing = np.zeros(shape[1:], np.uint8)
    # Written, not mapped: the system kills processes that write to a map when the disk is full.
    with _work(cache_file).open("wb") as file:
        about = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, about)
        for place, one in enumerate(prefetch(entries(found), encoder, READING)):
            if isinstance(one, Ready):
                usable[place] = True
            else:
                refused.append((one.entry.id, one.reason))
            pixels = one.prepared if isinstance(one, Ready) else nothing
            file.write(np.ascontiguousarray(pixels, np.uint8).data)
            progress.advance(1)
    atomic.rename(_work(cache_file), cache_file)
    return usable, refused


def _check_room(size: int, folder: Path, say: Say) -> None:
    free = shutil.disk_usage(folder).free
    if size + SPARE > free:
        raise TrainingFailed(
            f"The decoded pictures would take {_size_text(size)} in {folder}, where {_size_text(free)} are "
            "free. Free some space there, set LLM_USER_PATH to another disk, or use --tune "
            "projections."
        )
    say(f"Decoded pictures are cached in {folder} during training: {_size_text(size)}")


def _size_text(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"


def _beside(cache_file: Path) -> Path:
    return cache_file.with_suffix(".npz")


def _work(cache_file: Path) -> Path:
    return cache_file.with_suffix(".part")
