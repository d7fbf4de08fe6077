"""``llm glam evaluate``: measure how well checkpoints match pictures and captions."""

import sqlite3
from collections.abc import Sequence

import click

from ..evaluate import bootstrap, labels, measure, metric_tables
from ..evaluate.evaluation import evaluate, evaluate_stored, keep
from ..evaluate.measure import MetricOptions
from ..evaluate.metric_tables import MetricRow
from ..evaluate.pairs import pairs
from ..evaluate.pairs.pairs import Pairs
from ..images import decoding
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from . import options as shared
from .dataset_options import Source, data_argument, pairs_options, record_options
from .output import ProgressBar, output_options, output_rows, say_on_stderr


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
    DATA is a table (.csv, .tsv, .json, .jsonl, .xlsx, .xls or .ods) with a picture path and a
    caption in each row, or a folder containing one that is called metadata. Use pictures that
    none of the checkpoints was trained on. Without -m, a collection is evaluated using its stored
    embeddings.

    \b
    Examples:
        llm glam evaluate held-out/captions.csv -m clip-ViT-B-32 -m archaeclip
        llm glam evaluate held-out.csv --caption-template '{title}. {material}, {period}'
        llm glam evaluate held-out.csv -m archaeclip --by period --group-by object --markdown
        llm glam evaluate --collection photos --caption title --label material -t
    """
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    names = models or (["glam-clip"] if source.data else [])
    model_ids = [embedding_model.resolve(one) for one in names]
    found = pairs.sampled(source.read(from_files=bool(model_ids)), sample, seed)
    options = MetricOptions(label, prompt, by, least, seed).spelled(found)
    labels.check(found.pairs, options.label)
    _report_counts(found)
    measured = _evaluate(source, found, model_ids, options, device)
    _output(measured, seed, format_)
    if not model_ids and not source.is_narrowed:
        _keep(source, measured)


def _keep(source: Source, measured: Sequence[MetricRow]) -> None:
    """Keep the result for the site, unless the database can only be read."""
    try:
        keep(source.database, str(source.collection), measured)
    except sqlite3.OperationalError as error:
        say_on_stderr(f"The result is not kept for the site: {error}.")
        return
    say_on_stderr("The result is kept in the database, and shown on the site.")


def _evaluate(
    source: Source,
    found: Pairs,
    model_ids: Sequence[str],
    options: MetricOptions,
    device: str | None,
) -> Sequence[MetricRow]:
    """Evaluate checkpoints, or a collection's stored embeddings if none is given."""
    with ProgressBar("pictures" if model_ids else "vectors") as progress:
        if model_ids:
            return evaluate(
                *(found, model_ids, options),
                engine_options=EngineOptions(say_on_stderr, device=device),
                progress=progress,
            )
        return evaluate_stored(
            *(source.database, str(source.collection), found, options),
            engine_options=source.engine_options(device),
            progress=progress,
        )


def _report_counts(found: Pairs) -> None:
    texts = len(pairs.captions(found.pairs).texts)
    counts = {
        "picture": len(found.pairs),
        "different caption": texts,
        "group": found.groups,
    }
    parts = [f"{n:,} {what}{'' if n == 1 else 's'}" for what, n in counts.items()]
    say_on_stderr(", ".join(parts))
    if found.groups < bootstrap.FEW_GROUPS:
        say_on_stderr(
            f"Warning: fewer than {bootstrap.FEW_GROUPS} independent groups are too few for firm conclusions, "
            "and the intervals are rough."
        )


def _output(measured: Sequence[MetricRow], seed: int, format_: str) -> None:
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
