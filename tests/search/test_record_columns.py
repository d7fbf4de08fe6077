"""Conditions on columns beside an index find the same pictures as SQLite, and count the same."""

import json
import shutil
import sqlite3
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_glam.db import change_stamp, collections, connection, filters, items
from llm_glam.db.filters import Conditions
from llm_glam.db.sensitive import SHOWABLE
from llm_glam.errors import BadFilter
from llm_glam.search import exact, index, record_columns
from llm_glam.search.exact import Query
from llm_glam.search.record_columns import RecordsChanged
from llm_glam.search.subset import Subset

from ..properties import made_of

TABLE = "finds"
KINDS = {"text": str, "whole": int, "real": float, "tags": str, "no case": str}
CELLS = (
    st.none()
    | st.sampled_from(["", "a", "A", "é", "1", "1.0", "10", "9", "%", '["a"]', "[1"])
    | st.sampled_from([0, 1, 1.0, 9, 10, 0.1, -2.5, 2**40, b"a", b""])
)
FINDS = st.lists(st.tuples(*[CELLS] * len(KINDS)), max_size=12)
VALUES = st.sampled_from(["", "a", "A", "1", "1.0", "9", "a,1", '["a"]', "[1", "%"])
SUFFIXES = st.sampled_from([*filters.COMPARED, *filters.WITHOUT_VALUE])
FILTERS = st.tuples(st.sampled_from([*KINDS, "id", "file"]), SUFFIXES, VALUES)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A collection without pictures, whose table has columns of each kind."""
    path = tmp_path_factory.mktemp("empty") / "finds.db"
    db = connection.connect(path)
    collections.prepare(db)
    collection = collections.create(db, TABLE, "glam-clip/colours")
    collections.claim(db, collection, "f", 2, "fp32")
    items.add_columns(db, TABLE, {n: kind for n, kind in KINDS.items() if n[2] != " "})
    db.execute(f'alter table {TABLE} add column "no case" text collate nocase')
    db.execute(f"alter table {TABLE} add column untyped")
    db.conn.close()
    return path


@pytest.fixture(autouse=True)
def long_ago(monkeypatch):
    """Databases count as unchanged although they have just been written."""
    monkeypatch.setattr(change_stamp, "JUST_NOW", -3600)
    index.clear_cache()


def filled(path, finds, *, without_vector=(), without_record=()):
    """A database with these finds; each has a vector of its own direction."""
    db = connection.connect(path)
    collection = collections.get(db, TABLE)
    names = [f"{n:02}é.jpg" for n in range(len(finds))]
    with db.conn:
        for number, (name, cells) in enumerate(zip(names, finds, strict=True)):
            row = {"id": name, **dict(zip(KINDS, cells, strict=True))}
            row |= {"untyped": cells[0], "sensitive": number % 5 == 4}
            if number not in without_record:
                items.write(db, TABLE, [row])
            if number not in without_vector:
                vector = struct.pack("<2f", 1, number)
                sql = "insert into embeddings (collection_id, id, embedding) values (?, ?, ?)"
                db.execute(sql, [collection.id, name, vector])
    with index.snapshot(db) as stamp:
        index.of(db, collection, stamp)
    return db, collection


def found(db, collection, conditions):
    """What is found by columns, and the names of those that were read."""
    known = record_columns.records(db, collection)
    names = record_columns.names(db, collection, conditions)
    read = {n: record_columns.column(db, collection, known, n) for n in names}
    columns = {name: one for name, one in read.items() if one}
    matches = record_columns.matching(db, collection, known, conditions, columns)
    return matches, set(columns)


@given(
    FINDS,
    st.lists(FILTERS, max_size=3),
    st.integers(0, 3),
    st.booleans(),
    st.sets(st.integers(0, 11)),
)
def test_the_same_is_found_as_by_sqlite(
    empty, tmp_path_factory, finds, wanted, kept, is_shown, lost
):
    path = tmp_path_factory.mktemp("finds") / "finds.db"
    shutil.copy(empty, path)
    lists = {n for n in lost if n % 3}
    db, collection = filled(
        path, finds, without_vector=lists, without_record=lost - lists
    )
    texts = [f"{column}__{suffix}={value}" for column, suffix, value in wanted]
    shown = [SHOWABLE] if is_shown else []
    conditions = Conditions(texts[:kept], shown, exceptions=texts[kept:])
    try:
        matches, _ = found(db, collection, conditions)
    except BadFilter:
        # A value that is no JSON; SQLite may not come to look at it.
        assert any("array" in text for text in texts)
        return
    with_vector = {row[0] for row in db.execute("select id from embeddings")}
    expected = [one for one in filters.ids(db, collection, conditions)]
    subset = matches.subset()
    if conditions:
        assert list(subset) == sorted(with_vector.intersection(expected))
        assert matches.number == len(subset)
        check_counts(db, collection, matches, sorted(with_vector & {*expected}))
        check_numbers(db, collection, matches, sorted(with_vector & {*expected}))
    db.conn.close()


def check_counts(db, collection, matches, ids):
    """The values of each column that is read are counted as SQLite counts them."""
    for name in KINDS:
        column = record_columns.column(db, collection, matches.records, name)
        if column is None:
            continue
        sql = f"""
            select "{name}", count(*) from {TABLE}
            where id in (select value from json_each(?)) and "{name}" is not null
            group by "{name}" order by "{name}"
        """
        assert column.counts(matches) == db.execute(sql, [json.dumps(ids)]).fetchall()


def check_numbers(db, collection, matches, ids):
    """The numbers of one or two columns are counted as SQLite counts them."""
    for names in (("text", "text"), ("text", "whole"), ("real", "text")):
        columns = [
            record_columns.column(db, collection, matches.records, name)
            for name in names
        ]
        low, high = (filters.number_in(f'"{name}"') for name in names)
        sql = f"""
            select low, high, count(*) from (
                select {low} as low, {high} as high from {TABLE}
                where id in (select value from json_each(?))
            ) where low is not null and high is not null group by low, high
        """
        columns = columns[:1] * 2 if names[0] == names[1] else columns
        found = record_columns.number_counts(*columns, matches)
        assert sorted(found) == db.execute(sql, [json.dumps(ids)]).fetchall()


@pytest.fixture
def three(empty, tmp_path):
    path = tmp_path / "finds.db"
    shutil.copy(empty, path)
    rows = [("clay", 1, 1.5, '["a"]', "x"), ("iron", 2, 2.5, "[]", "X")]
    return filled(path, [*rows, ("clay", 3, 2.5, "[1", "y")])


def test_what_sqlite_alone_can_tell_is_left_to_it(three, monkeypatch):
    db, collection = three
    known = record_columns.records(db, collection)

    def read(name):
        return record_columns.column(db, collection, known, name)

    assert read("text").values == ["clay", "iron"]
    assert read("whole").values == [1, 2, 3]
    assert read("no case") is None  # x equals X there
    assert read("untyped") is None  # 1 equals 1.0 there
    assert read("no such column") is None
    monkeypatch.setattr(record_columns, "MOST_VALUES", 2)
    assert read("text").values == ["clay", "iron"]
    assert read("whole") is None
    monkeypatch.setattr(record_columns, "MOST_BYTES", 7)  # of clay and iron: 8
    assert read("text") is None


def test_columns_that_are_read_and_others_together(three):
    db, collection = three
    both = Conditions(["text=clay", "no case__in=X,Y"], words="00")
    matches, read = found(db, collection, both)
    assert read == {"text"}
    assert list(matches.subset()) == []
    both = Conditions(["text=clay", "no case__in=X,Y"])
    matches, read = found(db, collection, both)
    assert list(matches.subset()) == ["00é.jpg", "02é.jpg"]


def test_nothing_is_read_of_another_state(three, monkeypatch):
    db, collection = three
    known = record_columns.records(db, collection)
    column = record_columns.column(db, collection, known, "text")
    conditions = Conditions(["text=clay"])
    other = sqlite3.connect(index.file_of(db))
    with other:
        other.execute(f"update {TABLE} set text = 'iron'")
    with pytest.raises(RecordsChanged):
        record_columns.column(db, collection, known, "whole")
    with pytest.raises(RecordsChanged):
        record_columns.matching(db, collection, known, conditions, {"text": column})
    with pytest.raises(RecordsChanged):
        record_columns.records(db, collection)
    exact.nearest(db, collection, index.np.array([1.0, 1.0]))
    assert len(record_columns.records(db, collection).rows) == 3
    monkeypatch.setattr(change_stamp, "JUST_NOW", 3600)
    with pytest.raises(RecordsChanged):
        record_columns.records(db, collection)


@given(st.sets(made_of("a", "é", "\0", "ab"), max_size=9), st.data())
def test_a_subset_is_the_sequence_of_its_ids(names, data):
    ids = sorted(names)
    rows = index.Rows.of(ids, range_of(len(ids)), range_of(len(ids)).astype("u8"))
    chosen = data.draw(st.sets(st.sampled_from(range(len(ids))))) if ids else set()
    positions = range_of(len(ids))[sorted(chosen)]
    subset, expected = Subset(rows, positions), [ids[n] for n in sorted(chosen)]
    assert list(subset) == [subset[n] for n in range(len(subset))] == expected
    assert subset[1:3] == expected[1:3]
    other = index.Rows.of(expected, *[range_of(len(expected)).astype("u8")] * 2)
    assert subset.positions_in(rows) is positions
    assert subset.positions_in(other).tolist() == list(range(len(expected)))


def range_of(number):
    return index.np.arange(number)


@pytest.mark.parametrize("chosen", [[], [1], [0, 2]])
def test_a_search_among_a_subset_is_that_among_its_ids(three, chosen):
    db, collection = three
    rows = record_columns.records(db, collection).rows
    subset = Subset(rows, index.np.array(chosen, index.np.intp))
    vector = index.np.array([1.0, 1.0])
    # Of (1, 0), (1, 1) and (1, 2) with (1, 1): 1/√2, 1, 3/√10
    scores = dict(enumerate([0.5**0.5, 1, 0.9**0.5]))
    best = sorted(chosen, key=lambda n: -scores[n])
    for among in (subset, list(subset)):
        (hits,) = exact.nearest_to_each(db, collection, [Query(vector, among=among)])
        assert [hit.id for hit in hits] == [f"{n:02}é.jpg" for n in best]
        expected = [pytest.approx(scores[n], abs=1e-12) for n in best]
        assert [hit.score for hit in hits] == expected
