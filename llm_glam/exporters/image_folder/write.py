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
from ..columns import FILE_NAME, Column, Kind
from ..selection import Outcome, Selection, counted
from . import card, folder
from .card import Contents
from .file_names import FileNames, safe

# What Hugging Face's loader takes for names of files, and the column that it adds.
TAKEN = (FILE_NAME, "file_names")
TAKEN_NAMES = ("image", "images")
UNLABELLED = "unlabelled"


@dataclass
class State:
    """What has been written so far."""

    names: FileNames
    rows: int = 0
    thumbnails: int = 0
    missing: int = 0
    unlabelled: int = 0
    rights: Counter[str] = field(default_factory=Counter)
    local_contexts: Counter[str] = field(default_factory=Counter)


def write(path: Path, selection: Selection) -> Outcome:
    """Write an image folder; a picture whose file is not on this computer is left out.

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
            raise CannotExport(_nothing(selection))
        contents = Contents(
            *(path.name, columns, done.rows, done.missing),
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
    thumbnail = None
    if source is None and selection.options.thumbnails:
        thumbnail = selection.thumbnail(row["id"])
    if source is None and thumbnail is None:
        done.missing += 1
        return None
    if thumbnail is not None:
        place = re.sub(r"\.[^./]*$", "", place) + ".jpg"
    name = done.names.path_for(place)
    target = work / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if source is not None:
        _put(source, target, selection.options.hard_links)
    elif thumbnail is not None:
        target.write_bytes(thumbnail)
        done.thumbnails += 1
    done.rows += 1
    done.rights[str(row.get("rights") or "")] += 1
    done.local_contexts.update(map(str, local_contexts.of_record(row)))
    return name


def _original(selection: Selection, row: Row) -> Path | None:
    """Return a picture's file, None if it is not on this computer, or not in its folder."""
    parts = PurePosixPath((row["file"] or "").replace("\\", "/"))
    if ".." in parts.parts or parts.is_absolute():
        return None
    file = folders.original(row, selection.folders)
    if file is None or not file.path.resolve().is_relative_to(file.folder.resolve()):
        return None
    return file.path


def _put(source: Path, target: Path, is_linked: bool) -> None:
    if is_linked:
        with suppress(OSError):  # another disk, or one without hard links
            os.link(source.resolve(), target)
            return
    shutil.copy2(source, target)


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


def _nothing(selection: Selection) -> str:
    return (
        f"No file of {counted(len(selection.ids), 'picture')} is on this computer, so nothing was "
        "written. Connect the disk that they are on, or add --thumbnails."
    )


def _remarks(done: State) -> list[str]:
    remarks = []
    if done.thumbnails:
        thumbnails = counted(done.thumbnails, "picture")
        remarks.append(
            f"Wrote thumbnails of {thumbnails} without a file on this computer."
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
