"""Two collections of the same pictures, embedded with two checkpoints, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlite_utils import Database

from ...db import collections, embeddings, filters, items
from ...db.collection import Collection
from ...db.filters import Conditions
from ...db.sensitive import SENSITIVE
from ...errors import NotComparable
from ...search import exact, terms
from ...search.exact import Hit, Query
from ..rank_agreement import NEIGHBOURS

CELLS = 16_000_000  # scores at once: 64 MB
QUERIES_AT_ONCE = 50
FEW = 1_000  # up to here, skipping ids is faster than selecting the rest


@dataclass(frozen=True)
class CollectionPair:
    """Two collections, the ids that are compared, and those that are left out.

    ``shared`` is sorted; ``only_old`` and ``only_new`` are ids in one of them only; ``sensitive``
    are ids in both that must not be shown.
    """

    db: Database
    old: Collection
    new: Collection
    shared: Sequence[str]
    only_old: Sequence[str]
    only_new: Sequence[str]
    sensitive: Sequence[str]

    def both(self) -> tuple[Collection, Collection]:
        """Return the old and the new collection."""
        return self.old, self.new

    def query(self, collection: Collection, query: Query) -> Query:
        """Return the same query, restricted to what is compared."""
        only = self.only_old if collection == self.old else self.only_new
        skip = {*query.skip}
        if len(only) + len(self.sensitive) > FEW:
            return Query(query.vector, query.number, among=self.shared, skip=skip)
        skip |= {*only, *self.sensitive}
        return Query(query.vector, query.number, skip=skip)


@dataclass(frozen=True)
class RankedPicture:
    """A picture in the ranking of one collection, and its rank in the other's.

    ``other`` is None if the picture has been deleted in the meantime.
    """

    id: str
    rank: int
    score: float
    other: int | None


@dataclass(frozen=True)
class Answer:
    """The results of both collections for a query, best first, and how many they share.

    ``shared``: how many of the first ``depth`` are among the first of both. ``count``: the number
    of pictures searched. ``subject``: the id that was searched for, if it was one.
    """

    query: str
    old: Sequence[RankedPicture]
    new: Sequence[RankedPicture]
    shared: int
    depth: int
    count: int
    subject: str | None = None


def open_pair(
    db: Database, old: str, new: str, *, with_sensitive: bool = False
) -> CollectionPair:
    """Open two collections of the same set of pictures.

    :param with_sensitive: whether to compare pictures marked as sensitive
    :raises UnknownCollection: there is no such collection
    :raises NotComparable: they are the same one, contain different pictures, or share none
    """
    first, second = collections.get(db, old), collections.get(db, new)
    _check(first, second)
    shared = embeddings.shared_ids(db, first.id, second.id)
    sensitive: set[str] = set()
    if not with_sensitive:
        marked = Conditions(where=[SENSITIVE])
        sensitive = {*filters.ids(db, first, marked)} & {*shared}
    compared = [item_id for item_id in shared if item_id not in sensitive]
    if not compared:
        why = (
            "only sensitive pictures in common; use --sensitive to compare them"
            if sensitive
            else "no pictures in common"
        )
        raise NotComparable(f"The collections '{old}' and '{new}' have {why}.")
    left_out = (
        embeddings.ids_only_in(db, first.id, second.id),
        embeddings.ids_only_in(db, second.id, first.id),
    )
    return CollectionPair(db, first, second, compared, *left_out, sorted(sensitive))


def _check(old: Collection, new: Collection) -> None:
    reembed = f"llm glam reembed {old.name} NEW -m CHECKPOINT"
    if old.id == new.id:
        raise NotComparable(
            f"'{old.name}' was given twice, so there is nothing to compare. Embed its pictures "
            f"with another checkpoint first: {reembed}"
        )
    if old.items_table is None or old.items_table != new.items_table:
        raise NotComparable(
            f"The collections '{old.name}' and '{new.name}' do not contain the same pictures. To "
            f"make one that does, run: {reembed}"
        )


def answers(
    pair: CollectionPair,
    texts: Sequence[str],
    number: int = NEIGHBOURS,
    *,
    prompt: str = "{}",
    private: bool = False,
) -> list[Answer]:
    """Return the exact first results of both collections for each query, each by its checkpoint.

    Parameters and errors are those of :func:`llm_glam.search.terms.query`.
    """
    wanted = [terms.parse(text) for text in texts]
    most = max(number, NEIGHBOURS)
    sides: list[list[tuple[Query, list[Hit]]]] = []
    for collection in pair.both():
        queries = [
            terms.query(
                *(pair.db, collection, [term], most), prompt=prompt, private=private
            )
            for term in wanted
        ]
        queries = [pair.query(collection, query) for query in queries]
        hits = nearest(pair, collection, queries)
        sides.append(list(zip(queries, hits, strict=True)))
    return [
        _answer(pair, text, term.id, old, new, number)
        for text, term, old, new in zip(texts, wanted, *sides, strict=True)
    ]


def nearest(
    pair: CollectionPair, collection: Collection, queries: Sequence[Query]
) -> Iterator[list[Hit]]:
    """Yield a collection's results for each query, a few at a time if there are many pictures.

    Memory use stays bounded as long as the results are consumed one by one.
    """
    size = max(1, embeddings.count(pair.db, collection.id))
    at_once = max(1, min(QUERIES_AT_ONCE, CELLS // size))
    for start in range(0, len(queries), at_once):
        some = queries[start : start + at_once]
        yield from exact.nearest_to_each(pair.db, collection, some)


def _answer(
    pair: CollectionPair,
    text: str,
    subject: str | None,
    old: tuple[Query, list[Hit]],
    new: tuple[Query, list[Hit]],
    number: int,
) -> Answer:
    """Combine the query and results of each collection."""
    ids_old, ids_new = ([hit.id for hit in hits] for _, hits in (old, new))
    count = len(pair.shared) - (subject in pair.shared)
    depth = min(NEIGHBOURS, count)
    shared = len({*ids_old[:depth]} & {*ids_new[:depth]})
    in_new = exact.ranks(pair.db, pair.new, new[0], ids_old[:number])
    in_old = exact.ranks(pair.db, pair.old, old[0], ids_new[:number])
    places = _places(old[1][:number], in_new), _places(new[1][:number], in_old)
    return Answer(text, *places, shared, depth, count, subject)


def _places(hits: Sequence[Hit], others: dict[str, int]) -> list[RankedPicture]:
    return [
        RankedPicture(hit.id, rank, hit.score, others.get(hit.id))
        for rank, hit in enumerate(hits, 1)
    ]


def titles(pair: CollectionPair, ids: Sequence[str]) -> dict[str, str | None]:
    """Return what the records call the pictures: the title, else the caption, else None."""
    columns = "id, title, caption"
    known = items.fetch(pair.db, str(pair.old.items_table), ids, columns)
    return {
        one: known[one]["title"] or known[one]["caption"] if one in known else None
        for one in ids
    }
