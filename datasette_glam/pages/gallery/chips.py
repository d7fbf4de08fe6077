"""The chips above the results: each term and filter, with the URL of the search without it."""

from collections.abc import Iterator
from dataclasses import replace

from llm_glam.formats.tables import Row

from ... import items
from ...access.context import CollectionRequest
from ...web import card_text, urls
from . import query_string, record_filters
from .query_string import Search


async def of(
    page_request: CollectionRequest, wanted: Search, columns: list[str]
) -> list[Row]:
    """Return the chips of a search: terms, filters, words in records, the minimum score."""
    found = [
        *await _terms(page_request, wanted),
        *conditions(page_request, wanted, columns),
    ]
    for chip in found:
        chip["remove_url"] = query_string.address(page_request, chip.pop("rest"))
    return found


async def _terms(page_request: CollectionRequest, wanted: Search) -> list[Row]:
    ids = [term.id for term in wanted.terms if term.id is not None]
    cards = await page_request.read(items.cards, ids) if ids else []
    await card_text.add(page_request, cards)
    name = page_request.collection.name
    urls.add(page_request.datasette, page_request.database, name, cards)
    by_id = {card["id"]: card for card in cards}
    found = []
    for number, term in enumerate(wanted.terms):
        card = by_id.get(term.id or "", {})
        rest = wanted.terms[:number] + wanted.terms[number + 1 :]
        found.append(
            {
                "kind": "words" if term.id is None else "picture",
                "text": term.words or card.get("card_title") or term.id,
                "id": term.id,
                "weight": term.weight,
                "thumbnail_url": (
                    None if card.get("sensitive") else card.get("thumbnail_url")
                ),
                "rest": wanted.without(terms=rest),
            }
        )
    return found


def conditions(
    page_request: CollectionRequest, wanted: Search, columns: list[str]
) -> Iterator[Row]:
    """Yield the conditions of a search, each with the ``rest`` of it."""
    for number, text in enumerate(wanted.filters):
        rest = wanted.filters[:number] + wanted.filters[number + 1 :]
        label = record_filters.described(text, columns, page_request.table)
        yield {"kind": "filter", "text": label, "rest": wanted.without(filters=rest)}
    for number, text in enumerate(wanted.exceptions):
        rest = wanted.exceptions[:number] + wanted.exceptions[number + 1 :]
        label = record_filters.described(text, columns, page_request.table)
        left = wanted.without(exceptions=rest)
        yield {"kind": "except", "text": f"without {label}", "rest": left}
    for number, text in enumerate(wanted.where):
        rest = wanted.where[:number] + wanted.where[number + 1 :]
        yield {"kind": "where", "text": text, "rest": wanted.without(where=rest)}
    if wanted.words:
        label = f"records with “{wanted.words}”"
        yield {"kind": "search", "text": label, "rest": wanted.without(words="")}
    if wanted.min_score is not None:
        label = f"score ≥ {wanted.min_score:g}"
        yield {"kind": "score", "text": label, "rest": replace(wanted, min_score=None)}
