"""Find the pictures of a page of results, without saying anything of them on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from llm_glam.errors import BadFilter, UnknownItem
from llm_glam.search import terms
from llm_glam.search.exact import Hit
from llm_glam.search.matching import Found
from llm_glam.search.subset import Subset

from ... import random_sample
from ...access import gate
from ...access.context import CollectionRequest
from ...web import cache
from . import exports, matches, query_string, record_filters, results
from .matches import Matched
from .query_string import Search

PAGE = 36
DEEPEST = 10_000  # results that can be reached page by page

Scores = dict[str, float | None]


@dataclass(frozen=True)
class Ranked:
    """The pictures of a page, with their scores, and what else is known of the whole search.

    ``best`` is the highest score, and ``is_cut_off`` whether the lowest score that is asked for has
    removed what would follow. ``matched`` is what words found in the records, where these were
    searched, and ``thumbnail`` that of an upload.
    """

    scores: Scores
    has_more: bool
    best: float = 0
    is_cut_off: bool = False
    matched: Matched | None = None
    thumbnail: bytes | None = None


async def check_terms(page_request: CollectionRequest, wanted: Search) -> None:
    """Check that the pictures in a query are there.

    :raises UnknownItem: one is not
    """
    for term in wanted.terms:
        if term.id is not None and await page_request.is_absent(term.id):
            raise UnknownItem(gate.unknown_item(term.id, page_request.collection.name))


async def nearest(
    page_request: CollectionRequest,
    wanted: Search,
    among: Sequence[str] | None,
    size: int,
) -> Ranked:
    """Return a page of the pictures nearest to a query or an upload.

    :param among: the pictures to search, if not all
    :raises GlamError: the search cannot be done
    :raises Refused: too many searches are running, or the upload cannot be used
    """
    last = wanted.page * size
    matched = await matches.found(page_request, wanted, among, last + 1)
    thumbnail = None
    hits: Sequence[Hit | Found]
    if matched is not None and matched.hits is not None:
        hits = matched.hits
    else:
        hits, thumbnail = await _nearest(page_request, wanted, among, last + 1)
    scores = [hit.score for hit in hits if hit.score is not None]
    least = wanted.min_score
    high = [
        hit
        for hit in hits
        if least is None or (hit.score is not None and hit.score >= least)
    ]
    return Ranked(
        {hit.id: hit.score for hit in high[last - size : last]},
        len(high) > last,
        max(scores, default=0),
        len(high) < len(hits) and len(high) <= last,
        matched,
        thumbnail,
    )


async def _nearest(
    page_request: CollectionRequest,
    wanted: Search,
    among: Sequence[str] | None,
    number: int,
) -> tuple[list[Hit], bytes | None]:
    """Return the nearest pictures, and a thumbnail of an upload."""
    weights = [term.weight for term in wanted.terms]
    vectors = await results.of_terms(page_request, wanted.terms)
    thumbnail = None
    if page_request.request.method == "POST":
        uploaded, thumbnail = await results.of_upload(page_request)
        vectors.append(uploaded)
        weights.append(1)
    hits = await results.nearest(
        page_request,
        terms.total(weights, vectors),
        number,
        skip=[term.id for term in wanted.terms if term.id is not None],
        among=among,
        with_sensitive=wanted.with_sensitive,
    )
    return hits, thumbnail


async def sample(
    page_request: CollectionRequest,
    wanted: Search,
    among: Sequence[str] | None,
    size: int,
) -> Ranked:
    """Return a page of a random sample, the same for the same seed."""
    skip, seed = (wanted.page - 1) * size, wanted.seed or 1
    if among is None:
        cached = cache.of(page_request.datasette)
        rows = await cached.read(page_request, "rows", random_sample.rowids)
        ids = await page_request.read(
            random_sample.sample, rows, number=size + 1, seed=seed, skip=skip
        )
    else:
        # Subsets are sorted.
        ordered = among if isinstance(among, Subset) else sorted(among)
        order = np.random.default_rng(seed).permutation(len(ordered))
        ids = [ordered[i] for i in order[skip : skip + size + 1].tolist()]
    return Ranked(dict.fromkeys(ids[:size]), len(ids) > size)


async def among(
    page_request: CollectionRequest, wanted: Search
) -> Sequence[str] | None:
    """Return the pictures that a search is about, None for all; a sample has no sensitive ones."""
    is_search = wanted.terms or page_request.request.method == "POST"
    shown = wanted if is_search else replace(wanted, with_sensitive=False)
    return await record_filters.ids(page_request, shown)


def size_of_page(page_request: CollectionRequest, wanted: Search) -> int:
    """Return how many pictures a page has.

    :raises BadFilter: that is no number, or the page is too far down
    """
    size = _size(page_request, wanted)
    if wanted.page * size > DEEPEST and wanted.terms:
        raise BadFilter(
            f"Only the first {DEEPEST:,} results are shown. Narrow down the search."
        )
    return size


def _size(page_request: CollectionRequest, wanted: Search) -> int:
    most = int(page_request.datasette.setting("max_returned_rows"))
    asked = wanted.size
    if page_request.format in exports.FORMATS:
        asked = exports.size(page_request.format, asked, most)
    if asked == "max":
        return most
    if not asked:
        return PAGE
    if query_string.WHOLE.fullmatch(asked) and int(asked) <= most:
        return int(asked)
    raise BadFilter(f"_size must be a whole number from 1 to {most:,}, or max.")


async def ids_on_page(
    page_request: CollectionRequest, wanted: Search
) -> tuple[list[str], bool]:
    """Return the ids on a page of results, in their order, and whether there are more.

    :raises GlamError: the search cannot be done
    :raises Refused: the actor may not search so, or too many searches are running
    """
    size = size_of_page(page_request, wanted)
    await check_terms(page_request, wanted)
    find = nearest if wanted.terms else sample
    ranked = await find(page_request, wanted, await among(page_request, wanted), size)
    return list(ranked.scores), ranked.has_more
