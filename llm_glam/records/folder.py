"""Read a folder of JSON files as one table, a record for each."""

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import BadRecords
from ..formats import tables
from ..formats.readers.notes import Notes
from ..formats.tables import Row

ENDING = ".json"
MOST_FILES = 1_000_000
MOST_BYTES = 2**26  # of a file


def read(folder: Path, notes: Notes) -> Iterator[Row]:
    """Yield the rows of all JSON files in a folder and in those within it, in order of their names.

    Links are not followed. The number of the row is its line.

    :raises BadRecords: there are no such files, too many or too large ones, or one cannot be read
    """
    paths = _paths(folder)
    if not paths:
        raise BadRecords(
            f"There are no {ENDING} files in the folder {folder}; give a file, or a folder that has "
            "some."
        )
    number = 0
    for path in paths:
        _check_size(path)
        inner = Notes()
        for row in tables.read(path, inner):
            number += 1
            notes.line = number
            yield row
        notes.remarks += [f"{path.name}: {remark}" for remark in inner.remarks]


def _paths(folder: Path) -> list[Path]:
    found: list[Path] = []
    for inside, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            path
            for path in (Path(inside, name) for name in names)
            if path.suffix.lower() == ENDING
            and not path.name.startswith(".")
            and not path.is_symlink()
        ]
        if len(found) > MOST_FILES:
            raise BadRecords(
                f"The folder {folder} has over {MOST_FILES:,} {ENDING} files; give one that has less."
            )
    return sorted(found)


def _check_size(path: Path) -> None:
    if path.stat().st_size > MOST_BYTES:
        raise BadRecords(
            f"{path} is over {MOST_BYTES // 2**20} MB, which is too large for one of many files; "
            "attach it on its own."
        )
