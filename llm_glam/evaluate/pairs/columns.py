"""Choose the columns of records that hold pictures and captions: given, guessed, or by template."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BadPairs
from ...formats import caption_template, column_names
from ...formats.tables import Row
from .missing_values import is_missing
from .pairs import Pair

IMAGE_COLUMNS = ("file_name", "image_path", "filename", "image")
CAPTION_COLUMNS = ("caption", "captions", "text")


@dataclass(frozen=True)
class Header:
    """The available columns, the source to name in messages, and whether a first line names them."""

    names: Sequence[str]
    source: str | None = None
    is_first_line: bool = False

    def listed(self) -> str:
        """List the names for an error, with advice if they look like data."""
        return f"{column_names.listed(self.names)}{self._advice()}"

    def unknown(self, column: str) -> str:
        """Return the message for a column that does not exist."""
        message = column_names.unknown(column, self.names, self.source)
        return f"{message}{self._advice()}"

    def _advice(self) -> str:
        lower = {name.strip().lower() for name in self.names}
        if not self.is_first_line or lower & {*IMAGE_COLUMNS, *CAPTION_COLUMNS}:
            return ""
        return " The first line must contain the column names."


@dataclass(frozen=True)
class CaptionSource:
    """Where the captions of a record come from, as a function and in words.

    ``column`` is None if a template makes them.
    """

    of: Callable[[Row], tuple[str, ...]]
    words: str
    column: str | None = None

    def why_none(self, row: Row) -> str:
        """Return the reason why a record has no caption."""
        value = row.get(self.column) if self.column is not None else None
        parts = value if isinstance(value, list) else [value]
        if any(isinstance(part, dict) for part in parts):
            return f"its {self.column} is not text"
        return "it has no caption"


def caption_source(
    column: str | None, template: str | None, header: Header, option: str
) -> CaptionSource:
    """Return the source of the captions: a template, or a column.

    :param option: the option that would name the column
    :raises BadPairs: there is no such column, or none that looks like captions
    :raises BadTemplate: the template is invalid
    """
    if template is not None:
        filled = caption_template.parse(template, header.names, header.source)
        return CaptionSource(
            lambda row: _texts([filled.caption(_without_missing(row))]),
            f"from the template '{template}'",
        )
    name = chosen(column, CAPTION_COLUMNS, header, option)
    return CaptionSource(
        lambda row: _texts(_listed(row.get(name))), f"from the column '{name}'", name
    )


def chosen(
    requested: str | None, guesses: Sequence[str], header: Header, option: str
) -> str:
    """Return the column that was asked for, or the first that looks like it.

    :param option: the option that would name it
    :raises BadPairs: there is none
    """
    if requested is not None:
        return checked(requested, header)
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
    """Return a column as the records spell it.

    :raises BadPairs: they have none with that name
    """
    if column in header.names:
        return column
    same = [
        one for one in header.names if one.strip().lower() == column.strip().lower()
    ]
    if len(same) != 1:
        raise BadPairs(header.unknown(column))
    return same[0]


def header_of(found: Iterable[Pair], source: str | None = None) -> Header:
    """Return the columns that records of pairs have, as they are spelled there."""
    names = dict.fromkeys(column for pair in found for column in pair.record)
    return Header(list(names), source)


def _listed(value: Any) -> Sequence[Any]:
    """Return captions as a list; a text cell may hold several as a JSON list."""
    if isinstance(value, str) and value.lstrip().startswith('["'):
        try:
            value = json.loads(value)
        except ValueError:
            pass
    values = value if isinstance(value, list) else [value]
    return [one for one in values if not is_missing(one)]


def _without_missing(row: Row) -> Row:
    return {k: None if is_missing(value) else value for k, value in row.items()}


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(filter(None, map(caption_template.text, values)))
