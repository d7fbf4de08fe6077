"""The columns that an items table must have so that the site can show its collection."""

from sqlite_utils import Database

from llm_glam.db.collection import Collection

from .items import NOT_RECORD

REQUIRED = NOT_RECORD - {"file_name", "image_folder", "image_modified"}


def are_there(db: Database, collection: Collection) -> bool:
    """Return whether the items table exists and has all columns that the pages need."""
    return REQUIRED <= db.table(str(collection.items_table)).columns_dict.keys()
