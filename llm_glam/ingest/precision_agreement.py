"""Measure how far int8 and fp32 agree on the user's own pictures."""

from collections.abc import Sequence

import numpy as np

from ..engine import Encoder
from ..images.files import Found, PictureFile, sampled
from ..vectors import Vectors, nearest_rows
from .embed_batch import encode
from .prefetch import Entry, ReadOptions, Ready, prefetch

SAMPLE = 200  # pictures
NEIGHBOURS = 10


def measure(
    found: Found, fp32: Encoder, int8: Encoder, read_options: ReadOptions
) -> float | None:
    """Return how many of the ten nearest neighbours by fp32 int8 finds as well, from 0 to 1.

    The mean is taken over a sample of the pictures of a run.

    :return: None if there are too few pictures
    """
    files = sampled(found, SAMPLE, 0).files
    reference, other = (
        _encode(encoder, files, read_options) for encoder in (fp32, int8)
    )
    return recall(reference, other) if len(reference) >= 2 * NEIGHBOURS else None


def _encode(
    encoder: Encoder, files: Sequence[PictureFile], read_options: ReadOptions
) -> Vectors:
    results = prefetch([Entry(file.id, file) for file in files], encoder, read_options)
    return encode(encoder, [result for result in results if isinstance(result, Ready)])


def recall(reference: Vectors, other: Vectors, k: int = NEIGHBOURS) -> float:
    """Return the mean share of each row's ``k`` nearest rows that are the same in both.

    :param reference: shape (n, d); ``other`` has the vectors of the same n pictures
    """
    pairs = zip(nearest_rows(reference, k), nearest_rows(other, k), strict=True)
    return float(np.mean([len({*one} & {*two}) / k for one, two in pairs]))
