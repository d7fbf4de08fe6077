"""Choose the columns of an export: those of the sources first, by the headings as written."""

import json
import math
from base64 import b64encode
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import embeddings, items, sources
from ..db.privacy import columns as privacy_columns
from ..db.sources import EMBEDDED, PERSON, SHEET, TEXT
from ..errors import CannotExport
from ..formats.tables import Row

ORDER = (SHEET, PERSON, TEXT, EMBEDDED)  # of sources, by their kind
ALWAYS = (items.KEY, "file")
FILE_NAME = "file_name"  # the column that joins the records beside pictures
AT_ONCE = 100  # columns whose values are looked at in one pass over the table

# What a value is; an array counts as a list if all of it is text.
_WHAT = """
    case when typeof({c}) != 'text' then nullif(typeof({c}), 'null')
    when substr({c}, 1, 1) not in ('[', '{{') or not json_valid({c}) then 'text'
    when json_type({c}) != 'array' then 'json'
    when exists (select 1 from json_each({c}) where type != 'text') then 'json'
    else 'list' end
"""


class Kind(Enum):
    """What all values of a column are."""

    WHOLE = "whole numbers"
    NUMBER = "numbers"
    LIST = "lists of texts"
    JSON = "JSON"
    TEXT = "texts"


@dataclass(frozen=True)
class Column:
    """A column to export: its name in the items table, its heading, and what its values are.

    ``separator`` is what separates the values of a list in the source, if it is known;
    ``is_number`` says that the column has the numbers of the records, such as those of an
    inventory.
    """

    name: str
    heading: str
    kind: Kind = Kind.TEXT
    separator: str | None = None
    is_number: bool = False

    def value(self, row: Row) -> Any:
        """Return the value in a row of the items table: a number, text, list or object, or None.

        :raises CannotExport: it is not of the column's kind, so it has just been changed
        """
        value = row[self.name]
        if value is None:
            return None
        if self.kind in (Kind.LIST, Kind.JSON):
            value = _parsed(value)
        if self.kind is not Kind.TEXT and not _fits(self.kind, value):
            raise CannotExport(
                f"The column '{self.heading}' was changed by another program while it was being "
                "exported; repeat the command."
            )
        if self.kind is Kind.NUMBER:
            return float(value) if math.isfinite(value) else None
        if self.kind is Kind.TEXT:
            is_bytes = isinstance(value, bytes)
            return b64encode(value).decode() if is_bytes else str(value)
        return value

    def cell(self, row: Row) -> Any:
        """Return the value for a table of plain cells: a number, text, or None.

        Lists of texts are joined as they were in the source, or else written as JSON.
        """
        value = self.value(row)
        if self.kind is Kind.LIST and self.separator and value:
            if not any(
                self.separator in one or one != one.strip() or not one for one in value
            ):
                space = " " if self.separator in (";", ",") else ""
                return (self.separator + space).join(value)
        return row[self.name] if self.kind in (Kind.LIST, Kind.JSON) else value


@dataclass(frozen=True)
class Columns:
    """The columns to export, and the headings of those left out.

    ``private`` were marked so, ``undecided`` are those whose names suggest it.
    """

    shown: Sequence[Column]
    private: Sequence[str]
    undecided: Sequence[str]


def _parsed(value: Any) -> Any:
    """Return what JSON says; text if that is more than Python reads, or cannot be written again."""
    try:
        return json.loads(value, parse_float=_finite)
    except (ValueError, RecursionError, TypeError):
        return value


def _finite(number: str) -> float | str:
    return float(number) if math.isfinite(float(number)) else number


def _fits(kind: Kind, value: Any) -> bool:
    """Return whether a value is one of this kind."""
    if kind is Kind.LIST:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    allowed: dict[Kind, tuple[type, ...]] = {
        Kind.WHOLE: (int,),
        Kind.NUMBER: (int, float),
        Kind.JSON: (dict, list, str),
    }
    return isinstance(value, allowed[kind])


def choose(
    db: Database,
    table: str,
    *,
    private: Collection[str] = (),
    is_sensitive: bool = False,
    all_columns: bool = False,
) -> Columns:
    """Choose the columns of an items table to export.

    The sources' columns come first, then the id and the file, then ours. Columns without values
    are left out.

    :param private: headings or names of private columns that may be exported
    :param is_sensitive: whether there are sensitive pictures among those to be exported
    :param all_columns: also the technical ones
    :raises CannotExport: there is no column of a name in ``private``
    """
    described = describe(db, table)
    headings = headings_of(db, table, described)
    secret = privacy_columns.private(db, table)
    doubtful = {*secret, *privacy_columns.undecided(db, table)}
    held_back = [name for name in headings if name in doubtful]
    _check_names(table, private, headings, held_back)
    kinds = kinds_of(db, table, list(headings))
    left_out = {n for n in held_back if not {n, headings[n]} & set(private)}
    hidden = set() if all_columns else set(items.IMAGE_COLUMNS)
    if not is_sensitive and not any(r["column"] == "sensitive" for r in described):
        hidden.add("sensitive")
    shown = {
        name: heading
        for name, heading in headings.items()
        if name in ALWAYS or (kinds[name] and name not in left_out | hidden)
    }
    named = {n: headings[n] for n in held_back if n in left_out and kinds[n]}
    return Columns(
        list(with_kinds(shown, kinds, described)),
        [heading for name, heading in named.items() if name in secret],
        [heading for name, heading in named.items() if name not in secret],
    )


