"""Read the lines of a page from hOCR, which is HTML and often not well-formed XML.

Python's own parser of HTML takes hours for a few megabytes of damaged tags; here, a tag that does
not end is an error.
"""

import re
from collections import Counter
from html import unescape

LINES = {
    *("ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption"),
    *("ocr_textfloat", "ocr_float"),
}
WORDS = {"ocrx_word", "ocr_word"}
BLOCKS = {"ocr_page", "ocr_carea", "ocr_par", "ocrx_block"}
BLOCK_TAGS = {"p", "h1", "h2", "h3", "h4", "h5", "h6"}
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "wbr"}
NO_TEXT = {"head", "title"}
OF_PROGRAMS = {"script", "style"}
MARKUP = re.compile(r"<(?=/?[A-Za-z]|[!?])")
TAG = re.compile(r"(/?)([A-Za-z][^\s/>]*+)((?:[^\"'>]++|\"[^\"]*+\"|'[^']*+')*+)>")
PROGRAM_END = re.compile(r"</(?:script|style)\s*+>", re.I)
ATTRIBUTE = re.compile(r"""([^\s=\"'>/]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s\"'>]+))?""")
UNENDED = "it is damaged: a tag in it does not end"
MOST_OPEN = 500  # elements within each other


def blocks(text: str) -> list[list[str]]:
    """Return the blocks of a page, each with its lines.

    :raises ValueError: it is not hOCR
    """
    reader = _Reader()
    position = 0
    while found := MARKUP.search(text, position):
        reader.add(text[position : found.start()])
        position = _markup(reader, text, found.end())
    reader.add(text[position:])
    reader.end_block()
    if not reader.is_hocr:
        raise ValueError("it is HTML, but not hOCR: no element has the class ocr_page")
    return reader.blocks


class _Reader:
    """The lines of hOCR; text of a block outside its lines is a line of its own."""

    def __init__(self) -> None:
        self.is_hocr = False
        self.blocks: list[list[str]] = []
        self._lines: list[str] = []
        self._pieces: list[tuple[bool, list[str]]] = []  # is it of a word, and the text
        self._open: list[tuple[str, str]] = []  # tags, and what they are
        self._within: Counter[str] = Counter()  # how many of these are open
        self._is_new = True  # whether text begins another piece

    def start(self, tag: str, classes: set[str]) -> None:
        """Begin an element."""
        if tag in VOID:
            return
        if tag == "p" and self._open and self._open[-1][0] == "p":
            self._close()
        if len(self._open) >= MOST_OPEN:
            raise ValueError("its elements are nested too deeply")
        self.is_hocr |= "ocr_page" in classes
        kind = _kind(tag, classes)
        self._begin(kind)
        self._open.append((tag, kind))
        self._within[kind] += 1

    def end(self, tag: str) -> None:
        """End an element, and those within it that were not ended."""
        if any(tag == one for one, _ in self._open):
            while self._close() != tag:
                pass

    def add(self, data: str) -> None:
        """Add text to the line."""
        if not data:
            return
        if self._within["no text"]:
            return
        is_word = self._within["word"] > 0
        data = unescape(data)
        if self._pieces and not self._is_new:
            self._pieces[-1][1].append(data)
        else:
            self._pieces.append((is_word, [data]))
        self._is_new = False

    def end_block(self) -> None:
        """End a block, and the line in it."""
        self._end_line()
        if self._lines:
            self.blocks.append(self._lines)
            self._lines = []

    def _close(self) -> str:
        tag, kind = self._open.pop()
        self._within[kind] -= 1
        self._begin(kind)
        return tag

    def _begin(self, kind: str) -> None:
        """Note that something begins or ends."""
        if kind == "block":
            self.end_block()
        elif kind == "line":
            self._end_line()
        elif kind == "word":
            self._is_new = True

    def _end_line(self) -> None:
        pieces = [(is_word, "".join(texts)) for is_word, texts in self._pieces]
        if line := _line(pieces):
            self._lines.append(line)
        self._pieces = []


def _markup(reader: _Reader, text: str, start: int) -> int:
    """Read what follows a ``<``; return where the text goes on."""
    if text.startswith("!--", start):
        return _behind(text, "-->", start)
    if text.startswith(("!", "?"), start):
        return _behind(text, ">", start)
    found = TAG.match(text, start)
    if found is None:
        raise ValueError(UNENDED)
    slash, tag, attributes = found[1], found[2].lower(), found[3]
    if slash:
        reader.end(tag)
    elif tag in OF_PROGRAMS:
        ending = PROGRAM_END.search(text, found.end())
        if ending is None:
            raise ValueError(UNENDED)
        return ending.end()
    else:
        reader.start(tag, _classes(attributes))
        if attributes.endswith("/"):
            reader.end(tag)
    return found.end()


def _behind(text: str, end: str, start: int) -> int:
    found = text.find(end, start)
    if found < 0:
        raise ValueError(UNENDED)
    return found + len(end)


def _classes(attributes: str) -> set[str]:
    values = {name.lower(): value for name, value in ATTRIBUTE.findall(attributes)}
    return set(unescape(values.get("class", "")).strip("\"'").split())


def _kind(tag: str, classes: set[str]) -> str:
    if classes & WORDS:
        return "word"
    if classes & LINES:
        return "line"
    if classes & BLOCKS or tag in BLOCK_TAGS:
        return "block"
    return "no text" if tag in NO_TEXT else ""


def _line(pieces: list[tuple[bool, str]]) -> str:
    """Return the text of a line; where words are spaces, nothing else separates words."""
    words = [text for is_word, text in pieces if is_word]
    blank = [text for text in words if text and not text.strip()]
    if blank and len(blank) < len(words):
        return "".join(words).strip()
    return " ".join(text.strip() for _, text in pieces if text.strip())
