"""The folders a set of pictures came from, where they are now, and what is gone from them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..formats.tables import Row
from ..images.files import PictureFile, file_at
from . import collections, items


def numbers(db: Database, items_table: str) -> dict[str, int]:
    """The folders of a set of pictures and their numbers."""
    rows = db.table("glam_folders").rows_where("items_table = ?", [items_table])
    return {row["path"]: row["id"] for row in rows}


def number(db: Database, items_table: str, paths: Sequence[Path]) -> dict[str, int]:
    """Give new folders a number; all numbers of the set."""
    known = numbers(db, items_table)
    new = {str(path) for path in paths} - known.keys()
    db.table("glam_folders").insert_all(
        {"items_table": items_table, "path": path} for path in sorted(new)
    )
    return numbers(db, items_table)


def original(row: Row, paths: Mapping[int, str]) -> PictureFile | None:
    """The file of an item on this computer, or None.

    :param row: its ``id``, ``file`` and ``image_folder``
    :param paths: the folders of the set by number
    """
    folder = paths.get(row["image_folder"])
    path = Path(folder) / row["file"] if folder and row["file"] else None
    if folder is None or path is None or not path.is_file():
        return None
    return replace(file_at(path, row["id"]), folder=Path(folder), file=row["file"])


def follow_moves(
    db: Database, items_table: str, files: Sequence[PictureFile]
) -> dict[str, int]:
    """Recognise files of folders that are gone from their old place in their new one.

    A file is the same when id, size and time are; its folder's other files, when most of those
    in both are, even if some were changed meanwhile. What was not found stays where it was: a
    disk that is not connected, or the next memory card with the same names, moves nothing.

    :return: the numbers of the folders
    """
    known = numbers(db, items_table)
    gone = {path: old for path, old in known.items() if not Path(path).is_dir()}
    if gone:
        columns = "id, file, image_bytes, image_modified, image_folder"
        rows = items.fetch(db, items_table, [file.id for file in files], columns)
        for old in gone.values():
            shared = [
                (file, rows[file.id])
                for file in files
                if file.id in rows
                and (rows[file.id]["image_folder"], rows[file.id]["file"])
                == (old, file.file)
            ]
            _rebind(db, items_table, shared, known, old)
    return numbers(db, items_table)


def _rebind(
    db: Database,
    items_table: str,
    shared: Sequence[tuple[PictureFile, Row]],
    known: Mapping[str, int],
    old: int,
) -> None:
    same = [
        file
        for file, row in shared
        if (file.size, file.modified) == (row["image_bytes"], row["image_modified"])
    ]
    is_moved = 2 * len(same) > len(shared)
    moved = [file for file, _ in shared] if is_moved else same
    sql = f"update {quote_identifier(items_table)} set image_folder = ? where id = ?"
    with collections.writing(db):
        for file in moved:
            db.execute(sql, [known[str(file.folder)], file.id])
        if not db.table(items_table).count_where("image_folder = ?", [old]):
            db.table("glam_folders").delete(old)


def missing_files(
    db: Database, items_table: str, folder: Path, known: int
) -> list[Row]:
    """The rows of a folder's pictures whose files are gone."""
    where = "image_folder = ? and file is not null"
    rows = list(db.table(items_table).rows_where(where, [known]))
    return [row for row in rows if not (folder / row["file"]).exists()]


def forget_solved_problems(
    db: Database, items_table: str, known: Mapping[str, int]
) -> None:
    """Drop the problems of files that are gone."""
    paths = {folder: path for path, folder in known.items()}
    problems = db.table("glam_problems")
    where = "items_table = ? and file is not null"
    for row in list(problems.rows_where(where, [items_table])):
        folder = Path(paths.get(row["folder"], ""))
        if folder.is_dir() and not (folder / row["file"]).exists():
            problems.delete((items_table, row["id"]))
