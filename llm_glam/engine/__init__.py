"""Encode pictures and texts as vectors."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..vectors import Vectors

FP32, INT8 = "fp32", "int8"  # precisions of a checkpoint's weights
PRECISIONS = (FP32, INT8)


class Encoder(Protocol):
    """A loaded checkpoint.

    Pictures are prepared one at a time, in any thread, so that a large one is freed as soon
    as the few numbers the model needs are taken from it; encoding takes many at once.
    ``needed`` is the short side in pixels below which a picture loses something for the model,
    0 if that is unknown.
    """

    fingerprint: str
    dimensions: int

    @property
    def needed(self) -> int:
        """The short side in pixels that a picture should keep; 0 if unknown."""

    def prepare(self, picture: Any) -> Any:
        """Return the model's input for one RGB picture (``PIL.Image``); thread-safe."""

    def encode_prepared(self, prepared: Sequence[Any]) -> Vectors:
        """Return vectors, shape (n, dimensions), in the order of ``prepared``."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return vectors, shape (n, dimensions), in the order of ``texts``."""


def encode_mixed(encoder: Encoder, inputs: Sequence[Any]) -> Vectors:
    """Return the vectors of a list of texts (``str``) and prepared pictures, in order.

    :return: shape (n, dimensions), float32
    """
    is_text = [isinstance(one, str) for one in inputs]
    texts = np.flatnonzero(is_text).tolist()
    pictures = np.flatnonzero(np.logical_not(is_text)).tolist()
    vectors = np.empty((len(inputs), encoder.dimensions), np.float32)
    if texts:
        vectors[texts] = encoder.encode_texts([inputs[i] for i in texts])
    if pictures:
        vectors[pictures] = encoder.encode_prepared([inputs[i] for i in pictures])
    return vectors
