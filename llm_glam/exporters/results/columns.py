"""Choose the columns of search results: those of the sources first, then ours, score and link."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from ...db import items
from ...db.sensitive import COLUMN, is_sensitive
from ...errors import UnknownColumn
from ...formats.tables import Row
from .. import columns as all_columns
from ..columns import FILE_NAME, Column

SCORE, LINK = "score", "link"
DIGITS = 4  # of a score
LISTED = 30  # names in a message


@dataclass(frozen=True)
class Found:
    """A picture that was found: its row of the items table, its score and the page about it.

    The row has all columns of the table, those that are not for everybody perhaps as None; it has
    only an id where the collection has no records.
    """

    row: Row
    score: float | None = None
    link: str | None = None


@dataclass(frozen=True)
class ResultColumn:
    """A column of results: its heading, and its value as in JSON and as a plain cell.

    ``name`` is that of the column of the items table; None for the score and the link.
    """

    heading: str
    name: str | None
    value: Callable[[Found], Any]
    cell: Callable[[Found], Any]
    is_link: bool = False


def choose(
    db: Database,
    table: str | None,
    found: Sequence[Found],
    *,
    hidden: Container[str] = (),
    named: Sequence[str] = (),
) -> list[ResultColumn]:
    """Choose the columns of results.

    These are those of the sources and those added by hand, in the order and with the headings of an
    export, then the id, what else we know of a picture, its score and its link. Left out are the
    file where it is the id for all, those of ours that have no value, and the technical ones.

    :param table: the items table; None for a collection without one
    :param hidden: names of columns to leave out, in lower case
    :param named: names or headings of the columns to choose instead, in their order, each once
    :raises UnknownColumn: there is none of such a name, or it is hidden
    """
    described = all_columns.describe(db, table) if table else []
    headings = (
        all_columns.headings_of(db, table, described)
        if table
        else {items.KEY: items.KEY}
    )
    visible = {n: h for n, h in headings.items() if n.lower() not in hidden}
    every = [*_of_records(db, table, found, visible, described), *_ours(visible)]
    if named:
        return list(dict.fromkeys(_named(name, every) for name in named))
    own = {row["column"] for row in described}
    shown = set(_shown(found, visible, own))
    return [
        column
        for column in every
        if (column.name in shown if column.name else _has_values(column, found))
    ]


def _has_values(column: ResultColumn, found: Sequence[Found]) -> bool:
    return any(column.value(one) is not None for one in found)


def _of_records(
    db: Database,
    table: str | None,
    found: Sequence[Found],
    headings: Mapping[str, str],
    described: Sequence[Row],
) -> Iterator[ResultColumn]:
    """Yield columns of the items table, with what their values are in the results."""
    ids = [one.row[items.KEY] for one in found]
    kinds: Mapping[str, all_columns.Kind | None] = dict.fromkeys(headings)
    if table:
        kinds = all_columns.kinds_of(db, table, list(headings), ids)
    for column in all_columns.with_kinds(headings, kinds, described):
        yield _of_record(column)


def _of_record(column: Column) -> ResultColumn:
    def value(one: Found) -> Any:
        return column.value(one.row) if column.name in one.row else None

    def cell(one: Found) -> Any:
        return column.cell(one.row) if column.name in one.row else None

    return ResultColumn(column.heading, column.name, value, cell)


def _ours(headings: Mapping[str, str]) -> Iterator[ResultColumn]:
    """Yield the score and the link; a source's column of the same name keeps it."""
    taken = {heading.lower() for heading in headings.values()}
    for name, value in ((SCORE, _score), (LINK, _link)):
        heading = f"{name} (llm-glam)" if name in taken else name
        yield ResultColumn(heading, None, value, value, is_link=name == LINK)


def _score(one: Found) -> float | None:
    return None if one.score is None else round(one.score, DIGITS)


def _link(one: Found) -> str | None:
    return one.link


def _shown(
    found: Sequence[Found], headings: Mapping[str, str], own: Container[str]
) -> Iterator[str]:
    """Yield the names of the columns that are shown where none are named.

    :param own: the columns that a source fills
    """
    rows = [one.row for one in found]
    for name in headings:
        if name == items.KEY or (name in own and name != FILE_NAME):
            yield name
        elif name in ("file", FILE_NAME):
            if any(row.get(name) not in (None, row[items.KEY]) for row in rows):
                yield name
        elif name == COLUMN:
            if any(is_sensitive(row.get(name)) for row in rows):
                yield name
        elif name in items.RECORD_COLUMNS:
            if any(row.get(name) is not None for row in rows):
                yield name
        elif name not in items.IMAGE_COLUMNS:
            yield name  # added by hand


def _named(name: str, columns: Iterable[ResultColumn]) -> ResultColumn:
    """Return the column with a name or a heading; upper and lower case matter only between two."""
    columns = list(columns)
    for same in (str, str.casefold):
        wanted = same(name.strip())
        for column in columns:
            if wanted in (same(column.heading), same(column.name or column.heading)):
                return column
    known = [column.heading for column in columns]
    listed = ", ".join(known[:LISTED]) + (", …" if len(known) > LISTED else "")
    raise UnknownColumn(f"There is no column '{name[:80]}'. There are: {listed}.")
