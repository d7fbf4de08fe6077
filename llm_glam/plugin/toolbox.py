"""Tools for language models: ``llm -T 'Glam("photos")' 'which of our brooches …?'``.

They read and never write, give back a bounded amount, and reach nothing but the collection: no
other table, no file. What the records mark as sensitive is left out, since what a tool gives may
go to a service on the network.
"""

import json
from typing import TYPE_CHECKING, Any

import llm

if TYPE_CHECKING:
    from sqlite_utils import Database

    from ..db.collection import Collection

MOST = 50  # pictures in one answer
LONGEST = 500  # characters of a field in one answer
FEW = 30  # different values that are listed all
EXAMPLES = 3


class Glam(llm.Toolbox):
    """A picture collection: search it by what the pictures show, filter and read its records."""

    def __init__(self, collection: str, database: str = "") -> None:
        self._collection, self._database = collection, database

    def fields(self) -> str:
        """The fields of the collection's records, each with its values or some examples.

        Look at these before you filter.
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
    ) -> str:
        """The pictures that look most like a description, best first, with their records.

        query: what the picture shows, such as "a bronze brooch in the form of a horse", or
        id:ID for pictures like that one. There is always a nearest picture, fitting or not.
        filters: conditions on the records that must all hold, such as ["material=bronze",
        "year__gte=1900", "title__contains=head"]. subtract: descriptions of what the pictures
        should not look like. number: how many, 50 at most.
        """
        from ..search import terms
        from ..search.exact import nearest_to_each

        db, collection = self._open()
        # A language model, or whoever talks it into that, must not read this computer's files.
        wanted = [terms.parse(query, files=False)]
        wanted += [terms.parse(t, subtract=True, files=False) for t in subtract or []]
        among = _shown(db, collection, filters or [])
        most = _bounded(number)
        asked = terms.query(db, collection, wanted, most, among=among)
        hits = nearest_to_each(db, collection, [asked])[0]
        records = _records(db, collection, [hit.id for hit in hits])
        scores = [{"score": round(hit.score, 4)} for hit in hits]
        return _json([s | r for s, r in zip(scores, records, strict=True)])

    def find(self, filters: list[str], number: int = 10) -> str:
        """How many records fulfil conditions, and the first of them, whatever they look like.

        filters: as in search. number: how many to show, 50 at most.
        """
        db, collection = self._open()
        found = sorted(_shown(db, collection, filters))
        rows = _records(db, collection, found[: _bounded(number)])
        return _json({"count": len(found), "records": rows})

    def _open(self) -> "tuple[Database, Collection]":
        from ..db import collections
        from ..errors import UnknownCollection, check_text

        check_text(self._collection, UnknownCollection)
        path = self._database or collections.default_path()
        db = collections.connect(path, readonly=True)
        collection = collections.get(db, self._collection)
        if collection.items_table is None:
            raise UnknownCollection(f"'{collection.name}' holds no records.")
        return db, collection


def _bounded(number: Any) -> int:
    """How many, as a language model says it: perhaps in quotes, or with a point."""
    from ..errors import BadTerm

    try:
        return max(1, min(int(number), MOST))
    except (TypeError, ValueError, OverflowError) as error:
        said = repr(number)[:40]
        text = f"{said} is no number of pictures; give a whole number, such as 10."
        raise BadTerm(text) from error


def _shown(db: "Database", collection: "Collection", filters: list[str]) -> list[str]:
    from ..db.filters import SHOWABLE, Conditions, ids

    return ids(db, collection, Conditions(filters, [SHOWABLE]))


def _columns(db: "Database", collection: "Collection") -> list[str]:
    """Ids and what people wrote; not what only we need."""
    from ..db.items import TECHNICAL

    every = db.table(str(collection.items_table)).columns_dict
    return ["id", *(name for name in every if name not in TECHNICAL)]


def _records(
    db: "Database", collection: "Collection", ids: list[str]
) -> list[dict[str, Any]]:
    """What is written of pictures, without the fields that are empty."""
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

    from ..db.filters import SHOWABLE

    name, table = quote_identifier(column), quote_identifier(
        str(collection.items_table)
    )
    sql = f"""
        select {name}, count(*) from {table}
        where {name} is not null and {name} != '' and {SHOWABLE}
        group by 1 order by 2 desc, 1 limit {FEW + 1}
    """
    found = db.execute(sql).fetchall()
    if len(found) <= FEW:
        return {str(_short(value)): count for value, count in found}
    return {"examples": [_short(value) for value, _ in found[:EXAMPLES]]}


def _short(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    is_long = isinstance(value, str) and len(value) > LONGEST
    return f"{value[:LONGEST]}…" if is_long else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
