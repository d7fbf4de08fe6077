"""Read a folder of files as one table: JSON with a record each, or spreadsheets with many."""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import platforms
from ..errors import BadRecords
from ..formats import tables
from ..formats.readers.notes import Notes
from ..formats.tables import Row

KINDS = (tables.JSON, tuple(e for e in tables.READERS if e not in tables.JSON))
MOST_FILES = 1_000_000
MOST_BYTES = 2**26  # of a file
SHOWN = 3  # names of files that a remark is about


def read(folder: Path, notes: Notes) -> Iterator[Row]:
    """Yield the rows of all tables in a folder and in those within it, in order of their names.

    If there are both JSON files and spreadsheets, those are read of which there are more. Links are
    not followed. The number of the row within all files is its line; ``notes.places`` has the file
    and the line within it.

    :raises BadRecords: there are no such files, too many or too large ones, or one cannot be read
    """
    paths = _paths(folder, notes)
    if not paths:
        raise BadRecords(
            f"There are no tables in the folder {folder}; give a file, or a folder that has some "
            f"({', '.join(tables.READERS)})."
        )
    remarks: dict[str, list[str]] = defaultdict(list)
    notes.line = 0
    for path in paths:
        _check_size(path)
        name = path.relative_to(folder).as_posix()
        inner = Notes(sheet=notes.sheet, header_row=notes.header_row)
        for row in tables.read(path, inner):
            notes.line += 1
            notes.places[notes.line] = f"{name}, line {inner.line:,}"
            yield row
        if inner.surplus.rows:
            inner.remarks.append(str(inner.surplus))
        for remark in inner.remarks:
            remarks[remark].append(name)
    notes.remarks += [f"{_named(names)}: {said}" for said, names in remarks.items()]


def _paths(folder: Path, notes: Notes) -> Sequence[Path]:
    """Return the files to read; note which tables are left out."""
    found: dict[tuple[str, ...], list[Path]] = {kind: [] for kind in KINDS}
    for path in _tables(folder):
        kind = KINDS[0] if path.suffix.lower() in KINDS[0] else KINDS[1]
        found[kind].append(path)
    chosen, others = sorted(found.values(), key=len, reverse=True)
    if others:
        names = sorted(path.name for path in others)
        notes.remarks.append(
            f"not read, since most tables in the folder are {chosen[0].suffix.lower()} files: "
            f"{_named(names)}; attach them on their own"
        )
    return sorted(chosen)


def _tables(folder: Path) -> Iterator[Path]:
    count = 0
    for inside, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for path in (Path(inside, name) for name in names):
            if (
                path.suffix.lower() in tables.READERS
                and not platforms.is_hidden(path.name)
                and not path.is_symlink()
            ):
                count += 1
                if count > MOST_FILES:
                    raise BadRecords(
                        f"The folder {folder} has over {MOST_FILES:,} tables; give one that has "
                        "less."
                    )
                yield path


def _named(names: Sequence[str]) -> str:
    """Return a few names, and how many there are if there are more."""
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown}, … ({len(names):,} files)"


def _check_size(path: Path) -> None:
    if path.stat().st_size > MOST_BYTES:
        raise BadRecords(
            f"{path} is over {MOST_BYTES // 2**20} MB, which is too large for one of many files; "
            "attach it on its own."
        )
