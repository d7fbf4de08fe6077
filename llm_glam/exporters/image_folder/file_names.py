"""Give pictures names of files that every system accepts, each of them once."""

import re
import unicodedata

NOT_IN_NAMES = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.I)  # of Windows
LONGEST = 200  # bytes of a name
UNNAMED = "_"


class FileNames:
    """Paths within a folder, with ``/``, that were given out.

    :param taken: names at the top of the folder that are not to be given out
    """

    def __init__(self, *taken: str) -> None:
        """Begin with nothing but the names that are taken."""
        self._files = set(map(_same, taken))
        self._folders: set[str] = set()

    def path_for(self, wanted: str) -> str:
        """Return a path like the one that is wanted, which no other file or folder has.

        It never leads out of the folder. Names that differ in upper and lower case, or in how
        accents are composed, are taken for the same, as Windows and macOS do.
        """
        *parents, name = [safe(p) for p in wanted.split("/") if p] or [UNNAMED]
        while set(map(_same, _paths(parents))) & self._files:
            parents[0] = f"_{parents[0]}"
        stem, dot, extension = name.rpartition(".")
        stem, suffix = (stem, dot + extension) if stem else (name, "")
        number = 1
        path = "/".join([*parents, name])
        while _same(path) in self._files or _same(path) in self._folders:
            number += 1
            path = "/".join([*parents, f"{stem}-{number}{suffix}"])
        self._files.add(_same(path))
        self._folders |= set(map(_same, _paths(parents)))
        return path


def safe(name: str) -> str:
    """Return a name of a file or folder that every system accepts, and that is not hidden."""
    name = NOT_IN_NAMES.sub("_", name).rstrip(". ")
    if name.startswith((".", " ")) or RESERVED.fullmatch(name):
        name = f"_{name}"
    stem, dot, extension = name.rpartition(".")
    room = LONGEST - len(f"{dot}{extension}".encode())
    if len(name.encode()) > LONGEST and stem and room > 0:
        name = stem.encode()[:room].decode(errors="ignore") + dot + extension
    return name.encode()[:LONGEST].decode(errors="ignore") or UNNAMED


def _same(path: str) -> str:
    """Return a path in the form in which equal ones are the same file on any system."""
    return unicodedata.normalize("NFC", path).casefold()


def _paths(parents: list[str]) -> list[str]:
    """Return the paths of folders, each within the one before it."""
    return ["/".join(parents[: n + 1]) for n in range(len(parents))]
