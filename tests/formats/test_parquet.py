"""Parquet files are read by pyarrow, an extra; a missing one is a sentence."""

import sys
from datetime import date, datetime
from decimal import Decimal

import pyarrow
import pytest
from pyarrow import parquet

from llm_glam.errors import BadRecords
from llm_glam.formats import tables

ROW = {
    "id": "1887/1",
    "width": Decimal("12.50"),
    "count": Decimal("3"),
    "made": date(1931, 5, 20),
    "seen": datetime(2026, 1, 1),
    "at": datetime(2026, 1, 1, 12, 30),
    "tags": ["fruit", "red"],
    "range": {"from": 1821},
    "image": b"\xff\xd8",
    "title": None,
}
READ = {
    "id": "1887/1",
    "width": 12.5,
    "count": 3,
    "made": "1931-05-20",
    "seen": "2026-01-01",
    "at": "2026-01-01T12:30:00",
    "tags": ["fruit", "red"],
    "range": {"from": 1821},
    "image": None,
    "title": None,
}


def save(path, rows):
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


def test_values_are_read_as_json_would_have_them(tmp_path):
    notes = tables.Notes()
    path = save(tmp_path / "a.parquet", [ROW] * 2500)
    assert list(tables.read(path, notes)) == [READ] * 2500
    assert notes.line == 2500


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1"])
def test_a_damaged_file_is_one_sentence(tmp_path, data):
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    with pytest.raises(BadRecords, match="it is no parquet file, or it is damaged"):
        list(tables.read(path))
    whole = save(path, [ROW]).read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(BadRecords, match="it is no parquet file, or it is damaged"):
        list(tables.read(path))


def test_few_bytes_that_claim_many_cells_are_refused(tmp_path):
    table = pyarrow.table({f"c{n}": pyarrow.nulls(500_000) for n in range(90)})
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(BadRecords, match="too large to be read .500,000 rows of 90 "):
        list(tables.read(tmp_path / "a.parquet"))


def test_a_missing_package_is_one_sentence(tmp_path, monkeypatch):
    path = save(tmp_path / "a.parquet", [ROW])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BadRecords) as raised:
        list(tables.read(path))
    assert raised.value.message == (
        f"Reading {path} needs the package pyarrow. Install it with: llm install "
        "'llm-glam[parquet]'"
    )
