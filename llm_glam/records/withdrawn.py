"""Withdraw pictures: remove all that is stored of them, and refuse them from then on.

What is kept is the MD5 of each picture, so that it is recognised under any name, and hashes of what
could join a record to it, so that a spreadsheet does not bring its record back.
"""

import hashlib
import json
import time
from collections.abc import Collection as Container
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import collections, connection, embeddings, filters, full_text, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..errors import UnknownItem
from ..images import page_items
from ..models import registry

TABLE = "glam_withdrawn"
PICTURE, RECORD = "picture", "record"
KEPT = "glam_kept_records"  # an id in it may be that of another picture


@dataclass(frozen=True)
class Withdrawal:
    """What withdrawing would remove.

    ``md5s`` are those of the pictures, in hex, and ``ids`` all ids that they have, by items table.
    """

    md5s: Sequence[str]
    ids: dict[str, list[str]]

    @property
    def pictures(self) -> int:
        """How many rows of items tables there are."""
        return sum(map(len, self.ids.values()))


def plan(db: Database, collection: Collection, conditions: Conditions) -> Withdrawal:
    """Return what withdrawing the pictures that fulfil the conditions would remove.

    The same picture under another name, or in the records of other collections, is among them.

    :raises BadFilter: the conditions are invalid
    :raises UnknownItem: no picture fulfils them
    """
    table = str(collection.items_table)
    ids = filters.ids(db, collection, conditions)
    if not ids:
        raise UnknownItem(
            f"No picture of '{collection.name}' fulfils these conditions; nothing was withdrawn."
        )
    md5s = {
        row["image_md5"]
        for row in items.fetch(db, table, ids, "id, image_md5").values()
        if row["image_md5"]
    }
    found = {name: _ids(db, name, md5s) for name in sorted(items.every(db))}
    found[table] = sorted({*found.get(table, []), *ids})
    return Withdrawal(sorted(md5s), {name: own for name, own in found.items() if own})


def withdraw(db: Database, collection: Collection, withdrawal: Withdrawal) -> None:
    """Remove all that is stored of pictures, in one transaction, and refuse them from then on.

    What is removed is overwritten in the file, not only marked as free.

    :raises UnknownCollection: the collection was deleted meanwhile; nothing is written
    """
    started = time.monotonic()
    collections.prepare(db)
    db.execute("pragma secure_delete = on")
    with connection.writing(db):
        collections.check_still_there(db, collection)
        # Without the conditions, which may say what is to be forgotten.
        run = collections.begin_run(db, collection, "glam mark", {"withdraw": True})
        for table, ids in withdrawal.ids.items():
            _note(db, RECORD, _record_hashes(db, table, ids))
            for item_id in ids:
                _remove_id(db, table, item_id)
            _compact_full_text(db, table)
        _note(db, PICTURE, withdrawal.md5s)
        for md5 in withdrawal.md5s:
            _remove_content(db, md5)
        counts = {"withdrawn": withdrawal.pictures}
        collections.end_run(db, run, counts, time.monotonic() - started)
    db.execute("pragma wal_checkpoint(truncate)")


def readmit(db: Database, files: Iterable[Path]) -> list[Path]:
    """Allow withdrawn pictures to be embedded again, and return the files that were withdrawn.

    :param files: the pictures; pages of a TIFF that were pictures of their own are meant too
    """
    collections.prepare(db)
    found: list[Path] = []
    sql = f"delete from {TABLE} where kind = ? and hash = ?"
    with connection.writing(db):
        for path in files:
            with path.open("rb") as file:
                hashes = page_items.content_hashes(file)
            for md5 in of(db, hashes):
                db.execute(sql, [PICTURE, md5])
                found.append(path)
    return list(dict.fromkeys(found))


def of(db: Database, md5s: Iterable[bytes]) -> set[str]:
    """Return those of these pictures that are withdrawn, by the MD5 of their content, in hex."""
    return _noted(db, PICTURE, (md5.hex() for md5 in md5s))


def keys(db: Database, table: str, names: Iterable[str]) -> set[str]:
    """Return those of these keys of records that are those of withdrawn pictures."""
    hashes = {_hash(table, name): name for name in names}
    return {hashes[one] for one in _noted(db, RECORD, hashes)}


