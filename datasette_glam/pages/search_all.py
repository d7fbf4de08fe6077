"""Search in all collections of one checkpoint that the visitor may see, with one ranking."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from datasette.utils import MultiParams

from llm_glam.errors import BadFilter, BadTerm, UnknownItem
from llm_glam.formats.tables import Row
from llm_glam.search import several, terms

from ..access import gate
from ..access.context import CollectionRequest, SiteRequest
from ..web import head, metadata, urls
from ..web.page import Page, Refused, refusals_said
from . import groups
from .gallery import query_string, results
from .gallery.finding import PAGE
from .gallery.query_string import Search
from .gallery.view import NO_SEARCH
from .groups import Group

TITLE = "Search in all collections"
PURPOSE = "Search the pictures of several collections at once."
NOTHING = "There are no picture collections here that can be searched."
ENDED = "There are no more pictures. Go back to an earlier page."
DEEPEST = 1_000  # results that can be reached: so many are ranked in each collection
# What says which collections are searched, and which one the ids are of.
WHERE = ("collection", "database", "checkpoint")
PARAMETERS = ("q", "id", *WHERE, "page", "_min_score")


@dataclass(frozen=True)
class Scope:
    """The collections to search, and the one that the pictures in the query are of."""

    group: Group
    subject: CollectionRequest | None
    where: dict[str, str]  # the parameters that say so


async def search_all(page_request: SiteRequest) -> Page:
    """Return the pictures of several collections that are nearest to a query."""
    args, unknown = _parameters(page_request.request.args)
    page = Page("glam_search_all.html", _blank(page_request, args))
    page.query = query_string.encoded(args)
    page.form["heading"] = TITLE
    page.form["ignored"] = query_string.left_out(unknown)
    with refusals_said(page, NO_SEARCH):
        if page_request.format:
            _refuse(unknown)
        by_checkpoint = groups.of(await groups.visible(page_request))
        if not by_checkpoint:
            page.message = NOTHING
            return page
        await _add_form(page_request, page, by_checkpoint, by_checkpoint[0])
        wanted = _read(args)
        scope = _scope(by_checkpoint, args, wanted)
        await _describe(page_request, page, by_checkpoint, scope)
        page.data["q"], page.data["id"] = wanted.line, wanted.only_id
        page.data["min_score"] = wanted.min_score
        if wanted.terms:
            _link_galleries(page, scope, wanted)
            await _search(page_request, page, scope, wanted)
        if not page_request.format:
            await _add_head(page_request, page, scope, wanted)
    return page


def _parameters(args: MultiParams) -> tuple[MultiParams, list[str]]:
    """Return the parameters that there are, and the names of the others."""
    known = {name: args.getlist(name) for name in args if name in PARAMETERS}
    return MultiParams(known), [name for name in args if name not in PARAMETERS]


def _read(args: MultiParams) -> Search:
    """Parse the query; what says where to search would be filters to a gallery."""
    return query_string.read(
        MultiParams({name: args.getlist(name) for name in args if name not in WHERE})
    )


def _refuse(unknown: Sequence[str]) -> None:
    for name in unknown:
        raise BadFilter(
            f"There is no parameter '{name[:80]}' here. There are "
            f"{', '.join(PARAMETERS)}; a collection's own gallery has filters as well."
        )


def _blank(page_request: SiteRequest, args: MultiParams) -> Row:
    return {
        "database": groups.database_of(page_request),
        "title": TITLE,
        "q": args.get("q") or "",
        "id": None,
        "collection": None,
        "min_score": None,
        "checkpoint": None,
        "checkpoints": [],
        "searched": [],
        "items": [],
        "page": 1,
        "next": None,
        "next_url": None,
    }


def _scope(by_checkpoint: Sequence[Group], args: MultiParams, wanted: Search) -> Scope:
    """Return what to search: the checkpoint of the collection or that is named, or the first.

    :raises Refused: there is no such collection that the actor may see, or none that was made with
        that checkpoint
    """
    where = {name: args[name] for name in WHERE if args.get(name)}
    group, subject = _named(by_checkpoint, where)
    if subject and any(term.id is not None for term in wanted.terms):
        named = {name: where[name] for name in WHERE[:2] if name in where}
        return Scope(group, subject, named)
    is_only = len(by_checkpoint) == 1
    return Scope(group, None, {} if is_only else {"checkpoint": group.key})


def _named(
    by_checkpoint: Sequence[Group], where: dict[str, str]
) -> tuple[Group, CollectionRequest | None]:
    """Return the group that the parameters name, and the collection if they name one."""
    if "collection" in where:
        for group in by_checkpoint:
            for one in group.collections:
                if _is_named(one, where):
                    return group, one
        raise Refused(
            404,
            f"There is no picture collection '{where['collection'][:80]}' here; the list of "
            "collections has those that there are.",
        )
    for group in by_checkpoint:
        if where.get("checkpoint") in (None, group.key):
            return group, None
    raise Refused(
        404,
        f"No collection here was made with the checkpoint '{where['checkpoint'][:80]}'; leave out "
        "checkpoint= to search those that there are.",
    )


def _is_named(one: CollectionRequest, where: dict[str, str]) -> bool:
    is_database = where.get("database") in (None, one.database)
    return is_database and one.collection.name == where["collection"]


async def _describe(
    page_request: SiteRequest,
    page: Page,
    by_checkpoint: Sequence[Group],
    scope: Scope,
) -> None:
    """Add to the page which collections are searched, and which others could be."""
    page.data["checkpoint"] = scope.group.key
    page.data["checkpoints"] = [
        {"key": one.key, "model": one.model, "collections": len(one.collections)}
        for one in by_checkpoint
    ]
    page.data["searched"] = [
        {
            "database": one.database,
            "name": one.collection.name,
            "title": (await metadata.of(one))["title"],
            "url": _gallery(one),
            "search_url": None,
        }
        for one in scope.group.collections
    ]
    if scope.subject is not None:
        page.data["collection"] = scope.subject.collection.name
        page.form["where"] = scope.where
    if scope.group is not by_checkpoint[0]:
        await _add_form(page_request, page, by_checkpoint, scope.group)


async def _add_form(
    page_request: SiteRequest, page: Page, by_checkpoint: Sequence[Group], chosen: Group
) -> None:
    if not page_request.format:
        page.form["search_all"] = await groups.form(page_request, by_checkpoint, chosen)


def _link_galleries(page: Page, scope: Scope, wanted: Search) -> None:
    """Add to each collection the address of the same search in its gallery.

    What has pictures in the query is only known in the collection that they are of.
    """
    has_ids = any(term.id is not None for term in wanted.terms)
    query = replace(wanted, page=1).query()
    for row, one in zip(page.data["searched"], scope.group.collections, strict=True):
        if not has_ids or one is scope.subject:
            row["search_url"] = f"{row['url']}?{query}"


async def _search(
    page_request: SiteRequest, page: Page, scope: Scope, wanted: Search
) -> None:
    """Add to the page the pictures that are nearest, and the address of the next page."""
    last = wanted.page * PAGE
    if last - PAGE >= DEEPEST:
        raise BadFilter(
            f"Only the first {DEEPEST:,} results are shown. Search one of the collections."
        )
    await _check_ids(scope, wanted)
    last = min(last, DEEPEST)
    best = several.merge(await _rankings(scope, wanted, last + 1), last + 1)
    shown = best[(wanted.page - 1) * PAGE : last]
    highest = (best[0][1][1] if best else None) or 0
    cards = await _cards(page_request, page, scope, shown, highest)
    page.data["items"], page.data["page"] = cards, wanted.page
    if len(best) > last and last < DEEPEST:
        after = _address(page_request, scope, replace(wanted, page=wanted.page + 1))
        page.data["next"] = after
        page.data["next_url"] = page_request.datasette.absolute_url(
            page_request.request, after
        )
    if not cards:
        page.message = _why_empty(wanted)


async def _check_ids(scope: Scope, wanted: Search) -> None:
    """Check that the pictures in a query are there.

    :raises BadTerm: nothing says which collection they are of
    :raises UnknownItem: one is not in it, or may not be shown
    """
    for term in wanted.terms:
        if term.id is None:
            continue
        if scope.subject is None:
            raise BadTerm(
                f"Which collection is the picture '{term.id[:80]}' of? Add its name to the "
                "address: collection=NAME."
            )
        if await scope.subject.is_absent(term.id):
            name = scope.subject.collection.name
            raise UnknownItem(gate.unknown_item(term.id, name))


async def _rankings(
    scope: Scope, wanted: Search, number: int
) -> list[list[tuple[str, float | None]]]:
    """Return the nearest pictures of each collection, best first.

    One collection is searched after the other, so that a visitor who searches many of them keeps
    others waiting for no longer than by a search of the largest.
    """
    known = scope.subject or scope.group.collections[0]
    vectors = await results.of_terms(known, wanted.terms)
    vector = terms.total([term.weight for term in wanted.terms], vectors)
    least = -1 if wanted.min_score is None else wanted.min_score
    ids = [term.id for term in wanted.terms if term.id is not None]
    rankings: list[list[tuple[str, float | None]]] = []
    for one in scope.group.collections:
        skip = ids if one is scope.subject else []
        hits = await results.nearest(one, vector, number, skip=skip)
        rankings.append([(hit.id, hit.score) for hit in hits if hit.score >= least])
    return rankings


async def _cards(
    page_request: SiteRequest,
    page: Page,
    scope: Scope,
    shown: Sequence[tuple[int, tuple[str, float | None]]],
    highest: float,
) -> list[Row]:
    """Return what the page shows of pictures, each with its collection, in their order.

    :param highest: the highest score of the search
    """
    found: dict[tuple[int, str], Row] = {}
    for position, one in enumerate(scope.group.collections):
        scores = {item_id: score for at, (item_id, score) in shown if at == position}
        for card in await results.cards(one, scores, highest) if scores else []:
            searched = page.data["searched"][position]
            card |= {
                "database": one.database,
                "collection": one.collection.name,
                "collection_title": searched["title"],
                "collection_url": searched["url"],
                "similar_url": _similar(page_request, one, card["id"]),
            }
            found[position, card["id"]] = card
    return [found[at, i] for at, (i, _) in shown if (at, i) in found]


def _similar(page_request: SiteRequest, one: CollectionRequest, item_id: str) -> str:
    query = {"id": item_id, "collection": one.collection.name}
    if groups.database_of(page_request) is None:
        query["database"] = one.database
    return f"{groups.address(page_request)}?{urlencode(query)}"


def _address(page_request: SiteRequest, scope: Scope, wanted: Search) -> str:
    """Return the URL of a search, in the format of the request."""
    query = "&".join(filter(None, [wanted.query(), urlencode(scope.where)]))
    path = f"{groups.address(page_request)}{page_request.format}"
    return f"{path}?{query}" if query else path


def _gallery(one: CollectionRequest) -> str:
    return urls.collection(one.datasette, one.database, one.collection.name)


def _why_empty(wanted: Search) -> str:
    if wanted.page > 1:
        return ENDED
    if wanted.min_score is not None:
        return (
            f"No picture scores {wanted.min_score:g} or more. Lower the minimum score."
        )
    return NOTHING


async def _add_head(
    page_request: SiteRequest, page: Page, scope: Scope, wanted: Search
) -> None:
    """Add what the head and the headings of the page say.

    The title of a picture that was searched by is left out of the head: it may be a sensitive one.
    """
    title = TITLE
    if wanted.only_id is not None and scope.subject is not None:
        (card,) = await results.cards(scope.subject, {wanted.only_id: None})
        page.form["subject"] = card
    elif wanted.terms and scope.subject is None:
        title = f"{wanted.line} in all collections"
    page.form["heading"] = title
    page.form["head"] = head.of_page(
        *(page_request, _address(page_request, scope, wanted)),
        title=title,
        description=PURPOSE,
        picture=head.first_shown(page.data["items"]),
    )
