"""Checkpoints trained on somebody's own pictures and captions."""

from typing import TYPE_CHECKING, Any

from ..public import load

if TYPE_CHECKING:
    from .workflow import Trained, TrainOptions, check, train

__all__ = ["TrainOptions", "Trained", "check", "train"]

_HOMES = {
    "TrainOptions": "workflow",
    "Trained": "workflow",
    "check": "workflow",
    "train": "workflow",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _HOMES, name)
