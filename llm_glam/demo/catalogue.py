"""The demo's pictures and records as files: ``photos/`` with a ``metadata.csv``."""

import csv
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from .. import child_process
from ..models.registry import DRAWN
from .drawing import draw
from .figures import FIGURES
from .finds import KINDS, Find, find
from .grammar import with_articles

COUNT = 400
SIZE = 480
SEED = 2026
TOGETHER = 8  # as many as one process draws at a time; starting one takes as long
RIGHTS = "CC0 1.0 (drawn by llm-glam; the find and its place are invented)"
COLUMNS = (
    "file_name",
    "title",
    "caption",
    "material",
    "kind",
    "period",
    "find_spot",
    "accession_number",
    "rights",
)
PERIODS = {
    "flint": ("Neolithic", "Mesolithic"),
    "stone": ("Neolithic", "Iron Age"),
    "jade": ("Neolithic", "Bronze Age"),
    "bronze": ("Bronze Age", "Bronze Age", "Roman"),
    "iron": ("Iron Age", "Early medieval"),
    "glass": ("Roman", "Early medieval"),
    "marble": ("Classical", "Roman"),
    "terracotta": ("Classical", "Hellenistic", "Roman"),
    "faience": ("New Kingdom", "Late Period"),
    "porcelain": ("Early modern", "19th century"),
    "bone": ("Iron Age", "Early medieval"),
    "wood": ("Early medieval", "Medieval"),
    "gold": ("Bronze Age", "Hellenistic", "Early medieval"),
    "silver": ("Roman", "Medieval"),
}
PLACES = (
    "Northgate, trench 2",
    "Northgate, trench 5",
    "Old Harbour",
    "Mill Hill",
    "St Anne's Well",
    "Fox Barrow",
    "Lower Ferry",
    "Kiln Field",
)
PRESERVED = {
    "complete": " Complete.",
    "broken": " Broken, a part is missing.",
    "fragment": "",
}
Record = dict[str, str]


def catalogue(count: int = COUNT, seed: int = SEED) -> list[tuple[Find, Record]]:
    """So many finds with their records, all kinds equally often; the same for a seed."""
    random = np.random.default_rng(seed)
    kinds = [kind for _ in range(-(-count // len(KINDS))) for kind in sorted(KINDS)][
        :count
    ]
    random.shuffle(kinds)
    finds = [find(random, kind) for kind in kinds]
    return [(one, _record(i, one, random)) for i, one in enumerate(finds, 1)]


def write(
    folder: Path, finds: Sequence[tuple[Find, Record]], size: int = SIZE
) -> Iterator[Path]:
    """Write ``metadata.csv``, then pictures, JPEGs with short sides of so many pixels.

    :return: the path of each picture, once it is written
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        rows.writerows(record for _, record in finds)
    paths = [folder / record["file_name"] for _, record in finds]
    ones = [one for one, _ in finds]
    if len(finds) <= TOGETHER:
        yield from map(partial(_write, size), ones, paths)
        return
    workers = multiprocessing.get_context("spawn")
    with (
        child_process.safe_path(),
        ProcessPoolExecutor(mp_context=workers) as pool,
    ):
        yield from pool.map(partial(_write, size), ones, paths, chunksize=TOGETHER)


def _write(size: int, one: Find, path: Path) -> Path:
    draw(one, size).save(path, quality=88, comment=DRAWN.encode())
    return path


def _record(number: int, one: Find, random: np.random.Generator) -> Record:
    place, period = str(random.choice(PLACES)), str(
        random.choice(PERIODS[one.material])
    )
    year = 1871 + int(random.integers(80))
    name = _name(one)
    return {
        "file_name": f"{number:04}-{one.material}-{one.kind}.jpg",
        "title": name[0].upper() + name[1:],
        "caption": f"{_sentence(one)} Found at {place} in {year}.",
        "material": one.material,
        "kind": one.kind,
        "period": period,
        "find_spot": place,
        "accession_number": f"{year}.{number:03}",
        "rights": RIGHTS,
    }


def _name(one: Find) -> str:
    colour = f"{one.colour} " if one.colour else ""
    kind = f"{one.kind} figurine" if one.kind in FIGURES else one.kind
    name = f"{colour}{one.material} {kind}"
    fragment = with_articles(f"fragment of a {name}")
    return fragment if one.condition == "fragment" else name


def _sentence(one: Find) -> str:
    paint = f"painted {one.paint} " if one.paint else "incised "
    pattern = "zigzags" if one.pattern == "zigzag" else one.pattern
    decoration = f" with {paint}{pattern}" if pattern else ", undecorated"
    name = _name(one)
    return f"{name[0].upper()}{name[1:]}{decoration}.{PRESERVED[one.condition]}"
