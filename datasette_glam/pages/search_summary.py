"""Say in short which languages a search understands, and how well it was tested."""

from collections.abc import Iterable

from llm_glam.db import collections
from llm_glam.formats.tables import Row

from ..access.context import CollectionRequest
from ..web import cache
from . import model

SHOWN = ("caption to picture", "recall_at_10")
LANGUAGES = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "pl": "Polish",
    "el": "Greek",
    "ar": "Arabic",
    "zh": "Chinese",
    "ja": "Japanese",
    "multilingual": "many languages",
}


async def of(page_request: CollectionRequest) -> Row:
    """Return the languages of a collection's checkpoint, and its last evaluation or None."""
    cached = cache.of(page_request.datasette)
    rows = await cached.read(page_request, "evaluation", collections.evaluation)
    shown = (r for r in rows if (r["direction"], r["metric"]) == SHOWN)
    return {
        "languages": await model.languages(page_request.collection),
        "evaluation": next(shown, None),
    }


def in_words(languages: Iterable[str]) -> str:
    """Return the names of languages, for a sentence."""
    names = [LANGUAGES.get(code.lower(), code) for code in languages]
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
