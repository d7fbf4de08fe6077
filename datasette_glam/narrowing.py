"""Which pictures of a collection a search is among: filters on their records, within limits."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from datasette.utils import sqlite_timelimit
from sqlite_utils import Database

from llm_glam import filters
from llm_glam.errors import BadFilter
from llm_glam.filters import Conditions
from llm_glam.store import Collection

from . import compat
from .gate import Place
from .pages import Asked, Refused
from .searches import Search

Row = dict[str, Any]

SHOWABLE = "not coalesce(sensitive, 0)"
# What people choose from in the form; addresses may have any of Datasette's.
OPERATORS = {
    "exact": "is",
    "not": "is not",
    "contains": "contains",
    "gte": "≥",
    "lte": "≤",
    "isblank": "is blank",
    "notblank": "is not blank",
}
SIGNS = {"exact": "=", "not": "≠", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}


def shown(wanted: Search) -> Conditions:
    """What is asked of records, and that they are not sensitive unless these are asked for."""
    always = [] if wanted.with_sensitive else [SHOWABLE]
    conditions = wanted.conditions
    return replace(conditions, where=[*conditions.where, *always])


def whole(place: Place, wanted: Search) -> Conditions:
    """What is asked of records, and that their pictures have a vector in the collection."""
    assert place.collection is not None
    number = int(place.collection.id)
    has_vector = f"id in (select id from embeddings where collection_id = {number})"
    conditions = shown(wanted)
    return replace(conditions, where=[*conditions.where, has_vector])


async def ids(asked: Asked, wanted: Search) -> list[str] | None:
    """The ids of the pictures that fit; None where nothing narrows the search.

    :raises Refused: SQL from somebody who may not run any
    :raises BadFilter: what cannot be asked, or takes too long
    """
    if not wanted.conditions:
        return None
    if wanted.where and not await compat.may_run_sql(
        asked.datasette, asked.request.actor, asked.place.database
    ):
        raise Refused(403, "_where is SQL, which you may not run here.")
    limit = asked.datasette.setting("sql_time_limit_ms")
    found: list[str] = await asked.read(
        _ids, asked.place.collection, whole(asked.place, wanted), limit
    )
    return found


def _ids(
    db: Database, collection: Collection, conditions: Conditions, limit: float
) -> list[str]:
    with sqlite_timelimit(db.conn, limit):
        try:
            return filters.ids(db, collection, conditions)
        except BadFilter as error:
            if "interrupted" in error.message:
                text = f"The records take longer than {limit / 1000:g} s to filter."
                raise BadFilter(text) from error
            raise


def described(text: str, columns: list[str], table: str) -> str:
    """A filter in a few words: ``year ≥ 1900``."""
    one = filters.split(text, columns, table)
    if one.value is None:
        words = {"isnull": "is null", "notnull": "is not null", **OPERATORS}
        return f"{one.column} {words[one.suffix]}"
    sign = SIGNS.get(one.suffix) or one.suffix
    return f"{one.column} {sign} {one.value}"


def form(wanted: Search, columns: list[str], facets: list[dict[str, Any]]) -> Row:
    """What the forms need: columns, operators, and what they hand on without showing it."""
    every = list(wanted.kept())
    shown = {
        (facet["key"], str(one["value"]))
        for facet in facets
        for one in facet["values"]
        if one["selected"]
    }
    hidden = [
        (name, value)
        for name, value in every
        if (name, value) not in shown and name not in ("_min_score", "_search")
    ]
    return {
        "columns": columns,
        "operators": OPERATORS,
        "hidden": hidden,
        "every": every,
        "upload": urlencode(every),
    }
