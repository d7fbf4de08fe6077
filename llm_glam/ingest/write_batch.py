"""Write a batch of entries to the database in one transaction."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from sqlite_utils import Database

from ..db import collections, connection, embeddings, items, kept_records, sources
from ..db.collection import Collection
from ..db.sources import Record, Source
from ..engine import Encoder
from ..errors import ProblemKind
from ..formats.tables import Row
from ..images.files import PictureFile
from ..models import registry
from ..records import inside, withdrawn
from ..records.beside import FileRecord
from . import embed_batch, identity
from .prefetch import Problem, Ready


@dataclass
class Counts:
    """How many entries of a run had which result; each entry is counted once."""

    embedded: int = 0
    unchanged: int = 0
    copies: int = 0
    renamed: int = 0
    problems: int = 0
    withdrawn: int = 0

    @property
    def usable(self) -> int:
        """How many of the entries have a vector now."""
        return self.embedded + self.unchanged + self.copies + self.renamed

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, as stored in ``glam_runs``."""
        return asdict(self)


@dataclass
class Target:
    """Where to write batches: a collection, and what is known about its pictures.

    ``folders`` has the ids of folders by path, and ``records`` has records by item id. ``store``
    is LLM's ``--store``. For ``trust_stored`` see :func:`llm_glam.ingest.embed_batch.resolve`.
    With ``replace``, an id may be reassigned to a picture in another folder. ``source`` is the
    collection whose pictures are embedded again, if there is one.

    Three fields are filled during a run. ``new_pictures`` has the MD5s, by id, of pictures for which
    there was no record. ``edited`` has the ids, by former MD5, of pictures whose content changed:
    if that content appears under another id, the picture was not edited but renamed. ``inside``
    has the records that were read inside the pictures at these ids.
    """

    db: Database
    collection: Collection
    encoder: Encoder
    folders: Mapping[str, int] = field(default_factory=dict)
    records: Mapping[str, Sequence[FileRecord]] = field(default_factory=dict)
    store: bool = False
    trust_stored: bool = True
    replace: bool = False
    source: Collection | None = None
    new_pictures: dict[str, str] = field(default_factory=dict)
    edited: dict[str, str] = field(default_factory=dict)
    inside: dict[str, Row] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)

    @property
    def table(self) -> str:
        """The name of the items table."""
        assert self.collection.items_table is not None
        return self.collection.items_table


def write_batch(target: Target, batch: Sequence[Ready | Problem]) -> list[Problem]:
    """Embed the entries that have no vector yet, and write all of them.

    :return: all problems of the batch, including those found while writing
    :raises UnknownCollection: the collection was deleted meanwhile; nothing is written
    """
    problems = [result for result in batch if isinstance(result, Problem)]
    ready = _without_withdrawn(
        target, [result for result in batch if isinstance(result, Ready)]
    )
    present = items.fetch(target.db, target.table, [r.entry.id for r in ready])
    conflicts = _conflicts(target, ready, present)
    problems += conflicts.values()
    ready = [r for r in ready if r.entry.id not in conflicts]
    resolved = embed_batch.resolve(
        target.db,
        target.collection,
        target.encoder,
        ready,
        trust_stored=target.trust_stored,
    )
    with connection.writing(target.db):
        for opened in filter(None, (target.collection, target.source)):
            collections.check_still_there(target.db, opened)
        renamed = _resolve_identities(target, ready, present)
        for one, (status, vector) in zip(ready, resolved, strict=True):
            if status != "unchanged":
                _write_vector(target, one, vector)
            if one.facts:
                _write_picture(target, one, is_new=one.entry.id not in present)
        read = {
            r.entry.id: r.embedded for r in ready if r.facts and r.embedded is not None
        }
        inside.write(target.db, target.table, read)
        written = {one.entry.id for one in ready if one.facts} & target.records.keys()
        update_records(
            target, {item_id: target.records[item_id] for item_id in written}
        )
        for problem in problems:
            write_problem(target, problem)
    for one, (status, _) in zip(ready, resolved, strict=True):
        _count(target.counts, "renamed" if one.entry.id in renamed else status)
    target.counts.problems += len(problems)
    return problems


def _without_withdrawn(target: Target, batch: Sequence[Ready]) -> list[Ready]:
    """Return the entries whose content is not withdrawn, and count the others."""
    refused = withdrawn.of(target.db, (ready.md5 for ready in batch))
    left = [ready for ready in batch if ready.md5.hex() not in refused]
    target.counts.withdrawn += len(batch) - len(left)
    return left


