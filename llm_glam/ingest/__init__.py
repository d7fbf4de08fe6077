"""Turn picture files and other entries into rows: plan, read ahead, embed and write."""

from typing import TYPE_CHECKING, Any

from ..public import load

if TYPE_CHECKING:
    from .folder_run import Embedded, FolderOptions, embed_folder

__all__ = ["Embedded", "FolderOptions", "embed_folder"]

_HOMES = {
    "Embedded": "folder_run",
    "FolderOptions": "folder_run",
    "embed_folder": "folder_run",
}


def __getattr__(name: str) -> Any:
    return load(__name__, _HOMES, name)
