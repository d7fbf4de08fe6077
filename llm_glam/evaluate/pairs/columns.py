"""Which columns of records hold pictures and captions: asked for, guessed, or made by a template."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BadPairs
from . import caption_template

IMAGE_COLUMNS = ("file_name", "image_path", "filename", "image")
CAPTION_COLUMNS = ("caption", "captions", "text")
NAN = ("nan", "NaN")  # so pandas writes an empty cell

Row = dict[str, Any]


@dataclass(frozen=True)
class Header:
    """The columns that there are, of what (to stand in a sentence), and whether a first line names them."""

    names: Sequence[str]
    source: str | None = None
    is_first_line: bool = False

    def listed(self) -> str:
        """The names for an error, with advice where they look like data."""
        told = f"The columns are: {', '.join(self.names) or 'none'}."
        lower = {name.strip().lower() for name in self.names}
        if not self.is_first_line or lower & {*IMAGE_COLUMNS, *CAPTION_COLUMNS}:
            return told
        return f"{told} The first line must contain the column names."


@dataclass(frozen=True)
class CaptionSource:
    """What makes the captions of a record, and in words where it takes them from.

    ``column`` is None where a template makes them.
    """

    of: Callable[[Row], tuple[str, ...]]
    words: str
    column: str | None = None

    def why_none(self, row: Row) -> str:
        """Why a record gives no caption."""
        value = row.get(self.column) if self.column is not None else None
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, dict) for part in parts):
            return f"its {self.column} is not text"
        return "it has no caption"


def caption_source(
    column: str | None, template: str | None, header: Header, option: str
) -> CaptionSource:
    """What makes the captions of records: a template, or a column.

    :param option: what the column would be given with
    :raises BadPairs: there is no such column, or none that looks like captions
    :raises BadTemplate: the template cannot be filled
    """
    if template is not None:
        filled = caption_template.parse(template, header.names)
        return CaptionSource(
            lambda row: _told([filled.caption(_without_nan(row))]),
            f"from the template '{template}'",
        )
    name = chosen(column, CAPTION_COLUMNS, header, option)
    return CaptionSource(
        lambda row: _told(_listed(row.get(name))), f"from the column '{name}'", name
    )


def chosen(
    asked: str | None, guesses: Sequence[str], header: Header, option: str
) -> str:
    """The column that was asked for, or the first that looks like it.

    :param option: what it would be given with
    :raises BadPairs: there is none
    """
    if asked is not None:
        return checked(asked, header)
    lower = {column.strip().lower(): column for column in reversed(header.names)}
    for guess in guesses:
        if guess in lower:
            return lower[guess]
    of = f" of {header.source}" if header.source else ""
    raise BadPairs(
        f"None of the columns{of} is called {', '.join(guesses[:-1])} or {guesses[-1]}. Name the "
        f"one to use with {option}. {header.listed()}"
    )


def checked(column: str, header: Header) -> str:
    """A column as the records spell it.

    :raises BadPairs: they have none of that name
    """
    if column in header.names:
        return column
    same = [
        one for one in header.names if one.strip().lower() == column.strip().lower()
    ]
    if len(same) != 1:
        within = f" in {header.source}" if header.source else ""
        raise BadPairs(f"There is no column '{column}'{within}. {header.listed()}")
    return same[0]


def _listed(value: Any) -> Sequence[Any]:
    """Several captions are a list, in a cell of text a list in JSON."""
    if _is_nan(value):
        return []
    if isinstance(value, str) and value.lstrip().startswith('["'):
        try:
            value = json.loads(value)
        except ValueError:
            pass
    return value if isinstance(value, list) else [value]


def _without_nan(row: Row) -> Row:
    return {k: None if _is_nan(value) else value for k, value in row.items()}


def _is_nan(value: Any) -> bool:
    return isinstance(value, str) and value.strip() in NAN


def _told(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(filter(None, map(caption_template.text, values)))
