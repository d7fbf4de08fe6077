"""The folders a set of pictures came from, where they are now, and what is gone from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from . import items
from .files import PictureFile

Row = dict[str, Any]


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


def follow_moves(
    db: Database, items_table: str, files: Sequence[PictureFile]
) -> dict[str, int]:
    """Recognise folders that were moved: gone from their old place, the same at the new one.

    A folder is the same when most of the ids that both have belong to files of equal size; the
    next memory card with the same file names is not.

    :return: the numbers of the folders that are left
    """
    known = numbers(db, items_table)
    gone = {path: old for path, old in known.items() if not Path(path).is_dir()}
    if gone:
        rows = items.fetch(
            db,
            items_table,
            [file.id for file in files],
            "id, file, image_bytes, image_folder",
        )
        for old in gone.values():
            _follow(db, items_table, files, rows, old, known)
    return numbers(db, items_table)


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


def _follow(
    db: Database,
    items_table: str,
    files: Sequence[PictureFile],
    rows: Mapping[str, Row],
    old: int,
    known: Mapping[str, int],
) -> None:
    for new in {file.folder for file in files}:
        shared = [
            (file, rows[file.id])
            for file in files
            if file.folder == new
            and file.id in rows
            and rows[file.id]["image_folder"] == old
            and rows[file.id]["file"] == file.file
        ]
        equal = sum(file.size == row["image_bytes"] for file, row in shared)
        if shared and 2 * equal > len(shared):
            table = quote_identifier(items_table)
            sql = f"update {table} set image_folder = ? where image_folder = ?"
            with db.atomic():
                db.execute(sql, [known[str(new)], old])
                db.table("glam_folders").delete(old)
            return
