"""New databases get a copy of the tables that migrations make, which are the same each time."""

from functools import cache

from sqlite_utils import Database

from llm_glam.db import collections

migrate = collections.prepare


@cache
def template():
    """Return a database to which all migrations have been applied, and nothing else."""
    db = Database(memory=True)
    migrate(db)
    return db


def prepare(db):
    """Do what ``collections.prepare`` does, faster where there is nothing in the database."""
    if not db.table_names():
        template().conn.backup(db.conn)
    migrate(db)
