"""Arithmetic of embeddings: unit length, cosine similarity, and how LLM stores a vector."""

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

A = TypeVar("A", np.float32, np.float64)

Vectors = NDArray[np.float32]
Vector = NDArray[np.float64]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

STORED = "<f4"  # LLM's format: little-endian float32


def normalize(rows: NDArray[A]) -> NDArray[A]:
    """Scale each row, or a single vector, to length 1; what has no direction becomes zeros.

    That is so for zeros, and for what contains NaN or infinite numbers.

    :param rows: shape (n, d) or (d,)
    """
    lengths = np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)
    has_direction = (lengths > 0) & np.isfinite(lengths)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=has_direction)


def cosine_similarities(rows: NDArray[A], vector: Vector) -> Vector:
    """Return the cosine of each row with a vector, in double precision.

    It is 0 where one of them is zero, or contains NaN or infinite numbers.

    Equal rows have equal cosines wherever they stand, which a matrix product does not promise.

    :param rows: shape (n, d); ``vector`` has shape (d,)
    :return: shape (n,)
    """
    doubled = rows.astype(np.float64)
    lengths = np.linalg.norm(doubled, axis=1) * np.linalg.norm(vector)
    with np.errstate(invalid="ignore"):
        products = np.einsum("ij,j->i", doubled, vector)
    has_direction = (lengths > 0) & np.isfinite(lengths)
    return np.divide(
        products, lengths, out=np.zeros_like(products), where=has_direction
    )


def paired_cosines(one: NDArray[A], other: NDArray[A]) -> NDArray[A]:
    """Return the cosine of each row with the same row of another array, shape (n,)."""
    cosines: NDArray[A] = (normalize(one) * normalize(other)).sum(axis=1)
    return cosines


def nearest_rows(rows: NDArray[A], k: int) -> list[list[int]]:
    """Return the positions of the ``k`` rows nearest to each row by cosine, itself left out.

    :param rows: shape (n, d)
    """
    unit = normalize(rows)
    similarities = unit @ unit.T
    np.fill_diagonal(similarities, -np.inf)
    order = np.argsort(-similarities, axis=1, kind="stable")
    found: list[list[int]] = order[:, :k].tolist()
    return found


def to_bytes(vector: NDArray[A]) -> bytes:
    """Return a vector as LLM stores it."""
    return vector.astype(STORED).tobytes()


def is_usable(stored: object, dimensions: int | None) -> bool:
    """Return whether a stored value is a vector of finite numbers.

    :param dimensions: how many it must have, None for any number except 0
    """
    if not isinstance(stored, bytes) or not stored or len(stored) % 4:
        return False
    if dimensions and len(stored) != 4 * dimensions:
        return False
    return bool(np.isfinite(from_bytes(stored)).all())


def from_bytes(stored: bytes) -> Vectors:
    """Return a vector that LLM stored, shape (d,)."""
    return np.frombuffer(stored, STORED)


def stack(stored: Iterable[bytes], dimensions: int = -1) -> Vectors:
    """Return stored vectors of one length as rows, shape (n, d).

    :param dimensions: of each, where there may be no vector at all
    """
    blobs = list(stored)
    joined = np.frombuffer(b"".join(blobs), STORED)
    return joined.reshape(len(blobs), dimensions)
