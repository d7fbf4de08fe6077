"""Keep the records of pictures that are gone, in ``glam_kept_records``, until these come back."""

import json

from sqlite_utils import Database

from ..formats.tables import Row
from ..models import registry
from . import embeddings, items, sources
from .items import KEY, TECHNICAL


def set_aside(db: Database, name: str, row: Row) -> None:
    """Move a picture's row to ``glam_kept_records``, and delete its thumbnail.

    There, no other picture can get the record, and it is found again if the picture comes back.
    """
    _keep(db, name, row, row["image_md5"])
    db.table(name).delete(row[KEY])
    db.execute(
        "delete from glam_thumbnails where items_table = ? and id = ?", [name, row[KEY]]
    )


def detach(db: Database, name: str, item_id: str, md5: str) -> None:
    """Set aside the record at an id for a picture that has since been renamed.

    The row stays, for the picture that has the id now, but with an empty record.

    :param md5: the MD5, in hex, of the picture that the record describes
    """
    row = items.fetch(db, name, [item_id])[item_id]
    _keep(db, name, row, md5)
    empty = {column: None for column in row if column not in TECHNICAL}
    items.write(db, name, [{KEY: item_id, **empty}])


def forget(db: Database, name: str, row: Row) -> None:
    """Set a picture's record aside and delete its vectors from all collections that share it."""
    set_aside(db, name, row)
    embeddings.delete_in_set(db, name, row[KEY])


def pop(db: Database, name: str, md5: str, item_id: str) -> Row | None:
    """Remove and return the record that was set aside for a picture, or None.

    The picture's labels are given its new id.

    :param md5: the MD5 of the picture, in hex
    :param item_id: the id it has now
    """
    stored = db.table("glam_kept_records")
    where = "items_table = ? and image_md5 = ?"
    rows = list(stored.rows_where(where, [name, md5], limit=1))
    if not rows:
        return None
    stored.delete((name, rows[0][KEY], md5))
    sql = f"update or ignore glam_labels set id = ? where {where}"
    db.execute(sql, [item_id, name, md5])
    columns = db.table(name).columns_dict
    row: Row = json.loads(rows[0]["record"])
    record = {k: v for k, v in row.items() if k in columns and k not in TECHNICAL}
    if rows[0]["sources"] is None:
        sources.give_back_earlier(db, name, item_id, record)
    else:
        sources.give_back(db, item_id, json.loads(rows[0]["sources"]))
    return record


def has(db: Database, name: str, md5: str) -> bool:
    """Return whether the record of a picture with this content (MD5 in hex) was set aside."""
    where = "items_table = ? and image_md5 = ?"
    return bool(db.table("glam_kept_records").count_where(where, [name, md5]))


def _keep(db: Database, name: str, row: Row, md5: str) -> None:
    db.table("glam_kept_records").insert(
        {
            "items_table": name,
            "id": row[KEY],
            "image_md5": md5,
            "record": json.dumps(row, ensure_ascii=False),
            "kept": registry.now(),
            "sources": json.dumps(sources.take(db, name, row[KEY]), ensure_ascii=False),
        },
        replace=True,
    )
