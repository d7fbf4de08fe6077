"""A copied collection is what it would be, had it been made for the test."""

import re
import sqlite3
from contextlib import closing

import pytest
from sqlite_utils import Database

from . import migrated
from .prepared import EMBED


def dump(path):
    with closing(sqlite3.connect(path)) as db:
        return "\n".join(db.iterdump())


@pytest.mark.parametrize("name", ["embedded", "many"])
def test_a_copy_only_knows_its_own_folder(name, request, tmp_path):
    made = request.getfixturevalue(f"{name}_once")
    copy = request.getfixturevalue(name)
    assert str(made) in dump(made / "user" / "embeddings.db")
    assert str(made) not in dump(copy.database)
    folder = "photos" if name == "embedded" else "many"
    path = {"path": str(tmp_path / folder)}
    assert copy.rows("select path from glam_folders") == [path]


def test_the_pictures_of_a_copy_are_known(embedded):
    said = embedded(*EMBED).stderr
    assert "0 embedded, 3 unchanged, 0 copies, 0 problems" in said


def test_what_a_test_changes_is_its_own(embedded, embedded_once):
    before = dump(embedded_once / "user" / "embeddings.db")
    embedded("collections", "delete", "photos")
    assert dump(embedded_once / "user" / "embeddings.db") == before


def test_no_commit_waits_for_the_disk():
    with closing(sqlite3.connect("a.db")) as db:
        db.execute("begin")
        db.execute("create table a (b)")
        db.commit()
        assert db.execute("pragma synchronous").fetchone() == (0,)


def test_a_new_database_is_as_migrations_make_it():
    dumps = []
    for name, prepare in (("a.db", migrated.prepare), ("b.db", migrated.migrate)):
        with closing(Database(name)) as db:
            prepare(db)
        dumps.append(re.sub(r"\d{4}-\d\d-\d\d \d\d:\S+", "TIME", dump(name)))
    assert dumps[0] == dumps[1]
    assert "glam_collections" in dumps[0]
