"""Collections as somebody's SQL may leave them, and as several programs create them."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from llm.embeddings_migrations import embeddings_migrations
from sqlite_utils import Database

from llm_glam.db import connection

from .. import migrated


def test_a_collection_without_a_model_is_none_of_ours(embedded):
    connection = sqlite3.connect(embedded.database)
    connection.execute("update collections set model = null")
    connection.commit()
    connection.close()
    for command in (("search", "photos", "red"), ("status", "photos")):
        message = embedded.fails("glam", *command)
        assert message.startswith("There is no collection 'photos' in this database")
    assert embedded("glam", "status").exception is None


def test_several_programs_create_a_database_at_once(tmp_path):
    """One creates the tables and the others wait; they are those that LLM creates."""
    path, ready = tmp_path / "new.db", Barrier(4)

    def create(number):
        db = connection.connect(path)
        ready.wait()
        migrated.migrate(db)
        db.conn.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(4)))
    alone = Database(memory=True)
    embeddings_migrations.apply(alone)
    created = Database(path)
    for name in ("collections", "embeddings"):
        assert created.table(name).schema == alone.table(name).schema
