"""Read XMP packets: the properties of a picture as RDF in XML.

The parser is expat, which is told to refuse every document type: without one, there are no
entities that could expand or refer to files. What comes before damage is read.
"""

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass, field
from xml.parsers import expat

from .text import decode, tidy, tidy_all

LARGEST = 4_000_000  # bytes of a packet that are read
DEEPEST = 64  # elements within each other
MOST_NODES = 20_000
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns# "
LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
DEFAULT = "x-default"
REFUSED_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff\ufffe\uffff]")
NAMESPACES = {
    "cc": "http://creativecommons.org/ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "iptc": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "iptcExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "xmpRights": "http://ns.adobe.com/xap/1.0/rights/",
}
PREFIXES = {uri: prefix for prefix, uri in NAMESPACES.items()}
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
    b"<\0\0\0": "utf-32-le",
    b"\0\0\0<": "utf-32-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}


@dataclass
class Node:
    """An element of a packet, or an attribute that stands for one."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text of a simple value, or the address it refers to."""
        for child in self.children:  # a value with qualifiers
            if child.name == f"{RDF}value":
                return child.text
            if child.name == f"{RDF}Description":
                return child.attributes.get(f"{RDF}value") or child.text
        return self.attributes.get(f"{RDF}resource") or "".join(self.parts)

    def items(self) -> list["Node"]:
        """Return the members of a list, or the node itself if it is none."""
        lists = {f"{RDF}{kind}" for kind in ("Alt", "Bag", "Seq")}
        for child in self.children:
            if child.name in lists:
                return [one for one in child.children if one.name == f"{RDF}li"]
        return [self]

    def fields(self) -> dict[str, "Node"]:
        """Return the fields of a structure by name, as :meth:`Packet.text` takes it."""
        found = {n: Node(n, parts=[text]) for n, text in self.attributes.items()}
        for child in self.children:
            within = child.fields() if child.name == f"{RDF}Description" else {}
            found |= within or {child.name: child}
        return {_short(name): node for name, node in found.items()}


@dataclass(frozen=True)
class Packet:
    """The properties of a packet by name, such as ``dc:title``."""

    nodes: dict[str, Node] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return a text: of several languages the default or else the first one with text."""
        node = self.nodes.get(name)
        return _in_one_language(node) if node else None

    def texts(self, name: str) -> list[str]:
        """Return the members of a list."""
        node = self.nodes.get(name)
        return tidy_all([item.text for item in node.items()]) if node else []

    def in_structure(self, name: str, part: str) -> str | None:
        """Return a field of the first structure in a list that has it."""
        node = self.nodes.get(name)
        for item in node.items() if node else ():
            found = item.fields().get(part)
            if found and (text := _in_one_language(found)):
                return text
        return None


def read(packet: bytes) -> Packet:
    """Read a packet: UTF-8, UTF-16 or UTF-32, up to where it is damaged."""
    reader = _Reader()
    with suppress(expat.ExpatError, _Refused):
        reader.parser.Parse(_decoded(packet).encode("utf-8", "replace"), True)
    return Packet(reader.nodes)


class _Refused(Exception):
    """The rest of a packet is not read."""


class _Reader:
    """Collect the properties of the namespaces that are known, as expat goes through a packet."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self._path: list[str] = []
        self._within: list[Node] = (
            []
        )  # the property that is being read, and nodes within it
        self._count = 0
        self.parser = expat.ParserCreate("utf-8", " ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _refuse(self, *_: object) -> None:
        raise _Refused

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) > DEEPEST:
            raise _Refused
        if self._within:
            self._add(Node(name, attributes))
        elif self._path[-2:-1] == [f"{RDF}RDF"]:
            self._add_attributes(attributes)
        elif self._path[-3:-2] == [f"{RDF}RDF"] and _is_known(name):
            self._within.append(Node(name, attributes))

    def _add(self, node: Node) -> None:
        self._count += 1
        if self._count > MOST_NODES:
            raise _Refused
        self._within[-1].children.append(node)
        self._within.append(node)

    def _add_attributes(self, attributes: dict[str, str]) -> None:
        for name, value in attributes.items():
            if _is_known(name):
                self.nodes.setdefault(_short(name), Node(name, parts=[value]))

    def _end(self, name: str) -> None:
        self._path.pop()
        if self._within:
            node = self._within.pop()
            if not self._within:
                self.nodes.setdefault(_short(node.name), node)

    def _characters(self, text: str) -> None:
        if self._within:
            self._within[-1].parts.append(text)


def _decoded(packet: bytes) -> str:
    """Return the text of a packet, from its first tag on, without what XML does not allow."""
    raw = packet.lstrip(b" \t\r\n")
    if len(raw) > LARGEST:
        raw = raw[:LARGEST].rpartition(b">")[0]
    encoding = next((e for mark, e in MARKS.items() if raw.startswith(mark)), None)
    text = raw.decode(encoding, "replace") if encoding else decode(raw)
    return REFUSED_CHARACTERS.sub("", text[max(text.find("<"), 0) :])


def _in_one_language(node: Node) -> str | None:
    items = node.items()
    defaults = [i for i in items if i.attributes.get(LANGUAGE, "").lower() == DEFAULT]
    texts = (tidy(item.text) for item in [*defaults, *items])
    return next(filter(None, texts), None)


def _is_known(name: str) -> bool:
    return name.rpartition(" ")[0] in PREFIXES


def _short(name: str) -> str:
    uri, _, local = name.rpartition(" ")
    return f"{PREFIXES[uri]}:{local}" if uri in PREFIXES else name
