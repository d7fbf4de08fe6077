"""Make a small collection whose records are hard to export: formulas, zeros, accents, documents."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from llm_glam.demo.drawing import draw
from llm_glam.demo.finds import KINDS, find
from llm_glam.ingest import embed_folder

NAME = "photos"
SENSITIVE = "grave.jpg"
Row = dict[str, Any]
# In the order of the manifest: documents by their names and numbers, then other pictures.
RECORDS: list[Row] = [
    {
        "file_name": "letter9/one.jpg",
        "document": "Letter 9",
        "sequence": 1,
        "title": "=1+1",
        "accession": "007",
        "notes": '=HYPERLINK("http://example.org/","here")',
        "year": -650,
        "weight": 12.5,
        "rights": "CC BY 4.0",
    },
    {
        "file_name": "letter9/a two.jpg",
        "document": "Letter 9",
        "sequence": 2,
        "title": "+49 71",
        "accession": "1887/3804.2",
        "notes": "@SUM(A1:A9)",
        "subjects": ["fruit", "red"],
        "year": 1887,
    },
    {
        "file_name": "letter9/blé #3.jpg",
        "document": "Letter 9",
        "sequence": 3,
        "title": "Äpfel – “rot” 🏺",
        "accession": "1-2",
        "notes": 'a "b",\n\tc; d',
        "subjects": ["=2+2"],
    },
    {
        "file_name": "letter10/1.jpg",
        "document": "Letter 10",
        "sequence": 1,
        "title": "<b>bold & not</b>",
        "accession": "3/4",
        "notes": "'=already escaped",
        "weight": 0.1,
        "rights": "https://creativecommons.org/publicdomain/zero/1.0/",
    },
    {
        "file_name": "letter10/2.jpg",
        "document": "Letter 10",
        "sequence": 2,
        "title": "TRUE",
        "accession": "1887-06-01",
        "notes": "-2+3+cmd|' /C calc'!A0",
        "year": 123456789012345678,
    },
    {
        "file_name": "coin.jpg",
        "title": "  spaces around  ",
        "accession": "1E5",
        "notes": "\t=1+1",
        "caption": "A coin, <i>worn</i>",
    },
    {
        "file_name": "ring.jpg",
        "accession": "12,5",
        "notes": "R&amp;D: a <lost> page",
        "page_url": "https://museum.example/ring?a=1&b=2",
        "year": 0,
    },
    {"file_name": SENSITIVE, "title": "Left out", "sensitive": True},
]
PICTURES = [row["file_name"] for row in RECORDS if row["file_name"] != SENSITIVE]


@dataclass(frozen=True)
class Made:
    """A database with the collection, and the folder of its pictures."""

    database: Path
    pictures: Path


def make(folder: Path) -> Made:
    """Draw the pictures, write their records beside them, and embed all."""
    pictures = folder / "pictures"
    for number, row in enumerate(RECORDS):
        path = pictures / row["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        one = find(np.random.default_rng(number), sorted(KINDS)[number])
        draw(one, 300).save(path, quality=90)
    lines = [json.dumps(row, ensure_ascii=False) for row in RECORDS]
    (pictures / "metadata.jsonl").write_text("\n".join(lines), encoding="utf-8")
    database = folder / "collection.db"
    embed_folder(database, NAME, pictures, model="demo")
    return Made(database, pictures)


def stored(made: Made) -> dict[str, Row]:
    """Return what the database says of the pictures that may be exported, by id and heading."""
    with closing(sqlite3.connect(made.database)) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute(f"select * from [{NAME}]")]
    return {row["id"]: row for row in rows if row["id"] != SENSITIVE}
