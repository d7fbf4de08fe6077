"""Which finds there are: kinds, what each is made of, how it is decorated and preserved."""

from dataclasses import dataclass

import numpy as np

from .figures import FIGURES
from .materials import MATERIALS
from .smallfinds import SMALL_FINDS
from .vessels import VESSELS

POTTERY = (
    "terracotta",
    "terracotta",
    "porcelain",
    "stone",
    "glass",
    "silver",
    "gold",
    "bronze",
)
METAL = ("bronze", "iron", "gold", "silver")
CARVED = (
    "terracotta",
    "bronze",
    "stone",
    "marble",
    "wood",
    "gold",
    "jade",
    "bone",
    "faience",
)
MADE_OF: dict[str, tuple[str, ...]] = {
    "amphora": ("terracotta", "terracotta", "porcelain", "glass", "marble", "bronze"),
    "jug": POTTERY,
    "bowl": (*POTTERY, "wood", "jade", "marble"),
    "bottle": ("glass", "glass", "terracotta", "porcelain", "silver"),
    "cup": (*POTTERY, "wood"),
    "plate": ("terracotta", "porcelain", "silver", "gold", "wood", "glass"),
    "lamp": ("terracotta", "terracotta", "bronze", "stone"),
    "coin": ("bronze", "gold", "silver"),
    "ring": ("gold", "silver", "bronze", "iron", "bone", "jade", "glass"),
    "key": METAL,
    "brooch": ("bronze", "silver", "gold", "iron"),
    "bead": (
        "glass",
        "glass",
        "faience",
        "stone",
        "bone",
        "gold",
        "jade",
        "terracotta",
    ),
    "necklace": ("glass", "faience", "gold", "bone", "jade", "silver"),
    "arrowhead": ("flint", "flint", "bronze", "iron", "bone"),
    "axe": ("stone", "flint", "bronze", "iron", "jade"),
    "dagger": ("bronze", "iron", "flint"),
    "spoon": ("silver", "bone", "wood", "bronze", "gold"),
    "comb": ("bone", "wood", "bronze"),
    "tablet": ("terracotta", "stone", "marble"),
    "person": CARVED,
    "horse": CARVED,
    "bull": CARVED,
    "bird": CARVED,
    "fish": (*CARVED, "glass"),
    "raccoon": CARVED,
}
KINDS = {**VESSELS, **SMALL_FINDS, **FIGURES}
PATTERNS = ("bands", "zigzag", "dots", "waves", "chequers")
DECORATED = {*VESSELS, "bead", "comb", "axe"}
CONDITIONS = ("complete", "broken", "fragment")


@dataclass(frozen=True)
class Find:
    """One find: everything a drawing of it shows.

    ``colour`` is that of glass (``blue``, ``green``, ``amber``), else empty; ``pattern`` is empty
    for a plain one; ``paint`` is empty where the pattern is cut in. ``seed`` decides the rest.
    """

    kind: str
    material: str
    colour: str
    pattern: str
    paint: str
    condition: str
    seed: int


def find(random: np.random.Generator, kind: str | None = None) -> Find:
    """A find at random, of this kind if one is given."""
    kind = kind or str(random.choice(sorted(KINDS)))
    material = MATERIALS[str(random.choice(MADE_OF[kind]))]
    decorated = kind in DECORATED and random.random() < 0.6
    paint = str(random.choice(material.paints)) if decorated and material.paints else ""
    return Find(
        kind,
        material.name,
        str(random.choice(list(material.colours))),
        str(random.choice(PATTERNS)) if decorated else "",
        paint,
        str(random.choice(CONDITIONS, p=(0.6, 0.25, 0.15))),
        int(random.integers(2**31)),
    )
