"""The index never answers otherwise than a full scan, whatever happens to the database."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from llm.cli import cli

from llm_glam.db import change_stamp, collections, connection
from llm_glam.errors import VectorsDiffer
from llm_glam.search import exact, index, matmul, vector_file
from llm_glam.search.vector_file import Rows

from ..windows import refuse_open_files

DIMENSIONS = 16
WRITE = "insert or replace into embeddings (collection_id, id, embedding, content_hash) values (?, ?, ?, ?)"


@pytest.fixture(autouse=True, params=["in a file", "in memory"])
def kept(request, monkeypatch):
    """Small collections have no file, unless a test wants one."""
    monkeypatch.setattr(
        vector_file, "SMALL", 0 if request.param == "in a file" else 10**9
    )
    index.clear_cache()
    return request.param


@pytest.fixture
def path(tmp_path):
    return tmp_path / "photos.db"


@pytest.fixture
def db(path):
    db = connection.connect(path)
    collections.prepare(db)
    collections.create(db, "photos", "glam-clip/tiny")
    write(db, {f"{i:03}.jpg": vector(i) for i in range(60)})
    return db


def vector(seed):
    return np.random.default_rng(seed).normal(size=DIMENSIONS).astype("<f4")


def write(db, vectors, collection=1):
    rows = [
        (collection, item_id, v.tobytes(), hashlib.md5(v.tobytes()).digest())
        for item_id, v in vectors.items()
    ]
    with db.conn:
        db.conn.executemany(WRITE, rows)


def scanned(db, query, number, name="photos", skip=None, prefix=""):
    """The slow and obvious way."""
    sql = (
        "select e.id, embedding from embeddings e join collections c on c.id = collection_id "
        "where name = ? and e.id like ? || '%'"
    )
    found = []
    for item_id, blob in db.execute(sql, [name, prefix]).fetchall():
        v = np.frombuffer(blob, "<f4").astype(float)
        v = v if np.isfinite(v).all() else 0 * query
        lengths = np.linalg.norm(v) * np.linalg.norm(query)
        found.append((-float(v @ query / lengths) if lengths else -0.0, item_id))
    ranked = [(i, -s) for s, i in sorted(found) if i not in (skip or ())]
    return ranked[:number] if number >= 0 else ranked


def check(db, name="photos", **options):
    """Compare with a full scan, for several queries."""
    collection = collections.get(db, name)
    prefix, skip = options.get("prefix", ""), options.get("skip")
    for seed in range(1000, 1006):
        query = vector(seed).astype(float)
        for number in (1, 7, -1):
            hits = exact.nearest(db, collection, query, number, **options)
            expected = scanned(db, query, number, name, skip, prefix)
            assert [hit.id for hit in hits] == [item_id for item_id, _ in expected]
            assert np.allclose(
                [hit.score for hit in hits], [s for _, s in expected], atol=1e-12
            )


@pytest.mark.parametrize("few", [0, 10**9])
def test_several_queries_at_once(db, monkeypatch, few):
    monkeypatch.setattr(matmul, "FEW", few)
    monkeypatch.setattr(matmul, "BLOCK", 7)
    collection = collections.get(db, "photos")
    queries = [exact.Query(vector(1000 + n).astype(float), 3 + n) for n in range(9)]
    answers = exact.nearest_to_each(db, collection, queries)
    for query, hits in zip(queries, answers, strict=True):
        expected = scanned(db, query.vector, query.number)
        assert [hit.id for hit in hits] == [item_id for item_id, _ in expected]
        assert [hit.score for hit in hits] == pytest.approx([s for _, s in expected])


@pytest.mark.parametrize("few", [0, 10**9])
@pytest.mark.parametrize("apart", [3, 5, 7])
def test_a_search_among_some_finds_the_best_of_them(db, monkeypatch, few, apart):
    monkeypatch.setattr(matmul, "FEW", few)
    monkeypatch.setattr(matmul, "BLOCK", 7)
    collection = collections.get(db, "photos")
    ids = [f"{n:03}.jpg" for n in range(60)]
    parts = [ids[first::apart] for first in (0, 1)]
    queries = [
        exact.Query(vector(1000 + n).astype(float), 3, among=part)
        for n, part in enumerate(parts)
    ]
    together = exact.nearest_to_each(db, collection, queries)
    alone = [exact.nearest_to_each(db, collection, [query])[0] for query in queries]
    for query, part, *answers in zip(queries, parts, together, alone, strict=True):
        expected = scanned(db, query.vector, 3, skip=set(ids) - {*part})
        for hits in answers:
            assert [hit.id for hit in hits] == [item_id for item_id, _ in expected]
            scores = [score for _, score in expected]
            assert [hit.score for hit in hits] == pytest.approx(scores, abs=1e-12)


def add(db, path):
    write(db, {"new.jpg": vector(1001), "ähnlich [1].jpg": vector(1002)})


def replace(db, path):
    write(db, {"003.jpg": vector(1000)})


def replace_the_last(db, path):
    """It keeps its rowid."""
    write(db, {"059.jpg": vector(1000)})


def update_in_place(db, path):
    """Neither rowid, id nor content hash changes."""
    with db.conn:
        db.execute(
            "update embeddings set embedding = ? where id = '002.jpg'",
            [vector(1000).tobytes()],
        )


def upsert(db, path):
    """As a script that mends vectors does, by a connection of its own."""
    other = sqlite3.connect(path)
    rows = [(f"{i:03}.jpg", (-vector(i)).tobytes()) for i in range(0, 60, 7)]
    other.executemany(
        "insert into embeddings (collection_id, id, embedding) values (1, ?, ?) "
        "on conflict do update set embedding = excluded.embedding",
        rows,
    )
    other.commit()
    other.close()


def swap(db, path):
    """The same vectors, of other pictures."""
    sql = "update embeddings set embedding = ? where id = ?"
    with db.conn:
        db.execute(sql, [vector(7).tobytes(), "008.jpg"])
        db.execute(sql, [vector(8).tobytes(), "007.jpg"])


def delete(db, path):
    with db.conn:
        db.execute("delete from embeddings where id like '01%'")


def delete_and_add_again(db, path):
    """Equal ids get equal rowids."""
    with db.conn:
        db.execute("delete from embeddings")
    write(db, {f"{i:03}.jpg": vector(500 + i) for i in range(60)})


def rename(db, path):
    """Neither rowid nor content changes."""
    with db.conn:
        db.execute("update embeddings set id = '3' || substr(id, 2) where id > '01'")
        db.execute("update embeddings set id = 'longer.jpg' where id = '005.jpg'")


def delete_everything(db, path):
    with db.conn:
        db.execute("delete from embeddings")


def make_again(db, path):
    with db.conn:
        db.execute("delete from embeddings")
        db.execute("delete from collections")
    collections.create(db, "photos", "glam-clip/tiny")
    write(db, {f"{i:03}.jpg": vector(700 + i) for i in range(40)})


def other_process(db, path):
    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]);"
        "db.execute(\"delete from embeddings where id < '030.jpg'\"); db.commit()"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)


def vacuum(db, path):
    """Rowids change."""
    delete(db, path)
    db.conn.commit()
    db.conn.execute("vacuum")


def another_table(db, path):
    with db.conn:
        db.execute("create table notes (text)")


def another_collection(db, path):
    collections.create(db, "other", "glam-clip/tiny")
    write(db, {f"{i:03}.jpg": vector(900 + i) for i in range(20)}, collection=2)
    check(db, "other")


def zero(db, path):
    write(db, {"zero.jpg": np.zeros(DIMENSIONS, "<f4")})


def without_direction(db, path):
    """As another program may write them: they are like zeros, and cost no other row its place."""
    broken = [np.nan, np.inf, -np.inf]
    vectors = {f"00{i}.jpg": np.full(DIMENSIONS, one) for i, one in enumerate(broken)}
    vectors |= {f"01{i}.jpg": vector(i) for i in range(3)}
    for i, one in enumerate(broken):
        vectors[f"01{i}.jpg"][i] = one
    write(db, {name: v.astype("<f4") for name, v in vectors.items()})


def equal(db, path):
    """Ties are in the order of ids."""
    write(db, {name: vector(1003) for name in ("b.jpg", "a.jpg", "ä.jpg", "C.jpg")})


CHANGES = [
    add,
    replace,
    replace_the_last,
    update_in_place,
    upsert,
    swap,
    delete,
    delete_and_add_again,
    rename,
    delete_everything,
    make_again,
    other_process,
    vacuum,
    another_table,
    another_collection,
    zero,
    without_direction,
    equal,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_whatever_changes_answers_are_those_of_a_scan(db, path, change, journal):
    db.execute(f"pragma journal_mode = {journal}").fetchall()
    check(db)

    change(db, path)

    check(db)
    index.clear_cache()  # a new process, which finds what this one left
    check(db)
    change(db, path) if change in (replace, add, delete) else replace(db, path)
    check(db)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_restored_backup_is_noticed(db, path, tmp_path, journal):
    db.execute(f"pragma journal_mode = {journal}").fetchall()
    backup = sqlite3.connect(tmp_path / "backup.db")
    db.conn.backup(backup)
    backup.close()
    replace(db, path)
    check(db)
    db.conn.close()

    shutil.copyfile(tmp_path / "backup.db", path)

    db = connection.connect(path)
    check(db)
    write(db, {"004.jpg": vector(1004)})
    check(db)


def test_a_copy_of_the_file_has_an_index_of_its_own(db, path, tmp_path):
    check(db)
    shutil.copy2(path, tmp_path / "copy.db")
    copy = connection.connect(tmp_path / "copy.db")
    replace(copy, path)

    check(copy)
    check(db)


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("moved", [True, False])
def test_a_file_replaced_while_it_is_open_poisons_no_index(
    db, path, tmp_path, journal, moved, later
):
    """As under a running site: its connections read the old file, other processes the new one."""
    db.execute(f"pragma journal_mode = {journal}").fetchall()
    check(db)
    backup = sqlite3.connect(tmp_path / "new.db")
    db.conn.backup(backup)
    backup.close()
    new = connection.connect(tmp_path / "new.db")
    write(new, {f"{i:03}.jpg": vector(i + 500) for i in range(60)})
    new.conn.close()
    if moved:
        path.rename(tmp_path / "old.db")
    (tmp_path / "new.db").replace(path)
    check(db)
    check(db)
    change_stamp._first.clear()  # a new process
    index.clear_cache()
    check(connection.connect(path))


def test_what_is_being_written_is_not_seen_before_it_is_committed(db, path):
    writer = connection.connect(path)
    check(db)
    writer.conn.execute("begin immediate")
    writer.conn.execute("delete from embeddings where id < '030.jpg'")

    check(db)
    writer.conn.commit()
    check(db)


def test_prefixes_and_ids_left_out(db):
    check(db, prefix="01")
    check(db, prefix="0_1")  # as LLM's, this is a pattern
    check(db, skip=["003.jpg"])
    check(db, skip=["no such id"])


def test_vectors_of_different_lengths_are_one_sentence(db):
    write(db, {"short.jpg": vector(1)[:8]})

    with pytest.raises(VectorsDiffer, match="'photos' has vectors of different"):
        check(db)


def test_vectors_that_become_longer_in_place_are_noticed(db):
    check(db)
    sql = "update embeddings set embedding = ?"
    with db.conn:
        db.execute(sql, [bytes(4 * DIMENSIONS + 4)])

    with index.snapshot(db) as stamp:
        found = index.of(db, collections.get(db, "photos"), stamp)
    assert found.stored.vectors.shape == (60, DIMENSIONS + 1)

    with db.conn:
        db.execute(f"{sql} where id = '059.jpg'", [bytes(4 * DIMENSIONS + 8)])
    with pytest.raises(VectorsDiffer), index.snapshot(db) as stamp:
        index.of(db, collections.get(db, "photos"), stamp)


@pytest.mark.parametrize("is_among_others", [False, True])
def test_a_small_collection_is_compared_without_the_large_ones_beside_it(
    db, is_among_others
):
    collections.create(db, "other", "glam-clip/tiny")
    write(db, {f"{i:03}.jpg": vector(i) for i in range(3)}, collection=2)
    if is_among_others:
        write(db, {f"more{i:03}.jpg": vector(i) for i in range(60)})
        write(db, {"last.jpg": vector(3)}, collection=2)
    check(db, "other")
    replace(db, None)
    read = []
    db.conn.set_trace_callback(read.append)

    check(db, "other")

    plans = [
        str(db.execute(f"explain query plan {sql}").fetchall())
        for sql in read
        if "embeddings" in sql and not sql.startswith("explain")
    ]
    assert any("SEARCH" in plan for plan in plans)
    assert not any("SCAN embeddings" in plan for plan in plans)


def test_a_database_in_memory_has_no_file(kept):
    db = connection.connect(":memory:")
    collections.prepare(db)
    collections.create(db, "photos", "glam-clip/tiny")
    write(db, {f"{i}.jpg": vector(i) for i in range(9)})

    check(db)
    assert not vector_file.directory().exists()


def files():
    return sorted(vector_file.directory().glob("*.vectors"))


def test_nothing_is_read_while_nothing_changes(db, path, kept, later):
    """Neither in this process nor in the next."""
    check(db)
    read = []
    db.conn.set_trace_callback(read.append)

    check(db)
    assert not [sql for sql in read if "rowid from embeddings" in sql]

    index.clear_cache()
    check(db)
    lists = [sql for sql in read if "rowid from embeddings" in sql]
    assert bool(lists) == (kept == "in memory")


def test_only_what_differs_is_read(db, kept):
    check(db)
    write(db, {"003.jpg": vector(1), "new.jpg": vector(2)})
    read = []
    db.conn.set_trace_callback(read.append)

    exact.nearest(db, collections.get(db, "photos"), vector(5).astype(float))

    selected = [sql for sql in read if sql.startswith("select embedding from")]
    assert len(selected) == 1
    assert "rowid in" in selected[0]
    assert selected[0].count(",") == 1


def test_old_versions_are_cleared_away(db, path, kept):
    for i in range(4):
        check(db)
        write(db, {"003.jpg": vector(i)})
        index.clear_cache()
    check(db)

    assert len(files()) == (kept == "in a file")
    assert bool(index.size(db, collections.get(db, "photos"))) == (kept == "in a file")


def test_indexes_of_databases_that_are_gone_are_cleared_away(db, path, tmp_path, kept):
    check(db)
    db.conn.close()
    path.rename(tmp_path / "moved.db")
    moved = connection.connect(tmp_path / "moved.db")

    check(moved)

    assert len(files()) == (kept == "in a file")


def test_the_index_goes_with_its_collection(db, path, kept, monkeypatch):
    monkeypatch.setenv("LLM_EMBEDDINGS_DB", str(path))
    collections.create(db, "other", "glam-clip/tiny")
    write(db, {f"{i:03}.jpg": vector(900 + i) for i in range(20)}, collection=2)
    check(db)
    check(db, "other")
    assert len(files()) == 2 * (kept == "in a file")
    db.conn.close()

    done = CliRunner().invoke(cli, ["collections", "delete", "photos"])

    assert done.exit_code == 0, done.output
    assert len(files()) == (kept == "in a file")
    check(connection.connect(path), "other")


def test_what_a_killed_process_left_is_cleared_away(db, path, kept):
    vector_file.directory().mkdir(parents=True)
    left, recent = (
        vector_file.directory() / ".index-1",
        vector_file.directory() / ".index-2",
    )
    left.touch()
    recent.touch()
    os.utime(left, (time.time() - 100_000,) * 2)

    check(db)
    index.delete_stale_files(db)

    assert (left.exists(), recent.exists()) == (False, True)


@pytest.mark.parametrize("size", [0, 100, 5_000])
def test_a_damaged_file_is_made_again(db, kept, size):
    check(db)
    index.clear_cache()
    for file in files():
        os.truncate(file, size)

    check(db)


HEADER = vector_file.HEADER
BODY = slice(HEADER, HEADER + 60 * DIMENSIONS * 4)


def zeroed(data, part):
    data[part] = bytes(len(data[part]))


def scrambled(data, part):
    data[part] = random.Random(1).randbytes(len(data[part]))


def told(data, head):
    data[:HEADER] = head.ljust(HEADER)


def told_otherwise(data, old, new):
    assert old in data[:HEADER]
    told(data, data[:HEADER].replace(old, new).strip())


DAMAGES = {
    "half of the vectors": lambda data: zeroed(data, slice(HEADER, BODY.stop // 2)),
    "a page of the vectors": lambda data: scrambled(data, slice(1_000, 3_000)),
    "all behind the vectors": lambda data: zeroed(data, slice(BODY.stop, None)),
    "random behind them": lambda data: scrambled(data, slice(BODY.stop, None)),
    "rowids": lambda data: zeroed(data, slice(BODY.stop, BODY.stop + 60 * 8)),
    "a letter of an id": lambda data: scrambled(data, slice(-100, -99)),
    "everything": lambda data: zeroed(data, slice(None)),
    "null": lambda data: told(data, b"null"),
    "a list": lambda data: told(data, b"[1]"),
    "no JSON": lambda data: told(data, b"\xff"),
    "nothing said": lambda data: told(data, b'{"format": 3}'),
    "fewer": lambda data: told_otherwise(data, b'"count": 60', b'"count": 59'),
    "words": lambda data: told_otherwise(data, b'"count": 60', b'"count": "60"'),
    "negative": lambda data: told_otherwise(data, b'"count": 60', b'"count": -60'),
    "huge": lambda data: told_otherwise(data, b'"count": 60', b'"count": ' + b"9" * 30),
    "format 2": lambda data: told_otherwise(data, b'"format": 3', b'"format": 2'),
    "format 1": lambda data: told_otherwise(data, b'"format": 3', b'"format": 1'),
}


@pytest.mark.parametrize("is_touched", [False, True])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_of_the_right_size_is_made_again(
    db, path, later, damage, is_touched
):
    check(db)
    index.clear_cache()
    damaged = files()
    for file in damaged:
        data = bytearray(file.read_bytes())
        DAMAGES[damage](data)
        file.write_bytes(data)
    if is_touched:
        os.utime(path, (1e9, 1e9))

    check(db)
    assert len(files()) == len(damaged)
    assert not set(files()) & set(damaged)


@pytest.mark.parametrize(
    "note", ["", "null", "[]", '{"file": 1}', '{"file": "\\u0000"}']
)
def test_a_damaged_note_is_made_again(db, later, note):
    check(db)
    index.clear_cache()
    for file in vector_file.directory().glob("*.json"):
        file.write_text(note)

    check(db)


def test_a_file_is_on_the_disk_before_it_has_its_name(db, kept, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def synced(number):
        done.append(os.fstat(number).st_ino)
        fsync(number)

    def renamed(work, target):
        if Path(target).suffix == vector_file.SUFFIX:
            done.append((os.stat(work).st_ino, "named"))
        replace(work, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    check(db)

    names = [one for one in done if isinstance(one, tuple)]
    assert bool(names) == (kept == "in a file")
    assert all(inode in done[: done.index((inode, _))] for inode, _ in names)


def test_a_folder_that_cannot_be_written_costs_only_time(db, kept):
    vector_file.directory().parent.mkdir(parents=True, exist_ok=True)
    vector_file.directory().write_text("in the way")

    check(db)
    replace(db, None)
    check(db)


def test_a_full_disk_costs_only_time(db, kept, monkeypatch):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    db.execute("select count(*) from embeddings").fetchall()
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        check(db)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert files() == []


@pytest.mark.slow
def test_several_processes_at_once(db, path, kept):
    code = """
