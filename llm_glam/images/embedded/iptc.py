"""Read IPTC-IIM, the records that press photographs have had since 1991."""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from .text import decode, tidy_all

TAG = 0x1C
ENVELOPE, APPLICATION = 1, 2  # numbers of records
CHARACTER_SET = 90
# UTF-8 (ESC % G) needs none: what is valid UTF-8 is read as that, whatever is declared.
ENCODINGS = {
    b"\x1b-" + letter: f"iso8859-{number}"
    for number, letter in enumerate((b"B", b"C", b"D", b"L", b"G", b"F", b"H", b"M"), 2)
}
BLOCK, DIGEST = 0x0404, 0x0425  # numbers of Photoshop's resources
LARGEST = 4_000_000  # bytes of a block that are read
MOST_PARTS = 20_000
SIGNATURES = (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa")


@dataclass(frozen=True)
class Iptc:
    """The texts of an IPTC block by the number of their dataset in record 2.

    ``is_newer`` says that a program that knows nothing of XMP has changed it since the file's XMP
    was written, as the digest beside it tells.
    """

    values: dict[int, list[str]] = field(default_factory=dict)
    is_newer: bool = False


def read(block: bytes, digest: bytes = b"") -> Iptc:
    """Read an IPTC block, up to where it is damaged.

    :param digest: the MD5 of the block when XMP was last written, if the file has it
    """
    raw: dict[int, list[bytes]] = {}
    declared = b""
    for record, dataset, value in islice(_datasets(block[:LARGEST]), MOST_PARTS):
        if (record, dataset) == (ENVELOPE, CHARACTER_SET):
            declared = value
        elif record == APPLICATION:
            raw.setdefault(dataset, []).append(value)
    is_newer = bool(digest.strip(b"\0")) and digest not in _digests(block)
    encoding = ENCODINGS.get(declared.strip(), "cp1252")
    values = {n: tidy_all([decode(v, encoding) for v in own]) for n, own in raw.items()}
    return Iptc(values, is_newer)


def resources(data: bytes) -> dict[int, bytes]:
    """Return the image resources of Photoshop, which IPTC is one of, by their numbers."""
    found: dict[int, bytes] = {}
    at = 0
    for _ in range(MOST_PARTS):
        if data[at : at + 4] not in SIGNATURES or len(data) < at + 12:
            break
        (number,) = struct.unpack_from(">H", data, at + 4)
        at += 6 + (data[at + 6] + 2) // 2 * 2  # past its name, padded
        if len(data) < at + 4:
            break
        (size,) = struct.unpack_from(">I", data, at)
        found.setdefault(number, data[at + 4 : at + 4 + size])
        at += 4 + size + size % 2
    return found


def _digests(block: bytes) -> set[bytes]:
    """Return the digests of a block, with and without the zeros that a TIFF appends to it."""
    contents = block, block.rstrip(b"\0")
    return {hashlib.md5(one, usedforsecurity=False).digest() for one in contents}


def _datasets(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield record, dataset and value, as long as there are whole ones."""
    at = 0
    while len(block) >= at + 5 and block[at] == TAG:
        record, dataset, size = struct.unpack_from(">BBH", block, at + 1)
        at += 5
        if size & 0x8000:  # an extended dataset, whose size has this many bytes
            digits = size & 0x7FFF
            size = (
                int.from_bytes(block[at : at + digits]) if digits <= 8 else len(block)
            )
            at += digits
        if len(block) < at + size:
            return
        yield record, dataset, block[at : at + size]
        at += size
