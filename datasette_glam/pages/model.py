"""The page of a checkpoint: its registration, its model card and the collections that use it."""

import asyncio
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from datasette.utils.asgi import NotFound

from llm_glam.db.collection import Collection
from llm_glam.errors import GlamError, RegistryError, UnknownCheckpoint
from llm_glam.formats.tables import Row
from llm_glam.models import card_header, citation, loading, registry
from llm_glam.models.registry import Checkpoint

from ..access import gate
from ..access.context import SiteRequest
from ..web import markdown, urls
from ..web.page import Page

CARD = "README.md"
CITATION = "CITATION.cff"
MOST_BYTES = 1_000_000
HUB = "https://huggingface.co"


async def checkpoint(page_request: SiteRequest) -> Page:
    """Return the page of a registered checkpoint."""
    entry = _entry(page_request.url_name("name"))
    text, message = await asyncio.to_thread(_card, entry)
    header, body = await asyncio.to_thread(_split, text or "")
    data = {
        **_registered(entry),
        "citation": await asyncio.to_thread(_citation, entry, header),
        "collections": await _collections(page_request, entry),
        "header": header,
        "card": text,
    }
    page = Page("glam_model.html", data, message=message)
    if text and not page_request.format:
        page.form = {
            "header": markdown.shown(header),
            "card": await asyncio.to_thread(markdown.html, body, below=2),
        }
    return page


def address(datasette: Any, model_id: str) -> str | None:
    """Return the URL of a checkpoint's page, if it is registered on this server."""
    try:
        entry = registry.get(registry.bare(model_id))
    except GlamError:
        return None
    return urls.model(datasette, entry.name)


async def languages(collection: Collection) -> list[str]:
    """Return the languages that the card of a collection's checkpoint names, as it names them.

    The stock checkpoint, and those that were completed from it, understand English only.
    """
    try:
        entry = registry.get(registry.bare(collection.model_id))
    except GlamError:
        return []
    if not _is_used(collection, entry):
        return []
    minute = int(time.monotonic() // 60)
    return list(await asyncio.to_thread(_languages, entry.name, entry.source, minute))


@lru_cache(maxsize=20)
def _languages(name: str, source: str, minute: int) -> tuple[str, ...]:
    """Return the languages of a checkpoint; its card is read once a minute."""
    entry = registry.get(name)
    header, _ = _split(_card(entry)[0] or "")
    named = tuple(card_header.texts(header.get("language")))
    is_stock = registry.STOCK in (entry.name, entry.base)
    return named or (("en",) if is_stock else ())


def _entry(name: str) -> Checkpoint:
    try:
        return registry.get(name)
    except (UnknownCheckpoint, RegistryError) as error:
        # Not the error's message, which names other checkpoints or a path of this server.
        raise NotFound(
            f"There is no checkpoint '{name}' here; galleries link to those they use."
        ) from error


def _registered(entry: Checkpoint) -> Row:
    """Return what is known without the model card. Paths of this server are left out."""
    return {
        "name": entry.name,
        "model": entry.model_id,
        "fingerprint": entry.fingerprint,
        "dimensions": entry.dimensions,
        "base": _without_path(entry.base),
        "notes": entry.notes,
        "source": entry.source if entry.is_on_hub else None,
        "revision": entry.revision,
        "source_url": f"{HUB}/{entry.source}" if entry.is_on_hub else None,
    }


def _without_path(base: str | None) -> str | None:
    """Return the registered name of a base; a path is not disclosed."""
    if base is None or registry.former(base) or base in registry.BUILT_IN:
        return base
    return "a folder"


def _card(entry: Checkpoint) -> tuple[str | None, str | None]:
    """Return the text of a checkpoint's model card, or None and the reason."""
    try:
        folder = loading.locate(entry, download=False)
        content = _read(folder, entry, CARD)
    except (GlamError, OSError):
        return (
            None,
            "The model card cannot be shown: the checkpoint is not on this server.",
        )
    if content is None:
        return None, "The checkpoint has no model card on this server."
    if len(content) > MOST_BYTES:
        return None, "The model card cannot be shown: it is larger than 1 MB."
    try:
        return content.decode("utf-8"), None
    except UnicodeDecodeError:
        return (
            None,
            "The model card cannot be shown: it is not in UTF-8. Save it as UTF-8.",
        )


def _citation(entry: Checkpoint, header: dict[str, Any]) -> str | None:
    """Return how to cite a checkpoint, by its CITATION.cff or else by the head of its card."""
    try:
        folder = loading.locate(entry, download=False)
        content = _read(folder, entry, CITATION) or b""
    except (GlamError, OSError):
        content = b""
    found = _parsed(content[:MOST_BYTES].decode("utf-8", "replace"))
    found = found or citation.of_card(header, entry.name, entry.fingerprint or "")
    return found.line() if found else None


@lru_cache(maxsize=20)
def _parsed(text: str) -> citation.Citation | None:
    """Return what a CITATION.cff says, which is parsed once."""
    return citation.read(text)


@lru_cache(maxsize=20)
def _split(card: str) -> tuple[dict[str, Any], str]:
    """Return a card's header and what stands below, which are parsed once."""
    return card_header.split(card)


def _read(folder: Path, entry: Checkpoint, name: str) -> bytes | None:
    """Return the first ``MOST_BYTES + 1`` bytes of a file; None if there is none.

    A link to a file outside the checkpoint is not followed: it may have come with the checkpoint.
    The hub's cache links to files beside its snapshots.
    """
    path = Path(os.path.realpath(folder / name))
    own = folder.parent.parent if entry.is_on_hub else folder
    if not path.is_relative_to(os.path.realpath(own)) or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


async def _collections(page_request: SiteRequest, entry: Checkpoint) -> list[Row]:
    """Return the collections of all databases that use a checkpoint and that the actor may see."""
    found = []
    for database in await gate.visible_databases(page_request):
        for one in await gate.visible_collections(database):
            if _is_used(one.collection, entry):
                name = one.collection.name
                url = urls.collection(one.datasette, one.database, name)
                found.append({"database": one.database, "name": name, "url": url})
    return found


def _is_used(collection: Collection, entry: Checkpoint) -> bool:
    """Return whether a collection was made with a checkpoint, as far as fingerprints are known."""
    prints = {collection.fingerprint, entry.fingerprint} - {None}
    return collection.model_id == entry.model_id and len(prints) < 2
