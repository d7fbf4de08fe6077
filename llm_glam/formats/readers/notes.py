"""What to know about a table that is being read, and what to say about it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AROUND = re.compile(r"^[\s\u200b\u2060\ufeff]+|[\s\u200b\u2060\ufeff]+$")
PLAIN_SPACE = re.compile(r"[\xa0\u2007\u202f]")
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs"}
LONGEST_NAME = 100  # that is shown


@dataclass
class Surplus:
    """Rows of a CSV file with more cells than columns; ``line`` is where the first one begins."""

    rows: int = 0
    line: int = 0
    delimiter: str = ""

    def add(self, line: int, delimiter: str) -> None:
        """Count a row that begins on this line."""
        self.line = self.line or line
        self.delimiter = delimiter
        self.rows += 1

    def __str__(self) -> str:
        """Say what is wrong and what to do, to follow the file's name."""
        found = "1 row has" if self.rows == 1 else f"{self.rows:,} rows have"
        return (
            f"{found} more cells than there are columns (see line {self.line:,}); put cells that "
            f"contain {NAMES[self.delimiter]} in quotation marks"
        )


@dataclass
class Notes:
    """What to know about a table that is being read.

    ``key`` has names of columns without which a table is of no use; ``sheet`` is the name or the
    number of the sheet of a workbook, and ``header_row`` the row with the names of columns, that
    somebody has chosen; ``line`` is where the row that was read last begins; ``places`` has the
    file and the line of each ``line``, where a table consists of several files; ``remarks`` are for
    people, to follow the file's name.
    """

    key: Sequence[str] = ()
    sheet: str | None = None
    header_row: int | None = None
    surplus: Surplus = field(default_factory=Surplus)
    remarks: list[str] = field(default_factory=list)
    line: int = 0
    places: dict[int, str] = field(default_factory=dict)

    def has_key(self, names: Iterable[str]) -> bool:
        """Return whether one of the names is that of a column which is needed."""
        return not {clean_name(name).lower() for name in names}.isdisjoint(self.key)


def clean_name(name: str) -> str:
    """Return the name of a column without spaces around it, and with plain ones in it.

    What people copy has non-breaking spaces, and spaces without a width, which nobody sees.
    """
    return PLAIN_SPACE.sub(" ", AROUND.sub("", name))


def below_titles(
    title: tuple[int, Mapping[int, Any]], found: tuple[int, Mapping[int, Any]]
) -> str:
    """Say from which row the names of columns are taken, and the title above it."""
    (text,) = title[1].values()
    return (
        f"the names of columns are taken from row {found[0]:,}, below "
        f"'{str(text).strip()[:LONGEST_NAME]}'"
    )


def nothing_in_row(path: Path, number: int) -> str:
    """Return the error for a row of headings, chosen by somebody, that is empty."""
    return f"{path} has nothing in row {number:,}; give --header-row the row with the headings."
