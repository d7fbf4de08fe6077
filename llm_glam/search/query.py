"""A search of a collection, in one call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from ..db import collections, filters, items
from ..db.collection import Collection
from ..db.filters import Conditions
from ..errors import BadTerm
from ..formats.tables import Row
from ..progress import NoProgress, Progress
from . import exact, terms
from .terms import Term


@dataclass(frozen=True)
class Result:
    """A picture that was found: its id, its cosine similarity, and its record.

    ``score`` is None where there was nothing to compare with.
    """

    id: str
    score: float | None
    record: Row


@dataclass(frozen=True)
class SearchOptions:
    """What narrows a search, and how much of its results is given.

    ``prompt`` is a sentence for words, which stand where ``{}`` is; ``allow_private`` lets
    addresses be those of private networks.
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
    """Return the pictures of a collection that are most like a query, best first; exact.

    A query, and each term that is added or subtracted, is words, a picture file (``./found.jpg``),
    the address of a picture, or ``id:ID``, a picture of the collection; ``2:`` before it doubles
    its weight. Without any, the pictures that fulfil the conditions are listed by id.

    :raises GlamError: one sentence about what is wrong with the query, a condition, the
        collection or its checkpoint
    """
    db = collections.connect(database, readonly=True)
    found = collections.get(db, collection)
    wanted = parse_terms(query, add, subtract)
    return search_terms(db, found, wanted, options, progress)


def parse_terms(query: str, add: Sequence[str], subtract: Sequence[str]) -> list[Term]:
    """Read terms as they are typed on a command line.

    :raises BadTerm: one that cannot be read
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
    """Do what :func:`search` does, in a collection that is open, for terms that are read."""
    options, progress = options or SearchOptions(), progress or NoProgress()
    if not wanted and not options.conditions:
        raise BadTerm("Give something to look for, or a condition.")
    among = None
    if options.conditions:
        among = filters.ids(db, collection, options.conditions)
    most = options.number + options.skip
    if wanted:
        scored = _nearest(db, collection, wanted, among, most, options, progress)
    else:
        scored = [(item_id, None) for item_id in sorted(among or [])[:most]]
    return list(_results(db, collection, scored[options.skip :]))


def _nearest(
    db: Database,
    collection: Collection,
    wanted: Sequence[Term],
    among: Sequence[str] | None,
    most: int,
    options: SearchOptions,
    progress: Progress,
) -> list[tuple[str, float | None]]:
    announce_addresses(wanted, progress)
    query = terms.query(
        *(db, collection, wanted, most),
        among=among,
        prompt=options.prompt,
        private=options.allow_private,
    )
    hits = exact.nearest_to_each(db, collection, [query], progress)[0]
    least = options.min_score
    return [(hit.id, hit.score) for hit in hits if least is None or hit.score >= least]


def announce_addresses(wanted: Sequence[Term], progress: Progress) -> None:
    """Name the addresses among terms: fetching may take long, and strangers hear of it."""
    for address in [term.address for term in wanted if term.address is not None]:
        from ..net.fetch import shown  # and with it all that speaks HTTP

        progress.say(f"Fetching {shown(address)}")


def _results(
    db: Database, collection: Collection, scored: Sequence[tuple[str, float | None]]
) -> Iterator[Result]:
    table = collection.items_table
    known = items.fetch(db, table, [item_id for item_id, _ in scored]) if table else {}
    for item_id, score in scored:
        yield Result(item_id, score, known.get(item_id, {}))
