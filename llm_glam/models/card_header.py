"""Read and write the header of a model card: the YAML above its Markdown.

A card may come from anybody, so a header is read as plain text, and what cannot be read is as good
as no header.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..checkpoints import layout

MARK = "---"
LONGEST = 20_000  # characters; a site is not to spend seconds on one header
LONGEST_OWN = 1_000_000
DEEPEST = 20  # levels of lists and mappings
NULL = ("", "~", "null", "Null", "NULL")


def split(text: str, longest: int = LONGEST) -> tuple[dict[str, Any], str]:
    """Return the header of a card, all its values as text, and what stands below.

    The header is empty if there is none, if it is longer than ``longest`` characters, or if it
    cannot be read.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    marks = [n for n, line in enumerate(lines) if line.rstrip() == MARK][:2]
    if len(marks) < 2 or any(line.strip() for line in lines[: marks[0]]):
        return {}, text
    header = "\n".join(lines[marks[0] + 1 : marks[1]])
    body = "\n".join(lines[marks[1] + 1 :])
    return mapping(header, longest), body


def mapping(text: str, longest: int = LONGEST) -> dict[str, Any]:
    """Return the mapping that a YAML text consists of, all its values as text.

    It is empty if the text is something else, is too long, or cannot be read.
    """
    return _read(text) if len(text) <= longest else {}


def of_folder(directory: Path) -> dict[str, Any]:
    """Return the header of the card in a checkpoint's folder, empty if there is none to read."""
    try:
        text = (directory / layout.CARD).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    return split(text, LONGEST_OWN)[0]


def as_line(value: Any) -> str | None:
    """Return a value of a header as one line, None if it has none.

    :param value: one text, or several in a list
    """
    return ", ".join(texts(value)) or None


def texts(value: Any) -> list[str]:
    """Return the texts in a value of a header, without those that are empty.

    :param value: one text, or several in a list
    """
    values = value if isinstance(value, list) else [value]
    return [str(v) for v in values if v is not None and v not in NULL]


def write(fields: Mapping[str, Any], *, flow_lists: bool = False) -> str:
    """Return a header with these fields, in their order, and its marks.

    :param flow_lists: write lists as ``[a, b]``, not with one line for each value
    """
    dumped = yaml.safe_dump(
        dict(fields),
        sort_keys=False,
        allow_unicode=True,
        width=10**6,
        default_flow_style=None if flow_lists else False,
    )
    return f"{MARK}\n{dumped}{MARK}\n"


def _read(header: str) -> dict[str, Any]:
    try:
        if not _is_simple(header):
            return {}
        # As text only: this loader makes no object of anything.
        found = yaml.load(header, yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_simple(header: str) -> bool:
    """Return whether a header is cheap to load.

    A few lines of aliases can stand for gigabytes, and thousands of open brackets take minutes.
    """
    depth = 0
    for event in yaml.parse(header, yaml.BaseLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
            return False
    return True
