"""Limit the SQL function ``llm_embed`` to our models."""

import sqlite3
from collections.abc import Callable
from typing import Any

from llm_glam.models import registry

from . import settings

OPENED = "llm_embed_any_model"


class NotAllowed(Exception):
    """A call that this site does not allow in SQL."""


def guard_llm_embed(conn: sqlite3.Connection, datasette: Any) -> None:
    """Limit datasette-llm-embed's ``llm_embed(model, text)`` to glam-clip models.

    Without the limit, any visitor who may run SQL could use the owner's API keys with any model.
    The configuration ``plugins: datasette-glam: llm_embed_any_model: true`` lifts it.
    """
    if settings.config_of(datasette).get(OPENED):
        return
    from datasette_llm_embed import llm_embed_factory

    conn.create_function("llm_embed", 2, _only_ours(llm_embed_factory(datasette)))


def _only_ours(llm_embed: Callable[[str, str], Any]) -> Callable[[str, str], Any]:
    def guarded(model_id: str, text: str) -> Any:
        if not registry.is_ours(str(model_id)):
            raise NotAllowed(
                f"llm_embed() takes glam-clip models only on this site, not '{model_id}'; "
                f"the site's owner can allow others with {OPENED}"
            )
        return llm_embed(model_id, text)

    return guarded
