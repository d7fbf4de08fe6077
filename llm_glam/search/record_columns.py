"""Columns of the records beside the rows of an index, to filter and count millions of pictures.

A column with few different values is read once. Each row of the index has the number of its value,
so that a filter has to be fulfilled by one record of each value only, which SQLite tells; then it
is known of all rows. SQLite answers for other columns, for words and for SQL, by looking at all
records.
"""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlite_utils import Database

from ..db import embeddings, filters, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.sensitive import COLUMN, SHOWABLE
from . import index
from .subset import Subset
from .vector_file import Rows

# Of the values of a column that is read; a filter looks at one record with each.
MOST_VALUES = 20_000
MOST_BYTES = 4_000_000


class RecordsChanged(Exception):
    """The database is not in the state in which the index was made or the records were read."""


@dataclass(frozen=True)
class Records:
    """Which rows of an index have a record, in the state of the database with this stamp.

    ``rowids`` are those of the items table, in ascending order, and ``positions`` those of the rows
    of the index that they belong to; both have shape (n,).
    """

    rows: Rows
    stamp: str
    rowids: NDArray[np.int64]
    positions: NDArray[np.unsignedinteger]

    def positions_of(self, rowids: NDArray[np.int64]) -> NDArray[np.unsignedinteger]:
        """Return the positions of records in the index; those without a vector are left out."""
        if not len(self.rowids):
            return self.positions
        found = np.searchsorted(self.rowids, rowids).clip(max=len(self.rowids) - 1)
        return self.positions[found[self.rowids[found] == rowids]]

    @property
    def size(self) -> int:
        """The bytes of memory that this takes, without the index."""
        return self.rowids.nbytes + self.positions.nbytes


@dataclass(frozen=True)
class Matches:
    """The rows of an index whose records fulfil conditions, as a bit for each row."""

    records: Records
    bits: NDArray[np.uint8]

    @property
    def size(self) -> int:
        """The bytes of memory that this takes."""
        return self.bits.nbytes

    def chosen(self) -> NDArray[np.bool_]:
        """Return whether each row fulfils the conditions, shape (n,)."""
        return np.unpackbits(self.bits, count=len(self.records.rows)).view(bool)

    @property
    def number(self) -> int:
        """How many rows fulfil the conditions."""
        return int(np.count_nonzero(self.chosen()))

    def subset(self) -> Subset:
        """Return the rows that do."""
        return Subset(self.records.rows, np.flatnonzero(self.chosen()))


@dataclass(frozen=True)
class RecordColumn:
    """The values of a column, in SQLite's order, and which row of the index has which of them.

    ``codes`` has the position of its value for each row of the index, and the number of values for
    rows without a record. ``numbers`` are those of the values, as
    :func:`llm_glam.db.filters.number_in` has them, and ``examples`` the rowids of one record with each value. ``size`` is
    the bytes of memory that this takes.
    """

    records: Records
    codes: NDArray[np.unsignedinteger]
    values: Sequence[Any]
    numbers: Sequence[float | None]
    examples: Sequence[int]
    size: int

    def counts(self, among: Matches) -> list[tuple[Any, int]]:
        """Count the values in some records; there are none of NULL, and none that is not there."""
        some = self.codes[among.chosen()]
        counts = np.bincount(some, minlength=len(self.values)).tolist()
        pairs = zip(self.values, counts, strict=False)
        return [pair for pair in pairs if pair[1] and pair[0] is not None]


def records(db: Database, collection: Collection) -> Records:
    """Return which rows of a collection's index have a record.

    :raises RecordsChanged: the index is not up to date: the next search will update it
    """
    with index.snapshot(db) as stamp:
        current = stamp and index.if_current(db, collection, stamp)
        if not stamp or not current:
            raise RecordsChanged
        vectors, found = embeddings.rowids_with_records(
            db, collection.id, str(collection.items_table)
        )
    rows, order = current.rows, np.argsort(found)
    by_rowid = np.argsort(rows.rowids)
    where = np.searchsorted(rows.rowids, vectors[order], sorter=by_rowid)
    positions = by_rowid[where].astype(np.min_scalar_type(len(rows)))
    return Records(rows, stamp, found[order], positions)


