"""How equal vectors are: the fast engine's to torch's, and reduced decoding's to full decoding's.

Cosines of the same picture's (or text's) two vectors, as they are and after subtracting the mean
vector: of a checkpoint with random weights all pictures have nearly the same vector, so that only
the latter says anything there.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from llm_glam.demo.catalogue import catalogue
from llm_glam.demo.drawing import draw
from llm_glam.engine import Encoder, Vectors
from llm_glam.engine.export import TEXTS, export
from llm_glam.engine.onnx import OnnxEncoder
from llm_glam.engine.torch import TorchEncoder
from llm_glam.images import decoding
from llm_glam.ingest.prefetch import ReadOptions
from llm_glam.vectors import paired_cosines

SIDE = 2200  # pixels of the short side: decoded at a quarter for the model and the thumbnail
SUFFIXES = ("jpg", "jp2")
COUNT = 48  # each takes some seconds to draw


@dataclass(frozen=True)
class Equality:
    """How near vectors are to their references.

    ``least`` and ``least_centred`` are cosines; ``own`` is the share of vectors whose nearest
    reference is their own.
    """

    least: float
    least_centred: float
    own: float

    def __str__(self) -> str:
        return (
            f"cosine ≥ {self.least:.7f}, centred ≥ {self.least_centred:.6f}, "
            f"nearest their own {self.own:.0%}"
        )


def compare(ours: Vectors, reference: Vectors) -> Equality:
    """Two arrays of vectors of the same things, shape (n, dimensions), row by row."""
    mean = reference.mean(0)
    one, other = (_normalised(v - mean) for v in (ours, reference))
    nearest = (one @ other.T).argmax(1)
    return Equality(
        float(paired_cosines(ours, reference).min()),
        float(paired_cosines(ours - mean, reference - mean).min()),
        float((nearest == np.arange(len(ours))).mean()),
    )


def of_engines(
    checkpoint: Path, pictures: Sequence[Image.Image]
) -> dict[str, Equality]:
    """The fast engine's vectors against torch's, of pictures and of texts."""
    reference = TorchEncoder(checkpoint, device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        export(reference, Path(folder) / "engine")
        fast = OnnxEncoder(Path(folder) / "engine")
        found = {
            "pictures": compare(*(_encoded(e, pictures) for e in (fast, reference))),
            "texts": compare(*(e.encode_texts(TEXTS) for e in (fast, reference))),
        }
        fast.close()
    return found


def of_decoding(checkpoint: Path, folder: Path) -> Equality:
    """The vectors of pictures decoded at a fraction of their size against those in full."""
    encoder = TorchEncoder(checkpoint, device="cpu")
    enough = ReadOptions().sufficient_size(encoder)
    smaller, whole = (
        [decoding.read(path, at_least=least).image for path in sorted(folder.iterdir())]
        for least in (enough, None)
    )
    return compare(_encoded(encoder, smaller), _encoded(encoder, whole))


def drawings(folder: Path, count: int) -> dict[str, Path]:
    """Folders of drawings, by format, large enough for reduced decoding; drawn once."""
    folders = {suffix: folder / f"drawings-{suffix}" for suffix in SUFFIXES}
    for target in folders.values():
        target.mkdir(parents=True, exist_ok=True)
    for number, (find, _) in enumerate(catalogue(count)):
        paths = [target / f"{number:03}.{s}" for s, target in folders.items()]
        if not all(path.exists() for path in paths):
            drawing = draw(find, SIDE)
            for path in paths:
                drawing.save(path)
    return folders


def report(checkpoints: Sequence[Path], folder: Path, count: int = COUNT) -> None:
    """Print the equalities of checkpoints."""
    folders = drawings(folder, count)
    pictures = [
        decoding.read(path).image.resize((320, 240 + number))
        for number, path in enumerate(sorted(folders["jpg"].iterdir()))
    ]
    for checkpoint in checkpoints:
        for what, equality in of_engines(checkpoint, pictures).items():
            print(f"{checkpoint.name}, fast engine, {what}: {equality}", flush=True)
        for suffix, drawn in folders.items():
            equality = of_decoding(checkpoint, drawn)
            print(f"{checkpoint.name}, reduced {suffix}: {equality}", flush=True)


def _encoded(encoder: Encoder, pictures: Sequence[Any]) -> Vectors:
    return encoder.encode_prepared([encoder.prepare(picture) for picture in pictures])


def _normalised(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)
