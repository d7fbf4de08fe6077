"""Recognise the columns of records that other formats have a name for, such as the creator."""

from collections.abc import Iterable

# Headings, in lower case, that mean a standard column.
MEANT = {
    "artist": "creator",
    "author": "creator",
    "maker": "creator",
    "photographer": "creator",
    "year": "date",
    "subjects": "subject",
    "keywords": "subject",
    "tags": "subject",
    "place": "location",
    "lat": "latitude",
    "long": "longitude",
    "lon": "longitude",
    "lng": "longitude",
    "credit line": "source",
}


def named(columns: Iterable[str]) -> dict[str, str]:
    """Return columns by the standard names that they have or mean; the names themselves win."""
    columns = list(columns)
    plain = {column: column.strip().lower() for column in columns}
    found: dict[str, str] = {}
    for column in columns:
        found.setdefault(plain[column], column)
    for column in columns:
        if plain[column] in MEANT:
            found.setdefault(MEANT[plain[column]], column)
    return found
