"""Write the records that were read inside pictures: EXIF, IPTC and XMP."""

from collections.abc import Mapping

from sqlite_utils import Database

from ..db import sources
from ..db.sources import EMBEDDED, Record, Source
from ..formats.tables import Row
from ..images.embedded.record import COORDINATES, FIELDS

SOURCE = Source("embedded in the pictures", EMBEDDED)
KINDS: dict[str, type] = {f: float if f in COORDINATES else str for f in FIELDS}


def write(db: Database, table: str, records: Mapping[str, Row]) -> int:
    """Replace what is known from inside pictures; a picture with an empty record has none.

    A field gets its column when a picture first has it.

    :param records: by item id
    :return: how many rows of the items table were changed
    """
    known = {c.heading for c in sources.columns(db, table) if c.source == SOURCE.name}
    used = known.union(*records.values())
    if used != known:
        kinds = {field: kind for field, kind in KINDS.items() if field in used}
        sources.add_columns(db, table, SOURCE.name, kinds)
    found = {item_id: [Record(row)] if row else [] for item_id, row in records.items()}
    return sources.update(db, table, SOURCE, found)
