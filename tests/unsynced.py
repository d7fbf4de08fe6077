"""SQLite that does not wait for the disk: only a power failure could tell the difference."""

import sqlite3
from functools import partial


class Unsynced(sqlite3.Connection):
    """A connection whose commits are left to the system to write when it likes.

    It is told so just before a transaction begins and not earlier: until then nothing has been
    read from the file, as without this class.
    """

    def execute(self, sql, *parameters):
        if sql[:5].lower() == "begin" and not self.in_transaction:
            super().execute("pragma synchronous = off")
        return super().execute(sql, *parameters)


def install():
    """Make this the connection that ``sqlite3.connect`` returns."""
    sqlite3.connect = partial(sqlite3.connect, factory=Unsynced)
