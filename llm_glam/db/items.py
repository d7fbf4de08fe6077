"""The items table: one row per picture of a set, with the record people wrote about it.

This is the table people facet, filter and export in Datasette. Its first columns are ours,
then comes every column that a source brought.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..formats.tables import Row
from ..models import registry
from . import embeddings

KEY = "id"
RECORD_COLUMNS: dict[str, type] = {
    "image_url": str,
    "page_url": str,
    "title": str,
    "caption": str,
    "rights": str,
    "document": str,
    "sequence": int,
    "sensitive": int,
}
IMAGE_COLUMNS: dict[str, type] = {
    "image_width": int,
    "image_height": int,
    "image_format": str,
    "image_bytes": int,
    "image_modified": str,
    "image_md5": str,
    "image_folder": int,
}
OUR_COLUMNS: dict[str, type] = {
    KEY: str,
    "file": str,
    **RECORD_COLUMNS,
    **IMAGE_COLUMNS,
}
TECHNICAL = {KEY, "file", *IMAGE_COLUMNS}
SEARCHED = (KEY, "title", "caption", "document", "rights")
TOKENIZER = "unicode61 remove_diacritics 2"
RESERVED = ("sqlite_", "glam_", "_")
BRACKETS = str.maketrans("[]", "()")  # Datasette 0.65 cannot show tables with brackets
FTS_RESERVED = ("rank", "rowid")  # names full-text search keeps for itself


def table_name(db: Database, collection: str, in_use: set[str]) -> str:
    """The name of a new collection's items table: its own, unless something else has it.

    An items table that a deleted collection left behind is taken up again under its own name.
    """
    taken = {name.lower(): name for name in (*db.table_names(), *db.view_names())}
    for candidate in _candidates(collection):
        if candidate.lower().startswith(RESERVED):
            continue
        existing = taken.get(candidate.lower())
        if existing is None and f"{candidate}_fts".lower() not in taken:
            return candidate
        is_left = existing == candidate and is_items_table(db, candidate)
        if is_left and candidate not in in_use:
            return candidate
    raise AssertionError("unreachable: the candidates never end")


def is_items_table(db: Database, name: str) -> bool:
    """Is this one of our items tables? Told by its columns, so that it outlives everything."""
    if name not in db.table_names():
        return False
    return OUR_COLUMNS.keys() <= db.table(name).columns_dict.keys()


def create(db: Database, name: str) -> None:
    """Make an items table with its indexes and full-text search; an existing one stays."""
    table = db.table(name)
    if not table.exists():
        table.create(OUR_COLUMNS, pk=KEY)
        table.create_index(["image_md5"])
    keep_searchable(db, name)


def keep_searchable(db: Database, name: str) -> None:
    """Let full-text search cover all text columns; rebuilt where columns were added."""
    table = db.table(name)
    kinds = table.columns_dict
    columns = [
        column
        for column, kind in kinds.items()
        if column in SEARCHED or (column not in OUR_COLUMNS and kind is str)
    ]
    searchable = f"{name}_fts" in db.table_names()
    if searchable and list(db.table(f"{name}_fts").columns_dict) == columns:
        return
    if searchable:
        table.disable_fts()
    table.enable_fts(columns, create_triggers=True, tokenize=TOKENIZER)


def add_columns(db: Database, name: str, kinds: Mapping[str, type]) -> dict[str, str]:
    """Make room for a source's columns.

    :param kinds: the source's columns and their types
    :return: for each source column the table's column that holds it
    """
    table = db.table(name)
    existing = {column.lower(): column for column in table.columns_dict}
    names: dict[str, str] = {}
    with db.atomic():
        for column in kinds:
            target = _target(column, {*names.values(), f"{name}_fts"})
            names[column] = existing.get(target.lower(), target)
            if target.lower() not in existing:
                table.add_column(target, kinds[column])
        keep_searchable(db, name)
    return names


def fetch(
    db: Database, name: str, ids: Sequence[str], columns: str = "*"
) -> dict[str, Row]:
    """Rows of these ids, by id; unknown ids are left out."""
    found: dict[str, Row] = {}
    for some in embeddings.chunks(ids):
        marks = embeddings.placeholders(some)
        sql = f"select {columns} from {quote_identifier(name)} where id in ({marks})"
        found.update((row[KEY], row) for row in db.query(sql, list(some)))
    return found


def write(db: Database, name: str, rows: Iterable[Row]) -> None:
    """Insert rows, or update just the columns given of those that exist."""
    for row in rows:
        columns = [quote_identifier(column) for column in row]
        changes = ", ".join(f"{c} = excluded.{c}" for c in columns if c != '"id"')
        sql = (
            f"insert into {quote_identifier(name)} ({', '.join(columns)}) "
            f"values ({embeddings.placeholders(columns)}) "
            f"on conflict (id) do {f'update set {changes}' if changes else 'nothing'}"
        )
        db.execute(sql, list(row.values()))


def write_records(db: Database, name: str, records: Mapping[str, Row]) -> int:
    """Update the records of existing rows where they differ.

    :param records: by id, with the table's column names
    :return: how many rows changed
    """
    changed = 0
    for some in embeddings.chunks(list(records)):
        present = fetch(db, name, some)
        different = [
            {KEY: item_id, **records[item_id]}
            for item_id, row in present.items()
            if any(row[column] != value for column, value in records[item_id].items())
        ]
        write(db, name, different)
        changed += len(different)
    return changed


def keep_record(db: Database, name: str, row: Row) -> None:
    """Set the record of a picture that is no more aside, so that no other picture gets it."""
    db.table("glam_kept_records").insert(
        {
            "items_table": name,
            "id": row[KEY],
            "image_md5": row["image_md5"],
            "record": json.dumps(row, ensure_ascii=False),
            "kept": registry.now(),
        },
        replace=True,
    )
    db.table(name).delete(row[KEY])
    db.execute(
        "delete from glam_thumbnails where items_table = ? and id = ?", [name, row[KEY]]
    )


def part_record(db: Database, name: str, item_id: str, md5: str) -> None:
    """Set aside the record at an id that turns out to be another content's, renamed since."""
    row = fetch(db, name, [item_id])[item_id]
    db.table("glam_kept_records").insert(
        {
            "items_table": name,
            "id": item_id,
            "image_md5": md5,
            "record": json.dumps(row, ensure_ascii=False),
            "kept": registry.now(),
        },
        replace=True,
    )
    empty = {column: None for column in row if column not in TECHNICAL}
    write(db, name, [{KEY: item_id, **empty}])


