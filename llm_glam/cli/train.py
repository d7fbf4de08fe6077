"""``llm glam train``: train a checkpoint, with metrics before and after."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import click

from ..evaluate import metric_tables
from ..evaluate.pairs.holdout import Split
from ..evaluate.pairs.pairs import Pairs
from ..images import decoding
from ..train import presets, workflow
from ..train.captions import retained
from ..train.workflow import TrainOptions
from . import options as shared
from .dataset_options import Source, data_argument, pairs_options, record_options
from .output import ProgressBar, output_options, output_rows, say_on_stderr
from .train_context import command_line
from .train_options import (
    CreditOptions,
    HoldoutOptions,
    LabelOptions,
    ScheduleOptions,
    credit_options,
    holdout_options,
    label_options,
    schedule_options,
)


@click.command("train")
@data_argument
@click.option("--name", help="Name of the new checkpoint")
@click.option(
    "--base",
    help="Checkpoint to start from [default: that of the collection, or glam-clip]",
)
@click.option("--check", is_flag=True, help="Check the data and exit")
@click.option(
    "--resume", is_flag=True, help="Continue a training run that was interrupted"
)
@pairs_options
@click.option(
    "--tune",
    type=click.Choice(presets.TUNES),
    help="Which weights to train [default: based on hardware and data]",
)
@holdout_options
@schedule_options
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed for the holdout, the training order and the intervals",
)
@output_options
@record_options
@label_options
@click.option(
    "--retain",
    type=click.Path(path_type=Path),
    metavar="CAPTIONS",
    help="Text file of captions the model must not forget, one per line [default: 120 captions "
    "of everyday things]",
)
@credit_options
@shared.device_option
@shared.database_option
def command(
    source: Source,
    name: str | None,
    tune: str | None,
    base: str | None,
    holdout: HoldoutOptions,
    schedule: ScheduleOptions,
    seed: int,
    retain: Path | None,
    labels: LabelOptions,
    credits_: CreditOptions,
    check: bool,
    resume: bool,
    device: str | None,
    format_: str,
) -> None:
    """Train your own checkpoint on pictures with captions.

    DATA is the same as in llm glam evaluate. Some pictures are held out, to measure recall before
    and after training. --tune projections trains only the final projection layers and runs the
    rest of the model once over each picture, which takes only minutes on a laptop. --tune
    last-block and --tune all also train the image and text encoders, and need a GPU or a small
    checkpoint, plus llm install 'llm-glam[train]'. Unless it has collapsed or is no better than
    before, the new checkpoint is registered as glam-clip/NAME, with a model card.

    \b
    Examples:
        llm glam train captions.csv --name archaeclip --check
        llm glam train captions.csv --name archaeclip --base clip-ViT-B-32
        llm glam train --collection photos --caption-template '{title}. {material}' --name ours
        llm glam train captions.csv --name archaeclip --holdout project=Petra -t
    """
    if not name and not check:
        raise click.UsageError("Give the new checkpoint a name: --name archaeclip")
    decoding.allow_megapixels(decoding.MAX_MEGAPIXELS)
    base = base or _of_collection(source)
    options = TrainOptions(
        base,
        tune,
        schedule.epochs,
        schedule.batch,
        schedule.learning_rate,
        schedule.max_minutes,
        seed=seed,
        retained=retained.texts(retain),
        metrics=labels.metrics(seed),
        device=device,
        resume=resume,
        **asdict(credits_),
        description=str(holdout),
        data=source.name,
        command=command_line(click.get_current_context()),
    )
    workflow.check_name(None if check else name, base)
    with nullcontext() if check else workflow.alone(str(name)):
        found = source.read(from_files=True, for_training=True)
        split = holdout.split(found, seed)
        if check:
            _check(found, split, options, format_)
        else:
            _train(found, str(name), split, options, format_)


def _of_collection(source: Source) -> str | None:
    """Return the checkpoint of the collection to train on, and say so; None for DATA."""
    model = source.model()
    if model:
        say_on_stderr(f"Starting from {model}, the checkpoint of {source.name}")
    return model


def _check(found: Pairs, split: Split, options: TrainOptions, format_: str) -> None:
    """Output what is known about the data."""
    with ProgressBar() as progress:
        row = workflow.check(found, split=split, options=options, progress=progress)
    output_rows([row], format_)


def _train(
    found: Pairs, name: str, split: Split, options: TrainOptions, format_: str
) -> None:
    """Train and register a checkpoint, and output its metrics."""
    with ProgressBar() as progress:
        trained = workflow.learn(
            found, name, split=split, options=options, progress=progress
        )
    table = metric_tables.readable if format_ == "table" else metric_tables.rows
    try:  # Register first, so that the checkpoint is not lost if the output fails.
        with ProgressBar() as progress:
            entry = workflow.register(trained, progress)
    finally:
        output_rows(table(trained.measured), format_)
    say_on_stderr(
        f"Registered {entry.model_id}. Model card: {entry.source}/README.md. "
        f"Training curves and log: {trained.run.folder}"
    )
