"""Make one record of what is inside a picture file: XMP before IPTC before EXIF.

Where IPTC was changed by a program that did not know of the XMP, it comes first, as the Metadata
Working Group says.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import BadImage
from .. import decoding
from . import blocks, exif, iptc, xmp
from .exif import Exif
from .iptc import Iptc
from .text import tidy_all
from .xmp import Packet

# What a record can have; keywords are a list, the coordinates numbers, all others text.
FIELDS = (
    *("title", "caption", "keywords", "creator", "date", "rights", "licence"),
    *("sublocation", "city", "state", "country", "latitude", "longitude"),
)
COORDINATES = ("latitude", "longitude")
STRUCTURES = ("iptcExt:LocationShown", "iptcExt:LocationCreated")
KEYWORDS, CREATOR, DATE, TIME, HEADLINE = 25, 80, 55, 60, 105
COORDINATE = re.compile(
    r"([\d.]+)(?:[,\s]+([\d.]+))?(?:[,\s]+([\d.]+))?\s*([NSEW])", re.IGNORECASE
)
# Some programs write it as EXIF does, or the date once more behind it.
XMP_DATE = re.compile(
    r"(\d{4}[-:]\d\d[-:]\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:\.\d*)?)?(Z|[+-]\d\d:\d\d)?(?:,.*)?"
)
TIME_OF_DAY = re.compile(r"(\d\d)(\d\d)(\d\d)(?:([+-]\d\d)(\d\d))?")


@dataclass(frozen=True)
class Names:
    """What a text is called: properties of XMP, and the number of IPTC's dataset.

    Names that begin with ``iptcExt:`` are those of fields of structures. ``limit`` is the most
    bytes that IPTC has for it, ``copy`` the property that XMP copies from EXIF.
    """

    xmp: tuple[str, ...]
    iptc: int = 0
    limit: int = 0
    copy: str = ""


TEXTS = {
    "title": Names(("dc:title",), 5, 64),
    "caption": Names(("dc:description",), 120, 2000, "tiff:ImageDescription"),
    "rights": Names(("dc:rights",), 116, 128, "tiff:Copyright"),
    "licence": Names(("cc:license", "xmpRights:WebStatement", "xmpRights:UsageTerms")),
    "sublocation": Names(("iptc:Location", "iptcExt:Sublocation"), 92, 32),
    "city": Names(("photoshop:City", "iptcExt:City"), 90, 32),
    "state": Names(("photoshop:State", "iptcExt:ProvinceState"), 95, 32),
    "country": Names(("photoshop:Country", "iptcExt:CountryName"), 101, 64),
}


def read(source: Path | bytes, sidecars: Sequence[bytes] = ()) -> dict[str, Any] | None:
    """Return the record of a picture, with those of :data:`FIELDS` that it has.

    Nothing is decoded and nothing raised: of a damaged file, what can be read is.

    :param sidecars: the packets beside the picture, which come before what is inside
    :return: None if the file cannot be opened as a picture
    """
    with suppress(BadImage, OSError):
        with decoding.header(source) as im:
            found = blocks.find(im)
            return _merged(
                [xmp.read(packet) for packet in sidecars],
                xmp.read(found.xmp),
                iptc.read(found.iptc, found.digest),
                exif.read(found.exif),
            )
    return None


@dataclass(frozen=True)
class _Sources:
    """What there is about a picture, the packets beside it before the one inside."""

    beside: list[Packet]
    inside: Packet
    iptc: Iptc
    exif: Exif

    @property
    def packets(self) -> list[Packet]:
        """All packets, the one inside the picture last."""
        return [*self.beside, self.inside]


def _merged(*parts: Any) -> dict[str, Any]:
    sources = _Sources(*parts)
    record: dict[str, Any] = {name: _first(_texts(sources, name)) for name in TEXTS}
    record["title"] = record["title"] or _first(_headlines(sources))
    record["keywords"] = _list(sources, "dc:subject", KEYWORDS) or sources.exif.keywords
    record["creator"] = "; ".join(_creators(sources))
    record["date"] = _first(_dates(sources))
    record |= dict(zip(COORDINATES, _place(sources) or (), strict=False))
    return {n: record[n] for n in FIELDS if record.get(n) not in (None, "", [])}


def _first(texts: Iterable[str | None]) -> str | None:
    return next(filter(None, texts), None)


def _in_order(
    sources: _Sources, from_xmp: Sequence[Any], from_iptc: Any, limit: int = 0
) -> list[Any]:
    """Return the values of XMP and IPTC, the one that counts first.

    :param from_xmp: the values of the packets, the one inside the picture last
    :param limit: the length in bytes that the value of IPTC may have been cut to
    """
    *beside, inside = from_xmp
    is_newer = sources.iptc.is_newer and not _is_cut(from_iptc, inside, limit)
    return [*beside, *((from_iptc, inside) if is_newer else (inside, from_iptc))]


def _is_cut(short: Any, long: Any, limit: int) -> bool:
    """Return whether a value of IPTC is the beginning of one of XMP, which it had no room for."""
    if isinstance(short, list):
        pairs = zip(short, long, strict=False)
        return len(short) == len(long) and all(
            a == b or _is_cut(a, b, limit) for a, b in pairs
        )
    if not short or not long or not long.startswith(short):
        return False
    return limit - 4 <= len(short.encode()) <= limit or len(short) == limit


def _texts(sources: _Sources, name: str) -> Iterator[str | None]:
    names = TEXTS[name]
    from_xmp = [_first(_of_packet(packet, names.xmp)) for packet in sources.packets]
    from_iptc = _iptc_text(sources, names.iptc)
    yield from _in_order(sources, from_xmp, from_iptc, names.limit)
    yield from (packet.text(names.copy) for packet in sources.packets)
    yield from _of_exif(sources.exif, name)


def _of_packet(packet: Packet, names: Sequence[str]) -> Iterator[str | None]:
    for name in names:
        yield packet.text(name)
        for structure in STRUCTURES if name.startswith("iptcExt:") else ():
            yield packet.in_structure(structure, name)


def _of_exif(found: Exif, name: str) -> list[str | None]:
    own: dict[str, list[str | None]] = {
        "title": [found.title],
        "caption": [*found.captions],
        "rights": [found.rights],
    }
    return own.get(name, [])


def _iptc_text(sources: _Sources, dataset: int) -> str | None:
    return _first(sources.iptc.values.get(dataset, []))


def _headlines(sources: _Sources) -> list[Any]:
    from_xmp = [packet.text("photoshop:Headline") for packet in sources.packets]
    return _in_order(sources, from_xmp, _iptc_text(sources, HEADLINE))


def _list(sources: _Sources, name: str, dataset: int) -> list[str]:
    from_xmp = [packet.texts(name) for packet in sources.packets]
    limit = {KEYWORDS: 64, CREATOR: 32}[dataset]
    from_iptc = sources.iptc.values.get(dataset, [])
    return next(filter(None, _in_order(sources, from_xmp, from_iptc, limit)), [])


def _creators(sources: _Sources) -> list[str]:
    found = _list(sources, "dc:creator", CREATOR)
    artists = [packet.text("tiff:Artist") or "" for packet in sources.packets]
    copies = (tidy_all(artist.split(";")) for artist in artists)
    return found or next(filter(None, copies), sources.exif.creators)


def _dates(sources: _Sources) -> Iterator[str | None]:
    from_xmp = [
        _iso(packet.text("photoshop:DateCreated")) for packet in sources.packets
    ]
    day = _iptc_text(sources, DATE)
    yield from _in_order(sources, from_xmp, _iptc_date(day, _iptc_text(sources, TIME)))
    yield from (
        _iso(packet.text("exif:DateTimeOriginal")) for packet in sources.packets
    )
    yield sources.exif.date


def _iso(text: str | None) -> str | None:
    """Return a date of XMP without fractions of seconds; as it is, if it is of another form."""
    match = XMP_DATE.fullmatch(text or "")
    if not match:
        return text
    time = f"T{match[2]}" if match[2] else ""
    return f"{match[1].replace(':', '-')}{time}{match[3] or ''}"


def _iptc_date(day: str | None, time: str | None) -> str | None:
    """Return ISO 8601 for IPTC's ``20020713`` and ``155828+0100``, whose parts may be zeros."""
    digits = (day or "").replace("-", "")
    if not re.fullmatch(r"\d{8}", digits) or digits.startswith("0000"):
        return None
    parts = [digits[:4], *(p for p in (digits[4:6], digits[6:]) if p != "00")]
    match = TIME_OF_DAY.fullmatch((time or "").replace(":", ""))
    if len(parts) < 3 or not match:
        return "-".join(parts)
    zone = f"{match[4]}:{match[5]}" if match[4] else ""
    return f"{'-'.join(parts)}T{match[1]}:{match[2]}:{match[3]}{zone}"


def _place(sources: _Sources) -> tuple[float, float] | None:
    for packet in sources.packets:
        latitude = _degrees(packet.text("exif:GPSLatitude"), "NS")
        longitude = _degrees(packet.text("exif:GPSLongitude"), "EW")
        if latitude is not None and longitude is not None:
            if exif.is_place(latitude, longitude):
                return latitude, longitude
    return sources.exif.place


def _degrees(text: str | None, directions: str) -> float | None:
    """Return degrees from XMP's ``48,51.504N`` and from what other programs write."""
    with suppress(ValueError):
        if match := COORDINATE.fullmatch(text or ""):
            numbers = [float(part) for part in match.groups()[:3] if part]
            direction = match[4].upper()
            return exif.signed(numbers, direction) if direction in directions else None
        return round(float(text or ""), 7)
    return None
