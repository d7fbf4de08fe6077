"""The pictures of a soak: small squares, of which some are edited, deleted and added meanwhile."""

import hashlib
import io
import os
import random
import threading
from collections import defaultdict
from pathlib import Path

from PIL import Image

SETS = ("first", "second")
SQUARES, SIZE = 4, 24
CHANGED = 40  # pictures at a time


class Pictures:
    """Two folders of pictures, and every content that each id ever had.

    The contents are known before they are written, so that what is in the database is always one
    of them.
    """

    def __init__(self, folder: Path, count: int, chance: random.Random) -> None:
        self.folder = folder
        self.chance = chance
        self.history: dict[str, set[str]] = defaultdict(set)
        self.content: dict[str, bytes] = {}
        self.added = 0
        self._lock = threading.Lock()
        for name in SETS:
            (folder / name).mkdir(parents=True, exist_ok=True)
            for old in (folder / name).iterdir():
                old.unlink()
            for _ in range(count // len(SETS)):
                self.add(name)
            self.write_records(name)

    def add(self, name: str) -> None:
        """Add a picture to a set."""
        with self._lock:
            self.added += 1
            file = f"{self.added:05}.png"
        self.draw(f"{name}/{file}")

    def draw(self, item_id: str) -> None:
        """Write a picture that nobody has seen, in place of any with this id."""
        with self._lock:
            squares = Image.new("RGB", (SQUARES, SQUARES))
            squares.putdata([self._colour() for _ in range(SQUARES * SQUARES)])
        out = io.BytesIO()
        squares.resize((SIZE, SIZE), Image.Resampling.NEAREST).save(out, "PNG")
        md5 = hashlib.md5(out.getvalue()).hexdigest()
        self.content[md5] = out.getvalue()
        self.history[item_id].add(md5)
        work = self.folder / f"{item_id.replace('/', '-')}.part"
        work.write_bytes(out.getvalue())
        os.replace(work, self.folder / item_id)

    def _colour(self) -> tuple[int, int, int]:
        red, green, blue = (self.chance.randrange(256) for _ in "rgb")
        return red, green, blue

    def change(self, name: str) -> None:
        """Edit some pictures of a set, delete some, and add some."""
        ids = self.present(name)
        for item_id in self.chance.sample(ids, CHANGED):
            self.draw(item_id)
        for item_id in self.chance.sample(ids, CHANGED // 4):
            (self.folder / item_id).unlink()
            self.add(name)
        self.write_records(name)

    def present(self, name: str) -> list[str]:
        """Return the ids of the pictures of a set that exist, in order."""
        files = (self.folder / name).glob("*.png")
        return sorted(f"{name}/{file.name}" for file in files)

    def write_records(self, name: str) -> None:
        """Write a record for each picture, whose title is its id."""
        ids = self.present(name)
        rows = [
            f"{item_id.removeprefix(f'{name}/')},{title(item_id)}" for item_id in ids
        ]
        work = self.folder / f"{name}.csv"
        work.write_text("\n".join(["file_name,title", *rows]), "utf-8")
        os.replace(work, self.folder / name / "metadata.csv")


def title(item_id: str) -> str:
    """Return the title of a picture's record, one word."""
    return item_id.replace("/", "x").replace(".", "x")
