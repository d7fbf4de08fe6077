"""Find picture files by folder and pattern, and explain if there are none."""

import os
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..errors import BadFolder, BadRecords, IdConflict, ProblemKind
from . import decoding

METADATA_NAMES = ("metadata.csv", "metadata.tsv", "metadata.jsonl", "metadata.xlsx")
OTHER_SPREADSHEETS = (".xls", ".xlsb", ".xlsm", ".ods", ".numbers")
SPREADSHEETS = (".csv", ".tsv", ".xlsx", *OTHER_SPREADSHEETS)
SYSTEM_NAMES = {
    "thumbs.db",
    "desktop.ini",
    "__macosx",
    "$recycle.bin",
    "system volume information",
}
QUOTES = "'\"`"
QUOTED = re.compile(rf"([{QUOTES}])(.+)\1")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file to embed: its id, its folder, and its path in it with ``/`` on every system.

    ``size`` in bytes; ``modified`` as ISO 8601 in UTC with microseconds, as the items table
    keeps it.
    """

    id: str
    folder: Path
    file: str
    size: int
    modified: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.folder / self.file


@dataclass(frozen=True, slots=True)
class Found:
    """The files of a run, those that cannot be used and why, and what was left out."""

    files: list[PictureFile]
    refused: list[tuple[PictureFile, str, ProblemKind]]
    left_out: int = 0
    hints: tuple[str, ...] = ()


def unquoted(pattern: str) -> str:
    """Strip the quotes that cmd.exe passes on from a pattern."""
    match = QUOTED.fullmatch(pattern)
    return match.group(2) if match else pattern


def matching(
    pairs: Iterable[tuple[str, str]], prefix: str = "", *, texts: bool = False
) -> Found:
    """Return the files that match each pair of folder and pattern, as in LLM's --files.

    :param prefix: prepended to each id
    :param texts: the files are texts, so that metadata.csv may be one of them
    :raises BadFolder: no such folder, a pattern that points outside it, or no match, with hints
    :raises IdConflict: two folders have a file with the same id
    """
    parts = []
    for folder, pattern in pairs:
        root = checked_folder(folder)
        pattern = unquoted(pattern)
        paths = _wanted(root, pattern, texts)
        if not paths:
            raise BadFolder(_no_match(root, pattern))
        parts.append(
            (
                _found(root, sorted(paths), prefix),
                _other_case(root, pattern, len(paths)),
            )
        )
    refused = [refusal for found, _ in parts for refusal in found.refused]
    hints = tuple(hint for _, hint in parts if hint)
    return Found(_merged([found.files for found, _ in parts]), refused, hints=hints)


def pictures(
    folder: str | Path, patterns: Sequence[str] = (), prefix: str = ""
) -> Found:
    """Return all pictures in a folder and its subfolders, except hidden and system files.

    Without patterns, files count as pictures by their extension or their first bytes.

    :raises BadFolder: no such folder, or no pictures in it
    """
    root = checked_folder(folder)
    if patterns:
        return matching([(str(folder), pattern) for pattern in patterns], prefix)
    paths = sorted(p for p in _walk(root) if not is_metadata(p.name))
    chosen = [
        p for p in paths if decoding.has_picture_name(p) or decoding.is_picture(p)
    ]
    if not chosen:
        raise BadFolder(f"There are no pictures in {root} ({_kinds(paths)}).")
    found = _found(root, chosen, prefix)
    return Found(found.files, found.refused, left_out=len(paths) - len(chosen))


def with_endings(folder: Path, endings: Sequence[str]) -> list[Path]:
    """Return the files in a folder and its subfolders with one of these endings, in order.

    Hidden and system files, and links that lead out of the folder, are left out.

    :raises BadFolder: no such folder
    """
    root = checked_folder(folder)
    inside = root.resolve()
    return sorted(
        path
        for path in _walk(root)
        if path.suffix.lower() in endings
        and (not path.is_symlink() or path.resolve().is_relative_to(inside))
    )


def checked_folder(folder: str | Path) -> Path:
    """Return the folder as an absolute path.

    :raises BadFolder: there is no such folder
    """
    path = Path(os.path.expanduser(unquoted(str(folder))))
    if not path.is_dir():
        is_file = "a file, not a folder" if path.is_file() else "no such folder"
        raise BadFolder(f"{path}: {is_file}.")
    try:
        str(path.resolve()).encode()
    except UnicodeEncodeError as error:
        raise BadFolder(
            f"The name of the folder {os.fsencode(path)!r} is not valid text; rename it."
        ) from error
    return path.resolve()


def is_metadata(name: str) -> bool:
    """Return whether a file is a metadata file, by its name in upper or lower case."""
    return name.lower() in METADATA_NAMES


def metadata_in(folder: Path) -> list[Path]:
    """Return the metadata files of a folder, CSV first.

    :raises BadRecords: there is none but one in a format that cannot be read
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # files can be opened in some folders that cannot be listed
        names = list(METADATA_NAMES)
    found = [folder / name for name in names if is_metadata(name)]
    found = [path for path in found if path.is_file()]
    others = [name for name in names if _is_other_metadata(name)]
    if others and not found:
        raise BadRecords(
            f"{folder / others[0]} cannot be read. Save it as metadata.xlsx (Excel workbook), or as "
            "metadata.csv (CSV UTF-8)."
        )
    return sorted(found, key=lambda path: METADATA_NAMES.index(path.name.lower()))


