"""Create and migrate our tables.

Migrations are numbered and their results never change; LLM's own tables are not touched.
"""

from sqlite_utils import Database, Migrations

glam_migrations = Migrations("llm_glam")

EARLIER = "earlier records"  # the source of values that are older than glam_sources

# By name: the columns and the primary key.
M001_TABLES: dict[str, tuple[dict[str, type], str | tuple[str, ...]]] = {
    "glam_collections": (
        {
            "collection_id": int,
            "name": str,
            "model": str,
            "fingerprint": str,
            "precision": str,
            "dimensions": int,
            "items_table": str,
            "created": str,
        },
        "collection_id",
    ),
    "glam_folders": ({"id": int, "items_table": str, "path": str}, "id"),
    "glam_thumbnails": (
        {
            "items_table": str,
            "id": str,
            "image_md5": str,
            "width": int,
            "height": int,
            "content": bytes,
        },
        ("items_table", "id"),
    ),
    "glam_problems": (
        {
            "items_table": str,
            "id": str,
            "reason": str,
            "seen": str,
            "file": str,
            "folder": int,
            "image_bytes": int,
            "image_modified": str,
        },
        ("items_table", "id"),
    ),
    "glam_labels": (
        {
            "items_table": str,
            "id": str,
            "label": str,
            "score": float,
            "source": str,
            "image_md5": str,
            "created": str,
        },
        ("items_table", "id", "label", "source", "image_md5"),
    ),
    "glam_kept_records": (
        {
            "items_table": str,
            "id": str,
            "image_md5": str,
            "record": str,
            "kept": str,
        },
        ("items_table", "id", "image_md5"),
    ),
    "glam_runs": (
        {
            "id": int,
            "collection": str,
            "items_table": str,
            "command": str,
            "arguments": str,
            "model": str,
            "fingerprint": str,
            "versions": str,
            "counts": str,
            "started": str,
            "seconds": float,
        },
        "id",
    ),
}

M004_TABLES: dict[str, tuple[dict[str, type], str | tuple[str, ...]]] = {
    "glam_sources": (
        {
            "items_table": str,
            "id": str,
            "source": str,
            "record_key": str,
            "position": int,
            "kind": str,
            "document": str,
            "sequence": int,
            "record": str,
            "address": str,
            "added": str,
        },
        ("items_table", "id", "source", "record_key", "position"),
    ),
    "glam_columns": (
        {
            "items_table": str,
            "column": str,
            "source": str,
            "position": int,
            "heading": str,
            "separator": str,
            "private": int,
            "identifier": int,
        },
        ("items_table", "column", "source"),
    ),
}

M005_TABLES: dict[str, tuple[dict[str, type], str | tuple[str, ...]]] = {
    "glam_withdrawn": ({"kind": str, "hash": str, "withdrawn": str}, ("kind", "hash")),
    "glam_evaluations": (
        {
            "collection_id": int,
            "uid": str,
            "fingerprint": str,
            "direction": str,
            "metric": str,
            "value": float,
            "low": float,
            "high": float,
            "chance_level": float,
            "queries": int,
            "groups": int,
            "pool": int,
            "evaluated": str,
        },
        ("collection_id", "direction", "metric"),
    ),
}


@glam_migrations()
def m001_create_tables(db: Database) -> None:
    for name, (columns, primary_key) in M001_TABLES.items():
        db.table(name).create(columns, pk=primary_key)
    db.table("glam_folders").create_index(["items_table", "path"], unique=True)


@glam_migrations()
def m002_add_kind_of_problem(db: Database) -> None:
    db.table("glam_problems").add_column("kind", str)
    # In older rows, only the English text tells which problems another option or package solves.
    db.execute("""
        update glam_problems set kind = case
            when reason like '%--max-megapixels%' then 'too-many-pixels'
            when reason like '%llm install%' then 'missing-decoder'
            when reason like '%--prefix%' then 'id-conflict'
            when reason like '%memory%' then 'out-of-memory'
            else 'bad-file'
        end
        """)


@glam_migrations()
def m003_add_uid(db: Database) -> None:
    db.table("glam_collections").add_column("uid", str)


@glam_migrations()
def m004_keep_records_as_they_came(db: Database) -> None:
    for name, (columns, primary_key) in M004_TABLES.items():
        db.table(name).create(columns, pk=primary_key)
    db.table("glam_sources").create_index(["items_table", "source"])
    db.table("glam_kept_records").add_column("sources", str)
    # What stood in the columns of records before; it is copied when a source is first added.
    for table in db.table_names():
        names = list(db.table(table).columns_dict)
        if {"id", "file", "image_md5", "sensitive"} <= set(names):
            ours = {n for n in names if n.startswith("image_")} - {"image_url"}
            rows = (
                {
                    "items_table": table,
                    "column": name,
                    "source": EARLIER,
                    "position": position,
                    "heading": name,
                }
                for position, name in enumerate(names)
                if name not in {"id", "file", *ours}
            )
            db.table("glam_columns").insert_all(rows)


@glam_migrations()
def m005_withdraw_pictures_and_keep_evaluations(db: Database) -> None:
    for name, (columns, primary_key) in M005_TABLES.items():
        db.table(name).create(columns, pk=primary_key)
