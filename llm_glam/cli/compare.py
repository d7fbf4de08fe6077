"""``llm glam compare``: two checkpoints on the same pictures, side by side."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from ..db import connection
from ..errors import GlamError
from ..evaluate.compare import agreement as agreeing
from ..evaluate.compare import collection_pair, wording
from ..evaluate.compare.collection_pair import Answer, CollectionPair, RankedPicture
from ..evaluate.rank_agreement import NEIGHBOURS
from ..formats.tables import Row
from ..images import decoding
from ..search import terms
from ..search.collection_search import announce_addresses
from . import options as shared
from .output import ProgressBar, output_options, output_rows, say_on_stderr

MAX_RESULTS = 1_000
LARGEST_SAMPLE = 100_000
LARGE_PAGE = 10_000_000  # bytes
WIDTH = 36  # of a title in a table


@click.command("compare")
@click.argument("old")
@click.argument("new")
@click.option(
    "-c",
    "--content",
    metavar="QUERY",
    multiple=True,
    help="Query to run against both; can be given several times",
)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1, MAX_RESULTS),
    default=NEIGHBOURS,
    show_default=True,
    help="Number of results from each",
)
@click.option(
    "--agreement",
    is_flag=True,
    help="Show how far the two agree, not the results (the default without -c)",
)
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the comparison, pictures included, to this HTML file; rows are output as well only "
    "with --nl, --csv, --tsv or -t",
)
@partial(output_options, default=None)
@click.option(
    "--sample",
    type=click.IntRange(1, LARGEST_SAMPLE),
    default=agreeing.SAMPLE,
    show_default=True,
    help="Number of pictures to measure agreement on",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed for --sample",
)
@click.option("--sensitive", is_flag=True, help="Include pictures marked as sensitive")
@click.option("--force", is_flag=True, help="Overwrite the --html file if it exists")
@shared.prompt_option()
@shared.private_option
@shared.database_option
def command(
    old: str,
    new: str,
    content: tuple[str, ...],
    number: int,
    agreement: bool,
    sample: int,
    seed: int,
    prompt: str,
    allow_private: bool,
    sensitive: bool,
    page: Path | None,
    force: bool,
    database: Path,
    format_: str | None,
) -> None:
    """Compare two checkpoints on the same pictures.

    OLD and NEW are collections of the same pictures, embedded with different checkpoints. With
    -c, shows the top results from each, and their rank in the other collection. A QUERY is text,
    a picture file, the URL of a picture, or id:ITEM, as in llm glam search. Without -c, or with
    --agreement, measures how far the two agree about which pictures are similar.

    \b
    Examples:
        llm glam compare photos photos-archaeclip -c 'a bronze brooch' -c horse -t
        llm glam compare photos photos-archaeclip -c id:0032-bronze-coin.jpg
        llm glam compare photos photos-archaeclip
        llm glam compare photos photos-archaeclip -c brooch --html comparison.html
    """
    _check_page(page, force)
    shared.check_exists(database)
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    db = connection.connect(database, readonly=True)
    pair = collection_pair.open_pair(db, old, new, with_sensitive=sensitive)
    for line in wording.left_out(pair):
        say_on_stderr(line)
    with ProgressBar() as progress:
        announce_addresses([terms.parse(text) for text in content], progress)
    answers = collection_pair.answers(
        pair, content, number, prompt=prompt, private=allow_private
    )
    figures = None
    if agreement or page or not content:
        figures = _agreement(pair, sample, seed)
    _report(answers, figures)
    if page:
        _write(page, pair, answers, figures)
        if not format_:
            return
    format_ = format_ or "nl"
    if content and not agreement:
        rows = [row for answer in answers for row in _rows(pair, answer)]
        output_rows(_narrow(rows) if format_ == "table" else rows, format_)
    elif figures:
        _output_figures(figures, answers, format_)


def _check_page(page: Path | None, force: bool) -> None:
    """Check the options for the page, before anything is computed."""
    if force and not page:
        raise click.UsageError("--force can only be used with --html.")
    if page and page.exists() and not force:
        raise GlamError(f"{page} already exists; use --force to overwrite it.")
    if page and not page.absolute().parent.is_dir():
        raise GlamError(
            f"Folder {page.absolute().parent} does not exist; create it first."
        )


def _agreement(pair: CollectionPair, sample: int, seed: int) -> Row:
    with ProgressBar("pictures") as progress:
        return agreeing.between(pair, sample, seed, progress)


def _report(answers: Sequence[Answer], figures: Row | None) -> None:
    for answer in answers:
        say_on_stderr(f"{answer.query}: {wording.of_answer(answer)}")
    for line in wording.of_agreement(figures) if figures else []:
        say_on_stderr(line)


def _rows(pair: CollectionPair, answer: Answer) -> list[Row]:
    """Return a row for each rank, with both collections' pictures and their other ranks."""
    names = collection_pair.titles(pair, [one.id for one in (*answer.old, *answer.new)])
    return [
        {
            "query": answer.query,
            "rank": old.rank,
            **_columns("old", old, names, "rank_in_new"),
            **_columns("new", new, names, "rank_in_old"),
        }
        for old, new in zip(answer.old, answer.new, strict=True)
    ]


def _columns(
    side: str, picture: RankedPicture, names: dict[str, str | None], other: str
) -> Row:
    return {
        f"{side}_id": picture.id,
        f"{side}_score": round(picture.score, 6),
        f"{side}_title": names[picture.id],
        f"{side}_{other}": picture.other,
    }


def _narrow(rows: Sequence[Row]) -> list[Row]:
    """Return shorter rows, for a table that fits on a screen."""
    return [
        {
            "query": _short(row["query"]),
            "rank": row["rank"],
            "old": _short(row["old_title"] or row["old_id"]),
            "score": f"{row['old_score']:.3f}",
            "in new": row["old_rank_in_new"],
            "new": _short(row["new_title"] or row["new_id"]),
            "score ": f"{row['new_score']:.3f}",
            "in old": row["new_rank_in_old"],
        }
        for row in rows
    ]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"


def _output_figures(figures: Row, answers: Sequence[Answer], format_: str) -> None:
    queries = [
        {
            "query": answer.query,
            "overlap": round(answer.shared / max(1, answer.depth), 6),
        }
        for answer in answers
    ]
    row = {**figures, "queries": queries}
    if format_ == "table":
        pairs = [{"": key, "value": value} for key, value in row.items()]
        output_rows(pairs, format_)
    else:
        output_rows([row], format_)


def _write(
    page: Path, pair: CollectionPair, answers: Sequence[Answer], figures: Row | None
) -> None:
    from ..evaluate.compare import html  # slow to import, because of Jinja

    size = html.write(page, pair, answers, figures or {})
    say_on_stderr(f"Wrote {page} ({size / 1e6:.1f} MB).")
    if size > LARGE_PAGE:
        say_on_stderr(
            "That is a large page; use fewer queries or a smaller -n to shrink it."
        )
