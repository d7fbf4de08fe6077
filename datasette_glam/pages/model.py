"""The page of a checkpoint: what is registered of it, its card, the collections that use it."""

import asyncio
import os
from pathlib import Path
from typing import Any

from datasette.utils import tilde_decode
from datasette.utils.asgi import NotFound

from llm_glam.errors import GlamError, RegistryError, UnknownCheckpoint
from llm_glam.models import card_header, loading, registry
from llm_glam.models.registry import Checkpoint

from ..access import gate
from ..web import markdown, urls
from ..web.request import Page, PageRequest

CARD = "README.md"
MOST_BYTES = 1_000_000
HUB = "https://huggingface.co"

Row = dict[str, Any]


async def checkpoint(page_request: PageRequest) -> Page:
    """A registered checkpoint with its card."""
    entry = _entry(tilde_decode(page_request.request.url_vars["name"]))
    text, message = await asyncio.to_thread(_card, entry)
    header, body = card_header.split(text or "")
    data = {
        **_registered(entry),
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
    """The page of a collection's checkpoint, if that is registered on this computer."""
    try:
        entry = registry.get(registry.bare(model_id))
    except GlamError:
        return None
    return urls.model(datasette, entry.name)


def _entry(name: str) -> Checkpoint:
    try:
        return registry.get(name)
    except (UnknownCheckpoint, RegistryError) as error:
        # Not in its words: they name the other checkpoints, or a path of this computer.
        raise NotFound(f"There is no checkpoint {name} on this computer") from error


def _registered(entry: Checkpoint) -> Row:
    """What is known without the card. Paths of this computer are nobody's business."""
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
    """A base by its registered name; a folder is not named."""
    if base is None or registry.former(base) or base in registry.BUILT_IN:
        return base
    return "a folder"


def _card(entry: Checkpoint) -> tuple[str | None, str | None]:
    """The text of a checkpoint's card, or why there is none."""
    try:
        folder = loading.locate(entry, download=False)
        content = _read(folder, entry)
    except (GlamError, OSError):
        return None, "The files of this checkpoint are not on this computer."
    if content is None:
        return None, "This checkpoint has no card on this computer."
    if len(content) > MOST_BYTES:
        return None, "The card is larger than 1 MB and is not shown."
    try:
        return content.decode("utf-8"), None
    except UnicodeDecodeError:
        return None, "The card is not in UTF-8 and is not shown."


def _read(folder: Path, entry: Checkpoint) -> bytes | None:
    """The card's bytes, if it is a file among the checkpoint's own, and no more than needed.

    A link that leads elsewhere is not followed: it may have come with the checkpoint. The hub's
    cache links to files beside its snapshots.
    """
    path = Path(os.path.realpath(folder / CARD))
    own = folder.parent.parent if entry.is_on_hub else folder
    if not path.is_relative_to(os.path.realpath(own)) or not path.is_file():
        return None
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


async def _collections(page_request: PageRequest, entry: Checkpoint) -> list[Row]:
    """The collections that use a checkpoint, of all databases, that the actor may see."""
    found = []
    for place in await gate.places(page_request.datasette, page_request.request):
        for one in await gate.visible(
            page_request.datasette, page_request.request, place
        ):
            prints = {one.fingerprint, entry.fingerprint} - {None}
            if one.model_id == entry.model_id and len(prints) < 2:
                url = urls.collection(page_request.datasette, place.database, one.name)
                found.append({"database": place.database, "name": one.name, "url": url})
    return found
