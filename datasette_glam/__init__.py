"""datasette-glam: what a Datasette over a picture collection has to know."""

import sqlite3
from typing import Any

from datasette import hookimpl


@hookimpl(trylast=True)
def prepare_connection(conn: sqlite3.Connection, datasette: Any) -> None:
    """Last of all plugins, so that datasette-llm-embed's function is there to be guarded."""
    from . import queries

    queries.guard_llm_embed(conn, datasette)
