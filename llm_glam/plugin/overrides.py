"""What LLM's embedding commands do for our collections and models.

Each function gets LLM's own callback, the database's path, the id of our model, and the options
as click parsed them.
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

from ..cli.output import ProgressBar, say_on_stderr
from ..cli.summary import say_counts, say_who_answered
from ..db import collections, embeddings
from ..errors import BadImage, GlamError, explained
from ..images import decoding, files
from ..ingest import opening, pipeline, records
from ..ingest.pipeline import IngestOptions
from ..ingest.prefetch import Entry, ReadOptions
from ..ingest.records import Records
from ..models.engine_choice import EngineOptions
from ..search import exact, index
from ..search.exact import Query

Callback = Callable[..., Any]
ENCODINGS = ("utf-8", "latin-1")


def embed_multi(
    original: Callback, path: Path, model_id: str, options: dict[str, Any]
) -> None:
    """``llm embed-multi``: files are pictures, other sources as in LLM, pictures in BLOBs too."""
    _check_usage(options)
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    is_files = bool(options["files"]) and not options["encodings"]
    found = files.matching(options["files"], options["prefix"]) if is_files else None
    file_records = records.read_beside(found.files) if found else Records()
    ingest_options = IngestOptions(
        ReadOptions(keep_raw=options["store"]),
        batch_size=options["batch_size"] or pipeline.BATCH_SIZE,
    )
    db = collections.connect(path)
    for alias, attached in options["attach"]:
        _attach(db, alias, attached)
    engine_options = EngineOptions(say_on_stderr)
    opened = opening.open_collection(
        db, options["collection"], model_id, engine_options
    )
    arguments = {key: value for key, value in options.items() if key != "key" and value}
    with ProgressBar("pictures" if found else "entries") as progress:
        with pipeline.run(
            db, opened, ingest_options, progress, "embed-multi", arguments
        ) as run:
            if found:
                pipeline.embed_files(run, found, file_records)
            else:
                pipeline.embed_entries(run, *_entries(db, options))
    say_counts(run.target.collection, run.counts)


def embed(
    original: Callback, path: Path, model_id: str, options: dict[str, Any]
) -> None:
    """``llm embed``: ``-i`` means a picture; without a collection LLM prints the vector."""
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    if bool(options["collection"]) != bool(options["id"]) or not options["collection"]:
        content = options["content"] or _input(options)
        return original(**{**options, "content": content, "model": model_id})
    entry = Entry(options["id"], _content(options), options["metadata"])
    db = collections.connect(path)
    opened = opening.open_collection(db, options["collection"], model_id)
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
    """``llm similar``: the same answers as LLM's, pictures without ``--binary``, and faster."""
    if not (options["id"] or options["content"] or options["input"]):
        return original(**options)
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    db = collections.connect(path, readonly=True)
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
    say_who_answered(collection)


def collections_delete(
    original: Callback, path: Path, model_id: str, options: dict[str, Any]
) -> None:
    """``llm collections delete``: the vectors go; records, labels and thumbnails stay."""
    db = collections.connect(path)
    collections.delete(db, collections.get(db, options["collection"]))
    index.delete_stale_files(db)


def _check_usage(options: dict[str, Any]) -> None:
    """The same usage errors as LLM's own command."""
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
        with explained(lambda: Path(path)):
            db.attach(alias, path)
            db.execute(f"select 1 from {quote_identifier(alias)}.sqlite_master")
    except sqlite3.OperationalError as error:
        raise GlamError(f"--attach {alias} {path}: {error}.") from error


def _rows(
    db: Database, options: dict[str, Any]
) -> tuple[Iterator[dict[str, Any]], int | None]:
    """Rows of a query, of text files, or of a CSV, TSV or JSON file, and how many there are."""
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
    """With ``--encoding`` the files are texts, as in LLM."""
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
    """The entries of any source but picture files, and how many there are if that is known."""
    rows, total = _rows(db, options)

    def entries() -> Iterator[Entry]:
        for row in rows:
            first, *values = row.values()
            yield Entry(
                f"{options['prefix']}{first}", _joined(values, options["prepend"])
            )

    return entries(), total


def _joined(values: list[Any], prepend: str | None) -> bytes | str:
    """Several columns are one text, as in LLM; a BLOB is a picture."""
    blob = next((value for value in values if isinstance(value, bytes)), None)
    if blob is not None:
        return blob
    text = " ".join(str(value) if value is not None else "" for value in values)
    return f"{prepend or ''}{text}"


def _content(options: dict[str, Any]) -> files.PictureFile | bytes | str:
    """What ``llm embed`` is to embed; a picture file keeps its place on disk."""
    source = options["input"]
    if options["content"] or not source or not Path(source).is_file():
        return options["content"] or _input(options)
    return files.file_at(Path(source), options["id"])


def _input(options: dict[str, Any]) -> bytes | str:
    """``-i`` or stdin: a picture, or, from stdin, a text."""
    source = options["input"]
    if source and source != "-":
        raw = Path(source).read_bytes()
        if not decoding.is_picture(raw):
            reason = _why_not(raw)
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


def _why_not(raw: bytes) -> str:
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
