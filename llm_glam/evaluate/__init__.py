"""Measure how well checkpoints find pictures."""

from typing import TYPE_CHECKING, Any

from ..public import load

if TYPE_CHECKING:
    from .evaluation import evaluate, evaluate_stored
    from .measure import MetricOptions
    from .metric_tables import markdown, rows
    from .pairs.from_collection import read as read_collection
    from .pairs.from_table import read as read_table

__all__ = [
    "MetricOptions",
    "evaluate",
    "evaluate_stored",
    "markdown",
    "read_collection",
    "read_table",
    "rows",
]

_HOMES = {
    "MetricOptions": "measure",
    "evaluate": "evaluation",
    "evaluate_stored": "evaluation",
    "markdown": "metric_tables",
    "read_collection": "pairs.from_collection:read",
    "read_table": "pairs.from_table:read",
    "rows": "metric_tables",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _HOMES, name)
