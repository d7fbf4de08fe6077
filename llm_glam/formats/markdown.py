"""Escape untrusted text and format figures for Markdown."""

import math
import re
from collections.abc import Iterable, Sequence

LONGEST = 300  # characters of one untrusted text
SPECIAL = re.compile(r"([\\`*_{}\[\]()#|~$])")
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

Rows = Iterable[Sequence[str]]


def escaped(text: object) -> str:
    """Escape untrusted text for any place in Markdown: one line, and nothing but text."""
    shown = SPECIAL.sub(r"\\\1", one_line(text))
    shown = re.sub("[&<>]", lambda found: ENTITIES[found[0]], shown)
    shown = re.sub(r"^([-+=])|^(\d+)(?=[.)\\](?!\d))", _unlisted, shown)
    # Some renderers turn bare URLs into links.
    shown = shown.replace("://", "\\://")
    shown = re.sub(r"(?i)\b(www)\.", r"\1\\.", shown)
    return re.sub(r"@(?=[\w-]+\.)", r"\\@", shown)


def one_line(text: object) -> str:
    """Return one line of printable text; what cannot be encoded as UTF-8 becomes a question mark."""
    clean = str(text).encode("utf-8", "replace").decode("utf-8")
    spaced = "".join(c if c.isprintable() else " " for c in clean)
    short = " ".join(spaced.split())
    return short if len(short) <= LONGEST else short[: LONGEST - 1] + "…"


def figure(value: float | None) -> str:
    """Format a figure with two decimals and no leading zero; a dash if there is none."""
    if value is None or missing(value):
        return "–"
    if 0 < value < 0.005:
        return "&lt;.01"
    return (
        f"{value + 0.0:.2f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
    )


def duration(seconds: float) -> str:
    """Format a time in seconds as people write it, ``1 h 2 min``."""
    if not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min"


def missing(value: float | None) -> bool:
    """Return whether there is no figure."""
    return value is None or not math.isfinite(value)


def table(head: Sequence[str], rows: Rows) -> str:
    """Return a table of cells that are already escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(language: str, *lines: str) -> str:
    """Return a code block whose fence cannot be closed by any line in it."""
    runs = [len(run) for line in lines for run in re.findall("`+", line)]
    fence = "`" * max(3, max(runs, default=0) + 1)
    return "\n".join((f"{fence}{language}", *lines, fence))


def _unlisted(found: re.Match[str]) -> str:
    """Escape what would begin a list or a heading."""
    return f"\\{found[1]}" if found[1] else f"&#{ord(found[2][0])};{found[2][1:]}"
