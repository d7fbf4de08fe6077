"""Implement LLM's embedding commands for our collections and models.

Each function takes LLM's own callback, the path of the database, the id of our model, and the
options as parsed by click.
"""

import base64
import csv
import json
import sqlite3
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import llm
from sqlite_utils import Database
from sqlite_utils.db import quote_identifier
from sqlite_utils.utils import Format, RowsFromFileError, rows_from_file

from ..cli.embed_summary import report_counts
from ..cli.output import ProgressBar, say_on_stderr
from ..cli.search import report_checkpoint
from ..db import collections, connection, embeddings
from ..errors import BadImage, GlamError
from ..images import decoding, files
from ..ingest import pipeline
from ..ingest.open_collection import open_collection
from ..ingest.pipeline import IngestOptions
from ..ingest.prefetch import Entry, ReadOptions
from ..models.engine_choice import EngineOptions
from ..records import beside
from ..records.beside import Records
from ..search import exact, index
from ..search.exact import Query

Callback = Callable[..., Any]
ENCODINGS = ("utf-8", "latin-1")


def embed_multi(
    original: Callback, path: Path, model_id: str, options: dict[str, Any]
) -> None:
    """Run ``llm embed-multi``.

    Files are pictures, even without ``--binary``. Other sources are read as in LLM, and their
    BLOBs are pictures too.
    """
    _check_usage(options)
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    is_files = bool(options["files"]) and not options["encodings"]
    found = files.matching(options["files"], options["prefix"]) if is_files else None
    file_records = beside.read_beside(found.files) if found else Records()
    ingest_options = IngestOptions(
        ReadOptions(keep_raw=options["store"]),
        batch_size=options["batch_size"] or pipeline.BATCH_SIZE,
    )
    db = connection.connect(path)
    for alias, attached in options["attach"]:
        _attach(db, alias, attached)
    engine_options = EngineOptions(say_on_stderr)
    opened = open_collection(db, options["collection"], model_id, engine_options)
    arguments = {key: value for key, value in options.items() if key != "key" and value}
    with ProgressBar("pictures" if found else "entries") as progress:
        with pipeline.run(
            db, opened, ingest_options, progress, "embed-multi", arguments
        ) as run:
            if found:
                pipeline.embed_files(run, found, file_records)
            else:
                pipeline.embed_entries(run, *_entries(db, options))
    report_counts(run.target.collection, run.counts)


def embed(
    original: Callback, path: Path, model_id: str, options: dict[str, Any]
) -> None:
    """Run ``llm embed``.

    ``-i`` is a picture. Without a collection and an id, LLM's callback embeds it and prints the
    vector.
    """
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    if bool(options["collection"]) != bool(options["id"]) or not options["collection"]:
        content = options["content"] or _input(options)
        return original(**{**options, "content": content, "model": model_id})
    entry = Entry(options["id"], _content(options), options["metadata"])
    db = connection.connect(path)
    opened = open_collection(db, options["collection"], model_id)
    read_options = ReadOptions(workers=1, keep_raw=options["store"])
    ingest_options = IngestOptions(read_options)
    with ProgressBar() as progress:
        with pipeline.run(
            db, opened, ingest_options, progress, "embed", {"id": options["id"]}
        ) as run:
            pipeline.embed_one(run, entry)
    if options["format_"]:
        vector = embeddings.stored_vector(db, opened[0], options["id"]).tolist()
        _print_vector(vector, options["format_"])


def similar(
    original: Callback, path: Path, model_id: str, options: dict[str, Any]
) -> None:
    """Run ``llm similar``.

    The results are LLM's, but found faster, and pictures do not need ``--binary``.
    """
    if not (options["id"] or options["content"] or options["input"]):
        return original(**options)
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    db = connection.connect(path, readonly=True)
    collection = collections.get(db, options["collection"])
    if options["id"]:
        vector = embeddings.stored_vector(db, collection, options["id"])
    else:
        query = options["content"] or _input(options)
        vector = exact.query_vector(collection, query)
    with ProgressBar("vectors") as progress:
        skip = [options["id"]] if options["id"] else []
        query = Query(vector, options["number"], options["prefix"], skip=skip)
        hits = exact.nearest_to_each(db, collection, [query], progress)[0]
    for hit in hits:
        _print_hit(hit, options["plain"])
    report_checkpoint(collection)


def collections_delete(
    original: Callback, path: Path, model_id: str, options: dict[str, Any]
) -> None:
    """Run ``llm collections delete``, which leaves records, labels and thumbnails in place."""
    db = connection.connect(path)
    collections.delete(db, collections.get(db, options["collection"]))
    index.delete_stale_files(db)


def _check_usage(options: dict[str, Any]) -> None:
    """Raise the same usage errors as LLM's own command."""
    if options["binary"] and not options["files"]:
        raise click.UsageError("--binary must be used with --files")
    if options["binary"] and options["encodings"]:
        raise click.UsageError("--binary cannot be used with --encoding")
    if not (options["input_path"] or options["sql"] or options["files"]):
        raise click.UsageError("Either --sql or input path or --files is required")
    if options["files"] and (
        options["input_path"] or options["sql"] or options["format"]
    ):
        raise click.UsageError("Cannot use --files with --sql, input path or --format")


