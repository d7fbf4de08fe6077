"""Many vectors times one query and several: ours, and two ways that need no ONNX graph."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from llm_glam.search import matmul

COUNTS = (77_000, 1_000_000)
QUERIES = (1, 2, 5, 20, 32)
DIMENSIONS = 512
ROUNDS = 9

Floats = NDArray[np.float32]


def report() -> None:
    """Print the median milliseconds of each way, in turns, and its ratio to ours."""
    rng = np.random.default_rng(0)
    for count in COUNTS:
        rows = rng.standard_normal((count, DIMENSIONS), np.float32)
        for number in QUERIES:
            queries = rng.standard_normal((number, DIMENSIONS), np.float32)
            spent = times(rows, queries)
            shown = ", ".join(
                f"{name} {ms:.0f} ms ({ms / spent['ours']:.2f})"
                for name, ms in spent.items()
            )
            print(f"{count:,} vectors, {number} at once: {shown}", flush=True)


def times(rows: Floats, queries: Floats) -> dict[str, float]:
    """Median milliseconds of each way; all give the same product."""
    spent: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(ROUNDS):
        for name, way in WAYS.items():
            started = time.perf_counter()
            found = way(rows, queries)
            spent[name].append(1000 * (time.perf_counter() - started))
            assert np.allclose(found[:, :100], queries @ rows[:100].T, atol=1e-3)
    return {name: statistics.median(each) for name, each in spent.items()}


def blocks_of_one_thread(rows: Floats, queries: Floats) -> Floats:
    """Each block by one thread of ours, the BLAS limited to that."""
    turned = np.ascontiguousarray(queries.T)
    found = np.empty((len(queries), len(rows)), np.float32)

    def multiply(start: int) -> None:
        part = slice(start, start + matmul.BLOCK)
        found[:, part] = (rows[part] @ turned).T

    with (
        threadpool_limits(1, "blas"),
        ThreadPoolExecutor(matmul.cores()) as pool,
    ):
        list(pool.map(multiply, range(0, len(rows), matmul.BLOCK)))
    return found


def whole(rows: Floats, queries: Floats) -> Floats:
    """One product with the BLAS's own threads."""
    return queries @ rows.T


WAYS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "ours": matmul.product,
    "numpy by block with threadpoolctl": blocks_of_one_thread,
    "numpy": whole,
}