def spreadsheets_in(folders: Iterable[Path]) -> list[Path]:
    """Return the files of folders that look like spreadsheets, except hidden ones."""
    found = []
    for folder in folders:
        try:
            names = sorted(name for name in os.listdir(folder) if not _is_hidden(name))
        except OSError:
            continue
        found += [folder / n for n in names if n.lower().endswith(SPREADSHEETS)]
    return found


def _is_other_metadata(name: str) -> bool:
    stem, suffix = os.path.splitext(name.lower())
    return stem == "metadata" and suffix in OTHER_SPREADSHEETS


def file_at(path: Path, item_id: str) -> PictureFile:
    """Return a single file under a given id."""
    path = path.resolve()
    status = path.stat()
    return PictureFile(
        item_id, path.parent, path.name, status.st_size, _modified(status)
    )


def _found(root: Path, paths: list[Path], prefix: str) -> Found:
    files, refused = [], []
    inside: dict[Path, bool] = {}
    for path in paths:
        name = path.relative_to(root).as_posix()
        refusal = why_refused(path, root, inside)
        if refusal:
            safe = os.fsencode(name).decode("utf-8", "backslashreplace")
            refused.append((PictureFile(prefix + safe, root, safe, 0, ""), *refusal))
            continue
        status = path.stat()
        size, modified = status.st_size, _modified(status)
        files.append(PictureFile(prefix + name, root, name, size, modified))
    return Found(files, refused)


