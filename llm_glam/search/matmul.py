"""Many vectors times one query or several, by all cores.

Each block of rows is one core's work. A BLAS shares each product among the cores and lets them
wait for each other, which takes several times as long where one of them is busy with a page.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.onnx import cores, session

BLOCK = 8_192  # rows
FEW = 20_000  # rows, for which nothing is loaded and no thread is started

Floats = NDArray[np.float32]


def product(rows: Floats, asked: Floats) -> Floats:
    """The product of each query with each row.

    :param rows: shape (n, d); ``asked`` has shape (q, d)
    :return: shape (q, n)
    """
    if not len(rows):  # of which nobody knows how long they would be
        return np.empty((len(asked), 0), np.float32)
    if len(rows) < FEW:
        return asked @ rows.T
    times = _one(asked[0]) if len(asked) == 1 else _several(asked)
    found = np.empty((len(asked), len(rows)), np.float32)

    def multiply(start: int) -> None:
        part = slice(start, start + BLOCK)
        found[:, part] = times(rows[part])

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(multiply, range(0, len(rows), BLOCK)))
    return found


def _one(asked: Floats) -> Callable[[Floats], Floats]:
    """Read once from memory, which takes longer than to compute."""
    return lambda rows: np.einsum("ij,j->i", rows, asked)


def _several(asked: Floats) -> Callable[[Floats], Floats]:
    multiplier, turned = _multiplier(), np.ascontiguousarray(asked.T)

    def times(rows: Floats) -> Floats:
        found: Floats = multiplier.run(None, {"rows": rows, "asked": turned})[0]
        return found.T

    return times


@cache
def _multiplier() -> Any:
    """A model of nothing but the product of two matrices."""
    from onnx import TensorProto, helper

    rows, asked, found = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None])
        for name in ("rows", "asked", "found")
    )
    node = helper.make_node("MatMul", ["rows", "asked"], ["found"])
    graph = helper.make_graph([node], "product", [rows, asked], [found])
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return session(model.SerializeToString())
