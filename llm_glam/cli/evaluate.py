"""``llm glam evaluate``: how well checkpoints find pictures by caption, in figures."""

import time
from collections.abc import Sequence

import click

from ..db import collections
from ..evaluate import bootstrap, encoding, measure, metric_tables
from ..evaluate.measure import Encoded, MetricOptions
from ..evaluate.metric_tables import Measured
from ..evaluate.pairs import from_collection, pairs
from ..evaluate.pairs.pairs import Pair, Pairs
from ..images import decoding
from ..models import embedding_model, registry
from ..models.engine_choice import EngineOptions
from . import options as shared
from .dataset_options import Source, data_argument, pairs_options, record_options
from .output import Progress, output_options, output_rows, say_on_stderr

FEW_GROUPS = 30


@click.command("evaluate")
@data_argument
@click.option(
    "-m",
    "--model",
    "models",
    multiple=True,
    help="Checkpoint to evaluate; if given several times, others are compared with the first "
    "[default: glam-clip, or that of the collection]",
)
@pairs_options
@click.option(
    "--label",
    metavar="COLUMN",
    help="Also measure how many of the 10 nearest pictures share the value of this column, "
    "searching by picture and by the value as text",
)
@click.option(
    "--by", metavar="COLUMN", help="Also show metrics for each value of this column"
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    help="Use only this many pictures, chosen at random",
)
@output_options
@click.option(
    "format_",
    "--markdown",
    flag_value="markdown",
    help="Output as a Markdown table",
)
@record_options
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed for --sample and the intervals",
)
@click.option(
    "--least",
    type=click.IntRange(1),
    default=measure.LEAST,
    show_default=True,
    help="Combine --by values with fewer pictures than this",
)
@shared.prompt_option('Template for label texts, such as "a photograph of {}"')
@shared.device_option
@shared.database_option
def command(
    source: Source,
    models: tuple[str, ...],
    label: str | None,
    prompt: str,
    by: str | None,
    least: int,
    sample: int | None,
    seed: int,
    device: str | None,
    format_: str,
) -> None:
    """Measure how well checkpoints match pictures and captions.

    Reports recall and other metrics for finding pictures by caption, and captions by picture.
    DATA is a table (CSV, TSV, JSON, JSONL or XLSX) with a picture path and a caption in each
    row, or a folder containing a metadata.csv, .jsonl or .xlsx. Use pictures that none of the
    checkpoints was trained on. Without -m, a collection is evaluated using its stored embeddings.

    \b
    Examples:
        llm glam evaluate held-out/captions.csv -m clip-ViT-B-32 -m archaeclip
        llm glam evaluate held-out.csv --caption-template '{title}. {material}, {period}'
        llm glam evaluate held-out.csv -m archaeclip --by period --group-by object --markdown
        llm glam evaluate --collection photos --caption title --label material -t
    """
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    names = models or ([None] if source.data else [])
    chosen = [shared.model_id(one) for one in names]
    found = source.read(from_files=bool(chosen))
    found = pairs.sampled(found, sample, seed)
    metric_options = MetricOptions(label, prompt, by, least, seed).spelled(found.pairs)
    measure.check_label(found.pairs, metric_options)
    texts = measure.texts(found.pairs, metric_options)
    _say_what_is_there(found)
    encoded = [
        _encoded(one, found.pairs, texts, device) for one in dict.fromkeys(chosen)
    ]
    if not encoded:
        encoded = [_stored(source, found.pairs, texts, device)]
    measured = measure.measure(found.pairs, encoded, metric_options)
    _show(measured, seed, format_)


def _say_what_is_there(found: Pairs) -> None:
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
            f"Warning: fewer than {FEW_GROUPS} independent groups are too few for firm conclusions, "
            "and the intervals are rough."
        )


def _encoded(
    model_id: str, found: Sequence[Pair], texts: Sequence[str], device: str | None
) -> Encoded:
    """Through a checkpoint, from the files."""
    paths = (pair.file.path for pair in found if pair.file)
    if warning := registry.get(registry.bare(model_id)).warning_about(paths):
        say_on_stderr(f"Warning: {warning}.")
    encoder = embedding_model.find(model_id).encoder(
        engine_options=EngineOptions(say_on_stderr, device=device)
    )
    started = time.monotonic()
    with Progress() as progress:
        encoded, refused = encoding.encoded(model_id, encoder, found, texts, progress)
    pairs.say_refused(refused, say_on_stderr)
    seconds = time.monotonic() - started
    say_on_stderr(
        f"{model_id}: {seconds:,.0f} s, {len(found) / max(seconds, 0.001):,.0f} pictures/s, "
        "captions included"
    )
    return encoded


def _stored(
    source: Source, found: Sequence[Pair], texts: Sequence[str], device: str | None
) -> Encoded:
    """The vectors that a collection has."""
    db = collections.connect(source.database, readonly=True)
    collection = collections.get(db, str(source.collection))
    engine_options = EngineOptions(say_on_stderr, collection.precision, device)
    encoder = embedding_model.find(collection.model_id).encoder(
        engine_options=engine_options
    )
    collections.check_fingerprint(collection, encoder.fingerprint)
    with Progress("vectors") as progress:
        vectors = from_collection.vectors(db, collection, found, progress)
    return encoding.of_stored(collection.model_id, encoder, texts, vectors)


def _show(measured: Sequence[Measured], seed: int, format_: str) -> None:
    groups = max(one.groups for one in measured)
    note = (
        f"In brackets: {bootstrap.LEVEL:.0%} intervals, percentile bootstrap over {groups:,} "
        f"groups of pictures ({bootstrap.RESAMPLES:,} resamples, seed {seed})."
    )
    if format_ == "markdown":
        click.echo(f"{metric_tables.markdown(measured)}\n\n{note}")
    elif format_ == "table":
        output_rows(metric_tables.readable(measured), format_)
        say_on_stderr(note)
    else:
        output_rows(metric_tables.rows(measured), format_)