def forget(db: Database, name: str, row: Row) -> None:
    """Remove a picture and its vectors from all collections of its set; its record is kept."""
    keep_record(db, name, row)
    embeddings.delete_in_set(db, name, row[KEY])


def take_kept_record(db: Database, name: str, md5: str, item_id: str) -> Row | None:
    """Take back the record of a picture that has returned, with its labels, or None."""
    kept = db.table("glam_kept_records")
    where = "items_table = ? and image_md5 = ?"
    rows = list(kept.rows_where(where, [name, md5], limit=1))
    if not rows:
        return None
    kept.delete((name, rows[0][KEY], md5))
    sql = f"update or ignore glam_labels set id = ? where {where}"
    db.execute(sql, [item_id, name, md5])
    columns = db.table(name).columns_dict
    record: Row = json.loads(rows[0]["record"])
    return {k: v for k, v in record.items() if k in columns and k not in TECHNICAL}


def rename(db: Database, name: str, old: str, new: str, file: str) -> None:
    """Give a picture another id everywhere: record, thumbnail, labels, and all its vectors."""
    sql = f"update {quote_identifier(name)} set id = ?, file = ? where id = ?"
    db.execute(sql, [new, file, old])
    for table in ("glam_thumbnails", "glam_labels", "glam_problems"):
        sql = f"update or replace {table} set id = ? where items_table = ? and id = ?"
        db.execute(sql, [new, name, old])
    embeddings.rename_in_set(db, name, old, new)


def _candidates(collection: str) -> Iterator[str]:
    name = collection.translate(BRACKETS)
    yield from (name, f"{name}_items", f"items_{name}")
    yield from (f"items_{name}_{number}" for number in count(2))


def _target(column: str, taken: set[str]) -> str:
    """The column a source's column goes to: ours of that name, or one of its own."""
    name = column.strip() or "column"
    if name.lower() in RECORD_COLUMNS:
        name = name.lower()
    lower = {other.lower() for other in (*taken, *TECHNICAL, *FTS_RESERVED)}
    while name.lower() in lower:
        name += "_source"
    return name
