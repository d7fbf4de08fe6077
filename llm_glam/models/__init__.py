"""Registered names and the encoders that are loaded for them."""

from typing import TYPE_CHECKING, Any

from ..public import load

if TYPE_CHECKING:
    from .loading import add, encoder
    from .registry import checkpoints, remove, set_default

__all__ = ["add", "checkpoints", "encoder", "remove", "set_default"]

_HOMES = {
    "add": "loading",
    "checkpoints": "registry",
    "encoder": "loading",
    "remove": "registry",
    "set_default": "registry",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _HOMES, name)
