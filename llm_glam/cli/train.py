"""``llm glam train``: a checkpoint of one's own, with figures before and after."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from ..evaluate import measure, metric_tables
from ..evaluate.measure import MetricOptions
from ..evaluate.pairs import pairs
from ..evaluate.pairs.holdout import Split
from ..evaluate.pairs.pairs import Pair
from ..images import decoding
from ..models.engine_choice import EngineOptions
from ..train import data_checks, experiment, presets, training_run
from ..train.captions import retained
from ..train.card import from_run
from ..train.clip import checkpoint_weights
from ..train.clip.checkpoint_weights import Look
from ..train.experiment import TrainingResult, TrainingTask
from ..train.learn.state import Epoch, Settings
from ..train.training_run import Material, Run
from . import options as shared
from .dataset_options import Source, data_argument, pairs_options, record_options
from .output import Progress, output_options, output_rows, say_on_stderr
from .train_context import Clock, has_card, of_run
from .train_options import HeldOut, Pace, held_out_options, pace_options

STARTING_OVER = (
    "Starting over: an unfinished run of '{name}' exists; use --resume to continue it."
)


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
    everyday = retained.texts(retain)
    run = training_run.begin(None if check else name, shared.model_id(base))
    if run.is_begun and not resume:
        say_on_stderr(STARTING_OVER.format(name=name))
    found = source.read(from_files=True)
    metric_options = MetricOptions(label, prompt, by, seed=seed).spelled(found.pairs)
    parts = apart.split(found.pairs, seed)
    measure.check_label(parts.held_out, metric_options)
    look, counts = _examine(run, found.pairs, parts)
    if check:
        output_rows([counts], format_)
        return
    way = _way(tune, look, parts, device)
    settings = pace.settings(way, look.weights, len(parts.train), seed)
    clock = Clock()
    material = _material(found.pairs, parts, everyday, metric_options, settings)
    given = _given(run, material, way, device, clock)
    alphas = presets.PRESETS[way].alphas
    line = Line(settings, given)
    result = training_run.learn(run, given, settings, alphas, line, resume=resume)
    clock.stop("learning")
    _say(result)
    told = of_run(run, source, licence, str(apart), device, clock)
    card = from_run.card_of(
        told, run.checkpoint, parts, counts, found.refused, result, settings
    )
    shown = metric_tables.readable if format_ == "table" else metric_tables.rows
    note = presets.PRESETS[way].note
    try:  # What cannot be printed is no reason to lose what was learnt.
        entry = training_run.keep(run, result, given, card, note, say_on_stderr)
    finally:
        output_rows(shown(result.measured), format_)
    say_on_stderr(
        f"Registered {entry.model_id}. Model card: {entry.source}/README.md. "
        f"Training curves and log: {run.folder}"
    )


@dataclass
class Line:
    """A line on stderr for each epoch."""

    settings: Settings
    given: TrainingTask

    def __call__(self, epoch: Epoch) -> None:
        if epoch.loss is None:
            say_on_stderr(f"before: held-out recall@10 {epoch.recall:.3f}")
            return
        speed = self.given.learner.train.count / max(epoch.seconds, 1e-3)
        left = round((self.settings.epochs - epoch.number) * epoch.seconds)
        say_on_stderr(
            f"epoch {epoch.number}/{self.settings.epochs}: loss {epoch.loss:.3f}, held-out loss "
            f"{epoch.held_out_loss:.3f}, recall@10 {epoch.recall:.3f}, {speed:,.0f} pictures/s, "
            f"at most {left // 60}:{left % 60:02} left"
        )


def _examine(
    run: Run, those: Sequence[Pair], parts: Split
) -> tuple[Look, data_checks.Counts]:
    texts = pairs.captions(those).texts
    look = checkpoint_weights.look(run.checkpoint, texts)
    counts = data_checks.counts(those, parts, look)
    for remark in data_checks.remarks(counts, look, texts):
        say_on_stderr(remark)
    return look, counts


def _way(
    metric_options: str | None, look: Look, parts: Split, device: str | None
) -> str:
    """Which weights learn, said with the reason."""
    chosen = presets.choose(
        metric_options,
        weights=look.weights,
        pictures=len(parts.train),
        has_card=has_card(device),
    )
    say_on_stderr(chosen.why)
    return chosen.tune


def _material(
    every: Sequence[Pair],
    parts: Split,
    everyday: Sequence[str],
    metric_options: MetricOptions,
    settings: Settings,
) -> Material:
    # In the order of the data: what enters the projections is then the same for every split.
    chosen = {pair.id for pair in (*parts.train, *parts.held_out)}
    those = [pair for pair in every if pair.id in chosen]
    batch = settings.batch or len(those)
    labels = measure.label_texts(parts.held_out, metric_options)
    texts = experiment.texts_of(those)
    return Material(those, texts, parts, everyday, labels, metric_options, batch)


def _given(
    run: Run, material: Material, way: str, device: str | None, clock: Clock
) -> TrainingTask:
    engine_options = EngineOptions(say_on_stderr, device=device)
    with Progress() as progress:
        given, refused = training_run.training_task(
            run, material, way, engine_options, progress
        )
    pairs.say_refused(refused, say_on_stderr)
    spent = clock.stop("reading pictures and captions")
    say_on_stderr(
        f"Training data ready: {len(material.pairs):,} pictures, "
        f"{len(material.texts.texts):,} texts, {spent:,.0f} s"
    )
    return given


def _say(result: TrainingResult) -> None:
    why = {
        "epochs": "Finished all epochs",
        "patience": "Stopped early: recall had not improved for several epochs",
        "seconds": "Stopped at the time limit",
        "diverged": "Stopped: training diverged (the loss is not a finite number)",
    }
    say_on_stderr(
        f"{why[result.tuned.why_stopped]}. Using {result.alpha:.0%} new and "
        f"{1 - result.alpha:.0%} old weights; no other mix was clearly better."
    )
    for warning in result.warnings:
        if not warning.fatal:
            say_on_stderr(f"Warning: {warning.words}")
