"""How far int8 agrees with fp32 on somebody's own pictures: recall@10 of neighbours."""

from collections.abc import Sequence

import numpy as np

from .ahead import Entry, Reading, Ready, read_ahead
from .engine import Encoder, Vectors
from .files import Found, PictureFile, sampled
from .vectors import encode

SAMPLE = 200
NEIGHBOURS = 10


def measure(
    found: Found, fp32: Encoder, int8: Encoder, reading: Reading
) -> float | None:
    """Recall@10 on a sample of the pictures of a run, from 0 to 1.

    :return: None where there are too few pictures to tell
    """
    files = sampled(found, SAMPLE, 0).files
    reference, other = (_encoded(encoder, files, reading) for encoder in (fp32, int8))
    return recall(reference, other) if len(reference) >= 2 * NEIGHBOURS else None


def _encoded(
    encoder: Encoder, files: Sequence[PictureFile], reading: Reading
) -> Vectors:
    results = read_ahead([Entry(file.id, file) for file in files], encoder, reading)
    return encode(encoder, [result for result in results if isinstance(result, Ready)])


def recall(reference: Vectors, other: Vectors, neighbours: int = NEIGHBOURS) -> float:
    """How many of the nearest of each row are the nearest in both, from 0 to 1.

    :param reference: shape (n, dimensions); ``other`` has the same rows
    """
    pairs = zip(
        _nearest(reference, neighbours), _nearest(other, neighbours), strict=True
    )
    return float(np.mean([len(set(a) & set(b)) / neighbours for a, b in pairs]))


def _nearest(vectors: Vectors, neighbours: int) -> Sequence[Sequence[int]]:
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = unit @ unit.T
    np.fill_diagonal(alike, -np.inf)
    return np.argsort(-alike, axis=1)[:, :neighbours].tolist()
