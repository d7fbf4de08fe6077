"""Write parquet files with pyarrow, a group of rows at a time."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..db.embeddings import chunks
from ..errors import CannotExport
from ..formats.atomic import replacing


def pyarrow() -> Any:
    """Return the package pyarrow.

    :raises CannotExport: it is not installed
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise CannotExport(
            "Writing parquet needs the package pyarrow. Install it with: llm install "
            "'llm-glam[parquet]'"
        ) from error
    return pyarrow


def write(
    path: Path,
    schema: Any,
    rows: Iterable[Sequence[Any]],
    group: int,
    **options: Any,
) -> None:
    """Write rows in groups, of which one at a time is in memory.

    :param schema: pyarrow's schema of the file, with a field for each value of a row
    :param options: those of pyarrow's ``ParquetWriter``
    """
    package = pyarrow()
    options = {"compression": "zstd", **options}
    with replacing(path) as work:
        with package.parquet.ParquetWriter(work, schema, **options) as writer:
            for chunk in chunks(rows, group):
                arrays = [
                    package.array(values, field.type)
                    for values, field in zip(
                        zip(*chunk, strict=True), schema, strict=True
                    )
                ]
                writer.write_table(package.Table.from_arrays(arrays, schema=schema))
