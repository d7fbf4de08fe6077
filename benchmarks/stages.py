"""Where the time of embedding goes: one stage after the other, and the model alone."""

import hashlib
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from llm_glam.engine import FP32
from llm_glam.engine.onnx import PICTURES_AT_ONCE, OnnxEncoder, cores, session
from llm_glam.images import decoding, downscale
from llm_glam.ingest.prefetch import ReadOptions
from llm_glam.models import engine_choice, loading

BATCH = 32


class Clock:
    """Seconds of each stage, summed up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block to a stage."""
        started = time.perf_counter()
        yield
        passed = time.perf_counter() - started
        self.seconds[name] = self.seconds.get(name, 0) + passed


def preparing(encoder: OnnxEncoder, folder: Path) -> dict[str, float]:
    """Milliseconds of one core for a picture: read, decode, thumbnail, resize."""
    read_options, clock = ReadOptions(), Clock()
    enough = read_options.sufficient_size(encoder)
    paths = sorted(folder.iterdir())
    for path in paths:
        with clock.stage("read"):
            hashlib.file_digest(path.open("rb"), "md5")
        with clock.stage("decode"), decoding.opened(path) as im:
            full = im.size
            smaller = bool(enough and downscale.shrink(im, enough))
            picture = decoding.decode(im, full) if smaller else decoding.decode(im)
        with clock.stage("thumbnail"):
            decoding.thumbnail(picture)
        with clock.stage("resize"):
            encoder.prepare(picture.image)
    return {name: 1000 * s / len(paths) for name, s in clock.seconds.items()}


def forward(encoder: OnnxEncoder, folder: Path, count: int = 256) -> dict[str, float]:
    """Pictures per second through our encoder, and through ONNX Runtime on ready tensors."""
    side = encoder.prepare(decoding.read(next(folder.iterdir())).image).shape
    random = np.random.default_rng(0)
    prepared = list(random.normal(size=(BATCH, *side)).astype(np.float32))
    model = engine_choice.directory() / encoder.fingerprint / "image.onnx"
    sessions = session(model)
    tensors = [np.stack(prepared[:PICTURES_AT_ONCE])] * (count // PICTURES_AT_ONCE)

    def alone() -> None:
        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(lambda t: sessions.run(None, {"pixel_values": t}), tensors))

    def ours() -> None:
        for _ in range(count // BATCH):
            encoder.encode_prepared(prepared)

    ways: dict[str, Callable[[], Any]] = {"engine": alone, "ours": ours}
    for way in ways.values():
        way()
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            rates[name].append(count / (time.perf_counter() - started))
    return {name: statistics.median(values) for name, values in rates.items()}


def opened(name: str) -> OnnxEncoder:
    """A registered checkpoint on the fast engine.

    :raises SystemExit: it was not exported
    """
    encoder = loading.encoder(name)
    fast = engine_choice.exported(encoder.fingerprint, FP32)
    if fast is None:
        raise SystemExit(f"'{name}' was not exported for the fast engine.")
    return fast
