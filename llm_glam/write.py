"""One batch of read entries to rows, in one transaction: all of it is kept, or nothing."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from . import items, registry, vectors
from .ahead import Problem, Ready
from .engine import Encoder
from .files import PictureFile
from .store import Collection

Row = dict[str, Any]


@dataclass
class Counts:
    """What happened to the entries of a run; each is counted once."""

    embedded: int = 0
    unchanged: int = 0
    copies: int = 0
    renamed: int = 0
    problems: int = 0

    @property
    def usable(self) -> int:
        """How many have a vector now."""
        return self.embedded + self.unchanged + self.copies + self.renamed

    def as_dict(self) -> dict[str, int]:
        """By name, as run records keep them."""
        return asdict(self)


@dataclass
class Target:
    """Where batches go: a collection, its set of pictures, and what is known of its files.

    ``folders`` gives the number of each folder; ``records`` the record columns by id; ``store``
    is LLM's ``--store``; for ``trust_stored`` see :func:`llm_glam.vectors.resolve`.
    """

    db: Database
    collection: Collection
    encoder: Encoder
    folders: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, Row] = field(default_factory=dict)
    store: bool = False
    trust_stored: bool = True
    counts: Counts = field(default_factory=Counts)

    @property
    def table(self) -> str:
        """The items table."""
        assert self.collection.items_table is not None
        return self.collection.items_table


def write_batch(target: Target, batch: Sequence[Ready | Problem]) -> list[Problem]:
    """Embed what has no vector yet and write everything.

    A file that was renamed keeps its record, labels and vectors; a picture that takes the id of
    one that is gone gets nothing of it.

    :return: the problems of the batch, those found only now included
    """
    problems = [result for result in batch if isinstance(result, Problem)]
    ready = [result for result in batch if isinstance(result, Ready)]
    renamed = {r.entry.id for r in ready if _follow_rename(target, r)}
    present = items.fetch(target.db, target.table, [r.entry.id for r in ready])
    others = [r for r in ready if _is_other_picture(r, present.get(r.entry.id))]
    gone = {r.entry.id for r in others if not _is_alive(target, r.entry.id)}
    strangers = {
        r.entry.id: _conflict(target, r, present[r.entry.id])
        for r in others
        if r.entry.id not in gone and _is_elsewhere(target, r, present[r.entry.id])
    }
    problems += strangers.values()
    ready = [r for r in ready if r.entry.id not in strangers]
    resolved = vectors.resolve(
        target.db,
        target.collection,
        target.encoder,
        ready,
        trust_stored=target.trust_stored,
    )
    with target.db.atomic():
        for one, (status, vector) in zip(ready, resolved, strict=True):
            if status != "unchanged":
                _write_vector(target, one, vector)
            if one.entry.id in gone:
                items.keep_record(target.db, target.table, present.pop(one.entry.id))
                gone.discard(one.entry.id)
            if one.facts:
                _write_picture(target, one, is_new=one.entry.id not in present)
            _count(target.counts, "renamed" if one.entry.id in renamed else status)
        for problem in problems:
            write_problem(target, problem)
            _count(target.counts, "problems")
    return problems


def write_problem(target: Target, problem: Problem) -> None:
    """Keep a problem with the state of its file, so that it is only tried again when changed."""
    content = problem.entry.content
    row: Row = {
        "items_table": target.table,
        "id": problem.entry.id,
        "reason": problem.reason,
        "seen": registry.now(),
    }
    if isinstance(content, PictureFile):
        row["file"] = content.file
        row["folder"] = target.folders.get(str(content.folder))
        row["image_bytes"] = content.size
        row["image_modified"] = content.modified
    target.db.table("glam_problems").insert(row, replace=True)


def _count(counts: Counts, what: str) -> None:
    setattr(counts, what, getattr(counts, what) + 1)


def _follow_rename(target: Target, ready: Ready) -> bool:
    """Move everything of a picture whose file has another name now to its new id."""
    content = ready.entry.content
    if not isinstance(content, PictureFile):
        return False
    if items.fetch(target.db, target.table, [ready.entry.id], "id"):
        return False
    folder = target.folders.get(str(content.folder))
    same = target.db.table(target.table).rows_where(
        "image_md5 = ? and image_folder = ?", [ready.md5.hex(), folder], order_by="id"
    )
    for row in list(same):
        if not _is_still(content.folder / row["file"], row["image_bytes"]):
            with target.db.atomic():
                items.rename(
                    target.db, target.table, row["id"], ready.entry.id, content.file
                )
            return True
    return False


def _is_still(path: Path, size: int) -> bool:
    """Is the file there, and may it still be the same?"""
    return path.is_file() and path.stat().st_size == size


def _is_other_picture(ready: Ready, row: Row | None) -> bool:
    return bool(ready.facts and row and row["image_md5"] != ready.md5.hex())


def _is_elsewhere(target: Target, ready: Ready, row: Row) -> bool:
    content = ready.entry.content
    if not isinstance(content, PictureFile):
        return False
    return row["image_folder"] not in (None, target.folders.get(str(content.folder)))


def _conflict(target: Target, ready: Ready, row: Row) -> Problem:
    folder = next(
        (k for k, v in target.folders.items() if v == row["image_folder"]), "elsewhere"
    )
    return Problem(
        ready.entry,
        f"another picture has the id '{row['id']}', from {folder}; use --prefix for this folder",
    )


def _is_alive(target: Target, item_id: str) -> bool:
    """Does any collection of the set have a vector of this id?"""
    sql = """
        select 1 from embeddings where id = ? and collection_id in (
            select collection_id from glam_collections where items_table = ?
        )
    """
    return target.db.execute(sql, [item_id, target.table]).fetchone() is not None


def _write_vector(target: Target, ready: Ready, vector: bytes) -> None:
    content = ready.entry.content
    metadata = ready.entry.metadata
    target.db.table("embeddings").insert(
        {
            "collection_id": target.collection.id,
            "id": ready.entry.id,
            "embedding": vector,
            "content": content if target.store and isinstance(content, str) else None,
            "content_blob": ready.raw if target.store else None,
            "content_hash": ready.md5,
            "metadata": json.dumps(metadata) if metadata else None,
            "updated": int(time.time()),
        },
        replace=True,
    )


def _write_picture(target: Target, ready: Ready, *, is_new: bool) -> None:
    kept: Row = {}
    if is_new:
        kept = items.kept_record(target.db, target.table, ready.md5.hex()) or {}
    item = {**kept, **_facts(target, ready), **target.records.get(ready.entry.id, {})}
    items.write(target.db, target.table, [item])
    _write_thumbnail(target, ready)
    sql = "delete from glam_problems where items_table = ? and id = ?"
    target.db.execute(sql, [target.table, ready.entry.id])


def _facts(target: Target, ready: Ready) -> Row:
    assert ready.facts is not None
    row: Row = {
        "id": ready.entry.id,
        "image_width": ready.facts.width,
        "image_height": ready.facts.height,
        "image_format": ready.facts.format,
        "image_bytes": ready.size,
        "image_md5": ready.md5.hex(),
    }
    content = ready.entry.content
    if isinstance(content, PictureFile):
        row["file"] = content.file
        row["image_modified"] = content.modified
        row["image_folder"] = target.folders.get(str(content.folder))
    return row


def _write_thumbnail(target: Target, ready: Ready) -> None:
    md5 = ready.md5.hex()
    if ready.thumbnail is None:
        sql = "delete from glam_thumbnails where items_table = ? and id = ? and image_md5 != ?"
        target.db.execute(sql, [target.table, ready.entry.id, md5])
        return
    target.db.table("glam_thumbnails").insert(
        {
            "items_table": target.table,
            "id": ready.entry.id,
            "image_md5": md5,
            "width": ready.thumbnail.width,
            "height": ready.thumbnail.height,
            "content": ready.thumbnail.content,
        },
        replace=True,
    )
