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
from .dataset_options import Source, pairs_options
from .output import ProgressBar, output_options, output_rows, say_on_stderr
from .train_context import typed
from .train_options import HeldOut, Pace, held_out_options, pace_options


@click.command("train")
@pairs_options
@click.option("--name", help="What the new checkpoint is called")
@click.option(
    "--tune",
    type=click.Choice(presets.TUNES),
    help="Which weights learn [default: by hardware and data]",
)
@click.option(
    "--base", help="The checkpoint to start from [default: that of glam-clip]"
)
@held_out_options
@pace_options
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="For what is held out, the order of learning, and the intervals",
)
@click.option(
    "--retain",
    type=click.Path(path_type=Path),
    metavar="CAPTIONS",
    help="A text file of captions, one a line, that must not be forgotten [default: 120 of "
    "everyday things]",
)
@click.option("--label", metavar="COLUMN", help="As in llm glam evaluate")
@shared.prompt_option("As in llm glam evaluate")
@click.option("--by", metavar="COLUMN", help="As in llm glam evaluate")
@click.option("--license", "licence", default="", help="For the card")
@click.option("--check", is_flag=True, help="Say how the data are, and train nothing")
@click.option("--resume", is_flag=True, help="Go on with a training that was killed")
@shared.device_option
@output_options
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
    """Train a checkpoint of your own on pictures with captions, and measure whether it helped.

    DATA is as in llm glam evaluate. Some pictures are held out: recall before and after is
    measured with those. With --tune projections, the last step from what the model sees and
    reads to vectors learns: the rest of the model is run once over each picture, so that a laptop
    does it in minutes. --tune last-block and --tune all teach it to see and read otherwise, which
    takes a graphics card or a small checkpoint, and llm install 'llm-glam[train]'. The new
    checkpoint is registered as glam-clip/NAME with a card, unless it is of no use.

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
        f"Registered {entry.model_id}, with its card: {entry.source}/README.md. Curves and log: "
        f"{trained.run.folder}"
    )
