"""Read records from metadata.csv, .xlsx and the like beside the pictures.

These follow Hugging Face's convention: the column ``file_name`` has the picture's path relative to
the metadata file. All other columns become part of the record, and text stays text.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from .. import platforms
from ..db import items, sensitive
from ..db.sensitive import is_marked, is_yes
from ..errors import BadRecords
from ..formats import column_names, tables
from ..formats.tables import Notes, Row
from ..images.files import (
    FileNames,
    PictureFile,
    folded,
    metadata_in,
    metadata_left_out,
    same_name,
    spreadsheets_in,
)

FILE_NAME = "file_name"
MOST_COLUMNS = 1500
LARGEST = 2**63
DRIVE = re.compile(r"[A-Za-z]:[\\/]")
WHOLE = re.compile(r"-?[0-9]{1,18}")
NAMED = 3  # how many records without a picture, or files, are named


@dataclass
class Records:
    """Records by the absolute path of their picture, and remarks to report about them.

    ``written`` has the folder of the metadata file, and the ``file_name`` as it is in there.
    """

    by_path: dict[str, Row] = field(default_factory=dict)
    written: dict[str, tuple[Path, str]] = field(default_factory=dict)
    kinds: dict[str, type] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def of(self, file: PictureFile) -> Row | None:
        """Return the record of a file, or None."""
        return self.by_path.get(same_name(str(file.path)))

    def fit(self, db: Database, items_table: str) -> None:
        """Add the columns the records need to the items table, and convert the values to fit.

        The records then have the table's column names.
        """
        if not self.kinds:
            return
        columns = items.add_columns(db, items_table, self._fitting_kinds())
        present = db.table(items_table).columns_dict
        for path, row in self.by_path.items():
            self.by_path[path] = {
                columns[name]: _value(columns[name], value, present[columns[name]])
                for name, value in row.items()
            }

    def match_other_case(self, files: Iterable[PictureFile]) -> None:
        """Give records to pictures whose names differ from theirs in upper and lower case only.

        No other file may fit, and the picture may have no record of its own, which a record can
        then only mark as sensitive.
        """
        present = {same_name(str(file.path)): file for file in files}
        alike = {folded(path): path for path in present}
        names = FileNames()
        examples = []
        for path in [path for path in self.by_path if path not in present]:
            target = alike.get(folded(path))
            if target is None:
                continue
            is_taken = target in self.by_path
            if is_taken and not is_marked(self.by_path[path]):
                continue
            file, (folder, name) = present[target], self.written[path]
            if not _is_only(names, folder, name, file):
                continue
            if is_taken:
                self.mark(target)
            else:
                self.by_path[target] = self.by_path.pop(path)
                self.written[target] = self.written.pop(path)
                examples.append(f"{name} is {file.file}")
        if examples:
            self.remarks.append(
                f"{len(examples):,} records match a picture only if upper and lower case are "
                f"treated alike ({named(examples)})"
            )

    def mark(self, path: str) -> None:
        """Mark a picture as sensitive, which any of its rows can do."""
        row = self.by_path[path]
        for name in sensitive.columns_in(row) or [sensitive.COLUMN]:
            row[name] = 1
            self.kinds[name] = _wider(self.kinds.get(name), 1)

    def unmatched(self, files: Iterable[PictureFile]) -> list[str]:
        """Return remarks about records that match none of these files, and the other way round."""
        if not self.by_path:
            return []
        present = {same_name(str(file.path)): file.file for file in files}
        remarks = []
        if left := [path for path in self.by_path if path not in present]:
            names = [self.written[path][1] for path in left]
            here = (
                f"; pictures here have names such as {next(iter(present.values()))}"
                if present and len(left) == len(self.by_path)
                else ""
            )
            remarks.append(
                f"{len(left):,} of {len(self.by_path):,} records do not match any picture of this "
                f"run: {named(names)}{here}"
            )
        if bare := [name for path, name in present.items() if path not in self.by_path]:
            remarks.append(
                f"{len(bare):,} of {len(present):,} pictures have no record: {named(bare)}"
            )
        return remarks

    def _fitting_kinds(self) -> dict[str, type]:
        """Return the columns' types, renaming a ``sequence`` column that has text such as 12r.

        Our own column of that name only takes whole numbers.
        """
        for name in [name for name in self.kinds if name.strip().lower() == "sequence"]:
            values = (row.get(name) for row in self.by_path.values())
            if not all(_is_whole(v) for v in values if v not in (None, "")):
                self._rename(name, f"{name}_source")
        return self.kinds

    def _rename(self, old: str, new: str) -> None:
        self.kinds[new] = str
        del self.kinds[old]
        for row in self.by_path.values():
            if old in row:
                row[new] = row.pop(old)


def read_beside(files: Collection[PictureFile]) -> Records:
    """Read the metadata files in the folders of these pictures, and in their parent folders.

    Parent folders are searched up to the one that was given to be embedded.

    :raises BadRecords: a metadata file cannot be read, or there are too many columns
    """
    records = Records()
    folders = sorted(_folders(files))
    read_files = [
        path
        for folder in folders
        for path in metadata_in(folder)
        if path.resolve().is_relative_to(folder)
    ]
    for path in read_files:
        _add(records, path)
    records.remarks += [
        f"{path} is not read, because the workbook beside it is"
        for folder in folders
        for path in metadata_left_out(folder)
    ]
    if not read_files:
        records.remarks += [
            f"{path} is not read; to attach its rows to the pictures, save it as metadata.xlsx or "
            "metadata.csv"
            for path in spreadsheets_in(folders)[:NAMED]
        ]
    records.match_other_case(files)
    if len(records.kinds) > MOST_COLUMNS:
        raise BadRecords(
            f"The metadata has {len(records.kinds):,} columns; at most {MOST_COLUMNS:,} can "
            "be stored."
        )
    return records


def read(path: Path, notes: Notes | None = None) -> Iterator[Row]:
    """Yield the rows of a metadata file, by column name.

    :param notes: collects what is not read
    :raises BadRecords: the file cannot be read, or has no ``file_name`` column
    """
    rows = tables.read(path, notes)
    first = next(rows, None)
    if first is None:
        return
    key = next((k for k in first if tables.clean_name(k).lower() == FILE_NAME), None)
    if key is None:
        raise BadRecords(
            f"{path} has no column '{FILE_NAME}' that says which picture a row belongs to. "
            f"{column_names.hint(FILE_NAME, list(first))}"
        )
    for row in chain([first], rows):
        yield {_clean(FILE_NAME if k == key else k): v for k, v in row.items()}


def _folders(files: Iterable[PictureFile]) -> set[Path]:
    found: set[Path] = set()
    for file in files:
        folder = file.path.parent
        while folder not in found:
            found.add(folder)
            if folder == file.folder:
                break
            folder = folder.parent
    return found


def _add(records: Records, path: Path) -> None:
    rows = 0
    repeated: list[int] = []  # the lines they begin in
    refused: list[int] = []
    notes = Notes(key=(FILE_NAME,))
    for row in read(path, notes):
        if tables.is_blank(row):
            continue
        rows += 1
        written = str(row.get(FILE_NAME) or "").strip()
        name = written.replace("\\", "/")
        if not _is_inside(name):
            refused.append(notes.line)
            continue
        key = same_name(str(path.parent / name))
        if key in records.by_path:
            repeated.append(notes.line)
            if is_marked(row):
                records.mark(key)
            continue
        records.by_path[key] = row
        records.written[key] = path.parent, written
        for column, value in row.items():
            records.kinds[column] = _wider(records.kinds.get(column), value)
    if not rows:
        records.remarks.append(f"{path}: there are no rows in it")
    if repeated:
        records.remarks.append(
            f"{path}: {len(repeated):,} rows repeat a file_name (see line {repeated[0]:,}); the "
            "first one is used"
        )
    if refused:
        records.remarks.append(
            f"{path}: {len(refused):,} rows do not name a file in this folder (see line "
            f"{refused[0]:,}); left out"
        )
    if notes.surplus.rows:
        records.remarks.append(
            f"{path}: {notes.surplus} (cells beyond the last column are left out)"
        )
    records.remarks += [f"{path}: {remark}" for remark in notes.remarks]


def _is_only(names: FileNames, folder: Path, name: str, file: PictureFile) -> bool:
    """Return whether a name, written in the table of a folder, can mean this file only."""
    try:
        found = names.find(folder, Path(name.replace("\\", "/")))
        return len(found) == 1 and found[0].samefile(file.path)
    except OSError:
        return False


def named(names: Sequence[str]) -> str:
    """Return the first few names, for a message."""
    return ", ".join([*names[:NAMED], *(["…"] if len(names) > NAMED else [])])


def _is_inside(name: str) -> bool:
    is_elsewhere = "://" in name or DRIVE.match(name)
    return bool(name) and platforms.is_inner(Path(name)) and not is_elsewhere


def _wider(kind: type | None, value: Any) -> type:
    """Return the column type that holds this value and those before it.

    :param kind: the type so far, None if there were no values
    """
    if value is None or value == "":
        return kind or str
    this = {bool: int, int: int, float: float}.get(type(value), str)
    if this is int and abs(value) >= LARGEST:
        this = str  # in a column of numbers, SQLite would round even its text
    if kind in (None, this):
        return this
    return float if {kind, this} == {int, float} else str


def _value(column: str, value: Any, kind: type) -> Any:
    if column == sensitive.COLUMN:
        return int(is_yes(value))
    if value is None or value == "" or value != value:  # NaN equals nothing
        return None
    if column == "sequence":
        return int(value)
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) or kind is str or abs(value) >= LARGEST:
        return _clean(str(value))
    return value


def _is_whole(value: Any) -> bool:
    return bool(WHOLE.fullmatch(str(value).strip()))


def _clean(text: str) -> str:
    """Return text that SQLite can store, without lone surrogates and NUL characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")
