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
    return (_read(header) if len(header) <= longest else {}), body


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
    values = value if isinstance(value, list) else [value]
    return ", ".join(str(v) for v in values if v is not None and v not in NULL) or None


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
