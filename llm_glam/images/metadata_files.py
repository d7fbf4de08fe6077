"""Recognise the files beside pictures that have their metadata: spreadsheets and ``.xmp`` files."""

import os
from collections.abc import Iterable
from pathlib import Path

from .. import platforms
from ..errors import BadRecords

SIDECAR_SUFFIX = ".xmp"
WORKBOOKS = (".xlsx", ".xls", ".ods")
METADATA_ENDINGS = (".csv", ".tsv", ".jsonl", *WORKBOOKS)  # in the order they are read
METADATA_NAMES = tuple(f"metadata{ending}" for ending in METADATA_ENDINGS)
OTHER_SPREADSHEETS = (".xlsb", ".xlsm", ".numbers")
SPREADSHEETS = (".csv", ".tsv", *WORKBOOKS, *OTHER_SPREADSHEETS)


def is_metadata(name: str) -> bool:
    """Return whether a file is a metadata file, by its name in upper or lower case."""
    return name.lower() in METADATA_NAMES


def is_sidecar(name: str) -> bool:
    """Return whether a file has the metadata of the picture beside it, by its name."""
    return name.lower().endswith(SIDECAR_SUFFIX)


def in_folder(folder: Path) -> list[Path]:
    """Return the metadata files of a folder, CSV first; of workbooks, those in one format.

    :raises BadRecords: there is none but one in a format that cannot be read
    """
    names = _names(folder)
    found = _metadata(folder, names)
    stubs = [name for name in names if is_metadata(platforms.of_stub(name) or "")]
    if stubs and not found:
        raise BadRecords(
            f"{folder / (platforms.of_stub(stubs[0]) or '')} is only in the cloud; download it, and "
            "repeat the command."
        )
    others = [name for name in names if _is_other_metadata(name)]
    if others and not found:
        raise BadRecords(
            f"{folder / others[0]} cannot be read. Save it as metadata.xlsx (Excel workbook), or as "
            "metadata.csv (CSV UTF-8)."
        )
    return [path for path in found if path not in _saved_again(found)]


def left_out(folder: Path) -> list[Path]:
    """Return the workbooks with metadata that are not read since there is one in another format."""
    return _saved_again(_metadata(folder, _names(folder)))


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # files can be opened in some folders that cannot be listed
        return list(METADATA_NAMES)


def _metadata(folder: Path, names: Iterable[str]) -> list[Path]:
    found = [folder / name for name in names if is_metadata(name)]
    files = [path for path in found if path.is_file()]
    return sorted(files, key=lambda path: METADATA_NAMES.index(path.name.lower()))


def _saved_again(found: Iterable[Path]) -> list[Path]:
    """Return the workbooks in another format than the first: what it was before it was saved."""
    books = [path for path in found if path.suffix.lower() in WORKBOOKS]
    return [p for p in books if p.suffix.lower() != books[0].suffix.lower()]


def spreadsheets_in(folders: Iterable[Path]) -> list[Path]:
    """Return the files of folders that look like spreadsheets, except hidden ones."""
    found = []
    for folder in folders:
        try:
            names = sorted(
                name for name in os.listdir(folder) if not platforms.is_hidden(name)
            )
        except OSError:
            continue
        found += [folder / n for n in names if n.lower().endswith(SPREADSHEETS)]
    return found


def _is_other_metadata(name: str) -> bool:
    stem, suffix = os.path.splitext(name.lower())
    return stem == "metadata" and suffix in OTHER_SPREADSHEETS
