"""``llm glam evaluate``: how well checkpoints find pictures by caption, in figures."""

import time
from collections.abc import Sequence
from pathlib import Path

import click
from sqlite_utils import Database

from .. import (
    clip,
    demo,
    evaluate,
    figures,
    images,
    measure,
    pairs,
    pairs_collection,
    pairs_table,
    registry,
    retrieval,
    store,
)
from ..engines import Running
from ..figures import Measured
from ..filters import Conditions
from ..measure import Asked, Encoded
from ..output import Progress, output_options, output_rows, say_on_stderr
from ..pairs import Pair, Pairs
from ..pairs_table import Columns
from ..store import Collection
from . import options as shared

FEW_GROUPS = 30


@click.command("evaluate")
@click.argument("data", required=False)
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="A checkpoint; several are compared with the first [default: glam-clip, or that of "
    "the collection]",
)
@click.option("--collection", help="The pictures of this collection instead of DATA")
@shared.database_option
@click.option(
    "--image-column", metavar="COLUMN", help="Where DATA has the pictures' paths"
)
@click.option(
    "--caption-column",
    "--caption",
    "caption_column",
    metavar="COLUMN",
    help="Where the captions are",
)
@click.option(
    "--caption-template",
    metavar="TEXT",
    help='Captions made of columns, such as "{title}. {material}, {period}"',
)
@click.option(
    "--label",
    metavar="COLUMN",
    help="Also: how many of the 10 pictures nearest to each have its label",
)
@click.option("--by", metavar="COLUMN", help="Also: figures for each value")
@click.option(
    "--least",
    type=click.IntRange(1),
    default=measure.LEAST,
    show_default=True,
    help="Values of --by with fewer pictures are taken together",
)
@click.option(
    "--group-by",
    metavar="COLUMN",
    help="Pictures with the same value are of one object, one project and so on",
)
@click.option(
    "--filter",
    "filters_",
    metavar="COLUMN=VALUE",
    multiple=True,
    help="Only pictures of the collection whose record says so, as in llm glam search",
)
@click.option(
    "--where",
    metavar="SQL",
    multiple=True,
    help="Only pictures of the collection whose record fulfils this",
)
@click.option("--sensitive", is_flag=True, help="Take pictures marked as sensitive too")
@click.option("--sample", type=click.IntRange(1), help="Only so many, chosen at random")
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="For --sample and the intervals",
)
@shared.device_option
@output_options
@click.option(
    "format_",
    "--markdown",
    flag_value="markdown",
    help="A Markdown table to publish",
)
def command(
    data: str | None,
    models: tuple[str, ...],
    collection: str | None,
    database: Path,
    image_column: str | None,
    caption_column: str | None,
    caption_template: str | None,
    label: str | None,
    by: str | None,
    least: int,
    group_by: str | None,
    filters_: tuple[str, ...],
    where: tuple[str, ...],
    sensitive: bool,
    sample: int | None,
    seed: int,
    device: str | None,
    format_: str,
) -> None:
    """Measure how well checkpoints find pictures by caption, and captions by picture.

    DATA is a table (CSV, TSV, JSON, JSONL or XLSX) with a picture's path and a caption per row, or
    a folder with a metadata.csv, .jsonl or .xlsx. Use pictures that no checkpoint was trained on.
    Without -m, a collection is measured by the vectors it has.

    \b
    Examples:
        llm glam evaluate held-out/captions.csv -m clip-ViT-B-32 -m archaeclip
        llm glam evaluate held-out.csv --caption-template '{title}. {material}, {period}'
        llm glam evaluate held-out.csv -m archaeclip --by period --group-by object --markdown
        llm glam evaluate --collection photos --caption title --label material -t
    """
    _check_usage(data, collection, image_column, filters_, where)
    if caption_column and caption_template:
        raise click.UsageError("Give --caption-column or --caption-template, not both.")
    images.allow_megapixels(images.MAX_MEGAPIXELS)
    chosen = [shared.model_id(one) for one in models or ([None] if data else [])]
    asked = Asked(label, by, least, seed)
    if collection is None:
        columns = Columns(image_column, caption_column, caption_template, group_by)
        found = pairs_table.read(str(data), columns, sensitive=sensitive)
    else:
        shared.check_exists(database)
        db = store.connect(database, readonly=True)
        ours = store.get(db, collection)
        found = pairs_collection.read(
            *(db, ours),
            caption=caption_column,
            template=caption_template,
            group_by=group_by,
            conditions=Conditions(filters_, where),
            sensitive=sensitive,
            from_files=bool(chosen),
        )
    found = pairs.sampled(found, sample, seed)
    asked = asked.spelled(found.pairs)
    _say_what_is_there(found)
    encoded = [_encoded(one, found.pairs, device) for one in dict.fromkeys(chosen)]
    if not encoded:
        encoded = [_stored(db, ours, found.pairs, device)]
    measured = measure.measure(found.pairs, encoded, asked)
    _show(measured, seed, format_)


