"""Group the collections that a visitor may see by checkpoint: each group can be searched together."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from llm_glam.formats.tables import Row
from llm_glam.models import registry

from ..access import gate
from ..access.context import CollectionRequest, DatabaseRequest, SiteRequest
from ..web import metadata, urls

NAMED = 3  # collections of a group, in the form's choice


@dataclass(frozen=True)
class Group:
    """Collections whose vectors can be compared; ``key`` stands for their checkpoint in URLs."""

    key: str
    collections: Sequence[CollectionRequest]

    @property
    def model(self) -> str:
        """The full name of the checkpoint."""
        return self.collections[0].collection.model_id


async def visible(page_request: SiteRequest) -> list[CollectionRequest]:
    """Return the collections of a page's database, or of the site, that the actor may see."""
    if isinstance(page_request, DatabaseRequest):
        return await gate.visible_collections(page_request)
    databases = await gate.visible_databases(page_request)
    return [one for db in databases for one in await gate.visible_collections(db)]


def of(found: Sequence[CollectionRequest]) -> list[Group]:
    """Return collections by checkpoint and precision, those with the most collections first."""
    by_key: dict[str, list[CollectionRequest]] = {}
    for one in found:
        by_key.setdefault(_key(one), []).append(one)
    groups = [Group(key, several) for key, several in by_key.items()]
    return sorted(groups, key=lambda group: (-len(group.collections), group.key))


def _key(page_request: CollectionRequest) -> str:
    weights, precision = page_request.collection.embedding_space
    name = registry.bare(weights)
    return name if precision == "fp32" else f"{name}-{precision}"


async def form(
    page_request: SiteRequest, groups: Sequence[Group], chosen: Group | None = None
) -> Row | None:
    """Return what the form *Search in all* needs; None where there is nothing to search together.

    :param chosen: the group that is being searched
    """
    shown = [one for one in groups if len(one.collections) > 1 or one is chosen]
    if not shown:
        return None
    choices = [
        {"key": one.key, "label": await _label(one), "selected": one is chosen}
        for one in (shown if len(shown) > 1 else [])
    ]
    return {"action": address(page_request), "choices": choices}


async def _label(group: Group) -> str:
    titles = [(await metadata.of(one))["title"] for one in group.collections[:NAMED]]
    more = len(group.collections) - len(titles)
    return f"{', '.join(titles)}{f' and {more} more' if more else ''} ({group.model})"


def address(page_request: SiteRequest) -> str:
    """Return the URL of the search in all collections of a page's database, or of the site."""
    return urls.search_all(page_request.datasette, database_of(page_request))


def database_of(page_request: SiteRequest) -> str | None:
    """Return the name of a page's database; None for a page about the whole site."""
    return page_request.database if isinstance(page_request, DatabaseRequest) else None


async def similar_address(page_request: CollectionRequest, item_id: str) -> str | None:
    """Return the URL of the pictures of all collections of the database similar to one picture.

    It is None where the actor may see no other collection of the checkpoint.
    """
    if not await gate.sees_another_alike(page_request):
        return None
    query = urlencode({"id": item_id, "collection": page_request.collection.name})
    return f"{address(page_request)}?{query}"
