"""Read the rows of a parquet file with pyarrow, some at a time."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from ...errors import BadRecords

ROWS = 1000  # in memory at a time
MOST_CELLS = 40_000_000  # as of a table of text, with the empty ones
MOST_BYTES = 2**31  # unpacked, of a group of rows


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows by the names of their columns; pictures and other bytes are left out.

    :raises BadRecords: pyarrow is not installed, or the file is damaged or too large
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise BadRecords(
            f"Reading {path} needs the package pyarrow. Install it with: llm install "
            "'llm-glam[parquet]'"
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            _check_size(path, file.metadata)
            for batch in file.iter_batches(batch_size=ROWS):
                for row in batch.to_pylist():
                    yield {name: _plain(value) for name, value in row.items()}
    except (ArrowException, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # of the system
            raise
        raise BadRecords(
            f"{path} cannot be read: it is no parquet file, or it is damaged. Export it again."
        ) from error


def _check_size(path: Path, metadata: Any) -> None:
    groups = (metadata.row_group(n) for n in range(metadata.num_row_groups))
    largest = max((group.total_byte_size for group in groups), default=0)
    if metadata.num_rows * metadata.num_columns > MOST_CELLS or largest > MOST_BYTES:
        raise BadRecords(
            f"{path} is too large to be read ({metadata.num_rows:,} rows of "
            f"{metadata.num_columns:,} columns). Leave out columns that are not needed, or divide it "
            "into several files."
        )


def _plain(value: Any) -> Any:
    """Return a value as JSON would have it."""
    if isinstance(value, bytes):
        return None
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    is_plain = value is None or isinstance(value, str | int | float)
    return value if is_plain else _as_text(value)


def _as_text(value: Any) -> str:
    text: str = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.removesuffix("T00:00:00")
