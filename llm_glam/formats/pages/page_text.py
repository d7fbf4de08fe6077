"""Read the text of a page from a plain text file, or from ALTO, PAGE or hOCR.

The text has the lines of the page, in the order of the file, and an empty line between blocks. A
word that is divided at the end of a line is put together again, so that it can be found.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import BadRecords
from . import hocr, page_xml

Blocks = Iterable[Sequence[str]]  # of lines

ENDINGS = (".txt", ".xml", ".alto", ".page", ".hocr", ".html", ".htm")
FURTHER = (".alto", ".page", ".hocr", ".ocr")  # before another: p1.alto.xml is about p1
MOST_MEGABYTES = 20
UTF16 = (b"\xff\xfe", b"\xfe\xff")
HTML = re.compile(rb"<!doctype\s+html|<html[\s>]", re.I)
START = 4096  # bytes of a file in which HTML says that it is HTML
WORD = re.compile(
    r"\S+(?: [,;:.!?)»”’]+(?= |$))*"
)  # and punctuation that stands apart from it
LONGEST_LINE = 10_000  # characters of one that still may be continued
SOFT = "\u00ad"
HYPHENS = f"-\u2010\u00ac\u2e17{SOFT}"
ALWAYS = f"\u00ac{SOFT}"  # written only where a word goes on


def read(path: Path) -> str:
    """Return the text of a page.

    :raises BadRecords: the file cannot be read, is damaged or too large, or has another format
    """
    data = _content(path)
    try:
        if path.suffix.lower() == ".txt":
            return joined(_paragraphs(_decoded(data)))
        if HTML.search(data[:START]):
            return joined(hocr.blocks(_decoded(data)))
        try:
            return joined(page_xml.blocks(data))
        except page_xml.IsHtml:
            return joined(hocr.blocks(_decoded(data)))
    except ValueError as error:
        raise BadRecords(f"{path}: {error}.") from error


def name_of(file: str) -> str:
    """Return the path of a text file without its endings: that of the picture it is about."""
    name = file
    for endings in (ENDINGS, FURTHER):
        stem, dot, ending = name.rpartition(".")
        if stem and not stem.endswith("/") and f"{dot}{ending}".lower() in endings:
            name = stem
    return name


def joined(blocks: Blocks) -> str:
    """Return the text of blocks of lines, with words put together that lines divide."""
    texts = ("\n".join(_lines(lines)) for lines in blocks)
    return "\n\n".join(filter(None, texts))


def _lines(lines: Iterable[str]) -> list[str]:
    found: list[str] = []
    for line in (" ".join(line.split()) for line in lines):
        rest = line
        if found and _goes_on(found[-1], line):
            word = WORD.match(line)
            assert word
            found[-1], rest = found[-1][:-1] + word[0], line[word.end() :].lstrip()
        if rest:
            found.append(rest)
    return [_without_soft_hyphens(line) for line in found]


def _goes_on(before: str, line: str) -> bool:
    """Return whether the last word of a line is continued by the first one of the next."""
    if not line or not 2 <= len(before) < LONGEST_LINE or before[-1] not in HYPHENS:
        return False
    if unicodedata.category(before[-2])[0] not in "LM":  # letters, and accents of them
        return False
    return line[0].islower() or (before[-1] in ALWAYS and line[0].isalpha())


def _without_soft_hyphens(line: str) -> str:
    ending = "-" if line.endswith(SOFT) else ""
    return line.replace(SOFT, "") + ending


def _paragraphs(text: str) -> list[list[str]]:
    """Return the lines of a text in the paragraphs that empty lines separate."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    return found


def _content(path: Path) -> bytes:
    try:
        with open(path, "rb", opener=_open) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadRecords(f"{path} is not a file.")
            data = file.read(MOST_MEGABYTES * 1_000_000 + 1)
    except OSError as error:
        raise BadRecords(
            f"{path} cannot be read ({error.strerror or error})."
        ) from error
    if len(data) > MOST_MEGABYTES * 1_000_000:
        raise BadRecords(
            f"{path} is larger than {MOST_MEGABYTES} MB, which no text of a page is."
        )
    return data


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))  # or a pipe would wait


def _decoded(data: bytes) -> str:
    """Return text in UTF-8 or UTF-16, or else in Windows-1252.

    :raises ValueError: it is not text
    """
    if data.startswith(UTF16):
        text = data.decode("utf-16", "replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", "replace")
    if "\0" in text:
        raise ValueError("it is not a text")
    return text