def _check_usage(
    data: str | None,
    collection: str | None,
    image_column: str | None,
    filters_: Sequence[str],
    where: Sequence[str],
) -> None:
    if (data is None) == (collection is None):
        raise click.UsageError("Give either DATA or --collection.")
    if data is not None and (filters_ or where):
        raise click.UsageError("--filter and --where need --collection.")
    if collection is not None and image_column:
        raise click.UsageError("--image-column is for DATA; a collection needs none.")


def _say_what_is_there(found: Pairs) -> None:
    for remark in found.remarks:
        say_on_stderr(remark)
    pairs.say_refused(found.refused, say_on_stderr)
    texts = len(pairs.captions(found.pairs).texts)
    counts = {
        "picture": len(found.pairs),
        "different caption": texts,
        "group": found.groups,
    }
    said = [f"{n:,} {what}{'' if n == 1 else 's'}" for what, n in counts.items()]
    say_on_stderr(", ".join(said))
    if found.groups < FEW_GROUPS:
        say_on_stderr(
            f"Warning: with fewer than {FEW_GROUPS} independent groups little can be concluded; "
            "the intervals are rough."
        )


def _encoded(model_id: str, found: Sequence[Pair], device: str | None) -> Encoded:
    """Through a checkpoint, from the files."""
    paths = (pair.file.path for pair in found if pair.file)
    if registry.bare(model_id) == registry.DEMO and demo.has_foreign(paths):
        say_on_stderr(f"Warning: {demo.FOREIGN}.")
    encoder = clip.find(model_id).encoder(running=Running(say_on_stderr, device=device))
    started = time.monotonic()
    with Progress() as progress:
        encoded, refused = evaluate.encoded(model_id, encoder, found, progress)
    pairs.say_refused(refused, say_on_stderr)
    seconds = time.monotonic() - started
    say_on_stderr(
        f"{model_id}: {seconds:,.0f} s, {len(found) / max(seconds, 0.001):,.0f} pictures/s with "
        "their captions"
    )
    return encoded


def _stored(
    db: Database, collection: Collection, found: Sequence[Pair], device: str | None
) -> Encoded:
    """The vectors that a collection has."""
    running = Running(say_on_stderr, collection.precision, device)
    encoder = clip.find(collection.model_id).encoder(running=running)
    store.check_fingerprint(collection, encoder.fingerprint)
    with Progress("vectors") as progress:
        vectors = pairs_collection.vectors(db, collection, found, progress)
    return evaluate.of_stored(collection.model_id, encoder, found, vectors)


def _show(measured: Sequence[Measured], seed: int, format_: str) -> None:
    groups = max(one.groups for one in measured)
    note = (
        f"In brackets: {retrieval.LEVEL:.0%} intervals, percentile bootstrap over {groups:,} "
        f"groups of pictures ({retrieval.RESAMPLES:,} resamples, seed {seed})."
    )
    if format_ == "markdown":
        click.echo(f"{figures.markdown(measured)}\n\n{note}")
    elif format_ == "table":
        output_rows(figures.readable(measured), format_)
        say_on_stderr(note)
    else:
        output_rows(figures.rows(measured), format_)
