"""Read the lines of a page from ALTO or PAGE XML.

The file is read piece by piece. A document type declaration is refused, and with it all entities.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol
from xml.parsers import expat

Attributes = dict[str, str]
Key = tuple[int, ...]  # places in the order of reading and its groups

PUNCTUATION_BEFORE = re.compile(r"^[^\w]+")
PUNCTUATION_AFTER = re.compile(r"[^\w]+$")
LAST = 10**9
MOST_OPEN = 200  # elements within each other


class IsHtml(Exception):
    """The file is HTML."""


class _Reader(Protocol):
    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element."""

    def text(self, text: str) -> None:
        """Add text to the element."""

    def end(self, name: str) -> None:
        """End an element."""

    def blocks(self) -> list[list[str]]:
        """Return the lines, by block."""


def blocks(data: bytes) -> list[list[str]]:
    """Return the blocks of a page, each with its lines.

    :raises ValueError: it is not well-formed, has a document type declaration, or is something else
    :raises IsHtml: it is HTML
    """
    document = _Document()
    try:
        document.parser.Parse(data, True)
    except expat.ExpatError as error:
        why = expat.errors.messages.get(error.code, "")
        raise ValueError(
            f"it is not well-formed XML (line {error.lineno}: {why})"
        ) from error
    except LookupError as error:
        raise ValueError("its encoding is unknown") from error
    return document.reader.blocks() if document.reader else []


class _Document:
    """A parser, and the reader that the first element of a file asks for."""

    def __init__(self) -> None:
        self.reader: _Reader | None = None
        self._depth = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.CharacterDataHandler = self._text
        self.parser.EndElementHandler = self._end

    def _refuse(self, name: str, *_: object) -> None:
        if name.lower() == "html":
            raise IsHtml
        raise ValueError("it has a document type declaration (DTD), which is not read")

    def _start(self, name: str, attributes: Attributes) -> None:
        name = _local(name)
        self._depth += 1
        if self._depth > MOST_OPEN:
            raise ValueError("its elements are nested too deeply")
        if self.reader is None:
            self.reader = _reader_of(name)
        self.reader.start(name, attributes)

    def _text(self, text: str) -> None:
        if self.reader:
            self.reader.text(text)

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self.reader:
            self.reader.end(_local(name))


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _reader_of(root: str) -> _Reader:
    if root == "html":
        raise IsHtml
    if root not in READERS:
        raise ValueError(
            f"it is not ALTO, PAGE or hOCR: its first element is <{root[:50]}>"
        )
    return READERS[root]()


