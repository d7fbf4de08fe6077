"""``llm glam search``: search a collection by text, pictures, ids and conditions."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
from sqlite_utils import Database

from ..db import connection
from ..db.collection import Collection
from ..db.filters import Conditions
from ..formats.tables import Row
from ..images import decoding
from ..records import open_pictures
from ..search import several
from ..search.collection_search import Result, SearchOptions, parse_terms, search_terms
from ..search.matching import MATCHES, PICTURE
from . import options as shared
from . import result_options
from .output import ProgressBar, output_options, output_rows
from .result_options import ResultOptions

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
@click.option(
    "--also",
    metavar="COLLECTION",
    multiple=True,
    help="Search this collection of the same checkpoint as well; can be given several times",
)
@shared.condition_options
@shared.rights_option
@click.option(
    "--min-score", type=shared.Finite(), help="Only pictures with at least this score"
)
@click.option(
    "--match",
    type=click.Choice(MATCHES),
    default=PICTURE,
    show_default=True,
    help="Look for words in pictures, in records or in both",
)
@partial(output_options, default=None)
@result_options.result_options
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
    also: tuple[str, ...],
    filters_: tuple[str, ...],
    exceptions: tuple[str, ...],
    where: tuple[str, ...],
    words: str | None,
    rights: str | None,
    min_score: float | None,
    match: str,
    number: int,
    skip: int,
    prompt: str,
    allow_private: bool,
    database: Path,
    output: ResultOptions,
    format_: str | None,
) -> None:
    """Find the pictures in COLLECTION most similar to QUERY.

    A term is text, a picture file (a path starting with ./, ../, /, ~ or a drive letter), the URL
    of a picture (https://…), or id:ITEM for a picture in the collection. Use -a and -s to add and
    subtract terms, and put 2: before a term to double its weight. Without any terms, lists the
    pictures that match the conditions. With --also, ranks the pictures of several collections
    together; IDs are those of COLLECTION.

    With --match both, a single term of text is also looked for in the records: pictures whose id,
    title or number it is come first, then those whose records contain all its words or that look
    like it, in one ranking. "match" says why a picture was found. --match record finds records only.

    \b
    Examples:
        llm glam search photos 'a bronze brooch'
        llm glam search photos ./found.jpg -a 'in terracotta' -s broken
        llm glam search photos https://museum.example/coin.jpg -a 'in silver'
        llm glam search photos '2:statuette' -a id:0032-bronze-coin.jpg -t
        llm glam search photos brooch --filter material=bronze --filter year__gte=1900
        llm glam search photos 'Ben Davis' --match both
        llm glam search photos brooch --except material=bronze
        llm glam search photos ship --where "place in ('Turkey', 'Italy')" --min-score 0.2
        llm glam search photos id:0032-bronze-coin.jpg --also met --also bm -t
        llm glam search photos ship -n 50 --html ships.html --xlsx ships.xlsx
    """
    shared.check_exists(database)
    result_options.check(output, number, database, has_several=bool(also))
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    db = connection.connect(database, readonly=True)
    opened = several.open_all(db, [collection, *also])
    wanted = parse_terms(" ".join(query), add, subtract)
    conditions = [
        Conditions(
            (*filters_, *_rights_filter(db, one, rights)),
            where,
            words,
            exceptions=exceptions,
        )
        for one in opened
    ]
    if not wanted and not conditions[0]:
        raise click.UsageError(
            "Give a QUERY, or a condition such as --filter or --words."
        )
    among = [
        result_options.without_sensitive(db, one, own, output)
        for one, own in zip(opened, conditions, strict=True)
    ]
    options = SearchOptions(
        *(among[0], min_score, number, skip, prompt, allow_private, match)
    )
    others = list(zip(opened, among, strict=True))[1:]
    taken = result_options.Output(db, opened[0], output)
    with ProgressBar("vectors") as progress:
        results = search_terms(db, opened[0], wanted, options, progress, also=others)
    if output.files and results:
        taken.write(results, wanted, conditions[0])
    if format_ or not (output.files and results):
        _output(results, taken, output, format_ or "nl", with_collection=bool(also))
    if wanted:
        report_checkpoint(opened[0])


def _output(
    results: Sequence[Result],
    taken: result_options.Output,
    options: ResultOptions,
    format_: str,
    *,
    with_collection: bool,
) -> None:
    if options.has_records:
        rows = taken.rows(results, is_flat=format_ != "nl")
    else:
        rows = _narrow([_row(r, with_collection=with_collection) for r in results])
    output_rows(rows, format_)


def _rights_filter(
    db: Database, collection: Collection, rights: str | None
) -> list[str]:
    return [open_pictures.condition(db, collection)] if rights else []


def _row(result: Result, *, with_collection: bool) -> Row:
    """Return a result's id, its score, why it was found, and the main fields of its record."""
    shown = {name: result.record.get(name) for name in SHOWN}
    score = result.score and round(result.score, 6)
    where = {"collection": result.collection} if with_collection else {}
    match = {} if result.match is None else {"match": result.match}
    return {**where, "id": result.id, "score": score, **match, **shown}


def _narrow(rows: Sequence[Row]) -> list[Row]:
    """Drop the column of files if these are the same as the ids."""
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
