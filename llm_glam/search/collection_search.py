"""Search a collection in one call."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlite_utils import Database

from ..db import connection, filters, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.record_search.containing import TooCommon
from ..errors import BadTerm
from ..formats.tables import Row
from ..progress import NoProgress, Progress
from . import exact, matching, several, terms
from .matching import BOTH, MATCHES, PICTURE, Found, RecordMatches
from .terms import Term

Part = tuple[Collection, Conditions]  # what is searched of one collection
Ranking = list[tuple[str, float | None]]  # ids and scores, best first
Placed = tuple[int, Found]  # a picture, with the position of its collection


@dataclass(frozen=True)
class Result:
    """A picture that was found: its id, its cosine similarity to the query, and its record.

    ``score`` is None if the search had conditions but no query. ``collection`` is the name of the
    collection that the picture is in. ``match`` says why it was found, if its record was searched
    too: see :class:`llm_glam.search.matching.Found`.
    """

    id: str
    score: float | None
    record: Row
    collection: str
    match: str | None = None


@dataclass(frozen=True)
class SearchOptions:
    """Which pictures to search, and which of the results to return.

    Results with a score below ``min_score`` and the first ``skip`` results are left out. ``prompt``
    is a template for text queries, with ``{}`` for the text. ``allow_private`` permits URLs on
    this computer and on private networks. ``match`` is what a query in words is looked for in:
    ``picture``, ``record`` or ``both``.
    """

    conditions: Conditions = Conditions()
    min_score: float | None = None
    number: int = 10
    skip: int = 0
    prompt: str = "{}"
    allow_private: bool = False
    match: str = PICTURE


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
    if options.match not in MATCHES:
        raise BadTerm(f"Unknown match '{options.match}': use {', '.join(MATCHES)}.")
    if also and options.match != PICTURE:
        raise BadTerm(
            "Several collections are searched together by their pictures only: search their "
            "records one collection after the other."
        )
    parts = [(collection, options.conditions), *also]
    words = matching.words(wanted)
    if words is not None and options.match != PICTURE:
        found = _matching(db, collection, words, options, progress)
    else:
        found = _nearest(db, parts, wanted, options, progress)
    last = options.skip + options.number
    return _results(db, [one for one, _ in parts], found[options.skip : last])


def _nearest(
    db: Database,
    parts: Sequence[Part],
    wanted: Sequence[Term],
    options: SearchOptions,
    progress: Progress,
) -> list[Placed]:
    """Return the pictures that are nearest to the terms; without any, those that fit."""
    number = options.number + options.skip
    if wanted:
        rankings = _rankings(db, parts, wanted, number, options, progress)
    else:
        rankings = [_listed(db, part) for part in parts]
    match = PICTURE if wanted and options.match != PICTURE else None
    return [
        (at, Found(item_id, score, match))
        for at, (item_id, score) in several.merge(rankings, number)
    ]


def _matching(
    db: Database,
    collection: Collection,
    words: str,
    options: SearchOptions,
    progress: Progress,
) -> list[Placed]:
    """Search records, and pictures unless only records are wanted."""
    try:
        records = matching.in_all_records(db, collection, words, options.conditions)
    except TooCommon:
        if options.match != BOTH:
            raise
        records = RecordMatches()
    term = Term(1, words=words)
    vector = terms.vector(db, collection, [term], options.prompt)
    among = None
    if options.conditions and options.match == BOTH:
        among = filters.ids(db, collection, options.conditions)
    number = options.skip + options.number
    queries = matching.queries(vector, records, options.match, number, among)
    found = matching.merge(
        records, exact.nearest_to_each(db, collection, queries, progress)
    )
    lowest = -math.inf if options.min_score is None else options.min_score
    return [(0, one) for one in found if (one.score or 0) >= lowest]


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
    db: Database, searched: Sequence[Collection], found: Sequence[Placed]
) -> list[Result]:
    """Return results with their records."""
    records: list[dict[str, Row]] = []
    for position, collection in enumerate(searched):
        ids = [one.id for place, one in found if place == position]
        table = collection.items_table
        records.append(items.fetch(db, table, ids) if table else {})
    return [
        Result(
            *(one.id, one.score, records[at].get(one.id, {})),
            *(searched[at].name, one.match),
        )
        for at, one in found
    ]
