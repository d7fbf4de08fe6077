"""Find and read the ``.xmp`` files beside pictures, in which programs keep what they know of them."""

import os
import threading
from contextlib import suppress
from pathlib import Path

from ..files import PictureFile, folded
from ..metadata_files import SIDECAR_SUFFIX, is_sidecar
from .xmp import LARGEST


class Sidecars:
    """The ``.xmp`` files of the folders of a run; each folder is listed once.

    It can be used by several threads.
    """

    def __init__(self) -> None:
        """Begin without any folder."""
        self._lock = threading.Lock()
        self._names: dict[Path, dict[str, list[str]]] = {}

    def read(self, file: PictureFile) -> list[bytes]:
        """Return the packets beside a picture: ``name.jpg.xmp`` before ``name.xmp``.

        Upper and lower case are the same. Files that cannot be read, and links out of the folder
        that was given to be embedded, are left out.
        """
        folder, name = file.path.parent, file.path.name
        names = self._in(folder)
        found = [
            *names.get(folded(name + SIDECAR_SUFFIX), []),
            *names.get(folded(os.path.splitext(name)[0] + SIDECAR_SUFFIX), []),
        ]
        packets = []
        for path in (folder / one for one in dict.fromkeys(found)):
            with suppress(OSError, RuntimeError):
                if _is_within(path, file.folder):
                    with path.open("rb") as fp:
                        packets.append(fp.read(LARGEST + 1))
        return packets

    def _in(self, folder: Path) -> dict[str, list[str]]:
        with self._lock:
            if folder not in self._names:
                self._names[folder] = _listed(folder)
            return self._names[folder]


def _listed(folder: Path) -> dict[str, list[str]]:
    """Return the names of the files in a folder, by the form they are compared in."""
    names: dict[str, list[str]] = {}
    with suppress(OSError):  # files can be opened in some folders that cannot be listed
        for name in sorted(filter(is_sidecar, os.listdir(folder))):
            names.setdefault(folded(name), []).append(name)
    return names


def _is_within(path: Path, folder: Path) -> bool:
    is_inside = not path.is_symlink() or path.resolve().is_relative_to(folder.resolve())
    return is_inside and path.is_file()  # neither pipes nor devices
