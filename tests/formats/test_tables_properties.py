"""Tables of any text: what Python writes is read as it was, and no bytes do harm."""

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from llm_glam.errors import BadRecords
from llm_glam.formats import tables

from ..properties import ANYTHING, made_of

SIGNS = [*(",", ";", "\t", "|", '"', "'", "\\", "\n", "\r\n", "\r", "\u2028", " ")]
SIGNS += ["é", "a", "1"]
CELLS = made_of(*SIGNS).map(lambda text: text.replace("\0", ""))
NAMES = CELLS.map(tables.clean_name).filter(bool)


@st.composite
def written(draw):
    """Names of columns, and rows of as many cells."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    row = st.lists(CELLS, min_size=len(names), max_size=len(names))
    return names, draw(st.lists(row, max_size=3))


def read(name, content):
    """The rows that are read of a file with this content."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return list(tables.read(path))


PLAIN = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANYTHING
)
ROWS = st.lists(st.dictionaries(ANYTHING, PLAIN, max_size=4), max_size=4)
KINDS = [("a.csv", ","), ("a.csv", ";"), ("a.csv", "\t"), ("a.tsv", "\t")]
BYTES = st.binary() | made_of(*SIGNS, "{", "}", "[", "]", "\0").map(str.encode)


@given(written(), st.sampled_from(KINDS), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_csv_is_read_as_it_was_written(table, kind, encoding):
    names, rows = table
    name, delimiter = kind
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([names, *rows])
    found = read(name, out.getvalue().encode(encoding))
    assert found == [dict(zip(names, row, strict=True)) for row in rows]


@given(ROWS, st.booleans())
def test_json_is_read_as_it_was_written(rows, is_ascii):
    lines = "\n".join(json.dumps(row, ensure_ascii=is_ascii) for row in rows)
    whole = json.dumps(rows, ensure_ascii=is_ascii)
    with suppress(UnicodeEncodeError):  # halves of characters are no UTF-8
        assert read("a.jsonl", lines.encode()) == rows
        assert read("a.json", whole.encode()) == rows


@given(st.sampled_from([*tables.READERS, ".txt"]), BYTES)
def test_any_bytes_are_read_or_refused(suffix, content):
    with suppress(BadRecords):
        assert all(isinstance(row, dict) for row in read(f"a{suffix}", content))
