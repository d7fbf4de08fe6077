"""What ``--match`` finds where: queries that name what records say, and what only pictures show.

The collection is of the USDA's watercolours of fruit, with columns ``label``, ``variety``, ``artist``.
"""

import json
import random
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from llm_glam.db import collections, connection
from llm_glam.db.collection import Collection
from llm_glam.search import SearchOptions
from llm_glam.search.collection_search import search_terms
from llm_glam.search.matching import MATCHES
from llm_glam.search.terms import Term

FIRST = 10
DEEPEST = 1_000
VARIETIES = 200
# Words that the records of these kinds of fruit do not contain, beside those that they do
LOOKS = {
    "a bunch of grapes": "grapes",
    "an orange cut in half": "oranges",
    "a yellow lemon": "lemons",
    "a small red strawberry": "strawberries",
    "a branch with cherries": "cherries",
    "a green pear": "pears",
    "a ripe peach with a stone": "peaches",
    "a purple plum": "plums",
    "an orange persimmon": "persimmons",
    "a large green avocado": "avocados",
    "a mango": "mangoes",
    "blackberries on a twig": "blackberries",
    "a bunch of bananas": "bananas",
    "a grapefruit, whole and halved": "grapefruits",
    "a nectarine": "nectarines",
    "the inside of a fig": "figs",
}


@dataclass(frozen=True)
class Query:
    """Words, and what the column of a right picture says."""

    words: str
    right: frozenset[str]


def report(database: Path, name: str) -> None:
    """Print a table in Markdown, and the milliseconds of a search."""
    db = connection.connect(database, readonly=True)
    collection = collections.get(db, name)
    print("| a query names | queries | match | among the first 10 | first right one |")
    print("| --- | --- | --- | --- | --- |")
    spent = dict.fromkeys(MATCHES, 0.0)
    asked = 0
    for kind, queries in kinds(db, collection).items():
        asked += len(queries)
        for match in MATCHES:
            started = time.perf_counter()
            found = [search(db, collection, query.words, match) for query in queries]
            spent[match] += time.perf_counter() - started
            pairs = list(zip(queries, found, strict=True))
            share = statistics.mean(shares(pairs))
            first = median(places(pairs))
            print(f"| {kind} | {len(queries)} | {match} | {share:.2f} | {first} |")
    for match, seconds in spent.items():
        print(f"{match}: {1000 * seconds / asked:.0f} ms a query")


def kinds(db: Database, collection: Collection) -> dict[str, list[Query]]:
    """Return the queries by what they name."""
    table = quote_identifier(str(collection.items_table))

    def having(least: int, columns: str) -> Mapping[str, frozenset[str]]:
        sql = f"""
            select {columns}, json_group_array(id) from {table}
            where coalesce({columns}, '') not in ('', 'None') group by 1 having count(*) >= ?
        """
        rows = db.execute(sql, [least]).fetchall()
        return {value: frozenset(json.loads(ids)) for value, ids in rows}

    varieties = having(3, "variety")
    chosen = random.Random(0).sample(sorted(varieties), VARIETIES)
    fruits, artists = having(1, "label"), having(10, "artist")
    both = having(3, "label || ' by ' || artist")
    some = random.Random(0).sample(sorted(both), min(50, len(both)))
    return {
        "a variety": [Query(one, varieties[one]) for one in chosen],
        "an artist": [Query(one, artists[one]) for one in sorted(artists)],
        "a kind of fruit and an artist": [Query(one, both[one]) for one in some],
        "a look": [Query(words, fruits[kind]) for words, kind in LOOKS.items()],
    }


def search(db: Database, collection: Collection, words: str, match: str) -> list[str]:
    """Return the ids that words find."""
    options = SearchOptions(match=match, number=DEEPEST)
    found = search_terms(db, collection, [Term(1, words=words)], options)
    return [one.id for one in found]


Found = tuple[Query, list[str]]


def shares(found: list[Found]) -> Iterator[float]:
    """Yield how many of the first ten are right, of those that can be."""
    for query, ids in found:
        possible = min(FIRST, len(query.right))
        yield len(query.right & set(ids[:FIRST])) / possible


def places(found: list[Found]) -> Iterator[float]:
    """Yield the place of the first right picture of each query."""
    for query, ids in found:
        right = (place for place, one in enumerate(ids, 1) if one in query.right)
        yield next(right, float("inf"))


def median(values: Iterator[float]) -> str:
    """Return the median as a whole number, or that it is further back."""
    value = statistics.median(values)
    return f"{value:g}" if value <= DEEPEST else "none"