def column(
    db: Database, collection: Collection, known: Records, name: str
) -> RecordColumn | None:
    """Read a column.

    :return: None for a column that has to be left to SQLite
    :raises RecordsChanged: the database is not as it was
    """
    table = str(collection.items_table)
    with _unchanged(db, known):
        rows = items.rows_by_value(db, table, name, MOST_VALUES, MOST_BYTES)
        if rows is None:
            return None
        examples = [one.example for one in rows]
        number_of = filters.numbers_at(db, table, name, examples)
    codes = np.full(len(known.rows), len(rows), np.min_scalar_type(len(rows)))
    for code, one in enumerate(rows):
        codes[known.positions_of(one.rowids)] = code
    values, numbers = [one.value for one in rows], [number_of[e] for e in examples]
    size = codes.nbytes + sum(map(sys.getsizeof, (*values, *numbers, *examples)))
    return RecordColumn(known, codes, values, numbers, examples, size)


def number_counts(
    low: RecordColumn, high: RecordColumn, among: Matches
) -> list[tuple[float, float, int]]:
    """Count the pairs of numbers in two columns, or twice in one, of some records.

    Records without a number in either of them are left out.
    """
    chosen, width = among.chosen(), len(high.values) + 1
    if low is high:
        counts = np.bincount(low.codes[chosen], minlength=width)
        codes = np.flatnonzero(counts)
        pairs, counts = codes * width + codes, counts[codes]
    else:
        joined = low.codes[chosen].astype(np.int64) * width + high.codes[chosen]
        pairs, counts = np.unique(joined, return_counts=True)
    lows, highs = [*low.numbers, None], [*high.numbers, None]
    found: Counter[tuple[float, float]] = Counter()
    for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
        first, last = lows[pair // width], highs[pair % width]
        if first is not None and last is not None:
            found[first, last] += count
    return [(*pair, count) for pair, count in found.items()]


def names(db: Database, collection: Collection, conditions: Conditions) -> set[str]:
    """Return the columns that conditions compare with values.

    :raises BadFilter: a column or suffix is unknown
    """
    parts, _ = _by_column(db, collection, conditions)
    return {name for name, _ in parts}


def matching(
    db: Database,
    collection: Collection,
    known: Records,
    conditions: Conditions,
    columns: Mapping[str, RecordColumn],
) -> Matches:
    """Return the rows of the index whose records fulfil conditions.

    :param columns: those of :func:`names` that have been read; SQLite looks at the others
    :raises RecordsChanged: the database is not as it was
    :raises BadFilter: as :func:`llm_glam.db.filters.ids` does, which tells whether a condition
        that cannot be applied to a record matters, or other conditions exclude it
    """
    parts, rest = _by_column(db, collection, conditions)
    chosen = np.ones(len(known.rows), bool)
    with _unchanged(db, known):
        for name, one in parts:
            if name in columns:
                chosen &= _with_value(db, collection, columns[name], one)
            else:
                rest = _joined(rest, one)
        if rest:
            fulfilled = np.zeros_like(chosen)
            rowids = filters.rowids(db, collection, rest)
            fulfilled[known.positions_of(rowids)] = True
            chosen &= fulfilled
    return Matches(known, np.packbits(chosen))


@contextmanager
def _unchanged(db: Database, known: Records) -> Iterator[None]:
    """Read the state of the database in which the records were read."""
    with index.snapshot(db) as stamp:
        if stamp != known.stamp:
            raise RecordsChanged
        yield


def _by_column(
    db: Database, collection: Collection, conditions: Conditions
) -> tuple[list[tuple[str, Conditions]], Conditions]:
    """Return the conditions that compare one column each, with its name, and the others."""
    table, hidden = str(collection.items_table), conditions.hidden
    columns = [c for c in db.table(table).columns_dict if c.lower() not in hidden]
    each = [Conditions([text], hidden=hidden) for text in conditions.filters]
    each += [
        Conditions(hidden=hidden, exceptions=[text]) for text in conditions.exceptions
    ]
    parts = [
        (filters.split((*one.filters, *one.exceptions)[0], columns, table).column, one)
        for one in each
    ]
    if SHOWABLE in conditions.where:
        parts.append((COLUMN, Conditions(where=[SHOWABLE])))
    where = [one for one in conditions.where if one != SHOWABLE]
    return parts, replace(conditions, filters=[], exceptions=[], where=where)


def _joined(one: Conditions, other: Conditions) -> Conditions:
    return replace(
        one,
        filters=[*one.filters, *other.filters],
        exceptions=[*one.exceptions, *other.exceptions],
        where=[*one.where, *other.where],
    )


def _with_value(
    db: Database, collection: Collection, one: RecordColumn, condition: Conditions
) -> NDArray[np.bool_]:
    """Return the rows with a value that fulfils a condition."""
    found = filters.rowids(db, collection, condition, one.examples)
    fulfilled = np.append(np.isin(one.examples, found), False)
    chosen: NDArray[np.bool_] = fulfilled[one.codes]
    return chosen
