"""Read records from metadata.csv, .xlsx and the like beside the pictures.

These follow Hugging Face's convention: the column ``file_name`` has the picture's path relative to
the metadata file. All other columns become part of the record, and text stays text.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from sqlite_utils import Database

from .. import platforms
from ..db import sensitive, sources
from ..db.record_values import Kinds, clean
from ..db.sensitive import is_marked
from ..db.sources import Record, Source
from ..errors import BadRecords
from ..formats import column_names, tables
from ..formats.readers.notes import Notes
from ..formats.tables import Row
from ..images import metadata_files
from ..images.files import (
    FileNames,
    PictureFile,
    folded,
    same_name,
)

FILE_NAME = "file_name"
MOST_COLUMNS = 1500
DRIVE = re.compile(r"[A-Za-z]:[\\/]")
NAMED = 3  # how many records without a picture, or files, are named


@dataclass(frozen=True)
class FileRecord:
    """A record from a metadata file: its source, and the ``file_name`` as it is in there.

    ``folder`` is that of the metadata file.
    """

    source: Source
    record: Record
    folder: Path
    written: str


@dataclass
class Records:
    """Records by the absolute path of their picture, and remarks to report about them.

    ``headings`` has the names of columns of each source.
    """

    by_path: dict[str, list[FileRecord]] = field(default_factory=dict)
    headings: dict[str, dict[str, None]] = field(default_factory=dict)
    kinds: Kinds = field(default_factory=Kinds)
    remarks: list[str] = field(default_factory=list)

    def of(self, file: PictureFile) -> list[FileRecord]:
        """Return the records of a file, of which the first one counts."""
        return self.by_path.get(same_name(str(file.path)), [])

    def add_columns(self, db: Database, items_table: str) -> None:
        """Add the columns of the records to the items table."""
        kinds = self.kinds.by_heading()
        for source, headings in self.headings.items():
            own = {heading: kinds[heading] for heading in headings}
            sources.add_columns(db, items_table, source, own, identifier=FILE_NAME)

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
            if is_taken and not any(
                is_marked(r.record.row) for r in self.by_path[path]
            ):
                continue
            file, (found, *_) = present[target], self.by_path[path]
            if not _is_only(names, found.folder, found.written, file):
                continue
            if is_taken:
                self.mark(target)
            else:
                self.by_path[target] = self.by_path.pop(path)
                examples.append(f"{found.written} is {file.file}")
        if examples:
            self.remarks.append(
                f"{len(examples):,} records match a picture only if upper and lower case are "
                f"treated alike ({named(examples)})"
            )

    def mark(self, path: str) -> None:
        """Mark a picture as sensitive, as a row of another file or spelling does."""
        *_, last = self.by_path[path]
        row: Row = {sensitive.COLUMN: 1}
        record = Record(row, last.written, last.record.position + 1)
        self.by_path[path].append(replace(last, record=record))
        self.kinds.add(row)
        self.headings[last.source.name].setdefault(sensitive.COLUMN)

    def unmatched(self, files: Iterable[PictureFile]) -> list[str]:
        """Return remarks about records that match none of these files, and the other way round."""
        if not self.by_path:
            return []
        present = {same_name(str(file.path)): file.file for file in files}
        remarks = []
        if left := [path for path in self.by_path if path not in present]:
            names = [self.by_path[path][0].written for path in left]
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


def read_beside(files: Collection[PictureFile]) -> Records:
    """Read the metadata files in the folders of these pictures, and in their parent folders.

    Parent folders are searched up to the one that was given to be embedded.

    :raises BadRecords: a metadata file cannot be read, or there are too many columns
    """
    records = Records()
    roots = _folders(files)
    folders = sorted(roots)
    read_files = [
        path
        for folder in folders
        for path in metadata_files.in_folder(folder)
        if path.resolve().is_relative_to(folder)
    ]
    for path in read_files:
        _add(records, path, roots[path.parent])
    records.remarks += [
        f"{path} is not read, because the workbook beside it is"
        for folder in folders
        for path in metadata_files.left_out(folder)
    ]
    if not read_files:
        records.remarks += [
            f"{path} is not read; to attach its rows to the pictures: llm glam records COLLECTION "
            f'"{path}"'
            for path in metadata_files.spreadsheets_in(folders)[:NAMED]
        ]
    records.match_other_case(files)
    if (count := len(records.kinds.by_heading())) > MOST_COLUMNS:
        raise BadRecords(
            f"The metadata has {count:,} columns; at most {MOST_COLUMNS:,} can "
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
        yield {FILE_NAME if k == key else clean(k): v for k, v in row.items()}


def _folders(files: Iterable[PictureFile]) -> dict[Path, Path]:
    """Return the folders of pictures and their parents, each with the one that was embedded."""
    found: dict[Path, Path] = {}
    for file in files:
        folder = file.path.parent
        while folder not in found:
            found[folder] = file.folder
            if folder == file.folder:
                break
            folder = folder.parent
    return found


@dataclass
class _Lines:
    """How many rows a file has, and in which lines those begin that are not used as they are."""

    rows: int = 0
    repeated: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def remarks(self) -> Iterator[str]:
        """Yield remarks for people, to follow the file's name."""
        if not self.rows:
            yield "there are no rows in it"
        if self.repeated:
            yield (
                f"{len(self.repeated):,} rows repeat a file_name (see line {self.repeated[0]:,}); "
                "the first one is used"
            )
        if self.refused:
            yield (
                f"{len(self.refused):,} rows do not name a file in this folder (see line "
                f"{self.refused[0]:,}); left out"
            )


def _add(records: Records, path: Path, root: Path) -> None:
    """Add the rows of a metadata file.

    :param root: the folder that was given to be embedded
    """
    name = f"{root.name}/{path.relative_to(root).as_posix()}"
    source = Source(name, address=str(path))
    records.headings.setdefault(name, {})
    notes, lines = Notes(key=(FILE_NAME,)), _Lines()
    for row in read(path, notes):
        if not tables.is_blank(row):
            written = str(row.get(FILE_NAME) or "").strip()
            record = Record(row, written, notes.line)
            _add_row(records, FileRecord(source, record, path.parent, written), lines)
    remarks = list(lines.remarks())
    if notes.surplus.rows:
        remarks.append(f"{notes.surplus} (cells beyond the last column are left out)")
    records.remarks += [f"{path}: {remark}" for remark in (*remarks, *notes.remarks)]


def _add_row(records: Records, found: FileRecord, lines: _Lines) -> None:
    lines.rows += 1
    line, row = found.record.position, found.record.row
    name = found.written.replace("\\", "/")
    if not _is_inside(name):
        lines.refused.append(line)
        return
    key = same_name(str(found.folder / name))
    present = records.by_path.setdefault(key, [])
    if present:
        lines.repeated.append(line)
    if not present or present[0].source == found.source:
        present.append(found)
        records.kinds.add(row)
        records.headings[found.source.name] |= dict.fromkeys(row)
    elif is_marked(row):
        records.mark(key)


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
