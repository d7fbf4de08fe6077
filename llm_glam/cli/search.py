"""``llm glam search``: search a collection by text, pictures, ids and conditions."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..db import collections, connection
from ..db.collection import Collection
from ..db.filters import Conditions
from ..formats.tables import Row
from ..images import decoding
from ..records import open_pictures
from ..search.collection_search import Result, SearchOptions, parse_terms, search_terms
from . import options as shared
from .output import ProgressBar, output_options, output_rows

SHOWN = ("title", "caption", "file")


@click.command("search")
@click.argument("collection")
@click.argument("query", nargs=-1)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Number of results",
)
@click.option(
    "-a", "--add", multiple=True, help="Add a term; can be given several times"
)
@click.option(
    "-s",
    "--subtract",
    multiple=True,
    help="Subtract a term; can be given several times",
)
@shared.condition_options
@shared.rights_option
@click.option(
    "--min-score", type=shared.Finite(), help="Only pictures with at least this score"
)
@output_options
@click.option(
    "--skip", type=click.IntRange(0), default=0, help="Skip the first N results"
)
@shared.prompt_option()
@shared.private_option
@shared.database_option
def command(
    collection: str,
    query: tuple[str, ...],
    add: tuple[str, ...],
    subtract: tuple[str, ...],
    filters_: tuple[str, ...],
    exceptions: tuple[str, ...],
    where: tuple[str, ...],
    words: str | None,
    rights: str | None,
    min_score: float | None,
    number: int,
    skip: int,
    prompt: str,
    allow_private: bool,
    database: Path,
    format_: str,
) -> None:
    """Find the pictures in COLLECTION most similar to QUERY.

    A term is text, a picture file (a path starting with ./, ../, /, ~ or a drive letter), the URL
    of a picture (https://…), or id:ITEM for a picture in the collection. Use -a and -s to add and
    subtract terms, and put 2: before a term to double its weight. Without any terms, lists the
    pictures that match the conditions.

    \b
    Examples:
        llm glam search photos 'a bronze brooch'
        llm glam search photos ./found.jpg -a 'in terracotta' -s broken
        llm glam search photos https://museum.example/coin.jpg -a 'in silver'
        llm glam search photos '2:statuette' -a id:0032-bronze-coin.jpg -t
        llm glam search photos brooch --filter material=bronze --filter year__gte=1900
        llm glam search photos brooch --except material=bronze
        llm glam search photos ship --where "place in ('Turkey', 'Italy')" --min-score 0.2
    """
    shared.check_exists(database)
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    db = connection.connect(database, readonly=True)
    opened = collections.get(db, collection)
    wanted = parse_terms(" ".join(query), add, subtract)
    if rights:
        filters_ = (*filters_, open_pictures.condition(db, opened))
    conditions = Conditions(filters_, where, words, exceptions=exceptions)
    if not wanted and not conditions:
        raise click.UsageError(
            "Give a QUERY, or a condition such as --filter or --words."
        )
    options = SearchOptions(conditions, min_score, number, skip, prompt, allow_private)
    with ProgressBar("vectors") as progress:
        results = search_terms(db, opened, wanted, options, progress)
    rows = map(_row, results)
    output_rows(_narrow(list(rows)) if format_ == "table" else rows, format_)
    if wanted:
        report_checkpoint(opened)


def _row(result: Result) -> Row:
    """Return a result's id, its score and the main fields of its record."""
    shown = {name: result.record.get(name) for name in SHOWN}
    score = result.score and round(result.score, 6)
    return {"id": result.id, "score": score, **shown}


def _narrow(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop the column of files if these are the same as the ids, for a table to read."""
    if any(row["file"] != row["id"] for row in rows):
        return list(rows)
    return [{k: v for k, v in row.items() if k != "file"} for row in rows]


def report_checkpoint(collection: Collection) -> None:
    """Report which checkpoint a search used, if stderr is a terminal.

    Without this, people who compare checkpoints have compared one with itself.
    """
    if sys.stderr.isatty():
        weights = f" {collection.fingerprint}" if collection.fingerprint else ""
        click.echo(f"{collection.name} ({collection.model_id}{weights})", err=True)
