"""Search a collection in one call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlite_utils import Database

from ..db import connection, filters, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..errors import BadTerm
from ..formats.tables import Row
from ..progress import NoProgress, Progress
from . import exact, several, terms
from .terms import Term

Part = tuple[Collection, Conditions]  # what is searched of one collection
Ranking = list[tuple[str, float | None]]  # ids and scores, best first


@dataclass(frozen=True)
class Result:
    """A picture that was found: its id, its cosine similarity to the query, and its record.

    ``score`` is None if the search had conditions but no query. ``collection`` is the name of the
    collection that the picture is in.
    """

    id: str
    score: float | None
    record: Row
    collection: str


@dataclass(frozen=True)
class SearchOptions:
    """Which pictures to search, and which of the results to return.

    Results with a score below ``min_score`` and the first ``skip`` results are left out. ``prompt``
    is a template for text queries, with ``{}`` for the text. ``allow_private`` permits URLs on
    this computer and on private networks.
    """

    conditions: Conditions = Conditions()
    min_score: float | None = None
    number: int = 10
    skip: int = 0
    prompt: str = "{}"
    allow_private: bool = False


def search(
    database: str | Path,
    collection: str,
    query: str = "",
    *,
    add: Sequence[str] = (),
    subtract: Sequence[str] = (),
    also: Sequence[str] = (),
    options: SearchOptions | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Return the pictures of a collection that are most similar to a query, best first.

    The query, and each term to add or subtract, is text, a picture file (``./found.jpg``), the URL
    of a picture, or ``id:ID`` for a picture in the collection. ``2:`` before a term doubles its
    weight. Without any terms, all pictures that fulfil the conditions are returned, sorted by id.
    The search is exact.

    :param also: names of further collections of the same database and checkpoint, whose pictures
        are ranked together with those of the first; conditions apply to each, while ids are those
        of the first
    :raises GlamError: there is a problem with the query, a condition, the collection or its
        checkpoint, which the message explains in one sentence
    """
    db = connection.connect(database, readonly=True)
    opened = several.open_all(db, [collection, *also])
    wanted = parse_terms(query, add, subtract)
    conditions = (options or SearchOptions()).conditions
    others = [(one, conditions) for one in opened[1:]]
    return search_terms(db, opened[0], wanted, options, progress, also=others)


def parse_terms(query: str, add: Sequence[str], subtract: Sequence[str]) -> list[Term]:
    """Parse terms as they are typed on a command line.

    :raises BadTerm: a term is not valid
    """
    plus = [terms.parse(text) for text in ([query] if query else []) + list(add)]
    return plus + [terms.parse(text, subtract=True) for text in subtract]


def search_terms(
    db: Database,
    collection: Collection,
    wanted: Sequence[Term],
    options: SearchOptions | None = None,
    progress: Progress | None = None,
    *,
    also: Sequence[Part] = (),
) -> list[Result]:
    """Do what :func:`search` does, for open collections and parsed terms.

    :param also: further collections of the same checkpoint, each with its conditions
    :raises GlamError: as in :func:`search`
    """
    options, progress = options or SearchOptions(), progress or NoProgress()
    if not wanted and not options.conditions:
        raise BadTerm("Give something to look for, or a condition.")
    parts = [(collection, options.conditions), *also]
    number = options.number + options.skip
    if wanted:
        rankings = _rankings(db, parts, wanted, number, options, progress)
    else:
        rankings = [_listed(db, part) for part in parts]
    best = several.merge(rankings, number)[options.skip :]
    return _results(db, [one for one, _ in parts], best)


def _listed(db: Database, part: Part) -> Ranking:
    """Return the pictures of a collection that fulfil its conditions."""
    return [(item_id, None) for item_id in filters.ids(db, *part)]


def _rankings(
    db: Database,
    parts: Sequence[Part],
    wanted: Sequence[Term],
    number: int,
    options: SearchOptions,
    progress: Progress,
) -> list[Ranking]:
    """Return the pictures of each collection that are nearest to the terms, best first.

    Ids in the terms are those of the first collection.
    """
    among = [
        filters.ids(db, one, conditions) if conditions else None
        for one, conditions in parts
    ]
    announce_addresses(wanted, progress)
    first = terms.query(
        *(db, parts[0][0], wanted, number),
        prompt=options.prompt,
        private=options.allow_private,
    )
    lowest = -math.inf if options.min_score is None else options.min_score
    rankings: list[Ranking] = []
    for (one, _), ids in zip(parts, among, strict=True):
        query = replace(first, among=ids, skip=() if rankings else first.skip)
        hits = exact.nearest_to_each(db, one, [query], progress)[0]
        rankings.append([(hit.id, hit.score) for hit in hits if hit.score >= lowest])
    return rankings


def announce_addresses(wanted: Sequence[Term], progress: Progress) -> None:
    """Report the URLs among terms before they are fetched.

    This can take long, and it tells other people's servers about the search.
    """
    for address in [term.address for term in wanted if term.address is not None]:
        from ..net.fetch import shown  # slow to import, because of HTTP

        progress.say(f"Fetching {shown(address)}")


def _results(
    db: Database,
    searched: Sequence[Collection],
    best: Sequence[tuple[int, tuple[str, float | None]]],
) -> list[Result]:
    """Return results with their records; each has the position of its collection."""
    records: list[dict[str, Row]] = []
    for position, one in enumerate(searched):
        ids = [item_id for place, (item_id, _) in best if place == position]
        table = one.items_table
        records.append(items.fetch(db, table, ids) if table else {})
    return [
        Result(item_id, score, records[at].get(item_id, {}), searched[at].name)
        for at, (item_id, score) in best
    ]
