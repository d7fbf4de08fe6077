"""Write the pictures and records of an image folder."""

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from ...db import folders
from ...errors import CannotExport
from ...formats import local_contexts
from ...formats.tables import Row
from ...images.embedded import strip
from ..columns import FILE_NAME, Column, Kind
from ..selection import ExportOptions, Outcome, Selection, counted
from . import card, folder
from .card import Contents
from .file_names import FileNames, safe

# What Hugging Face's loader takes for names of files, and the column that it adds.
TAKEN = (FILE_NAME, "file_names")
TAKEN_NAMES = ("image", "images")
UNLABELLED = "unlabelled"
IN_WORK = ".copy"  # no picture's name begins like this


@dataclass
class State:
    """What has been written so far."""

    names: FileNames
    rows: int = 0
    thumbnails: int = 0
    missing: int = 0
    not_stripped: Counter[str] = field(default_factory=Counter)  # by format
    thumbnails_instead: int = 0
    unlabelled: int = 0
    rights: Counter[str] = field(default_factory=Counter)
    local_contexts: Counter[str] = field(default_factory=Counter)


def write(path: Path, selection: Selection) -> Outcome:
    """Write an image folder.

    Left out are pictures whose files are not on this computer, and those that cannot be copied
    without what is embedded in them, unless that is wanted.

    :raises CannotExport: there are no files, or the label is not one for each picture
    """
    columns = _columns(selection)
    place = _places(selection)
    done = State(FileNames(folder.LISTED, folder.CARD, folder.MARK))
    with folder.replacing(path) as work:
        with (work / folder.LISTED).open("w", encoding="utf-8", newline="") as file:
            for row in selection.rows():
                name = _copy(selection, row, place(row, done), work, done)
                if name is not None:
                    file.write(_line(row, name, columns) + "\n")
        if not done.rows:
            raise CannotExport(_nothing(selection, done))
        contents = Contents(
            *(path.name, columns, done.rows, done.missing, done.not_stripped.total()),
            *(done.rights, done.local_contexts),
        )
        text = card.text(selection, contents)
        (work / folder.CARD).write_text(text, "utf-8", newline="\n")
        folder.mark(work, "imagefolder")
    return Outcome(done.rows, _remarks(done))


def _columns(selection: Selection) -> list[Column]:
    """Return the columns with headings that Hugging Face's loader takes for no picture."""
    taken = {column.heading for column in selection.columns}
    found = []
    for column in selection.columns:
        heading = column.heading
        if heading.lower() == FILE_NAME:
            continue  # it named the file in the folder where it was
        while heading in TAKEN_NAMES or heading.endswith(TAKEN):
            heading += "_source"
            while heading != column.heading and heading in taken:
                heading += "_source"
        taken.add(heading)
        found.append(Column(column.name, heading, column.kind, column.separator))
    return found


def _places(selection: Selection) -> Callable[[Row, State], str]:
    """Return what names a picture's place: its id, or its label's folder and a name in it."""
    wanted = selection.options.label
    if wanted is None:
        return lambda row, done: row["id"]
    label = next(
        (c for c in selection.columns if wanted in (c.heading, c.name)),
        None,
    )
    if label is None:
        raise CannotExport(
            f"There is no column '{wanted}' to label by. The columns are: "
            f"{', '.join(selection.headings)}."
        )
    if label.kind in (Kind.LIST, Kind.JSON):
        raise CannotExport(
            f"The column '{wanted}' has several values for a picture, which can be in one folder "
            "only; choose another column."
        )
    folders_of: dict[str, str] = {}
    names = FileNames(folder.LISTED, folder.CARD, folder.MARK)

    def place(row: Row, done: State) -> str:
        value = label.value(row)
        done.unlabelled += value is None
        text = UNLABELLED if value is None else str(value)
        if text not in folders_of:
            folders_of[text] = names.path_for(safe(text.replace("/", "_")))
        return f"{folders_of[text]}/{row['id'].replace('/', '_')}"

    return place


