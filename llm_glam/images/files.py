"""Find picture files by folder and pattern, and explain if there are none."""

import os
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .. import platforms
from ..errors import BadFolder, IdConflict, ProblemKind
from . import decoding, metadata_files, page_items, pages

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = (one.replace(tzinfo=UTC) for one in (datetime.min, datetime.max))
QUOTES = "'\"`"
QUOTED = re.compile(rf"([{QUOTES}])(.+)\1")


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A file to embed: its id, its folder, and its path in it with ``/`` on every system.

    ``size`` in bytes; ``modified`` as ISO 8601 in UTC with microseconds, as the items table
    keeps it. ``page`` is which page of a TIFF to embed; for 1, the one that shows its picture.
    Reading one that ``is_in_cloud`` would download it.
    """

    id: str
    folder: Path
    file: str
    size: int
    modified: str
    page: int = 1
    is_in_cloud: bool = False

    @property
    def path(self) -> Path:
        """The path of the file."""
        return self.folder / self.file

    def id_as(self, file: str) -> str:
        """Return the id that this picture would have if its file had another path."""
        prefix = self.id.removesuffix(page_items.id_of(self.file, self.page))
        return page_items.id_of(prefix + file, self.page)

    def content_hash(self) -> bytes:
        """Return the MD5 of what is to be embedded.

        :raises OSError: the file cannot be read
        """
        with self.path.open("rb") as fp:
            return page_items.content_hash(fp, self.page)


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
                _found(root, sorted(set(paths)), prefix),
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
    paths = sorted({p for p in _walk(root) if not metadata_files.is_metadata(p.name)})
    chosen = [p for p in paths if decoding.has_picture_name(p) or _has_pixels(p)]
    if not chosen:
        raise BadFolder(f"There are no pictures in {root} ({_kinds(paths)}).")
    found = _found(root, chosen, prefix)
    others = [path for path in paths if not metadata_files.is_sidecar(path.name)]
    return Found(found.files, found.refused, left_out=len({*others} - {*chosen}))


def with_pages(found: Found) -> Found:
    """Return the files, each followed by the other pages of its TIFF as pictures of their own.

    :raises IdConflict: there is a file with the name that is the id of a page
    """
    every: list[PictureFile] = []
    hints = list(found.hints)
    for file in found.files:
        numbers = [] if file.is_in_cloud else decoding.other_pages(file.path)
        if numbers and numbers[-1] > pages.MOST_NUMBERED:
            numbers.pop()
            hints.append(
                f"{file.id}: it has more than {pages.MOST_NUMBERED:,} pages; the others are left out"
            )
        every += [file, *(_page(file, number) for number in numbers)]
    return replace(found, files=every, hints=tuple(hints))


def _page(file: PictureFile, page: int) -> PictureFile:
    name = page_items.id_of(file.file, page)
    if (file.folder / name).exists():
        raise IdConflict(
            f"{file.folder / name} and page {page} of {file.path} would both have the id "
            f"'{page_items.id_of(file.id, page)}'. Rename one of the files."
        )
    return replace(file, id=page_items.id_of(file.id, page), page=page)


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


def file_at(path: Path, item_id: str) -> PictureFile:
    """Return a single file under a given id."""
    path = path.resolve()
    return _described(item_id, path.parent, path.name, path.stat())


def _described(
    item_id: str, folder: Path, name: str, status: os.stat_result
) -> PictureFile:
    in_cloud = platforms.is_only_in_cloud(status)
    modified = _modified(status)
    return PictureFile(
        item_id, folder, name, status.st_size, modified, is_in_cloud=in_cloud
    )


def _has_pixels(path: Path) -> bool:
    """Return whether a file without a picture's name is one; nothing is downloaded to tell."""
    with suppress(OSError):
        if platforms.is_only_in_cloud(path.stat()):
            return False
    return decoding.is_picture(path)


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
        files.append(_described(prefix + name, root, name, path.stat()))
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
        if platforms.stub_of(path).exists():
            return platforms.IN_CLOUD, ProblemKind.UNREADABLE
        why = platforms.reason(error) if isinstance(error, OSError) else error
        reason = f"it cannot be read ({why})"
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
    since = timedelta(microseconds=status.st_mtime_ns // 1000)
    # Windows cannot convert times before 1970, and cameras and archives invent some after 9999.
    modified = min(max(FIRST - EPOCH, since), LAST - EPOCH) + EPOCH
    return modified.isoformat(timespec="microseconds")


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not platforms.is_hidden(name)]
        for name in (platforms.of_stub(name) or name for name in names):
            path = Path(folder, name)
            if not platforms.is_hidden(name) and platforms.is_file_or_link(path):
                yield path


def _wanted(root: Path, pattern: str, texts: bool = False) -> list[Path]:
    """Return the files that match, except hidden ones that the pattern does not name."""
    named = set(Path(pattern).parts)

    def is_unwanted(path: Path) -> bool:
        parts = path.relative_to(root).parts
        return any(platforms.is_hidden(part) and part not in named for part in parts)

    return [
        path
        for path in _glob(root, pattern)
        if platforms.is_file(path)
        and (texts or not metadata_files.is_metadata(path.name))
        and not is_unwanted(path)
    ]


def _glob(root: Path, pattern: str) -> list[Path]:
    if not platforms.is_inner(Path(pattern)):
        raise BadFolder(
            f"The pattern '{pattern}' points outside the folder {root}. Give the folder it points "
            "to instead, and a pattern such as '*.jpg' or '**/*.jpg'."
        )
    literal = root / pattern
    if literal.is_file():
        return [literal]
    try:
        return [*root.glob(pattern), *_stubs(root, pattern)]
    except ValueError as error:
        raise BadFolder(
            f"'{pattern}' is not a valid pattern ({error}); use '*.jpg' or '**/*.jpg'."
        ) from error


def _stubs(root: Path, pattern: str) -> list[Path]:
    """Return the files that match and are only in iCloud, where these have another name."""
    if not platforms.HAS_STUBS:
        return []
    folder, slash, name = pattern.rpartition("/")
    stubs = root.glob(f"{folder}{slash}{platforms.stub_of(Path(name)).name}")
    return [one.with_name(platforms.of_stub(one.name) or one.name) for one in stubs]


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
