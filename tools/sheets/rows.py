"""The records that every sheet contains, and how they may differ by format."""

from datetime import date, datetime, time
from typing import Any

HEADER = ("file_name", "title", "Inv. No.", "year", "height", "found", "sensitive")
Row = tuple[Any, ...]


def records(count: int = 12, offset: int = 0) -> list[Row]:
    """Return rows with text, whole and decimal numbers, dates and empty cells."""
    return [
        (
            f"tray {n % 3}/{n:04}_recto.jpg",
            TITLES[n % len(TITLES)],
            f"{n:03}" if n % 4 else "1887/3804.2",
            1800 + n,
            n + 0.25,
            date(1931, 1 + n % 12, 1 + n % 28),
            ("no", "yes", None)[n % 3],
        )
        for n in range(offset, offset + count)
    ]


TITLES = (
    "Bronze brooch",
    'A 17" plate, "blue"',
    "Krug; mit Henkel\nzweite Zeile",
    "Räucherfäßchen, žluťoučký, 陶器 🏺",
    "+1 is no formula",
    "#N/A",
    "tab\there",
)


def same(found: Any, expected: Any) -> bool:
    """Return whether a cell that was read is what was written, as text where the format has only text."""
    return _plain(found) == _plain(expected)


def _plain(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
