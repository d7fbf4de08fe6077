"""The demo: pictures drawn by code, and what marks them as such.

The finds, their places and their numbers are invented; the drawings are CC0.
"""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

CHECKPOINT = Path(__file__).parent / "checkpoint"
MARK = b"Drawn by llm-glam"
FOREIGN = (
    "the checkpoint glam-clip/demo knows nothing but the drawings of 'llm glam demo': for these "
    "pictures its vectors mean nothing. Use clip-ViT-B-32 (llm glam models default "
    "clip-ViT-B-32), or a checkpoint of your own"
)
LOOKED_AT = 20


def has_foreign(paths: Iterable[Path]) -> bool:
    """Is one of the first files no drawing of ours?"""
    return any(not _is_drawing(path) for path in islice(paths, LOOKED_AT))


def _is_drawing(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return MARK in file.read(1024)
    except OSError:
        return True