def _attach(db: Database, alias: str, path: str) -> None:
    try:
        with connection.explained(lambda: Path(path)):
            db.attach(alias, path)
            db.execute(f"select 1 from {quote_identifier(alias)}.sqlite_master")
    except sqlite3.OperationalError as error:
        raise GlamError(f"--attach {alias} {path}: {error}.") from error


def _rows(
    db: Database, options: dict[str, Any]
) -> tuple[Iterator[dict[str, Any]], int | None]:
    """Return the rows of text files, of a query, or of a CSV, TSV or JSON file.

    :return: the rows, and their number if it is known
    """
    if options["files"]:
        return _texts(options), None
    if options["sql"]:
        return _sql_rows(db, options["sql"])
    return _file_rows(options["input_path"], options["format"]), None


def _sql_rows(db: Database, sql: str) -> tuple[Iterator[dict[str, Any]], int]:
    query = sql.strip().rstrip(";")
    try:
        count = db.execute(f"select count(*) from (\n{query}\n)").fetchone()[0]
        return iter(db.query(query)), count
    except (sqlite3.OperationalError, sqlite3.ProgrammingError, ValueError) as error:
        raise GlamError(f"Could not run the --sql query: {error}.") from error


def _file_rows(source: str, format_: str | None) -> Iterator[dict[str, Any]]:
    chosen = Format[format_.upper()] if format_ else None
    with sys.stdin.buffer if source == "-" else Path(source).open("rb") as stream:
        try:
            for row in rows_from_file(stream, chosen)[0]:
                if not isinstance(row, dict) or not row:
                    raise ValueError(
                        f"expected an object with an id, found {row!r:.80}"
                    )
                yield row
        except (ValueError, csv.Error, RowsFromFileError, RecursionError) as error:
            raise GlamError(f"{source} cannot be read: {error}") from error


def _texts(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the texts of files, which ``--encoding`` asks for, as in LLM."""
    for file in files.matching(options["files"], texts=True).files:
        for encoding in options["encodings"] or ENCODINGS:
            try:
                yield {"id": file.id, "content": file.path.read_text(encoding)}
                break
            except UnicodeDecodeError:
                continue
        else:
            click.echo(f"Could not decode text in file {file.path}", err=True)


def _entries(
    db: Database, options: dict[str, Any]
) -> tuple[Iterator[Entry], int | None]:
    """Return the entries of any source except picture files.

    :return: the entries, and their number if it is known
    """
    rows, total = _rows(db, options)

    def entries() -> Iterator[Entry]:
        for row in rows:
            first, *values = row.values()
            yield Entry(
                f"{options['prefix']}{first}", _joined(values, options["prepend"])
            )

    return entries(), total


def _joined(values: list[Any], prepend: str | None) -> bytes | str:
    """Return the content of a row: its first BLOB, or its columns joined to a text, as in LLM."""
    blob = next((value for value in values if isinstance(value, bytes)), None)
    if blob is not None:
        return blob
    text = " ".join(str(value) if value is not None else "" for value in values)
    return f"{prepend or ''}{text}"


def _content(options: dict[str, Any]) -> files.PictureFile | bytes | str:
    """Return what ``llm embed`` should embed.

    A picture file is returned as such, so that its path is recorded, others as their content.
    """
    source = options["input"]
    if options["content"] or not source or not Path(source).is_file():
        return options["content"] or _input(options)
    return files.file_at(Path(source), options["id"])


def _input(options: dict[str, Any]) -> bytes | str:
    """Return the content of ``-i``, which must be a picture, or of stdin, which can be a text."""
    source = options["input"]
    if source and source != "-":
        raw = Path(source).read_bytes()
        if not decoding.is_picture(raw):
            reason = _decoding_error(raw)
            raise BadImage(f"{source} cannot be used: {reason}. Use -c for text.")
        return raw
    raw = sys.stdin.buffer.read()
    if not raw:
        raise click.ClickException("No content provided")
    if options["binary"] or decoding.is_picture(raw):
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadImage(
            "Standard input is neither a picture nor UTF-8 text; pipe in one of those."
        ) from error


def _decoding_error(raw: bytes) -> str:
    try:
        decoding.read(raw)
    except BadImage as error:
        return error.message
    raise AssertionError("it is a picture")


def _print_hit(hit: exact.Hit, plain: bool) -> None:
    if not plain:
        click.echo(json.dumps(asdict(hit)))
        return
    click.echo(f"{hit.id} ({hit.score})\n")
    if hit.content:
        click.echo(textwrap.indent(hit.content, "  "))
    if hit.metadata:
        click.echo(textwrap.indent(json.dumps(hit.metadata), "  "))
    click.echo("")


def _print_vector(vector: list[float], format_: str) -> None:
    packed = llm.encode(vector)
    printed = {
        "json": json.dumps(vector),
        "blob": packed,
        "base64": base64.b64encode(packed).decode("ascii"),
        "hex": packed.hex(),
    }
    click.echo(printed[format_])
