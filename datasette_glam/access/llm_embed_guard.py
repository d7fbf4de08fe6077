"""SQL functions."""

import sqlite3
from collections.abc import Callable
from typing import Any

from llm_glam.models import registry

CONFIG = "datasette-glam"
OPENED = "llm_embed_any_model"


class NotAllowed(Exception):
    """A visitor asked for a model that this site does not offer."""


def guard_llm_embed(conn: sqlite3.Connection, datasette: Any) -> None:
    """Limit datasette-llm-embed's ``llm_embed(model, text)`` to glam-clip models.

    Unlimited, any visitor who may run SQL spends the owner's API keys on any model. The
    configuration ``plugins: datasette-glam: llm_embed_any_model: true`` opens it.
    """
    if (datasette.plugin_config(CONFIG) or {}).get(OPENED):
        return
    from datasette_llm_embed import llm_embed_factory

    conn.create_function("llm_embed", 2, _only_ours(llm_embed_factory(datasette)))


def _only_ours(llm_embed: Callable[[str, str], Any]) -> Callable[[str, str], Any]:
    def guarded(model_id: str, text: str) -> Any:
        if not registry.is_ours(str(model_id)):
            raise NotAllowed(
                f"llm_embed is limited to glam-clip models here, not {model_id}"
            )
        return llm_embed(model_id, text)

    return guarded
