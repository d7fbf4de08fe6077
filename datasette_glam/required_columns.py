"""What a collection must have so that the site can show it: records with the columns of ours."""

import shlex

from sqlite_utils import Database

from llm_glam.db import collections, embeddings
from llm_glam.db.collection import Collection
from llm_glam.formats.tables import Row

from .items import NOT_RECORD

REQUIRED = NOT_RECORD - {"file_name", "image_folder", "image_modified"}


def are_there(db: Database, collection: Collection) -> bool:
    """Return whether the items table exists and has all columns that the pages need."""
    return REQUIRED <= db.table(str(collection.items_table)).columns_dict.keys()


def without_records(db: Database) -> list[Row]:
    """Return the collections that another program made with a checkpoint of ours, and what to do.

    LLM itself writes vectors only, as in ``llm.Collection(…).embed_multi(…)`` from Python.
    """
    return [
        {
            "name": one.name,
            "model": one.model_id,
            "vectors": embeddings.count(db, one.id),
            "message": why_not_shown(one),
        }
        for one in collections.every(db)
        if not one.items_table
    ]


def why_not_shown(collection: Collection) -> str:
    """Return why a collection without records cannot be shown, and what to do."""
    return (
        f"The collection '{collection.name}' has vectors only: it was not made by llm-glam, which "
        "writes records and thumbnails too. If its ids are the names of files in a folder, add "
        f"these with: llm glam adopt {shlex.quote(collection.name)} -m {collection.model_id} "
        "--files FOLDER"
    )
