"""Our tables. Migrations are numbered and never edited; llm's own tables are never touched."""

from sqlite_utils import Database, Migrations

glam_migrations = Migrations("llm_glam")


@glam_migrations()
def m001_create_tables(db: Database) -> None:
    db.table("glam_collections").create(
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
        pk="collection_id",
    )
    db.table("glam_folders").create(
        {"id": int, "items_table": str, "path": str}, pk="id"
    ).create_index(["items_table", "path"], unique=True)
    db.table("glam_thumbnails").create(
        {
            "items_table": str,
            "id": str,
            "image_md5": str,
            "width": int,
            "height": int,
            "content": bytes,
        },
        pk=("items_table", "id"),
    )
    db.table("glam_problems").create(
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
        pk=("items_table", "id"),
    )
    db.table("glam_labels").create(
        {
            "items_table": str,
            "id": str,
            "label": str,
            "score": float,
            "source": str,
            "image_md5": str,
            "created": str,
        },
        pk=("items_table", "id", "label", "source", "image_md5"),
    )
    db.table("glam_kept_records").create(
        {
            "items_table": str,
            "id": str,
            "image_md5": str,
            "record": str,
            "kept": str,
        },
        pk=("items_table", "id", "image_md5"),
    )
    db.table("glam_runs").create(
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
        pk="id",
    )


@glam_migrations()
def m002_add_kind_of_problem(db: Database) -> None:
    db.table("glam_problems").add_column("kind", str)
    # Rows of before say in English only what another option or installation mends.
    db.execute("""
        update glam_problems set kind = case
            when reason like '%--max-megapixels%' then 'too-many-pixels'
            when reason like '%llm install%' then 'missing-decoder'
            when reason like '%--prefix%' then 'id-conflict'
            when reason like '%memory%' then 'out-of-memory'
            else 'bad-file'
        end
        """)
