"""Tools for language models: ``llm -T 'Glam("photos")' 'which of our brooches …?'``.

They only read, return a limited amount of data, and have no access to anything but the collection:
neither to other tables nor to files. Pictures marked as sensitive are left out, since the result
of a tool may be sent to a service on the network. So are private columns, and those whose names
suggest that they are, until their owner has decided.
"""

import json
from typing import TYPE_CHECKING, Any

import llm

if TYPE_CHECKING:
    from sqlite_utils import Database

    from ..db.collection import Collection
    from ..search.collection_search import Result

MAX_PICTURES = 50  # in one result
MAX_CHARACTERS = 500  # of each field
MAX_VALUES = 30  # a field with more different values is described by examples
EXAMPLES = 3


class Glam(llm.Toolbox):
    """A picture collection: search it by what the pictures show, filter and read its records."""

    def __init__(self, collection: str, database: str = "") -> None:
        self._collection, self._database = collection, database

    def fields(self) -> str:
        """Get the fields of the collection's records, each with its values or some examples.

        Use this before you filter.
        """
        db, collection = self._open()
        columns = _columns(db, collection)
        return _json({name: _values(db, collection, name) for name in columns})

    def search(
        self,
        query: str,
        filters: list[str] | None = None,
        subtract: list[str] | None = None,
        number: int = 10,
        match: str = "picture",
    ) -> str:
        """Find the pictures that look most like a description, best first, with their records.

        query: what the picture shows, such as "a bronze brooch in the form of a horse", or
        id:ID for pictures similar to that one. Some picture is always the nearest, even if none
        matches. filters: conditions on the records that must all hold, such as
        ["material=bronze", "year__gte=1900", "title__contains=head"]. subtract: descriptions of
        what the pictures should not look like. number: how many pictures to return, at most 50.
        match: "picture"; or "record" for pictures whose record contains all words of the query,
        such as a name or a number; or "both".
        """
        from ..db.filters import Conditions
        from ..db.sensitive import SHOWABLE
        from ..search import terms
        from ..search.collection_search import SearchOptions, search_terms

        db, collection = self._open()
        # A language model, or whoever manipulates it, must not read files on this computer.
        wanted = [terms.parse(query, files=False)]
        wanted += [terms.parse(t, subtract=True, files=False) for t in subtract or []]
        hidden = _hidden(db, collection)
        conditions = Conditions(filters or [], [SHOWABLE], hidden=hidden)
        options = SearchOptions(conditions, number=_bounded(number), match=match)
        found = search_terms(db, collection, wanted, options)
        records = _records(db, collection, [one.id for one in found])
        return _json([_scored(one) | r for one, r in zip(found, records, strict=True)])

    def find(self, filters: list[str], number: int = 10) -> str:
        """Count the records that fulfil conditions and return the first ones, sorted by id.

        filters: as in search. number: how many records to return, at most 50.
        """
        db, collection = self._open()
        found = sorted(_shown(db, collection, filters))
        rows = _records(db, collection, found[: _bounded(number)])
        return _json({"count": len(found), "records": rows})

    def _open(self) -> "tuple[Database, Collection]":
        from ..db import collections, connection
        from ..errors import UnknownCollection, check_text

        check_text(self._collection, UnknownCollection)
        path = self._database or connection.default_path()
        db = connection.connect(path, readonly=True)
        collection = collections.get(db, self._collection)
        if collection.items_table is None:
            raise UnknownCollection(f"'{collection.name}' holds no records.")
        return db, collection


def _scored(result: "Result") -> dict[str, Any]:
    """Return a result's score, and why it was found, if its record was searched too."""
    scored = {"score": round(result.score or 0, 4)}
    return scored if result.match is None else {**scored, "match": result.match}


def _bounded(number: Any) -> int:
    """Return a number of pictures within limits; language models also send text or a float."""
    from ..errors import BadTerm

    try:
        return max(1, min(int(number), MAX_PICTURES))
    except (TypeError, ValueError, OverflowError) as error:
        raise BadTerm(
            f"{repr(number)[:40]} is not a number of pictures; give a whole number, such as 10."
        ) from error


def _shown(db: "Database", collection: "Collection", filters: list[str]) -> list[str]:
    from ..db.filters import Conditions, ids
    from ..db.sensitive import SHOWABLE

    hidden = _hidden(db, collection)
    return ids(db, collection, Conditions(filters, [SHOWABLE], hidden=hidden))


def _columns(db: "Database", collection: "Collection") -> list[str]:
    """Return the columns to show: the id and the record, without technical and hidden columns."""
    from ..db.items import TECHNICAL

    names = db.table(str(collection.items_table)).columns_dict
    left_out = {*TECHNICAL, *_hidden(db, collection)}
    return ["id", *(name for name in names if name.lower() not in left_out)]


def _hidden(db: "Database", collection: "Collection") -> set[str]:
    """Return the columns that are not for a service on the network, in lower case."""
    from ..db.privacy import columns

    table = str(collection.items_table)
    found = (*columns.private(db, table), *columns.undecided(db, table))
    return {name.lower() for name in found}


def _records(
    db: "Database", collection: "Collection", ids: list[str]
) -> list[dict[str, Any]]:
    """Return the records of pictures in this order, without empty fields."""
    from ..db.items import fetch

    columns = _columns(db, collection)
    rows = fetch(db, str(collection.items_table), ids)
    records = []
    for item_id in ids:
        row = rows.get(item_id, {})
        filled = {c: _short(row[c]) for c in columns if row.get(c) not in (None, "")}
        records.append({**filled, "id": item_id})
    return records


def _values(db: "Database", collection: "Collection", column: str) -> Any:
    from sqlite_utils.db import quote_identifier

    from ..db.sensitive import SHOWABLE

    name, table = quote_identifier(column), quote_identifier(
        str(collection.items_table)
    )
    sql = f"""
        select {name}, count(*) from {table}
        where {name} is not null and {name} != '' and {SHOWABLE}
        group by 1 order by 2 desc, 1 limit {MAX_VALUES + 1}
    """
    found = db.execute(sql).fetchall()
    if len(found) <= MAX_VALUES:
        return {str(_short(value)): count for value, count in found}
    return {"examples": [_short(value) for value, _ in found[:EXAMPLES]]}


def _short(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    is_long = isinstance(value, str) and len(value) > MAX_CHARACTERS
    return f"{value[:MAX_CHARACTERS]}…" if is_long else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
