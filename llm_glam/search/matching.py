"""Look for words in records as well as in pictures, and rank both together.

What the words identify comes first: a picture's id, title or number. The others are ranked by
reciprocal rank fusion of two rankings: records that contain all words, by BM25, and pictures, by
cosine. Each result says why it is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from sqlite_utils import Database

from ..db import filters
from ..db.collection import Collection
from ..db.filters import Conditions
from ..db.record_search import containing, identifying
from ..records import names
from ..vectors import Vector
from . import fusion
from .exact import Hit, Query
from .terms import Term

PICTURE, BOTH, RECORD = "picture", "both", "record"
IDENTIFIER = "identifier"
MATCHES = (PICTURE, BOTH, RECORD)
NEAREST = 100  # pictures whose rank counts; further ones come after all that were found
FIRST = 1.0  # more than any fused rank
MOST_IDENTIFIED = 50  # pictures; what more of them have in common identifies none


@dataclass(frozen=True)
class RecordMatches:
    """The pictures that words identify, and those whose records contain them, by rank."""

    identified: tuple[str, ...] = ()
    ranks: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ranks) + sum(one not in self.ranks for one in self.identified)

    @property
    def ids(self) -> list[str]:
        """All of them, best first, and by id where they are equally good."""
        ranked = sorted(self.ranks, key=lambda item_id: (self.ranks[item_id], item_id))
        return list(dict.fromkeys([*self.identified, *ranked]))


@dataclass(frozen=True)
class Found:
    """A result: its cosine similarity to the query, None if there is none, and why it is there.

    ``match`` is ``identifier``, ``record`` (which contains the words), ``picture`` (which is near)
    or ``both``; None where nothing but pictures was searched.
    """

    id: str
    score: float | None
    match: str | None


def words(terms: Sequence[Term]) -> str | None:
    """Return the words of a query that is nothing else, and so can be looked for in records."""
    is_plain = len(terms) == 1 and terms[0].weight == 1
    return terms[0].words if is_plain else None


def in_all_records(
    db: Database, collection: Collection, text: str, conditions: Conditions
) -> RecordMatches:
    """Return what :func:`in_records` does, with all columns that identify pictures.

    :raises BadFilter: a condition is not valid, or the records cannot be searched
    """
    table = str(collection.items_table)
    filters.clause(db, collection, conditions)  # which says so if there are no records
    filters.check_searchable(db, table, conditions.hidden)
    hidden = conditions.hidden
    columns = [c for c in identifying.columns(db, table) if c.lower() not in hidden]
    return in_records(db, collection, text, conditions, columns)


def in_records(
    db: Database,
    collection: Collection,
    text: str,
    conditions: Conditions,
    identifiers: Sequence[str],
) -> RecordMatches:
    """Return what words identify, and whose records contain them, among those that fulfil conditions.

    :param identifiers: the columns that identify pictures, of which the first is the id
    :raises BadFilter: a condition is not valid
    :raises TooCommon: too many records contain the words
    """
    clause = filters.clause(db, collection, conditions)
    table = str(collection.items_table)
    found = containing.find(db, table, text, clause)
    rows = identifying.candidates(db, table, text, identifiers, clause)
    ranks = dict.fromkeys(found.ids, 1)
    if found.fits:
        ranks = fusion.ranks({item_id: -fit for item_id, fit in found.fits.items()})
    return RecordMatches(tuple(_identified(text, rows)), ranks)


def _identified(text: str, rows: Sequence[tuple[str | None, ...]]) -> list[str]:
    """Return the ids of the rows that have a text as an identifier, however it is punctuated."""
    wanted = names.tokens(text)
    found = [str(row[0]) for row in rows if wanted and wanted in _identifiers(row)]
    return sorted(found) if len(found) <= MOST_IDENTIFIED else []


def _identifiers(row: tuple[str | None, ...]) -> set[names.Tokens]:
    item_id = str(row[0])
    of_file = {plain for _, plain in names.FileTokens(item_id).names()}
    others = [names.without_ending(item_id), *row[1:]]
    return of_file | {names.tokens(str(value)) for value in others if value}


def queries(
    vector: Vector,
    records: RecordMatches,
    match: str,
    number: int,
    among: Sequence[str] | None = None,
) -> list[Query]:
    """Return the queries whose hits :func:`merge` takes, which needs the scores of what was found.

    The first is for all pictures, the others are for pictures of ``records``.

    :param number: of results that are wanted, from the first one
    :param among: the pictures to search, if not all
    """
    every = max(NEAREST, number) if match == BOTH else 0
    some = max(containing.RANKED, number if match == RECORD else 0)
    return [
        Query(vector, every, among=among),
        Query(vector, some, among=list(records.ranks)),
        Query(vector, MOST_IDENTIFIED, among=records.identified),
    ]


def merge(records: RecordMatches, hits: Sequence[Sequence[Hit]]) -> list[Found]:
    """Return results, best first.

    :param hits: of :func:`queries`
    """
    nearest, among = hits[0], list(chain(*hits[1:]))
    scores = {hit.id: hit.score for hit in (*nearest, *among)}
    by_picture = fusion.ranks({hit.id: hit.score for hit in nearest[:NEAREST]})
    by_record = {h.id: records.ranks[h.id] for h in among if h.id in records.ranks}
    fused = fusion.fused(by_picture, by_record)
    fused |= {hit.id: FIRST for hit in among if hit.id in records.identified}
    order = sorted(
        fused, key=lambda one: (-fused[one], one not in by_record, -scores[one], one)
    )
    further = [hit.id for hit in nearest if hit.id not in fused]

    def why(item_id: str) -> str:
        if item_id in records.identified:
            return IDENTIFIER
        in_record = item_id in by_record
        if in_record and item_id in by_picture:
            return BOTH
        return RECORD if in_record else PICTURE

    return [Found(one, scores[one], why(one)) for one in (*order, *further)]


def without_scores(records: RecordMatches) -> list[Found]:
    """Return results by the records only, where no checkpoint turns the words into a vector."""
    found = records.identified
    return [
        Found(one, None, IDENTIFIER if one in found else RECORD) for one in records.ids
    ]