def _copy(
    selection: Selection, row: Row, place: str, work: Path, done: State
) -> str | None:
    """Copy a picture, or else write its thumbnail if that is wanted, and return its name."""
    source = _original(selection, row)
    ready = work / IN_WORK
    if source is None or not _put(source, ready, selection.options):
        thumbnail = None
        if selection.options.thumbnails:
            thumbnail = selection.thumbnail(row["id"])
        _count(done, row, has_file=source is not None, is_shown=thumbnail is not None)
        if thumbnail is None:
            return None
        place = re.sub(r"\.[^./]*$", "", place) + ".jpg"
        ready.write_bytes(thumbnail)
    name = done.names.path_for(place)
    target = work / name
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(ready, target)
    done.rows += 1
    done.rights[str(row.get("rights") or "")] += 1
    done.local_contexts.update(map(str, local_contexts.of_record(row)))
    return name


def _count(done: State, row: Row, *, has_file: bool, is_shown: bool) -> None:
    """Count a picture that was not copied; ``is_shown`` says whether its thumbnail is there."""
    if has_file and is_shown:
        done.thumbnails_instead += 1
    elif has_file:
        done.not_stripped[str(row.get("image_format") or "unknown")] += 1
    elif is_shown:
        done.thumbnails += 1
    else:
        done.missing += 1


def _original(selection: Selection, row: Row) -> Path | None:
    """Return a picture's file, None if it is not on this computer, or not in its folder."""
    parts = PurePosixPath((row["file"] or "").replace("\\", "/"))
    if ".." in parts.parts or parts.is_absolute():
        return None
    file = folders.original(row, selection.folders)
    if file is None or not file.path.resolve().is_relative_to(file.folder.resolve()):
        return None
    return file.path


def _put(source: Path, target: Path, options: ExportOptions) -> bool:
    """Copy a file, and return False if what is embedded in it cannot be left out."""
    if not options.with_metadata:
        return strip.copy(source, target)
    if options.hard_links:
        with suppress(OSError):  # another disk, or one without hard links
            os.link(source.resolve(), target)
            return True
    shutil.copy2(source, target)
    return True


def _line(row: Row, name: str, columns: list[Column]) -> str:
    values = {FILE_NAME: name, **dict(_values(row, columns))}
    return json.dumps(values, ensure_ascii=False)


def _values(row: Row, columns: list[Column]) -> Iterator[tuple[str, Any]]:
    """Yield values of one type for each column, as the loader needs them.

    It takes the type of a column from the first rows, so text that is missing is empty text there.
    """
    for column in columns:
        if column.kind is Kind.JSON:
            yield column.heading, row[column.name] or ""
        elif column.kind is Kind.TEXT:
            yield column.heading, column.value(row) or ""
        else:
            yield column.heading, column.value(row)


def _nothing(selection: Selection, done: State) -> str:
    if done.not_stripped:
        return (
            f"Embedded metadata cannot be removed from the files of {_formats(done)}, so nothing was "
            "written. Add --with-metadata to copy the files as they are, or --thumbnails."
        )
    return (
        f"No file of {counted(len(selection.ids), 'picture')} is on this computer, so nothing was "
        "written. Connect the disk that they are on, or add --thumbnails."
    )


def _formats(done: State) -> str:
    """Return how many pictures, and of which formats, could not be copied without metadata."""
    formats = ", ".join(f"{name} {n:,}" for name, n in done.not_stripped.most_common())
    return f"{counted(done.not_stripped.total(), 'picture')} ({formats})"


def _remarks(done: State) -> list[str]:
    remarks = []
    if done.thumbnails:
        thumbnails = counted(done.thumbnails, "picture")
        remarks.append(
            f"Wrote thumbnails of {thumbnails} without a file on this computer."
        )
    if done.thumbnails_instead:
        thumbnails = counted(done.thumbnails_instead, "picture")
        remarks.append(
            f"Wrote thumbnails of {thumbnails} from whose files embedded metadata cannot be removed."
        )
    if done.not_stripped:
        remarks.append(
            f"Left out {_formats(done)} from whose files embedded metadata cannot be removed. Add "
            "--with-metadata to copy them as they are, or --thumbnails to write thumbnails instead."
        )
    if done.missing:
        remarks.append(
            f"Left out {counted(done.missing, 'picture')} without a file on this computer. Add "
            "--thumbnails to write thumbnails instead."
        )
    if done.unlabelled:
        remarks.append(
            f"Put {counted(done.unlabelled, 'picture')} without a label into the folder "
            f"{UNLABELLED}."
        )
    return remarks