def purge(db: Database, collection: Collection) -> int:
    """Delete a collection's vectors of withdrawn pictures, and return how many there were."""
    if not db.table(TABLE).exists():
        return 0
    sql = f"select hash from {TABLE} where kind = ?"
    hashes = [bytes.fromhex(row[0]) for row in db.execute(sql, [PICTURE]).fetchall()]
    return embeddings.delete_contents(db, collection.id, hashes)


def count(db: Database) -> int:
    """Return how many pictures are withdrawn from a database."""
    if not db.table(TABLE).exists():
        return 0
    return int(db.table(TABLE).count_where("kind = ?", [PICTURE]))


def _ids(db: Database, table: str, md5s: Container[str]) -> list[str]:
    found: list[str] = []
    for chunk in embeddings.chunks(md5s):
        marks = embeddings.placeholders(chunk)
        where = f"image_md5 in ({marks})"
        found += [row[items.KEY] for row in db.table(table).rows_where(where, chunk)]
    return found


def _remove_id(db: Database, table: str, item_id: str) -> None:
    """Delete a picture's row and what our tables have under its id."""
    embeddings.delete_in_set(db, table, item_id)
    for name, columns in _our_tables(db).items():
        if {"items_table", "id"} <= columns and name != KEPT:
            sql = (
                f"delete from {quote_identifier(name)} where items_table = ? and id = ?"
            )
            db.execute(sql, [table, item_id])
    sql = f"delete from {quote_identifier(table)} where id = ?"
    db.execute(sql, [item_id])


def _remove_content(db: Database, md5: str) -> None:
    """Delete what is stored of a picture without its row, such as a record that was set aside."""
    for name, columns in _our_tables(db).items():
        if "image_md5" in columns:
            sql = f"delete from {quote_identifier(name)} where image_md5 = ?"
            db.execute(sql, [md5])
    for collection in collections.every(db):
        embeddings.delete_contents(db, collection.id, [bytes.fromhex(md5)])


def _our_tables(db: Database) -> dict[str, set[str]]:
    names = [name for name in db.table_names() if name.startswith("glam_")]
    return {name: set(db.table(name).columns_dict) for name in names}


def _compact_full_text(db: Database, table: str) -> None:
    """Drop the words of removed rows from the full-text index, which only marks them at first."""
    index = quote_identifier(full_text.index_name(table))
    if full_text.columns(db, table) is not None:
        db.execute(f"insert into {index} ({index}) values ('optimize')")


def _record_hashes(db: Database, table: str, ids: Sequence[str]) -> set[str]:
    """Return hashes of what could join a record to these pictures and to no other ones."""
    rows = items.fetch(db, table, ids, "id, file")
    found = {name for row in rows.values() for name in _names(row["id"], row["file"])}
    if db.table("glam_sources").exists():
        sql = "select id, record_key from glam_sources where items_table = ? and id = ?"
        shared = """
            select 1 from glam_sources where items_table = ? and record_key = ?
            and id is not null and id not in (select value from json_each(?)) limit 1
        """
        known = json.dumps(list(ids))
        for item_id in ids:
            for _, key in db.execute(sql, [table, item_id]).fetchall():
                if key and not db.execute(shared, [table, key, known]).fetchone():
                    found.add(key)
    return {_hash(table, name) for name in found}


def _names(item_id: str, file: str | None) -> set[str]:
    paths = [PurePosixPath(name) for name in (item_id, file) if name]
    return {name for path in paths for name in (str(path), path.name, path.stem)}


def _hash(table: str, name: str) -> str:
    text = f"{table}\0{name.strip().casefold()}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _note(db: Database, kind: str, hashes: Iterable[str]) -> None:
    sql = f"insert or ignore into {TABLE} (kind, hash, withdrawn) values (?, ?, ?)"
    db.conn.executemany(sql, ((kind, one, registry.now()) for one in hashes))


def _noted(db: Database, kind: str, hashes: Iterable[str]) -> set[str]:
    if not db.table(TABLE).exists():
        return set()
    found: set[str] = set()
    for chunk in embeddings.chunks(hashes):
        marks = embeddings.placeholders(chunk)
        sql = f"select hash from {TABLE} where kind = ? and hash in ({marks})"
        found |= {row[0] for row in db.execute(sql, [kind, *chunk]).fetchall()}
    return found
