"""Plan a run: which files are new or changed, and which need not be read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlite_utils import Database

from ..db import embeddings, folders, items
from ..db.collection import Collection
from ..errors import IdConflict, ProblemKind
from ..formats.tables import Row
from ..images.files import PictureFile
from .prefetch import Entry, Problem

# Problems that last until the file changes. Any other may be solved by another option, by another
# package or by waiting, and trying again costs little.
LASTING = {
    ProblemKind.BAD_FILE,
    ProblemKind.BAD_LINK,
    ProblemKind.BAD_TEXT,
    ProblemKind.NO_ORIGINAL,
}


@dataclass
class Plan:
    """The files of a run, by what to do with them."""

    todo: list[PictureFile] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    known_problems: list[Problem] = field(default_factory=list)


def make(
    db: Database,
    collection: Collection,
    files: Sequence[PictureFile],
    folders: Mapping[str, int],
    *,
    thumbnails: bool = True,
    retry_problems: bool = False,
) -> Plan:
    """Decide what to do with each file, without reading any.

    A file is unchanged if its size, time and folder are those in its row, and the collection has a
    vector of the content that the row describes.

    :param folders: the ids of folders by path
    :param thumbnails: whether a file without a stored thumbnail must be read again
    :raises IdConflict: an id belongs to a file in another folder that still exists
    """
    plan = Plan()
    for start in range(0, len(files), embeddings.AT_ONCE):
        chunk = files[start : start + embeddings.AT_ONCE]
        rows = _rows(db, collection, [file.id for file in chunk])
        problems = (
            {} if retry_problems else _problems(db, collection, [f.id for f in chunk])
        )
        for file in chunk:
            folder = folders.get(str(file.folder))
            row = rows.get(file.id)
            _check_id(file, row, folder, folders)
            problem = problems.get(file.id)
            if row and _is_unchanged(file, row, folder, thumbnails):
                plan.unchanged.append(file.id)
            elif problem and _is_same_file(file, problem, folder):
                entry = Entry(file.id, file)
                kind = ProblemKind(problem["kind"])
                plan.known_problems.append(Problem(entry, problem["reason"], kind))
            else:
                plan.todo.append(file)
    return plan


def check_ids(
    db: Database, collection: Collection, files: Sequence[PictureFile]
) -> None:
    """Check that no file would have the id of a picture in another folder; write nothing.

    :raises IdConflict: an id belongs to a file in another folder that still exists
    """
    paths = folders.ids_by_path(db, str(collection.items_table))
    for chunk in embeddings.chunks(files):
        rows = _rows(db, collection, [file.id for file in chunk])
        for file in chunk:
            _check_id(file, rows.get(file.id), paths.get(str(file.folder)), paths)


def _is_unchanged(
    file: PictureFile, row: Row, folder: int | None, thumbnails: bool
) -> bool:
    return bool(
        row["is_current"]
        and (row["has_thumbnail"] or not thumbnails)
        and row["file"] == file.file
        and _is_same_file(file, {**row, "folder": row["image_folder"]}, folder)
    )


def _is_same_file(file: PictureFile, row: Row, folder: int | None) -> bool:
    recorded = row["folder"], row["image_bytes"], row["image_modified"]
    return recorded == (folder, file.size, file.modified)


def _check_id(
    file: PictureFile, row: Row | None, folder: int | None, folders: Mapping[str, int]
) -> None:
    if not row or not row["embedded"] or row["image_folder"] in (None, folder):
        return
    old = next((path for path, n in folders.items() if n == row["image_folder"]), None)
    if old and row["file"] and (Path(old) / row["file"]).exists():
        raise IdConflict(
            f"{file.path} would have the id '{file.id}', which already belongs to "
            f"{Path(old) / row['file']}. Embed this folder with its own --prefix, such as "
            f"--prefix {file.folder.name}/"
        )


def _rows(db: Database, collection: Collection, ids: list[str]) -> dict[str, Row]:
    assert collection.items_table is not None
    columns = "id, file, image_bytes, image_modified, image_folder, image_md5"
    rows = items.fetch(db, collection.items_table, ids, columns)
    marks = embeddings.placeholders(ids)
    small = f"select id from glam_thumbnails where items_table = ? and id in ({marks})"
    vectors = embeddings.content_hashes(db, collection, ids)
    thumbnails = {r[0] for r in db.execute(small, [collection.items_table, *ids])}
    return {
        item_id: {
            **row,
            "embedded": item_id in vectors,
            "is_current": (vectors.get(item_id) or b"").hex() == row["image_md5"],
            "has_thumbnail": item_id in thumbnails,
        }
        for item_id, row in rows.items()
    }


def _problems(db: Database, collection: Collection, ids: list[str]) -> dict[str, Row]:
    marks = embeddings.placeholders(ids)
    where = f"items_table = ? and id in ({marks})"
    rows = db.table("glam_problems").rows_where(where, [collection.items_table, *ids])
    return {row["id"]: row for row in rows if row["kind"] in LASTING}
