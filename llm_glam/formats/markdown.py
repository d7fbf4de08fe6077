"""Text and figures from outside as they can stand in Markdown: as text, and nothing more."""

import math
import re
from collections.abc import Iterable, Sequence

LONGEST = 300  # characters of one text from outside
SPECIAL = re.compile(r"([\\`*_{}\[\]()#|~$])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

Rows = Iterable[Sequence[str]]


def escaped(text: object) -> str:
    """Text from outside as it can stand anywhere in Markdown: one line, and nothing but text."""
    shown = SPECIAL.sub(r"\\\1", one_line(text))
    shown = re.sub("[&<>]", lambda found: ENTITIES[found[0]], shown)
    shown = re.sub(r"^([-+=])|^(\d+)(?=[.)\\](?!\d))", _unlisted, shown)
    # Where renderers make links of bare addresses.
    shown = shown.replace("://", "\\://")
    shown = re.sub(r"(?i)\b(www)\.", r"\1\\.", shown)
    return re.sub(r"@(?=[\w-]+\.)", r"\\@", shown)


def one_line(text: object) -> str:
    """One line of printable text; what cannot be written as UTF-8 becomes a question mark."""
    clean = str(text).encode("utf-8", "replace").decode("utf-8")
    spaced = "".join(c if c.isprintable() else " " for c in clean)
    short = " ".join(spaced.split())
    return short if len(short) <= LONGEST else short[: LONGEST - 1] + "…"


def figure(value: float | None) -> str:
    """A figure with two decimals and no leading zero; a dash where there is none."""
    if value is None or missing(value):
        return "–"
    if 0 < value < 0.005:
        return "&lt;.01"
    return (
        f"{value + 0.0:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
    )


def duration(seconds: float) -> str:
    """A time in seconds as people say it, ``1 h 2 min``."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def missing(value: float | None) -> bool:
    """Is there no figure?"""
    return value is None or not math.isfinite(value)


def table(head: Sequence[str], rows: Rows) -> str:
    """A table of cells that are escaped already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(language: str, *lines: str) -> str:
    """A block of code whose fence no line of it can close."""
    runs = [len(run) for line in lines for run in re.findall("`+", line)]
    fence = "`" * max(3, max(runs, default=0) + 1)
    return "\n".join((f"{fence}{language}", *lines, fence))


def _unlisted(found: re.Match[str]) -> str:
    """What would begin a list or a heading, as text."""
    return f"\\{found[1]}" if found[1] else f"&#{ord(found[2][0])};{found[2][1:]}"
