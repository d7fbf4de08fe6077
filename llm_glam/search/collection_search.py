"""Search a collection in one call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from ..db import collections, connection, filters, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..errors import BadTerm
from ..formats.tables import Row
from ..progress import NoProgress, Progress
from . import exact, terms
from .terms import Term


@dataclass(frozen=True)
class Result:
    """A picture that was found: its id, its cosine similarity to the query, and its record.

    ``score`` is None if the search had conditions but no query.
    """

    id: str
    score: float | None
    record: Row


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
    among = None
    if options.conditions:
        among = filters.ids(db, collection, options.conditions)
    limit = options.number + options.skip
    if wanted:
        scored = _nearest(db, collection, wanted, among, limit, options, progress)
    else:
        scored = [(item_id, None) for item_id in sorted(among or [])[:limit]]
    return list(_results(db, collection, scored[options.skip :]))


def _nearest(
    db: Database,
    collection: Collection,
    wanted: Sequence[Term],
    among: Sequence[str] | None,
    limit: int,
    options: SearchOptions,
    progress: Progress,
) -> list[tuple[str, float | None]]:
    announce_addresses(wanted, progress)
    query = terms.query(
        *(db, collection, wanted, limit),
        among=among,
        prompt=options.prompt,
        private=options.allow_private,
    )
    hits = exact.nearest_to_each(db, collection, [query], progress)[0]
    lowest = options.min_score
    return [
        (hit.id, hit.score) for hit in hits if lowest is None or hit.score >= lowest
    ]


def announce_addresses(wanted: Sequence[Term], progress: Progress) -> None:
    """Report the URLs among terms before they are fetched.

    This can take long, and it tells other people's servers about the search.
    """
    for address in [term.address for term in wanted if term.address is not None]:
        from ..net.fetch import shown  # slow to import, because of HTTP

        progress.say(f"Fetching {shown(address)}")


def _results(
    db: Database, collection: Collection, scored: Sequence[tuple[str, float | None]]
) -> Iterator[Result]:
    table = collection.items_table
    records = (
        items.fetch(db, table, [item_id for item_id, _ in scored]) if table else {}
    )
    for item_id, score in scored:
        yield Result(item_id, score, records.get(item_id, {}))
