"""Read texts, date and place from EXIF, as Pillow parses it."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .text import decode, tidy, tidy_all

IMAGE_DESCRIPTION, ARTIST, COPYRIGHT = 0x010E, 0x013B, 0x8298
XP_TITLE, XP_COMMENT, XP_AUTHOR, XP_KEYWORDS = 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E
EXIF_IFD, GPS_IFD = 0x8769, 0x8825
TAKEN, TAKEN_OFFSET, USER_COMMENT = 0x9003, 0x9011, 0x9286
LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE = 1, 2, 3, 4
JAPANESE = ("iso2022_jp", "euc_jp", "shift_jis")
DATE_AND_TIME = re.compile(r"(\d{4}\D\d\d\D\d\d) (\d\d:\d\d:\d\d)")
OFFSET = re.compile(r"[+-]\d\d:\d\d|Z")


@dataclass(frozen=True)
class Exif:
    """What is used of a picture's EXIF; what is missing or damaged is empty.

    ``captions`` has the description before comments. ``place`` is latitude and longitude in
    degrees, negative in the south and west.
    """

    title: str | None = None
    captions: list[str] = field(default_factory=list)
    creators: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    rights: str | None = None
    date: str | None = None
    place: tuple[float, float] | None = None


def read(exif: Any) -> Exif:
    """Read what Pillow has parsed, its ``Image.Exif``; None for a picture without EXIF."""
    if exif is None:
        return Exif()
    main = _Directory(exif)
    inner = _Directory(_inner(exif, EXIF_IFD))
    comments = main.wide(XP_COMMENT), inner.comment(USER_COMMENT, exif.endian)
    return Exif(
        tidy(main.wide(XP_TITLE)),
        tidy_all([main.first(IMAGE_DESCRIPTION), *comments]),
        tidy_all(main.first(ARTIST).split(";")) or main.wide_list(XP_AUTHOR),
        main.wide_list(XP_KEYWORDS),
        "; ".join(tidy_all(main.ascii(COPYRIGHT).split("\0"))) or None,
        date(inner.first(TAKEN), inner.first(TAKEN_OFFSET)),
        _place(_Directory(_inner(exif, GPS_IFD))),
    )


def date(text: str, offset: str = "") -> str | None:
    """Return EXIF's ``2002:07:13 15:58:28`` in ISO 8601, None if it is not a date.

    :param offset: the difference to UTC, if it is known
    """
    match = DATE_AND_TIME.match(text.strip())
    if not match or match[1].startswith("0000"):
        return None
    zone = offset.strip() if OFFSET.fullmatch(offset.strip()) else ""
    return f"{re.sub(r'[^0-9]', '-', match[1])}T{match[2]}{zone}"


def is_place(latitude: float, longitude: float) -> bool:
    """Return whether coordinates are in range, and not those of a device that knew none (0, 0)."""
    in_range = abs(latitude) <= 90 and abs(longitude) <= 180  # false for NaN
    return in_range and (latitude, longitude) != (0, 0)


class _Directory:
    """A directory of EXIF, whose values may be missing, of a wrong type, or damaged."""

    def __init__(self, values: Mapping[int, Any]) -> None:
        self._values = values

    def get(self, tag: int) -> Any:
        """Return a value as Pillow parses it, None if that fails."""
        with suppress(Exception):  # Pillow parses a value when it is asked for
            return self._values.get(tag)
        return None

    def raw(self, tag: int) -> bytes:
        """Return the bytes of a value, whatever its type claims to be."""
        return as_bytes(self.get(tag))

    def ascii(self, tag: int) -> str:
        """Return a text, with the zeros between its parts."""
        return decode(self.raw(tag))

    def first(self, tag: int) -> str:
        """Return a text up to its end, behind which some cameras leave rubbish."""
        return self.ascii(tag).partition("\0")[0]

    def wide(self, tag: int) -> str:
        """Return a text of Windows Explorer's, in UTF-16."""
        return self.raw(tag).decode("utf-16-le", "ignore").partition("\0")[0]

    def wide_list(self, tag: int) -> list[str]:
        """Return the parts of such a text, which semicolons separate."""
        return tidy_all(self.wide(tag).split(";"))

    def comment(self, tag: int, endian: str | None) -> str:
        """Return a text that begins with the name of its character set."""
        name, text = self.raw(tag)[:8].strip(b"\0 "), self.raw(tag)[8:]
        if name == b"UNICODE":
            return _utf16(text, endian)
        if name == b"JIS":
            return _japanese(text)
        return decode(text if name in (b"ASCII", b"") else self.raw(tag))

    def degrees(self, tag: int, reference: int, directions: str) -> float | None:
        """Return a coordinate; None without its direction, since it could be either."""
        direction = self.first(reference).strip().upper()[:1]
        with suppress(Exception):
            parts = self.get(tag)
            numbers = [
                float(n) for n in (parts if isinstance(parts, tuple) else [parts])
            ]
            if direction and direction in directions:
                return signed(numbers, direction)
        return None


def signed(numbers: Sequence[float], direction: str) -> float | None:
    """Return degrees, minutes and seconds as degrees, negative in the south and west."""
    value = sum(number / 60**place for place, number in enumerate(numbers))
    if not numbers or not math.isfinite(value):
        return None
    return round(-value if direction in "SW" else value, 7)


def as_bytes(value: Any) -> bytes:
    """Return the bytes that Pillow has made a value of: text is what Latin-1 makes of them."""
    if isinstance(value, str):
        return value.encode("latin-1", "replace")
    if isinstance(value, bytes):
        return value
    if isinstance(value, tuple) and all(isinstance(part, bytes) for part in value):
        return b"".join(value)
    with suppress(TypeError, ValueError):
        return bytes(value) if isinstance(value, tuple | list) else b""
    return b""


def _inner(exif: Any, number: int) -> Mapping[int, Any]:
    with suppress(Exception):  # Pillow raises almost anything for damaged files
        return exif.get_ifd(number)
    return {}


def _place(gps: _Directory) -> tuple[float, float] | None:
    latitude = gps.degrees(LATITUDE, LATITUDE_REF, "NS")
    longitude = gps.degrees(LONGITUDE, LONGITUDE_REF, "EW")
    if latitude is None or longitude is None or not is_place(latitude, longitude):
        return None
    return latitude, longitude


def _utf16(raw: bytes, endian: str | None) -> str:
    """Decode UTF-16 in the order that its bytes suggest, or else that of the EXIF around it."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "ignore")
    zeros = raw[0::2].count(0) - raw[1::2].count(0)  # the high bytes of Latin letters
    is_big = zeros > 0 if zeros else endian == ">"
    return raw.decode("utf-16-be" if is_big else "utf-16-le", "ignore")


def _japanese(raw: bytes) -> str:
    for encoding in JAPANESE:
        with suppress(UnicodeDecodeError):
            return raw.decode(encoding)
    return decode(raw)
