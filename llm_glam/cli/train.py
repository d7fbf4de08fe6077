"""``llm glam train``: a checkpoint of one's own, with figures before and after."""

from pathlib import Path

import click

from ..evaluate import metric_tables
from ..evaluate.measure import MetricOptions
from ..images import decoding
from ..train import presets, workflow
from ..train.captions import retained
from ..train.workflow import TrainOptions
from . import options as shared
from .dataset_options import Source, data_argument, pairs_options, record_options
from .output import ProgressBar, output_options, output_rows, say_on_stderr
from .train_context import typed
from .train_options import HeldOut, Pace, held_out_options, pace_options


@click.command("train")
@data_argument
@click.option("--name", help="Name of the new checkpoint")
@click.option("--base", help="Checkpoint to start from [default: glam-clip]")
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
@held_out_options
@pace_options
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Random seed for the holdout, the training order and the intervals",
)
@output_options
@record_options
@click.option("--label", metavar="COLUMN", help="As in llm glam evaluate")
@click.option("--by", metavar="COLUMN", help="As in llm glam evaluate")
@shared.prompt_option("As in llm glam evaluate")
@click.option(
    "--retain",
    type=click.Path(path_type=Path),
    metavar="CAPTIONS",
    help="Text file of captions the model must not forget, one per line [default: 120 captions "
    "of everyday things]",
)
@click.option(
    "--license", "licence", default="", help="License to state in the model card"
)
@shared.device_option
@shared.database_option
def command(
    source: Source,
    name: str | None,
    tune: str | None,
    base: str | None,
    apart: HeldOut,
    pace: Pace,
    seed: int,
    retain: Path | None,
    label: str | None,
    prompt: str,
    by: str | None,
    licence: str,
    check: bool,
    resume: bool,
    device: str | None,
    format_: str,
) -> None:
    """Train your own checkpoint on pictures with captions.

    DATA is the same as in llm glam evaluate. Some pictures are held out, to measure recall before
    and after training. --tune projections trains only the final projection layers and runs the
    rest of the model once over each picture, which takes a laptop minutes. --tune last-block and
    --tune all also train the image and text encoders, and need a GPU or a small checkpoint, plus
    llm install 'llm-glam[train]'. The new checkpoint is registered as glam-clip/NAME with a model
    card, unless it has collapsed or is no better than before.

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
    options = TrainOptions(
        *(base, tune, pace.epochs, pace.batch, pace.learning_rate, pace.max_minutes),
        seed=seed,
        retained=retained.texts(retain),
        metrics=MetricOptions(label, prompt, by, seed=seed),
        device=device,
        resume=resume,
        licence=licence,
        description=str(apart),
        data=source.name,
        command=typed(click.get_current_context()),
    )
    workflow.check_name(None if check else name, base)
    found = source.read(from_files=True)
    split = apart.split(found.pairs, seed)
    with ProgressBar() as progress:
        if check:
            counts = workflow.check(
                found, split=split, options=options, progress=progress
            )
            output_rows([counts], format_)
            return
        trained = workflow.learn(
            *(found, str(name)), split=split, options=options, progress=progress
        )
    shown = metric_tables.readable if format_ == "table" else metric_tables.rows
    try:  # What cannot be printed is no reason to lose what was learnt.
        with ProgressBar() as progress:
            entry = workflow.register(trained, progress)
    finally:
        output_rows(shown(trained.measured), format_)
    say_on_stderr(
        f"Registered {entry.model_id}. Model card: {entry.source}/README.md. "
        f"Training curves and log: {trained.run.folder}"
    )
