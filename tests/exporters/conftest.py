"""Three pictures with the records of a sheet, to be exported."""

import sqlite3
from contextlib import closing

import pytest

from llm_glam.formats.spreadsheets import writer

from ..fakes import BLUE, GREEN, RED, picture

HEADINGS = ("Accession No.", "Object name", "Subjects", "Year", "Title", "Empty")
ROWS = [
    HEADINGS,
    ("1887/1", "Äpfel – rot", "fruit; red", 1887, "Apple", None),
    ("1887/2", "=1+1", "fruit", 1888, "-6500", None),
    ("1887/3", 'a "b",\n\tc; d', "a,b; c", None, "'=x", None),
]
FILES = {"1887_1.png": RED, "1887_2.png": GREEN, "1887_3.png": BLUE}


def execute(llm, sql):
    with closing(sqlite3.connect(llm.database)) as connection, connection:
        connection.execute(sql)


@pytest.fixture
def joined(llm, colours, tmp_path):
    """Three pictures with the records of a sheet."""
    for name, colour in FILES.items():
        picture(tmp_path / "photos" / name, colour)
    llm("glam", "embed", "photos", "photos", "-m", "glam-clip")
    writer.write(tmp_path / "export.xlsx", {"Sheet": (HEADINGS, ROWS[1:])})
    join = ("glam", "records", "photos", "export.xlsx", "--yes")
    llm(*join, "--split", "Subjects=;", "--key", "Accession No.")
    return llm