def why_refused(
    path: Path, root: Path, inside: dict[Path, bool]
) -> tuple[str, ProblemKind] | None:
    """Return a reason not to open a file; ``inside`` caches which folders are in ``root``."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "its name is not valid text; rename the file", ProblemKind.BAD_TEXT
    try:
        if path.parent not in inside:
            inside[path.parent] = path.parent.resolve().is_relative_to(root)
        target_inside = not path.is_symlink() or path.resolve().is_relative_to(root)
        if not (inside[path.parent] and target_inside):
            return "it is a link that points outside the folder", ProblemKind.BAD_LINK
        path.stat()
    except (OSError, RuntimeError) as error:
        if path.is_symlink():
            return "it is a broken link", ProblemKind.BAD_LINK
        reason = f"it cannot be read ({getattr(error, 'strerror', None) or error})"
        return reason, ProblemKind.UNREADABLE
    return None


def _merged(lists: list[list[PictureFile]]) -> list[PictureFile]:
    by_id: dict[str, PictureFile] = {}
    for file in (file for files in lists for file in files):
        other = by_id.setdefault(file.id, file)
        if other.path != file.path:
            raise IdConflict(
                f"{file.path} and {other.path} would both have the id '{file.id}'. Embed the "
                "folders one after the other, each with its own --prefix."
            )
    return list(by_id.values())


def _modified(status: os.stat_result) -> str:
    seconds = status.st_mtime_ns // 1000 / 1_000_000
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for path in (Path(folder, name) for name in names if not _is_hidden(name)):
            if path.is_symlink() or path.is_file():  # neither pipes nor devices
                yield path


def _wanted(root: Path, pattern: str, texts: bool = False) -> list[Path]:
    """Return the files that match, except hidden ones that the pattern does not name."""
    named = set(Path(pattern).parts)

    def is_hidden(path: Path) -> bool:
        parts = path.relative_to(root).parts
        return any(_is_hidden(part) and part not in named for part in parts)

    return [
        path
        for path in _glob(root, pattern)
        if path.is_file()
        and (texts or not is_metadata(path.name))
        and not is_hidden(path)
    ]


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$")) or name.lower() in SYSTEM_NAMES


def _glob(root: Path, pattern: str) -> list[Path]:
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise BadFolder(
            f"The pattern '{pattern}' points outside the folder {root}. Give the folder it points "
            "to instead, and a pattern such as '*.jpg' or '**/*.jpg'."
        )
    literal = root / pattern
    if literal.is_file():
        return [literal]
    try:
        return list(root.glob(pattern))
    except ValueError as error:
        raise BadFolder(
            f"'{pattern}' is not a valid pattern ({error}); use '*.jpg' or '**/*.jpg'."
        ) from error


def _any_case(pattern: str) -> str:
    """Convert ``*.jpg`` to ``*.[jJ][pP][gG]``."""
    if "[" in pattern:
        return pattern
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in pattern)


def _no_match(root: Path, pattern: str) -> str:
    start = f"No match for '{pattern}' in {root}"
    other = _wanted(root, _any_case(pattern))
    if other:
        return f"{start}; {len(other):,} files match '{_pattern_of(other, pattern)}'."
    deeper = _wanted(root, f"**/{pattern}")
    if deeper:
        return f"{start}; in its subfolders {len(deeper):,} files match '**/{pattern}'."
    return f"{start} ({_kinds(list(_walk(root)))})."


def _other_case(root: Path, pattern: str, matched: int) -> str | None:
    other = _wanted(root, _any_case(pattern))
    missed = len(other) - matched
    if missed < 1:
        return None
    return f"{missed:,} more files match '{pattern}' if upper and lower case are treated alike"


def _pattern_of(paths: list[Path], pattern: str) -> str:
    """Return the pattern with the extension that these files actually have."""
    stem, dot, _ = pattern.rpartition(".")
    suffix = Counter(path.suffix for path in paths).most_common(1)[0][0]
    return f"{stem}{suffix}" if dot else pattern.swapcase()


def _kinds(paths: list[Path]) -> str:
    if not paths:
        return "the folder is empty"
    kinds = Counter(path.suffix or "no extension" for path in paths).most_common(4)
    return "it contains " + ", ".join(f"{count:,} {suffix}" for suffix, count in kinds)


def same_name(name: str) -> str:
    """Normalise a file name for comparison; macOS decomposes accents."""
    return unicodedata.normalize("NFC", name)


class FileNames:
    """The names of files on the disk, to find those that are written differently in a table.

    Each folder is listed once.
    """

    def __init__(self) -> None:
        """Begin without any folder."""
        self._listed: dict[Path, dict[str, list[str]]] = {}

    def find(self, folder: Path, name: Path) -> list[Path]:
        """Return what a relative path can mean: the file itself if there is one.

        Otherwise, those that differ only in upper and lower case or in how accents are composed.

        :raises OSError: there cannot be such a file; the name is too long, for example
        """
        path = folder
        for part in name.parts:
            if not _exists(path / part):
                alike = self._in(path).get(folded(part), [])
                same = [one for one in alike if same_name(one) == same_name(part)]
                if len(same or alike) != 1:
                    return [path / one for one in same or alike]
                (part,) = same or alike
            path /= part
        return [path]

    def _in(self, folder: Path) -> dict[str, list[str]]:
        """Return the names in a folder, by the form they are compared in."""
        if folder not in self._listed:
            names: dict[str, list[str]] = {}
            for name in sorted(os.listdir(folder)) if folder.is_dir() else ():
                names.setdefault(folded(name), []).append(name)
            self._listed[folder] = names
        return self._listed[folder]


def folded(name: str) -> str:
    """Return the form of a name in which upper and lower case, and all accents, are alike."""
    return same_name(same_name(name).lower())


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def sampled(found: Found, number: int, seed: int) -> Found:
    """Return a random sample of the files in their order, the same for the same seed."""
    if number >= len(found.files):
        return found
    chosen = sorted(random.Random(seed).sample(range(len(found.files)), number))
    return replace(found, files=[found.files[i] for i in chosen])
