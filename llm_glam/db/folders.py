"""Record the folders of an items table's pictures, and notice moved and missing files."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from .. import platforms
from ..formats.tables import Row
from ..images import decoding, page_items
from ..images.files import PictureFile, file_at
from . import connection, items


def ids_by_path(db: Database, items_table: str) -> dict[str, int]:
    """Return the ids of an items table's folders by path."""
    rows = db.table("glam_folders").rows_where("items_table = ?", [items_table])
    return {row["path"]: row["id"] for row in rows}


def register(db: Database, items_table: str, paths: Sequence[Path]) -> dict[str, int]:
    """Register folders that are new.

    :return: the ids of all the items table's folders by path
    """
    folder_ids = ids_by_path(db, items_table)
    new = {str(path) for path in paths} - folder_ids.keys()
    db.table("glam_folders").insert_all(
        {"items_table": items_table, "path": path} for path in sorted(new)
    )
    return ids_by_path(db, items_table)


def original(row: Row, paths: Mapping[int, str]) -> PictureFile | None:
    """Return the file of an item, or None if it is not on this computer.

    :param row: the item's ``id``, ``file``, ``image_format`` and ``image_folder``
    :param paths: the items table's folders by id
    """
    folder = paths.get(row["image_folder"])
    path = Path(folder) / row["file"] if folder and row["file"] else None
    if folder is None or path is None or not path.is_file():
        return None
    file = file_at(path, row["id"])
    return replace(file, folder=Path(folder), file=row["file"], page=_page(row))


def follow_moves(
    db: Database, items_table: str, files: Sequence[PictureFile]
) -> dict[str, int]:
    """Recognise the files of folders that were moved, by comparing them with ``files``.

    A file is the same if its id, size and time are. If most of the files that the old and the new
    folder have in common are the same, the changed ones among them are taken to be edited and are
    moved too. Files that are not found keep their folder, so neither an unmounted disk nor a new
    memory card with the same file names moves anything.

    :return: the ids of the folders by path
    """
    folder_ids = ids_by_path(db, items_table)
    missing = {path: old for path, old in folder_ids.items() if not Path(path).is_dir()}
    if missing:
        columns = "id, file, image_bytes, image_modified, image_folder"
        rows = items.fetch(db, items_table, [file.id for file in files], columns)
        for old in missing.values():
            shared = [
                (file, rows[file.id])
                for file in files
                if file.id in rows
                and (rows[file.id]["image_folder"], rows[file.id]["file"])
                == (old, file.file)
            ]
            _rebind(db, items_table, shared, folder_ids, old)
    return ids_by_path(db, items_table)


def _rebind(
    db: Database,
    items_table: str,
    shared: Sequence[tuple[PictureFile, Row]],
    folder_ids: Mapping[str, int],
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
    with connection.writing(db):
        for file in moved:
            db.execute(sql, [folder_ids[str(file.folder)], file.id])
        if not db.table(items_table).count_where("image_folder = ?", [old]):
            db.table("glam_folders").delete(old)


def missing_files(
    db: Database, items_table: str, folder: Path, folder_id: int
) -> list[Row]:
    """Return the rows of a folder's pictures whose files, or pages of files, no longer exist.

    :param folder_id: the id of this folder
    """
    where = "image_folder = ? and file is not null"
    rows = list(db.table(items_table).rows_where(where, [folder_id]))
    pages = cache(decoding.other_pages)
    return [row for row in rows if _is_missing(folder / row["file"], _page(row), pages)]


def _is_missing(path: Path, page: int, pages: Callable[[Path], Sequence[int]]) -> bool:
    """Return whether a file does not exist, or can be read and has no such page."""
    if page == 1 or not path.exists():
        return not platforms.exists(path)
    if platforms.is_only_in_cloud(path.stat()):
        return False
    return page not in pages(path) and decoding.is_picture(path)


def _has_other_pages(path: Path, problem: Row) -> bool:
    """Return whether the problem is one of a page, which the file may no longer have."""
    page = page_items.page_of(problem["id"], problem["file"], page_items.FORMAT)
    file = file_at(path, problem["id"])
    seen = problem["image_bytes"], problem["image_modified"]
    return page > 1 and seen != (file.size, file.modified)


def _page(row: Row) -> int:
    return page_items.page_of(row["id"], row["file"], row["image_format"])


def forget_solved_problems(
    db: Database, items_table: str, folder_ids: Mapping[str, int]
) -> None:
    """Delete the problems of files that no longer exist, and of pages if their file has changed.

    :param folder_ids: the ids of the folders by path
    """
    paths = {folder: path for path, folder in folder_ids.items()}
    problems = db.table("glam_problems")
    where = "items_table = ? and file is not null"
    for row in list(problems.rows_where(where, [items_table])):
        folder = Path(paths.get(row["folder"], ""))
        path = folder / row["file"]
        if folder.is_dir() and (not path.exists() or _has_other_pages(path, row)):
            problems.delete((items_table, row["id"]))
