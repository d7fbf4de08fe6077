"""Multiply many vectors with one or several queries, using all cores.

Each block of rows is multiplied by one core. A BLAS library would instead split each product among
the cores, which then wait for each other; this takes several times as long if one of them is busy
with something else, such as a page of the site.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.onnx import cores, session

BLOCK = 8_192  # rows
FEW = 20_000  # rows: below this number, starting threads and loading ONNX is not worthwhile

Floats = NDArray[np.float32]


def product(
    rows: Floats, queries: Floats, positions: NDArray[np.intp] | None = None
) -> Floats:
    """Return the dot product of each query with each row.

    :param rows: shape (n, d)
    :param queries: shape (q, d)
    :param positions: of the rows to multiply, all by default; they are copied block by block
    :return: shape (q, n), or (q, number of positions)
    """
    number = len(rows) if positions is None else len(positions)
    if not number:  # the length d may be unknown, and differ from that of the queries
        return np.empty((len(queries), 0), np.float32)
    if number < FEW:
        return queries @ (rows if positions is None else rows[positions]).T
    multiply = _with_one(queries[0]) if len(queries) == 1 else _with_several(queries)
    products = np.empty((len(queries), number), np.float32)

    def multiply_block(start: int) -> None:
        block = slice(start, start + BLOCK)
        some = rows[block] if positions is None else rows[positions[block]]
        products[:, block] = multiply(some)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(multiply_block, range(0, number, BLOCK)))
    return products


def _with_one(query: Floats) -> Callable[[Floats], Floats]:
    """Return a function that multiplies rows with one query.

    It reads each row from memory only once, which takes longer than the arithmetic.
    """
    return lambda rows: np.einsum("ij,j->i", rows, query)


def _with_several(queries: Floats) -> Callable[[Floats], Floats]:
    """Return a function that multiplies rows with several queries."""
    model, columns = _matmul_model(), np.ascontiguousarray(queries.T)

    def multiply(rows: Floats) -> Floats:
        products: Floats = model.run(None, {"rows": rows, "queries": columns})[0]
        return products.T

    return multiply


@cache
def _matmul_model() -> Any:
    """Return an ONNX session whose model is just the product of two matrices."""
    from onnx import TensorProto, helper

    rows, queries, products = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, None])
        for name in ("rows", "queries", "products")
    )
    node = helper.make_node("MatMul", ["rows", "queries"], ["products"])
    graph = helper.make_graph([node], "product", [rows, queries], [products])
    opset = helper.make_opsetid("", 13)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return session(model.SerializeToString())
