"""``python -m benchmarks.embedded_metadata FOLDER``: what is inside pictures, compared with ExifTool.

Of each picture, each field is compared with the first of the tags that it is read from, as
ExifTool (Debian: libimage-exiftool-perl) prints them. Values differ if they are not the same text;
of dates only the digits are compared, of coordinates six decimals. ``--times 1000`` also measures
how long it takes to read that many pictures.
"""

import argparse
import json
import re
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llm_glam.images import decoding
from llm_glam.images.embedded import record

# In the order in which they count.
TAGS = {
    "title": "XMP-dc:Title IPTC:ObjectName IFD0:XPTitle XMP-photoshop:Headline IPTC:Headline",
    "caption": "XMP-dc:Description IPTC:Caption-Abstract XMP-tiff:ImageDescription "
    "IFD0:ImageDescription IFD0:XPComment ExifIFD:UserComment",
    "keywords": "XMP-dc:Subject IPTC:Keywords IFD0:XPKeywords",
    "creator": "XMP-dc:Creator IPTC:By-line XMP-tiff:Artist IFD0:Artist IFD0:XPAuthor",
    "date": "XMP-photoshop:DateCreated IPTC:DateCreated XMP-exif:DateTimeOriginal "
    "ExifIFD:DateTimeOriginal",
    "rights": "XMP-dc:Rights IPTC:CopyrightNotice XMP-tiff:Copyright IFD0:Copyright",
    "licence": "XMP-cc:License XMP-xmpRights:WebStatement XMP-xmpRights:UsageTerms",
    "sublocation": "XMP-iptcCore:Location IPTC:Sub-location",
    "city": "XMP-photoshop:City IPTC:City",
    "state": "XMP-photoshop:State IPTC:Province-State",
    "country": "XMP-photoshop:Country IPTC:Country-PrimaryLocationName",
    "latitude": "Composite:GPSLatitude",
    "longitude": "Composite:GPSLongitude",
}
COMMAND = "exiftool -j -n -a -G1 -r -charset iptc=latin -charset exif=utf8 -sep".split()
SEPARATOR = "\x1f"


def main() -> None:
    """Compare, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--times", type=int, default=0, metavar="PICTURES")
    args = parser.parse_args()
    with decoding.quiet():
        found = dict(read_with_exiftool(args.folder))
        compare(args.folder, found)
        if args.times:
            measure(list(found), args.times)


def read_with_exiftool(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the pictures of a folder with their tags."""
    done = subprocess.run([*COMMAND, SEPARATOR, str(folder)], capture_output=True)
    for tags in json.loads(done.stdout):
        path = Path(tags.pop("SourceFile"))
        if path.suffix.lower() not in (".txt", ".csv", ".xmp"):
            yield path, tags


def compare(folder: Path, found: dict[Path, dict[str, Any]]) -> None:
    """Print how many fields are equal, and those that are not."""
    counts: dict[str, Counter[str]] = {field: Counter() for field in record.FIELDS}
    for path, tags in found.items():
        ours = record.read(path) or {}
        for field in record.FIELDS:
            theirs = expected(field, tags)
            is_equal = comparable(field, ours.get(field)) == theirs
            empty = "both empty" if theirs is None else "equal"
            counts[field][empty if is_equal else "differ"] += 1
            if not is_equal:
                name = path.relative_to(folder)
                print(f"{name}: {field}: {ours.get(field)!r}, ExifTool {theirs!r}")
    print("| field | equal | both empty | differ |\n|---|---|---|---|")
    for field, own in counts.items():
        print(f"| {field} | {own['equal']} | {own['both empty']} | {own['differ']} |")


def expected(field: str, tags: dict[str, Any]) -> Any:
    """Return the first of a field's tags that says something, as it is compared."""
    values = (comparable(field, tags.get(tag)) for tag in TAGS[field].split())
    return next((value for value in values if value is not None), None)


def comparable(field: str, value: Any) -> Any:
    """Return a value without what may differ; None for an empty one."""
    if field in record.COORDINATES:
        return None if value is None else round(value, 6)
    parts = (
        value if isinstance(value, list) else re.split(r"\x1f|; ?", str(value or ""))
    )
    if field in ("title", "caption", "rights", "licence"):
        parts = [str(value or "").replace(SEPARATOR, "; ")]
    if field == "date":
        digits = re.sub(r"\D", "", str(value or ""))[:8]
        return digits if digits.strip("0") else None
    stripped = [
        part.replace("\r\n", "\n").replace("\r", "\n").strip(" \n\0") for part in parts
    ]
    return list(dict.fromkeys(filter(None, stripped))) or None


def measure(paths: list[Path], count: int) -> None:
    """Print how long it takes to read pictures, which are in memory already."""
    wall, own = [], []
    for number in range(count):
        started = time.perf_counter(), time.thread_time()
        record.read(paths[number % len(paths)])
        wall.append(1000 * (time.perf_counter() - started[0]))
        own.append(1000 * (time.thread_time() - started[1]))
    print(
        f"{count:,} pictures: {statistics.mean(own):.2f} ms each of the processor's time, "
        f"99 % below {sorted(own)[int(0.99 * count)]:.2f}; median by the clock "
        f"{statistics.median(wall):.2f} ms"
    )


if __name__ == "__main__":
    main()
