"""Collections that many tests begin with: embedded once in each process, and copied for each test."""

import json
import shutil
import sqlite3
from contextlib import closing

from . import finds
from .fakes import BLUE, GREEN, RED, YELLOW, picture

EMBED = ("embed-multi", "photos", "--files", "photos", "**/*.png", "-m", "glam-clip")
RECORDS = [
    {"file_name": "red.png", "title": "Red thing", "material": "clay", "rights": "CC0"},
    {"file_name": "green.png", "caption": "a green one"},
]
# By file: colour, title, material and number. Two records contain "red", two pictures are reddish.
LETTERS = {
    "a1.png": (RED, "A pot", "clay", "1887/3804.2"),
    "b2.png": (YELLOW, "A jar", "clay", "1887/3804.20"),
    "c3.png": (GREEN, "A red letter", "paper", "1890/07"),
    "d4.png": (BLUE, "A red letter, which somebody wrote long ago", "paper", "12"),
    "scans/0032.png": (BLUE, "Wolf's bowl", "bone", "Ω-1"),
}
# Where a database has absolute paths of what was embedded
PATHS = (
    ("glam_folders", "path"),
    ("glam_sources", "address"),
    ("glam_runs", "arguments"),
)


def three_pictures(folder):
    """Draw red.png, green.png, and blue in a subfolder."""
    picture(folder / "red.png", RED)
    picture(folder / "green.png", GREEN)
    picture(folder / "sub folder" / "blé.png", BLUE)
    return folder


def embed_three(llm, folder):
    """Embed the three pictures, two of them with a record."""
    photos = three_pictures(folder / "photos")
    (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    llm(*EMBED)


def embed_many(llm, folder):
    """Embed sixty pictures of any colour, with records."""
    finds.make(folder / "many")
    llm("glam", "embed", "photos", "many")


def embed_letters(llm, folder):
    """Embed the pictures of :data:`LETTERS`, and join their records from a table."""
    lines = ["file_name,title,material,number"]
    for name, (colour, title, material, number) in LETTERS.items():
        picture(folder / "photos" / name, colour)
        lines.append(f'{name},"{title}",{material},{number}')
    (folder / "records.csv").write_text("\n".join(lines), "utf-8")
    llm("glam", "embed", "photos", "photos")
    llm("glam", "records", "photos", "records.csv", "--key", "file_name", "-y")


def copy(made, folder):
    """Copy pictures and database to another folder, as if they had been made there."""
    shutil.copytree(made, folder, dirs_exist_ok=True)
    with closing(sqlite3.connect(folder / "user" / "embeddings.db")) as db, db:
        for table, column in PATHS:
            sql = f"update {table} set {column} = replace({column}, ?, ?)"
            db.execute(sql, (str(made), str(folder)))
