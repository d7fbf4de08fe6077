"""Convert untrusted Markdown to HTML that only shows text.

HTML in it is escaped, pictures become their text (a page loads nothing from other servers), and
links are limited to http and https.
"""

import threading
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

LONGEST = 100_000  # characters; parsing more could take many seconds
MOST = 100  # values of a header that are shown
SCROLL = '<div class="glam-scroll" role="group" aria-label="table" tabindex="0"><table>'

_one_at_a_time = threading.Lock()


def shown(header: dict[str, Any]) -> dict[str, str]:
    """Return the part of a header that a page shows: values and lists of values, nothing nested."""
    rows = {}
    for name, value in list(header.items())[:MOST]:
        values = value if isinstance(value, list) else [value]
        if values and all(isinstance(one, str) for one in values):
            rows[str(name)] = ", ".join(values)
    return rows


def html(text: str, *, below: int) -> Markup:
    """Convert Markdown to HTML that goes below a heading of the level ``below``.

    A very long text is shown as plain text.
    """
    if len(text) > LONGEST:
        return Markup("<pre>{}</pre>").format(text)
    with _one_at_a_time:
        return _html(text, below)


@lru_cache(maxsize=20)
def _html(text: str, below: int) -> Markup:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    _renumber_headings(tokens, below)
    for token in tokens:
        if token.children:
            token.children = list(_harmless(token.children))
    made = str(parser.renderer.render(tokens, parser.options, {}))
    # These tags are the parser's: it has escaped those in the text.
    made = made.replace("<table>", SCROLL).replace("</table>", "</table></div>")
    return Markup(made)


def _renumber_headings(tokens: list[Token], below: int) -> None:
    """Renumber headings so that their levels start below ``below`` and skip none."""
    parents: list[str] = []
    level = ""
    for token in tokens:
        if token.type not in ("heading_open", "heading_close"):
            continue
        if token.type == "heading_open":
            while parents and parents[-1] >= token.tag:
                parents.pop()
            parents.append(token.tag)
            level = f"h{min(6, below + len(parents))}"
        token.tag = level


def _harmless(tokens: list[Token]) -> Any:
    """Yield inline tokens with pictures replaced by their text and without unsafe links."""
    is_open = False
    for token in tokens:
        if token.type == "image":
            yield Token("text", "", 0, content=token.content or "picture")
        elif token.type == "link_open":
            is_open = is_web(str(token.attrs.get("href", "")))
            if is_open:
                href = token.attrs["href"]
                token.attrs = {"href": href, "rel": "noopener noreferrer nofollow"}
                yield token
        elif token.type != "link_close" or is_open:
            yield token


def is_web(url: str) -> bool:
    """Return whether a URL is http or https, with a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(parts.netloc)
