"""Attach the texts of pages, in files beside pictures, to the pictures of a collection.

:func:`plan_texts` says which text would go to which picture, and :func:`attach` writes them into
the column ``transcription``, all or nothing. Either can be repeated.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ..db import collections, connection, sources
from ..db.collection import Collection
from ..db.sources import TEXT, Record, Source
from ..errors import BadRecords
from ..formats.pages import page_text
from ..images import files
from ..progress import NoProgress, Progress
from . import matching, withdrawn
from .join import EXAMPLES, Joined, pictures_of, table_of
from .matching import Matches, Picture

COLUMN = "transcription"


@dataclass
class TextPlan:
    """Which texts would be attached.

    ``texts`` has the texts by their file's path in the folder, ``damaged`` the files that cannot be
    read and why. ``pictures`` are all pictures of the collection.
    """

    collection: Collection
    source: Source
    texts: Mapping[str, str]
    damaged: Mapping[str, str]
    pictures: Sequence[Picture]
    matches: Matches

    @cached_property
    def files(self) -> dict[str, list[str]]:
        """The files by the name of their picture; of several, the first comes first."""
        found: dict[str, list[str]] = {}
        for file in sorted([*self.texts, *self.damaged]):
            found.setdefault(page_text.name_of(file), []).append(file)
        return found

    @property
    def ambiguous(self) -> list[str]:
        """The ids of pictures that several texts fit, or whose text fits several."""
        return list(self.matches.ambiguous)

    @cached_property
    def without_text(self) -> list[str]:
        """The ids of pictures that no text fits."""
        known = self.matches.keys.keys() | self.matches.ambiguous.keys()
        return [picture.id for picture in self.pictures if picture.id not in known]

    @cached_property
    def without_picture(self) -> list[str]:
        """The texts that fit no picture."""
        matched = set(self.matches.keys.values())
        return [f for f in self.texts if page_text.name_of(f) not in matched]

    def counts(self) -> dict[str, Any]:
        """Return how much matches, and how much does not."""
        return {
            "source": self.source.name,
            "texts": len(self.texts),
            "damaged_files": len(self.damaged),
            "texts_without_picture": len(self.without_picture),
            "pictures": len(self.matches.keys),
            "pictures_without_text": len(self.without_text),
            "ambiguous_pictures": len(self.matches.ambiguous),
        }

    def examples(self) -> list[tuple[str, str]]:
        """Return a few files and the ids of their pictures."""
        found = list(self.matches.keys.items())[:EXAMPLES]
        return [(self.files[name][0], item_id) for item_id, name in found]

    def records(self) -> dict[str, list[Record]]:
        """Return the records of each picture, by its id.

        A picture with a file that cannot be read now is left out: it keeps what it has.
        """
        return {
            item_id: [_record(file, self.texts[file]) for file in self.files[name]]
            for item_id, name in self.matches.keys.items()
            if not any(file in self.damaged for file in self.files[name])
        }


def plan_texts(
    db: Database, collection: Collection, folder: Path, progress: Progress | None = None
) -> TextPlan:
    """Read the texts in a folder, and find out which pictures of a collection they belong to.

    Nothing is written.

    :param progress: is told how many files have been read
    :raises BadFolder: there is no such folder
    :raises BadRecords: there are no texts in it, or none of them belongs to a picture
    """
    paths = files.with_endings(folder, page_text.ENDINGS)
    if not paths:
        raise BadRecords(
            f"There are no texts in {folder} (their names end in: "
            f"{', '.join(page_text.ENDINGS)})."
        )
    pictures = pictures_of(db, collection)
    by_file = {
        path.relative_to(files.checked_folder(folder)).as_posix(): path
        for path in paths
    }
    matches = matching.match_files(pictures, map(page_text.name_of, by_file))
    if not matches.keys and not matches.ambiguous:
        names = [picture.file for picture in pictures[:EXAMPLES]]
        raise BadRecords(
            f"None of the {len(paths):,} texts in {folder} has the name of a picture of "
            f"'{collection.name}': texts have names such as {', '.join(list(by_file)[:EXAMPLES])}, "
            f"and pictures {', '.join(names) or '(there are none)'}. Give both the same name."
        )
    texts, damaged = _read(by_file, progress or NoProgress())
    source = _source(db, table_of(collection), folder)
    return TextPlan(collection, source, texts, damaged, pictures, matches)


def attach(
    db: Database, plan: TextPlan, arguments: dict[str, Any] | None = None
) -> Joined:
    """Write the texts of a plan, in place of those that the same folder gave before.

    :param arguments: for ``glam_runs``, which records the run
    :raises UnknownCollection: the collection was deleted meanwhile; nothing is written
    """
    started = time.monotonic()
    collections.prepare(db)
    table, source = table_of(plan.collection), plan.source
    with connection.writing(db):
        collections.check_still_there(db, plan.collection)
        run = collections.begin_run(
            db,
            plan.collection,
            "glam records",
            arguments or {"text_dir": source.address},
        )
        before = sources.keys(db, table, source.name)
        sources.copy_earlier(db, table)
        sources.add_columns(db, table, source.name, {COLUMN: str})
        records = {**_gone(db, table, plan), **plan.records()}
        changed = sources.update(db, table, source, records)
        files_left = _not_withdrawn(db, table, plan.without_picture)
        left = (_record(file, plan.texts[file]) for file in files_left)
        sources.put_without_picture(db, table, source, left)
        counts = {"changed": changed, "pictures": len(plan.matches.keys)}
        collections.end_run(db, run, counts, time.monotonic() - started)
    return Joined(changed, sorted(before - plan.texts.keys() - plan.damaged.keys()), [])


def _not_withdrawn(db: Database, table: str, files_left: Sequence[str]) -> list[str]:
    """Return the files whose text is not that of a withdrawn picture."""
    names = {file: page_text.name_of(file) for file in files_left}
    refused = withdrawn.keys(db, table, [*names, *names.values()])
    return [file for file, name in names.items() if not {file, name} & refused]


def _gone(db: Database, table: str, plan: TextPlan) -> dict[str, list[Record]]:
    """Return no records for each picture that has a text of this folder now."""
    damaged = {page_text.name_of(file) for file in plan.damaged}
    kept = {i for i, name in plan.matches.keys.items() if name in damaged}
    ids = sources.ids_of(db, table, plan.source.name)
    return {item_id: [] for item_id in ids if item_id not in kept}


def _record(file: str, text: str) -> Record:
    return Record({COLUMN: text}, file)


def _read(
    by_file: Mapping[str, Path], progress: Progress
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts, and why the other files cannot be read."""
    texts, damaged = {}, {}
    progress.begin(len(by_file))
    for file, path in by_file.items():
        try:
            texts[file] = page_text.read(path)
        except BadRecords as error:
            damaged[file] = error.message
        progress.advance(1)
    return texts, damaged


def _source(db: Database, table: str, folder: Path) -> Source:
    """Return the source of a folder: that of an earlier run, or one named after the folder.

    Where another folder of that name has been attached, the parent folder's name is added.
    """
    path = folder.resolve()
    known = sources.every(db, table)
    of_folders = {row["address"]: row["source"] for row in known if row["kind"] == TEXT}
    taken = {row["source"] for row in known if not _has_moved(row)}
    names = [path.name, f"{path.parent.name}/{path.name}"] if path.name else []
    free = (name for name in names if name not in taken)
    name = of_folders.get(str(path)) or next(free, str(path))
    return Source(name, TEXT, str(path))


def _has_moved(row: Mapping[str, Any]) -> bool:
    return row["kind"] == TEXT and not Path(row["address"]).is_dir()
