"""Markdown that strangers wrote, as HTML that does nothing but show text.

No HTML of theirs, no pictures (a page asks nobody else for anything), links to the web only.
"""

import threading
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

LONGEST = 100_000  # characters; what is longer could take its reader many seconds
MOST = 100  # values of a header that are shown
SCROLL = '<div class="glam-scroll" role="group" aria-label="table" tabindex="0"><table>'

_one_at_a_time = threading.Lock()


def shown(header: dict[str, Any]) -> dict[str, str]:
    """What a page shows of a header: values and lists of values, not what is nested deeper."""
    rows = {}
    for name, value in list(header.items())[:MOST]:
        values = value if isinstance(value, list) else [value]
        if values and all(isinstance(one, str) for one in values):
            rows[str(name)] = ", ".join(values)
    return rows


def html(text: str, *, below: int) -> Markup:
    """Markdown as HTML to be put below a heading of the level ``below``.

    A very long text is shown as it was written.
    """
    if len(text) > LONGEST:
        return Markup("<pre>{}</pre>").format(text)
    with _one_at_a_time:
        return _html(text, below)


@lru_cache(maxsize=20)
def _html(text: str, below: int) -> Markup:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(text)
    _order_headings(tokens, below)
    for token in tokens:
        if token.children:
            token.children = list(_harmless(token.children))
    made = str(parser.renderer.render(tokens, parser.options, {}))
    # These tags are the parser's own: those in the text are escaped.
    made = made.replace("<table>", SCROLL).replace("</table>", "</table></div>")
    return Markup(made)


def _order_headings(tokens: list[Token], below: int) -> None:
    """Give headings levels that begin under ``below`` and leave none out."""
    open_ones: list[str] = []
    level = ""
    for token in tokens:
        if token.type not in ("heading_open", "heading_close"):
            continue
        if token.type == "heading_open":
            while open_ones and open_ones[-1] >= token.tag:
                open_ones.pop()
            open_ones.append(token.tag)
            level = f"h{min(6, below + len(open_ones))}"
        token.tag = level


def _harmless(tokens: list[Token]) -> Any:
    """Inline tokens with pictures as their text, and only links to the web."""
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
    """Does an address lead to the web?"""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in ("http", "https") and bool(parts.netloc)
