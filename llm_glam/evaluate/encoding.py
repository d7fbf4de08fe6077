"""Encode the pictures and captions of pairs with a checkpoint, each of them once."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ..engine import Encoder, Vectors
from ..images.decoding import THUMBNAIL_SIZE
from ..ingest.prefetch import Entry, Problem, ReadOptions, Ready, prefetch
from ..progress import Progress
from . import retrieval
from .measure import Encoded
from .pairs.pairs import Pair

AT_ONCE = 64
# As ``llm glam embed`` reads pictures, which by default makes thumbnails, so vectors are equal.
READING = ReadOptions(
    thumbnail_size=None, as_if_thumbnail_size=THUMBNAIL_SIZE, embedded=False
)

Refused = list[tuple[str, str]]


def encoded(
    model: str,
    encoder: Encoder,
    found: Sequence[Pair],
    texts: Sequence[str],
    progress: Progress,
) -> tuple[Encoded, Refused]:
    """Encode pairs whose files are on this computer.

    :param texts: those of :func:`llm_glam.evaluate.measure.texts`
    :return: the vectors, and ids and reasons of pictures that cannot be used
    :raises BadVectors: a vector contains NaN or infinite values
    """
    vectors, usable, refused = encode_pictures(found, encoder, progress)
    return of_stored(model, encoder, texts, vectors, usable), refused


def of_stored(
    model: str,
    encoder: Encoder,
    texts: Sequence[str],
    vectors: Vectors,
    usable: NDArray[np.bool_] | None = None,
) -> Encoded:
    """Encode the captions of pairs whose pictures already have vectors.

    :param texts: those of :func:`llm_glam.evaluate.measure.texts`
    :param vectors: shape (n, dimensions)
    :param usable: which rows are vectors of pictures, shape (n,); None for all of them
    :raises BadVectors: a vector contains NaN or infinite values
    """
    written = encode_texts(texts, encoder)
    retrieval.check_finite(vectors, f"pictures by {model}")
    retrieval.check_finite(written, f"captions by {model}")
    if usable is None:
        usable = np.ones(len(vectors), bool)
    return Encoded(model, vectors, usable, written)


def encode_pictures(
    found: Sequence[Pair], encoder: Encoder, progress: Progress
) -> tuple[Vectors, NDArray[np.bool_], Refused]:
    """Encode the pairs' files; those that cannot be decoded get no vector.

    :return: shape (n, dimensions); which are usable, shape (n,); ids and reasons of the others
    """
    vectors = np.zeros((len(found), encoder.dimensions), np.float32)
    usable = np.zeros(len(found), bool)
    refused: Refused = []
    progress.begin(len(found))
    results = enumerate(prefetch(entries(found), encoder, READING))
    while batch := list(islice(results, AT_ONCE)):
        ready = [(place, one) for place, one in batch if isinstance(one, Ready)]
        if ready:
            places = [place for place, _ in ready]
            vectors[places] = encoder.encode_prepared([r.prepared for _, r in ready])
            usable[places] = True
        problems = [one for _, one in batch if isinstance(one, Problem)]
        refused += [(problem.entry.id, problem.reason) for problem in problems]
        progress.advance(len(batch))
    return vectors, usable, refused


def encode_texts(texts: Sequence[str], encoder: Encoder) -> Vectors:
    """Encode texts, shape (n, dimensions)."""
    vectors = np.empty((len(texts), encoder.dimensions), np.float32)
    for start in range(0, len(texts), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        vectors[part] = encoder.encode_texts(texts[part])
    return vectors


def entries(found: Sequence[Pair]) -> Iterator[Entry]:
    """Yield the files of pairs for prefetching."""
    for pair in found:
        assert pair.file
        yield Entry(pair.id, pair.file)
