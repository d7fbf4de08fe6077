"""Write the pictures of a collection, and their records, for other programs."""

from typing import TYPE_CHECKING, Any

from ..public import load

if TYPE_CHECKING:
    from .run import Exported, export
    from .selection import ExportOptions

__all__ = ["ExportOptions", "Exported", "export"]

_HOMES = {
    "ExportOptions": "selection",
    "Exported": "run",
    "export": "run",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _HOMES, name)
