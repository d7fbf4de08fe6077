"""Decide whether a file is still the same picture, so that no record moves to another one.

A picture is identified by its content (MD5); its id only says where its file is. If the content
of an id has changed, it is

- a different picture, if no collection has a vector of the old content any more (the file was
  deleted and created again), or if the new content is known from another id (files were
  renumbered): the old picture's record is set aside until its content is found again;
- otherwise the same picture, edited: the record stays.
"""

from collections.abc import Mapping
from pathlib import Path

from sqlite_utils import Database

from ..db import items, kept_records
from ..formats.tables import Row
from ..images.files import PictureFile
from .prefetch import Ready


def is_other_content(ready: Ready, row: Row | None) -> bool:
    """Return whether an id's content has changed since its row was written."""
    return bool(ready.facts and row and row["image_md5"] != ready.md5.hex())


def is_elsewhere(ready: Ready, row: Row, folders: Mapping[str, int]) -> bool:
    """Return whether an id belongs to a file in another folder."""
    content = ready.entry.content
    if not isinstance(content, PictureFile):
        return False
    return row["image_folder"] not in (None, folders.get(str(content.folder)))


def is_known_elsewhere(db: Database, table: str, ready: Ready) -> bool:
    """Return whether another id of the items table, or a record set aside, has this content."""
    md5 = ready.md5.hex()
    same = db.table(table).count_where(
        "image_md5 = ? and id != ?", [md5, ready.entry.id]
    )
    return same > 0 or kept_records.has(db, table, md5)


def follow_rename(db: Database, table: str, ready: Ready, folder: int | None) -> bool:
    """Give a picture whose file was renamed its new id, and return whether that was done.

    The picture is the one with this content and folder whose own file is gone. If there are
    several of them, nothing is changed, since any could be the right one.
    """
    content = ready.entry.content
    if not isinstance(content, PictureFile):
        return False
    same = db.table(table).rows_where(
        "image_md5 = ? and image_folder = ?", [ready.md5.hex(), folder]
    )
    lost = [
        row
        for row in same
        if row["id"] == content.id_as(row["file"])
        and not _may_be_unchanged(content.folder / row["file"], row["image_bytes"])
    ]
    if len(lost) != 1:
        return False
    items.rename(db, table, lost[0]["id"], ready.entry.id, content.file)
    return True


def _may_be_unchanged(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
