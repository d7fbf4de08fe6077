"""Sixty pictures of any colour with records, and a slow and obvious search among them."""

import json
import random

import numpy as np

from .fakes import picture

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
MATERIALS = ["bronze", "clay", "gold", None, ""]


def make(folder):
    """The pictures, 00.png to 59.png, and their metadata.csv."""
    chance = random.Random(7)
    rows = ["file_name,title,material,year,tags"]
    for number in range(60):
        name = f"{number:02}.png"
        picture(folder / name, tuple(chance.randrange(256) for _ in "rgb"))
        material = chance.choice(MATERIALS) or ""
        tags = json.dumps(chance.sample(["old", "rare", "broken"], 2)).replace(
            '"', '""'
        )
        year = chance.randrange(1800, 2000)
        rows.append(f'{name},Find {number} of {material},{material},{year},"{tags}"')
    (folder / "metadata.csv").write_text("\n".join(rows))


def reference(llm, weighted, keep, number):
    """Every vector, one after the other."""
    vectors = {k: np.array(v, float) for k, v in llm.vectors().items()}
    total = np.zeros(3)
    for weight, term in weighted:
        vector = np.array(COLOURS[term] if term in COLOURS else vectors[term], float)
        total += weight * vector / np.linalg.norm(vector)
    rows = {row["id"]: row for row in llm.rows("select * from photos")}
    scores = [
        (-float(v @ total / (np.linalg.norm(v) * np.linalg.norm(total))), name)
        for name, v in vectors.items()
        if keep(rows[name]) and name not in {term for _, term in weighted}
    ]
    return [(name, -score) for score, name in sorted(scores)[:number]]
