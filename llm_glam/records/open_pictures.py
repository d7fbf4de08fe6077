"""Select the pictures of a collection whose rights are open."""

import json

from sqlite_utils import Database
from sqlite_utils.db import quote_identifier

from ..db import items
from ..db.collection import Collection
from . import rights
from .join import table_of


def condition(db: Database, collection: Collection) -> str:
    """Return a filter that only these pictures fulfil, for :class:`llm_glam.db.filters.Conditions`.

    :raises UnknownCollection: the collection has no records
    """
    table = table_of(collection)
    columns = [items.column_named(db, table, name) for name in rights.COLUMNS]
    selected = ", ".join(quote_identifier(one) for one in ("id", *columns) if one)
    rows = db.execute(f"select {selected} from {quote_identifier(table)}").fetchall()
    known = {texts: rights.is_open(*texts) for texts in {row[1:] for row in rows}}
    return f"id__in={json.dumps([row[0] for row in rows if known[row[1:]]])}"
