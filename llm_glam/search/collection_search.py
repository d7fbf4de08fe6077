"""Search a collection in one call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from ..db import collections, connection, filters, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.record_search.containing import TooCommon
from ..errors import BadTerm
from ..formats.tables import Row
from ..progress import NoProgress, Progress
from . import exact, matching, terms
from .matching import BOTH, MATCHES, PICTURE, Found, RecordMatches
from .terms import Term


@dataclass(frozen=True)
class Result:
    """A picture that was found: its id, its cosine similarity to the query, and its record.

    ``score`` is None if the search had conditions but no query. ``match`` says why it was found, if
    its record was searched too: see :class:`llm_glam.search.matching.Found`.
    """

    id: str
    score: float | None
    record: Row
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
    options: SearchOptions | None = None,
    progress: Progress | None = None,
) -> list[Result]:
    """Return the pictures of a collection that are most similar to a query, best first.

    The query, and each term to add or subtract, is text, a picture file (``./found.jpg``), the URL
    of a picture, or ``id:ID`` for a picture in the collection. ``2:`` before a term doubles its
    weight. Without any terms, all pictures that fulfil the conditions are returned, sorted by id.
    The search is exact.

    :raises GlamError: there is a problem with the query, a condition, the collection or its
        checkpoint, which the message explains in one sentence
    """
    db = connection.connect(database, readonly=True)
    opened = collections.get(db, collection)
    wanted = parse_terms(query, add, subtract)
    return search_terms(db, opened, wanted, options, progress)


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
) -> list[Result]:
    """Do what :func:`search` does, for an open collection and parsed terms.

    :raises GlamError: as in :func:`search`
    """
    options, progress = options or SearchOptions(), progress or NoProgress()
    if not wanted and not options.conditions:
        raise BadTerm("Give something to look for, or a condition.")
    if options.match not in MATCHES:
        raise BadTerm(f"Unknown match '{options.match}': use {', '.join(MATCHES)}.")
    found = _found(db, collection, wanted, options, progress)
    last = options.skip + options.number
    return list(_results(db, collection, found[options.skip : last]))


def _found(
    db: Database,
    collection: Collection,
    wanted: Sequence[Term],
    options: SearchOptions,
    progress: Progress,
) -> list[Found]:
    """Return at least as many results as are wanted, if there are, in their order."""
    words = matching.words(wanted)
    if words is not None and options.match != PICTURE:
        found = _matching(db, collection, words, options, progress)
    else:
        among = None
        if options.conditions:
            among = filters.ids(db, collection, options.conditions)
        if not wanted:
            return [Found(item_id, None, None) for item_id in sorted(among or [])]
        found = _nearest(db, collection, wanted, among, options, progress)
    lowest = options.min_score
    return [
        one
        for one in found
        if lowest is None or (one.score is not None and one.score >= lowest)
    ]


def _matching(
    db: Database,
    collection: Collection,
    words: str,
    options: SearchOptions,
    progress: Progress,
) -> list[Found]:
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
    return matching.merge(
        records, exact.nearest_to_each(db, collection, queries, progress)
    )


def _nearest(
    db: Database,
    collection: Collection,
    wanted: Sequence[Term],
    among: Sequence[str] | None,
    options: SearchOptions,
    progress: Progress,
) -> list[Found]:
    announce_addresses(wanted, progress)
    query = terms.query(
        *(db, collection, wanted, options.number + options.skip),
        among=among,
        prompt=options.prompt,
        private=options.allow_private,
    )
    hits = exact.nearest_to_each(db, collection, [query], progress)[0]
    match = None if options.match == PICTURE else PICTURE
    return [Found(hit.id, hit.score, match) for hit in hits]


def announce_addresses(wanted: Sequence[Term], progress: Progress) -> None:
    """Report the URLs among terms before they are fetched.

    This can take long, and it tells other people's servers about the search.
    """
    for address in [term.address for term in wanted if term.address is not None]:
        from ..net.fetch import shown  # slow to import, because of HTTP

        progress.say(f"Fetching {shown(address)}")


def _results(
    db: Database, collection: Collection, found: Sequence[Found]
) -> Iterator[Result]:
    table = collection.items_table
    records = items.fetch(db, table, [one.id for one in found]) if table else {}
    for one in found:
        yield Result(one.id, one.score, records.get(one.id, {}), one.match)