import sys, sqlite3
sys.path.insert(0, sys.argv[2])
from tests.search import test_index as t
from llm_glam.db import collections, connection
from llm_glam.search import vector_file
vector_file.SMALL = int(sys.argv[3])
db = connection.connect(sys.argv[1])
for i in range(15):
    t.write(db, {f"{i:03}.jpg": t.vector(int(sys.argv[4]) * 100 + i)})
    hits = t.exact.nearest(db, collections.get(db, "photos"), t.vector(5).astype(float), 5)
    assert len(hits) == 5
"""
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, "-c", code, path, root, str(vector_file.SMALL)]
    both = [subprocess.Popen([*command, str(i)]) for i in (1, 2)]

    assert [process.wait() for process in both] == [0, 0]
    check(db)
    assert len(files()) == (kept == "in a file")


@pytest.fixture
def later(monkeypatch):
    """Some seconds pass whenever a database is looked at."""
    clock = time.time
    monkeypatch.setattr(change_stamp.time, "time", lambda: clock() + 10)


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_stamp_tells_only_what_is_sure(db, path, journal, monkeypatch):
    db.execute(f"pragma journal_mode = {journal}").fetchall()
    write(db, {"003.jpg": vector(1)})
    assert (
        change_stamp.of(path) is None
    )  # it may be written again before a clock has ticked

    clock = time.time
    monkeypatch.setattr(change_stamp.time, "time", lambda: clock() + 10)
    before = change_stamp.of(path)
    assert before == change_stamp.of(path)
    assert before is not None
    time.sleep(0.05)
    write(db, {"003.jpg": vector(2)})
    assert change_stamp.of(path) not in (before, None)


def test_a_database_that_is_being_written_has_no_stamp(db, path, later):
    db.conn.execute("begin immediate")
    db.conn.execute("delete from embeddings")
    assert change_stamp.of(path) is None
    db.conn.rollback()
    assert change_stamp.of(path) is not None
    assert change_stamp.of(path.with_name("other.db")) is None


def test_many_ids_are_found_as_few_are(monkeypatch):
    chance = random.Random(1)
    letters = "ab/é🏺 .\\"
    for count in (0, 1, 5, 300):
        some = (
            "".join(chance.choices(letters, k=chance.randrange(6))) for _ in "x" * count
        )
        ids = sorted(set(some), key=lambda one: one.encode())
        rows = Rows.of(ids, np.arange(len(ids)), np.zeros((len(ids), 16), np.uint8))
        wanted = [
            "".join(chance.choices(letters, k=chance.randrange(6))) for _ in "x" * 200
        ]
        wanted += ids[:3]
        expected = sorted({ids.index(one) for one in wanted if one in ids})
        for many, block in ((0, 7), (0, 50_000), (10_000, 7)):
            monkeypatch.setattr(vector_file, "MANY", many)
            monkeypatch.setattr(vector_file, "BLOCK", block)
            assert rows.positions(wanted).tolist() == expected


def test_ids_that_end_with_zeros_are_others(monkeypatch):
    monkeypatch.setattr(vector_file, "MANY", 0)
    rows = Rows.of(["a", "a\0"], np.arange(2), np.zeros((2, 16), np.uint8))
    assert rows.positions(["a"]).tolist() == [0]
    assert rows.positions(["a\0", "a\0\0"]).tolist() == [1]


def test_windows_replaces_no_file_that_is_open(db, kept, monkeypatch):
    """What this process has open itself would be refused there, and the index lost."""
    refuse_open_files(monkeypatch)
    for change in (None, add):
        if change:
            change(db, None)
        check(db)
        files = list(vector_file.directory().glob("*.vectors"))
        assert bool(files) == (kept == "in a file")
        assert not list(vector_file.directory().glob(".*"))


def test_without_room_reserved_by_the_system(db, kept, monkeypatch):
    """macOS and Windows have no posix_fallocate."""
    monkeypatch.delattr(os, "posix_fallocate")
    check(db)
    index.clear_cache()
    check(db)
    files = list(vector_file.directory().glob("*.vectors"))
    assert bool(files) == (kept == "in a file")
    assert all(len(vector_file.load(file).rows) == 60 for file in files)


def of_another_collection(db, path, tmp_path):
    other = connection.connect(tmp_path / "other.db")
    collections.prepare(other)
    collections.create(other, "photos", "glam-clip/tiny")
    write(other, {f"{i:03}.jpg": vector(500 + i) for i in range(60)})
    before = set(files())
    check(other)
    (new,) = set(files()) - before
    return new.read_bytes()


def of_an_older_write(db, path, tmp_path):
    """Of the same collection, with a vector that has been replaced since."""
    (file,) = files()
    old = file.read_bytes()
    replace(db, path)
    check(db)
    return old


def of_a_state_with_the_same_rows(db, path, tmp_path):
    (file,) = files()
    old = file.read_bytes()
    update_in_place(db, path)
    check(db)
    return old


def empty(db, path, tmp_path):
    return b""


OTHERS = [of_another_collection, of_an_older_write, of_a_state_with_the_same_rows]


@pytest.mark.parametrize("content", [*OTHERS, empty])
@pytest.mark.parametrize("is_link", [False, True])
def test_another_file_under_the_name_of_the_index_is_not_used(
    db, path, kept, tmp_path, later, content, is_link
):
    if kept == "in memory":
        pytest.skip("there is no file")
    check(db)
    other = tmp_path / "other.vectors"
    other.write_bytes(content(db, path, tmp_path))
    index.clear_cache()
    key = index._key(path.resolve(), collections.get(db, "photos"))
    note = vector_file.directory() / f"{key}.json"
    file = vector_file.directory() / json.loads(note.read_text())["file"]
    file.unlink()
    file.symlink_to(other) if is_link else shutil.copy(other, file)

    check(db)
    assert other.exists()


@pytest.mark.parametrize("happens", ["deleted", "replaced", "a link"])
def test_the_file_of_a_running_search_is_swapped(
    db, path, kept, tmp_path, later, happens
):
    """The mapped file stays as it was for those who have opened it."""
    check(db)
    for file in files():
        data = bytearray(file.read_bytes())
        data[vector_file.HEADER :] = bytes(len(data) - vector_file.HEADER)
        (tmp_path / "zeros").write_bytes(data)
        file.unlink()
        if happens == "replaced":
            (tmp_path / "zeros").rename(file)
        if happens == "a link":
            file.symlink_to(tmp_path / "zeros")

    check(db)
    index.clear_cache()
    check(db)