class _Alto:
    """Blocks and lines of ALTO, with divided words as they are given whole."""

    def __init__(self) -> None:
        self._blocks: list[list[str]] = []
        self._words: list[str] = []  # of the line, with spaces as they are given
        self._first: tuple[str, str] | None = None  # half of a word, and the whole

    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element."""
        if name == "TextBlock":
            self._blocks.append([])
        elif name == "TextLine":
            self._words = []
        elif name == "SP":
            self._words.append(" ")
        elif name == "HYP":
            self._hyphen(attributes.get("CONTENT") or "-")
        elif name == "String":
            self._string(
                attributes.get("CONTENT", ""),
                attributes.get("SUBS_TYPE", ""),
                attributes.get("SUBS_CONTENT", ""),
            )

    def text(self, text: str) -> None:
        """Ignore text: that of ALTO is in attributes."""

    def end(self, name: str) -> None:
        """End an element."""
        if name == "TextLine":
            between = "" if " " in self._words else " "
            if not self._blocks:
                self._blocks.append([])
            self._blocks[-1].append(between.join(self._words))

    def blocks(self) -> list[list[str]]:
        """Return the lines, by block."""
        return self._blocks

    def _hyphen(self, hyphen: str) -> None:
        if self._words and not self._first:
            self._words[-1] += hyphen

    def _string(self, content: str, part: str, whole: str) -> None:
        if part == "HypPart1" and whole:
            self._words.append(_before(content, whole) + whole)
            self._first = content, whole
        elif part == "HypPart2" and whole:
            self._second_half(content, whole)
        else:
            self._words.append(content)
            self._first = None

    def _second_half(self, content: str, whole: str) -> None:
        """Put the punctuation behind a word to the line where the word is now."""
        rest = PUNCTUATION_AFTER.search(content)
        after = rest[0] if rest and not whole.endswith(rest[0]) else ""
        lines = self._blocks[-1] if self._blocks else []
        if self._first and self._first[1] == whole and lines:
            lines[-1] = lines[-1].rstrip() + after
        else:
            self._words.append(whole + after)
        self._first = None


def _before(content: str, whole: str) -> str:
    """Return the punctuation before a divided word that is not in the whole one."""
    found = PUNCTUATION_BEFORE.match(content)
    return found[0] if found and not whole.startswith(found[0]) else ""


@dataclass
class _Part:
    """A region, line, word or character of PAGE, with the texts that the file gives for it."""

    kind: str
    key: tuple[Key, int] = ((), 0)
    equivalents: list[tuple[int, str]] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    def text(self, between: str) -> str:
        """Return the text that is listed first, or else that of its parts."""
        texts = [text for _, text in sorted(self.equivalents, key=lambda one: one[0])]
        return next(filter(str.strip, texts), "") or between.join(self.parts)


class _Page:
    """Regions and lines of PAGE, in the order of reading that the file gives."""

    def __init__(self) -> None:
        self._order: dict[str, Key] = {}
        self._groups: list[list[int]] | None = None  # places so far, within its element
        self._open: list[_Part] = []
        self._regions: list[_Part] = []
        self._index = 0
        self._kind = ""
        self._texts: dict[str, str] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        """Begin an element."""
        if name == "ReadingOrder":
            self._groups = [[0]]
        elif self._groups is not None:
            self._ordered(attributes)
        elif name.endswith("Region"):
            self._open.append(_Part("Region", self._key(attributes.get("id", ""))))
            self._regions.append(self._open[-1])
        elif name in ("TextLine", "Word", "Glyph"):
            self._open.append(_Part(name))
        elif name == "TextEquiv":
            self._index, self._texts = _number(attributes.get("index"), 0), {}
        elif name in ("Unicode", "PlainText"):
            self._kind = name

    def text(self, text: str) -> None:
        """Add text to the element."""
        if self._kind:
            self._texts[self._kind] = self._texts.get(self._kind, "") + text

    def end(self, name: str) -> None:
        """End an element."""
        if name == "ReadingOrder":
            self._groups = None
        elif self._groups is not None:
            self._groups.pop()
        elif name in ("Unicode", "PlainText"):
            self._kind = ""
        elif name == "TextEquiv" and self._open:
            text = self._texts.get("Unicode") or self._texts.get("PlainText", "")
            self._open[-1].equivalents.append((self._index, text))
        elif self._open and (name.endswith("Region") or name == self._open[-1].kind):
            self._close(self._open.pop())

    def blocks(self) -> list[list[str]]:
        """Return the lines, by block."""
        ordered = sorted(self._regions, key=lambda region: region.key)
        return [_lines_of(region) for region in ordered]

    def _ordered(self, attributes: Attributes) -> None:
        """Note the place of a region or of a group of them in the order of reading."""
        assert self._groups
        places = self._groups[-1]
        places[-1] += 1
        place = _number(attributes.get("index"), places[-1])
        if region := attributes.get("regionRef"):
            path = (*(level[-2] for level in self._groups[1:]), place)
            self._order.setdefault(region, path)
        self._groups.append([place, 0])

    def _key(self, region: str) -> tuple[Key, int]:
        """Return what to sort a region by; one within another follows that."""
        outer = self._open[-1].key[0] if self._open else (LAST,)
        return self._order.get(region, outer), len(self._regions)

    def _close(self, part: _Part) -> None:
        """Give the text of a line or word to what it is a part of."""
        if part.kind != "Region" and self._open:
            between = " " if part.kind == "TextLine" else ""
            self._open[-1].parts.append(part.text(between))


def _lines_of(region: _Part) -> list[str]:
    if any(map(str.strip, region.parts)):
        return region.parts
    return region.text("\n").splitlines()


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 9 else otherwise


READERS: dict[str, type[_Alto] | type[_Page]] = {"alto": _Alto, "PcGts": _Page}
