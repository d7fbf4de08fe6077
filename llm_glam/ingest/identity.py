"""Is this still the same picture? A record never attaches to another one.

A picture is its content (MD5), its id is only where it lies. Another content under the same id is

- the same picture, edited, where the old content is nowhere else: the record stays;
- another picture, where nothing has a vector of the old one any more (deleted and made again),
  or where the new content is known from another id (files were renumbered): the record of the
  old one is set aside, and comes back with its content.
"""

from collections.abc import Mapping
from pathlib import Path

from sqlite_utils import Database

from ..db import items
from ..formats.tables import Row
from ..images.files import PictureFile
from .prefetch import Ready


def is_other_content(ready: Ready, row: Row | None) -> bool:
    """Does the id hold another content than it did?"""
    return bool(ready.facts and row and row["image_md5"] != ready.md5.hex())


def is_elsewhere(ready: Ready, row: Row, folders: Mapping[str, int]) -> bool:
    """Does the id belong to a file of another folder?"""
    content = ready.entry.content
    if not isinstance(content, PictureFile):
        return False
    return row["image_folder"] not in (None, folders.get(str(content.folder)))


def is_known_elsewhere(db: Database, table: str, ready: Ready) -> bool:
    """Is the content known from another id of the set, now or from a record set aside?"""
    values = [ready.md5.hex(), ready.entry.id]
    rows = db.table(table).count_where("image_md5 = ? and id != ?", values)
    where = "items_table = ? and image_md5 = ?"
    return bool(
        rows or db.table("glam_kept_records").count_where(where, [table, values[0]])
    )


def follow_rename(db: Database, table: str, ready: Ready, folder: int | None) -> bool:
    """Move everything of the one picture whose file now has this name to this id.

    Where several pictures of this content have lost their files, none is followed.
    """
    content = ready.entry.content
    if not isinstance(content, PictureFile):
        return False
    same = db.table(table).rows_where(
        "image_md5 = ? and image_folder = ?", [ready.md5.hex(), folder]
    )
    prefix = ready.entry.id.removesuffix(content.file)
    lost = [
        row
        for row in same
        if row["id"] == f"{prefix}{row['file']}"
        and not _is_still(content.folder / row["file"], row["image_bytes"])
    ]
    if len(lost) != 1:
        return False
    items.rename(db, table, lost[0]["id"], ready.entry.id, content.file)
    return True


def _is_still(path: Path, size: int) -> bool:
    """Is the file there, and may it still be the same?"""
    return path.is_file() and path.stat().st_size == size
