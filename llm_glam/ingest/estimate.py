"""Estimate the time and disk space of a run by embedding a few of its pictures."""

import random
import time
from collections.abc import Sequence
from typing import Any

from ..engine import Encoder
from ..images.files import Found, PictureFile
from .embed_batch import encode
from .prefetch import Entry, Problem, ReadOptions, Ready, prefetch

SAMPLE = 16  # pictures
# Of an item's row and its index entries, not counting the vector and the thumbnail.
ROW_BYTES = 600


def estimate(
    found: Found, model_id: str, encoder: Encoder, read_options: ReadOptions
) -> dict[str, Any]:
    """Count the files of a run and embed a sample of them, without writing anything.

    :return: ``model``, ``files`` and ``file_bytes``; ``sample``, ``problems_in_sample`` and
        ``megapixels`` (the median) of the sample; and estimates of ``seconds`` and
        ``database_bytes`` for all files
    """
    sample = _sample(found.files)
    started = time.monotonic()
    results = list(prefetch([Entry(f.id, f) for f in sample], encoder, read_options))
    ready = [result for result in results if isinstance(result, Ready)]
    encode(encoder, ready)
    each = (time.monotonic() - started) / max(1, len(sample))
    thumbnails = [len(r.thumbnail.content) for r in ready if r.thumbnail]
    row = ROW_BYTES + 4 * encoder.dimensions + sum(thumbnails) / max(1, len(thumbnails))
    file_bytes = sum({file.path: file.size for file in found.files}.values())
    stored = file_bytes if read_options.keep_raw else 0
    sizes = sorted(r.facts.width * r.facts.height for r in ready if r.facts)
    return {
        "model": model_id,
        "files": len(found.files),
        "file_bytes": file_bytes,
        "sample": len(sample),
        "problems_in_sample": sum(isinstance(result, Problem) for result in results),
        "megapixels": round(sizes[len(sizes) // 2] / 1e6, 2) if sizes else None,
        "seconds": round(each * len(found.files)),
        "database_bytes": round(row * len(found.files) + stored),
    }


def _sample(files: Sequence[PictureFile]) -> list[PictureFile]:
    return random.Random(0).sample(list(files), min(SAMPLE, len(files)))