def update_records(target: Target, records: Mapping[str, Sequence[FileRecord]]) -> int:
    """Write the records of pictures, and return how many rows were changed."""
    by_source: dict[Source, dict[str, list[Record]]] = {}
    for item_id, found in records.items():
        for one in found:
            own = by_source.setdefault(one.source, {}).setdefault(item_id, [])
            own.append(one.record)
    return sum(
        sources.update(target.db, target.table, source, own)
        for source, own in by_source.items()
    )


def restore_records(target: Target) -> None:
    """Give the pictures that were new in this run the records set aside for their content.

    This is done at the end of a run, since a renumbered picture may be written before the run
    sets its record aside.
    """
    with connection.writing(target.db):
        collections.check_still_there(target.db, target.collection)
        for item_id, md5 in target.new_pictures.items():
            record = kept_records.pop(target.db, target.table, md5, item_id)
            if record:
                items.write(target.db, target.table, [{"id": item_id, **record}])
                sources.merge(target.db, target.table, [item_id])
    target.new_pictures.clear()


def _conflicts(
    target: Target, batch: Sequence[Ready], present: Mapping[str, Row]
) -> dict[str, Problem]:
    """Return problems for pictures whose id belongs to a different one in another folder."""
    if target.replace:
        return {}
    return {
        r.entry.id: _conflict(target, r, present[r.entry.id])
        for r in batch
        if identity.is_other_content(r, present.get(r.entry.id))
        and identity.is_elsewhere(r, present[r.entry.id], target.folders)
        and embeddings.is_in_set(target.db, target.table, r.entry.id)
    }


def _resolve_identities(
    target: Target, batch: Sequence[Ready], present: dict[str, Row]
) -> set[str]:
    """Set aside the records of replaced pictures and follow renames, before writing.

    :param present: existing rows by id; rows set aside are removed, and those of renamed pictures
        are added
    :return: the ids of pictures that were renamed
    """
    db, table = target.db, target.table
    new = {r.md5.hex() for r in batch if r.facts and r.entry.id not in present}
    for md5 in new & target.edited.keys():
        item_id = target.edited.pop(md5)
        kept_records.detach(db, table, item_id, md5)
        inside.write(db, table, _only(target.inside, [item_id]))
    arrived = new | set(target.new_pictures.values())
    changed = [
        r for r in batch if identity.is_other_content(r, present.get(r.entry.id))
    ]
    replaced = {
        r.entry.id
        for r in changed
        if identity.is_elsewhere(r, present[r.entry.id], target.folders)
        or not embeddings.is_in_set(db, table, r.entry.id)
        or identity.is_known_elsewhere(db, table, r)
        or present[r.entry.id]["image_md5"] in arrived
    }
    for ready in (r for r in changed if r.entry.id not in replaced):
        target.edited[present[ready.entry.id]["image_md5"]] = ready.entry.id
        if ready.embedded is not None:
            target.inside[ready.entry.id] = ready.embedded
    for item_id in replaced:
        kept_records.set_aside(db, table, present.pop(item_id))
    renamed = set()
    for ready in batch:
        if ready.facts and ready.entry.id not in present:
            if identity.follow_rename(db, table, ready, _folder(target, ready)):
                renamed.add(ready.entry.id)
                present |= items.fetch(db, table, [ready.entry.id])
    return renamed


def _only(records: dict[str, Row], ids: Sequence[str]) -> dict[str, Row]:
    return {item_id: records[item_id] for item_id in ids if item_id in records}


def write_problem(target: Target, problem: Problem) -> None:
    """Record a problem with its file's size and time, so that only a changed file is retried."""
    content = problem.entry.content
    row: Row = {
        "items_table": target.table,
        "id": problem.entry.id,
        "kind": problem.kind,
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


def _conflict(target: Target, ready: Ready, row: Row) -> Problem:
    folder = next(
        (k for k, v in target.folders.items() if v == row["image_folder"]), "elsewhere"
    )
    return Problem(
        ready.entry,
        f"another picture has the id '{row['id']}', from {folder}; use --prefix for this folder",
        ProblemKind.ID_CONFLICT,
    )


def _folder(target: Target, ready: Ready) -> int | None:
    content = ready.entry.content
    if not isinstance(content, PictureFile):
        return None
    return target.folders.get(str(content.folder))


def _write_vector(target: Target, ready: Ready, vector: bytes) -> None:
    content = ready.entry.content
    metadata = ready.entry.metadata
    embeddings.write(
        target.db,
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
    )


def _write_picture(target: Target, ready: Ready, *, is_new: bool) -> None:
    restored: Row = {}
    item_id = ready.entry.id
    if is_new:
        md5 = ready.md5.hex()
        restored = kept_records.pop(target.db, target.table, md5, item_id) or {}
        target.new_pictures |= {} if restored else {item_id: md5}
    item = {**restored, **_facts(target, ready)}
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
        row["image_folder"] = _folder(target, ready)
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
