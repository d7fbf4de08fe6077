"""How far a reduced precision agrees with the exact one on somebody's own pictures."""

from collections.abc import Sequence

import numpy as np

from ..engine import Encoder
from ..images.files import Found, PictureFile, sampled
from ..vectors import Vectors, nearest_rows
from .embed_batch import encode
from .prefetch import Entry, Reading, Ready, prefetch

SAMPLE = 200  # pictures
NEIGHBOURS = 10


def measure(
    found: Found, fp32: Encoder, int8: Encoder, reading: Reading
) -> float | None:
    """Return recall@10 of int8 on a sample of the pictures of a run, from 0 to 1.

    :return: None where there are too few pictures to tell
    """
    files = sampled(found, SAMPLE, 0).files
    reference, other = (_encoded(encoder, files, reading) for encoder in (fp32, int8))
    return recall(reference, other) if len(reference) >= 2 * NEIGHBOURS else None


def _encoded(
    encoder: Encoder, files: Sequence[PictureFile], reading: Reading
) -> Vectors:
    results = prefetch([Entry(file.id, file) for file in files], encoder, reading)
    return encode(encoder, [result for result in results if isinstance(result, Ready)])


def recall(reference: Vectors, other: Vectors, k: int = NEIGHBOURS) -> float:
    """Return how many of the ``k`` nearest of each row are the nearest in both, from 0 to 1.

    :param reference: shape (n, dimensions); ``other`` has the same rows
    """
    pairs = zip(nearest_rows(reference, k), nearest_rows(other, k), strict=True)
    return float(np.mean([len({*one} & {*two}) / k for one, two in pairs]))
