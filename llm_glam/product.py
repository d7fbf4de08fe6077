"""Many vectors times several queries, by all cores.

ONNX Runtime takes each block on one core. A BLAS shares each product among the cores and lets them
wait for each other, which takes several times as long where one of them is busy with a page.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .engine.onnx import cores, session

BLOCK = 4_096  # rows
FEW = 20_000  # rows, for which nothing is loaded


def product(
    rows: NDArray[np.float32], asked: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The product of each query with each row.

    :param rows: shape (n, d); ``asked`` has shape (q, d)
    :return: shape (q, n)
    """
    if not len(rows):  # of which nobody knows how long they would be
        return np.empty((len(asked), 0), np.float32)
    if len(asked) == 1 or len(rows) < FEW:
        return asked @ rows.T
    multiplier, turned = _multiplier(), np.ascontiguousarray(asked.T)
    found = np.empty((len(asked), len(rows)), np.float32)

    def multiply(start: int) -> None:
        part = slice(start, start + BLOCK)
        (some,) = multiplier.run(None, {"rows": rows[part], "asked": turned})
        found[:, part] = some.T

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(multiply, range(0, len(rows), BLOCK)))
    return found


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
