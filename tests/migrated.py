"""New databases get a copy of the tables that migrations make, which are the same each time."""

import sqlite3
from functools import cache
from threading import Lock

from sqlite_utils import Database

from llm_glam.db import collections

migrate = collections.prepare
_one_at_a_time = Lock()  # or a second copy would replace what a thread has written


@cache
def template():
    """Return a database to which all migrations have been applied, and nothing else."""
    db = Database(sqlite3.connect(":memory:", check_same_thread=False))
    migrate(db)
    return db


def prepare(db):
    """Do what ``collections.prepare`` does, faster where there is nothing in the database."""
    with _one_at_a_time:
        if not db.table_names():
            template().conn.backup(db.conn)
    migrate(db)