def with_kinds(
    headings: Mapping[str, str],
    kinds: Mapping[str, Kind | None],
    described: Sequence[Row],
) -> Iterator[Column]:
    """Yield columns with what is known about them."""
    separators = {r["column"]: r["separator"] for r in reversed(described)}
    numbers = {r["column"] for r in described if r["identifier"]} - {FILE_NAME}
    for name, heading in headings.items():
        kind = kinds[name] or Kind.TEXT
        yield Column(name, heading, kind, separators.get(name), name in numbers)


def _check_names(
    table: str,
    wanted: Iterable[str],
    headings: dict[str, str],
    held_back: Iterable[str],
) -> None:
    """Refuse names of private columns that are those of no column."""
    known = {*headings, *headings.values()}
    for name in wanted:
        if name not in known:
            private = ", ".join(headings[one] for one in held_back) or "none"
            raise CannotExport(
                f"There is no column '{name}' in {table}. The private columns are: {private}."
            )


def describe(db: Database, table: str) -> list[Row]:
    """Return the rows of ``glam_columns`` about columns that exist, in the order of an export."""
    if not db.table("glam_columns").exists():
        return []
    places = {
        s["source"]: (ORDER.index(s["kind"]) if s["kind"] in ORDER else len(ORDER), n)
        for n, s in enumerate(sources.every(db, table))
    }
    names = db.table(table).columns_dict
    rows = db.table("glam_columns").rows_where("items_table = ?", [table])
    return sorted(
        (row for row in rows if row["column"] in names),
        key=lambda r: (places.get(r["source"], (len(ORDER), 0)), r["position"]),
    )


def headings_of(db: Database, table: str, described: Iterable[Row]) -> dict[str, str]:
    """Return a heading for each column of an items table, in the order of an export."""
    every = list(db.table(table).columns_dict)
    wanted: dict[str, str] = {}
    for row in described:
        wanted.setdefault(row["column"], row["heading"] or row["column"])
    by_hand = [name for name in every if name not in items.OUR_COLUMNS]
    ours = [*ALWAYS, *items.RECORD_COLUMNS, *items.IMAGE_COLUMNS]
    wanted |= {n: n for n in (*by_hand, *ours) if n not in wanted}
    for name in ALWAYS:
        for copy in [n for n, h in wanted.items() if h == name and n != name]:
            if _is_copy(db, table, copy, name):  # it has come back from an export
                del wanted[copy]
    return dict(_unique(wanted))


def _unique(wanted: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield columns with their headings; of those with the same heading, all but one by name."""
    taken = set(ALWAYS)
    for name, heading in wanted.items():
        if name not in ALWAYS:
            heading = heading if heading not in taken else name
            taken.add(heading)
        yield name, heading


def _is_copy(db: Database, table: str, column: str, of: str) -> bool:
    one, other = quote_identifier(column), quote_identifier(of)
    where = f"{one} is not null and {one} is not {other}"
    return not db.table(table).count_where(where)


def kinds_of(
    db: Database, table: str, names: Sequence[str], ids: Sequence[str] | None = None
) -> dict[str, Kind | None]:
    """Return what the values of columns are, None for a column without values.

    :param ids: the pictures to look at; None for all, which reads the whole table
    """
    where = "" if ids is None else " where id in (select value from json_each(?))"
    values = [] if ids is None else [json.dumps(ids)]
    kinds: dict[str, Kind | None] = {}
    for chunk in embeddings.chunks(names, AT_ONCE):
        types = (_WHAT.format(c=quote_identifier(name)) for name in chunk)
        each = ", ".join(f"group_concat(distinct {what})" for what in types)
        sql = f"select {each} from {quote_identifier(table)}{where}"
        row = db.execute(sql, values).fetchone()
        found = (set(text.split(",")) if text else set() for text in row)
        kinds |= dict(zip(chunk, map(_kind, found), strict=True))
    return kinds


def _kind(found: set[str]) -> Kind | None:
    if not found:
        return None
    for kind, types in (
        (Kind.WHOLE, {"integer"}),
        (Kind.NUMBER, {"integer", "real"}),
        (Kind.LIST, {"list"}),
        (Kind.JSON, {"list", "json"}),
    ):
        if found <= types:
            return kind
    return Kind.TEXT
