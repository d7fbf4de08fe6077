"""``llm glam train``: a checkpoint of one's own, with figures before and after."""

import os
import platform
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from .. import examined, figures, images, pairs, report, split, towers, train, training
from ..engines import Running, has_accelerator
from ..errors import BadPairs
from ..measure import Asked
from ..output import Progress, output_options, output_rows, say_on_stderr
from ..pairs import Pair
from ..split import Split
from ..train import Learnt, Lesson
from ..training import Run
from ..tuning_state import Epoch, Settings
from . import options as shared
from .pairs_options import Source, pairs_options

DEFAULTS = Settings()
UNTOLD = {"database", "format_", "check", "resume"}


@click.command("train")
@pairs_options
@click.option("--name", help="What the new checkpoint is called")
@click.option(
    "--base", help="The checkpoint to start from [default: that of glam-clip]"
)
@click.option(
    "--holdout",
    metavar="COLUMN=VALUE",
    help="Measure with all pictures of this value, such as those of one museum",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 0.9, min_open=True),
    default=split.SHARE,
    show_default=True,
    help="Else this share of the pictures, chosen at random",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=DEFAULTS.epochs,
    show_default=True,
    help="How often each picture is learnt from, at most",
)
@click.option(
    "--batch",
    type=click.IntRange(2),
    default=DEFAULTS.batch,
    show_default=True,
    help="Pictures that are told apart at once",
)
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    default=DEFAULTS.learning_rate,
    show_default=True,
    help="How far a step goes at most",
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(0, min_open=True),
    help="Learn no longer than this, the reading of pictures not counted",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="For what is held out, the order of learning, and the intervals",
)
@click.option("--label", metavar="COLUMN", help="As in llm glam evaluate")
@click.option("--by", metavar="COLUMN", help="As in llm glam evaluate")
@click.option("--license", "licence", default="", help="For the card")
@click.option("--check", is_flag=True, help="Say how the data are, and train nothing")
@click.option("--resume", is_flag=True, help="Go on with a training that was killed")
@shared.device_option
@output_options
def command(
    source: Source,
    name: str | None,
    base: str | None,
    holdout: str | None,
    held_out: float,
    epochs: int,
    batch: int,
    learning_rate: float,
    max_minutes: float | None,
    seed: int,
    label: str | None,
    by: str | None,
    licence: str,
    check: bool,
    resume: bool,
    device: str | None,
    format_: str,
) -> None:
    """Train a checkpoint of your own on pictures with captions, and measure whether it helped.

    DATA is as in llm glam evaluate. Some pictures are held out: recall before and after is
    measured with those. What is trained are the projections, the last step from what the model
    sees and reads to vectors: the rest of the model is run once over each picture, so that a
    laptop does in minutes what takes a graphics card otherwise. The new checkpoint is registered
    as glam-clip/NAME with a card, unless it is of no use.

    \b
    Examples:
        llm glam train captions.csv --name archaeclip --check
        llm glam train captions.csv --name archaeclip --base clip-ViT-B-32
        llm glam train --collection photos --caption-template '{title}. {material}' --name ours
        llm glam train captions.csv --name archaeclip --holdout project=Petra -t
    """
    if not name and not check:
        raise click.UsageError("Give the new checkpoint a name: --name archaeclip")
    images.allow_megapixels(images.MAX_MEGAPIXELS)
    run = training.begin(None if check else name, shared.model_id(base))
    found = source.read(from_files=True)
    asked = Asked(label, by=by, seed=seed).spelled(found.pairs)
    parts = _split(found.pairs, holdout, held_out, seed)
    counts = _examine(run, found.pairs, parts)
    if check:
        output_rows([counts], format_)
        return
    limit = max_minutes * 60 if max_minutes else None
    settings = Settings(epochs, batch, learning_rate, seed=seed, max_seconds=limit)
    clock = Clock()
    given = _given(run, found.pairs, parts, asked, device, clock)
    learnt = training.learn(run, given, settings, Line(settings, given), resume=resume)
    clock.stop("learning")
    _say(learnt)
    how = f"all with {holdout}" if holdout else f"{held_out:.0%}, in whole groups"
    told = _told(run, source, licence, how, device, clock)
    card = report.card_of(
        told, run.checkpoint, parts, counts, found.refused, learnt, settings
    )
    shown = figures.readable if format_ == "table" else figures.rows
    output_rows(shown(learnt.measured), format_)
    entry = training.keep(run, learnt, given, card, say_on_stderr)
    say_on_stderr(
        f"Registered {entry.model_id}, with its card: {entry.source}/README.md. Curves and log: "
        f"{run.folder}"
    )


@dataclass
class Clock:
    """Seconds of the stages of a training."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def stop(self, stage: str) -> float:
        """Put down what a stage took, and begin the next."""
        now = time.monotonic()
        self.seconds[stage], self.started = now - self.started, now
        return self.seconds[stage]


@dataclass
class Line:
    """A line on stderr for each epoch."""

    settings: Settings
    given: Lesson

    def __call__(self, epoch: Epoch) -> None:
        if epoch.loss is None:
            say_on_stderr(f"before: held-out recall@10 {epoch.recall:.3f}")
            return
        speed = len(self.given.train.pictures) / max(epoch.seconds, 1e-3)
        left = (self.settings.epochs - epoch.number) * epoch.seconds
        say_on_stderr(
            f"epoch {epoch.number}/{self.settings.epochs}: loss {epoch.loss:.3f}, held out "
            f"{epoch.held_out_loss:.3f}, recall@10 {epoch.recall:.3f}, {speed:,.0f} pictures/s, "
            f"{left / 60:.0f}:{left % 60:02.0f} left at most"
        )


def _split(
    those: Sequence[Pair], holdout: str | None, share: float, seed: int
) -> Split:
    if holdout is None:
        return split.at_random(those, share=share, seed=seed)
    column, sign, value = holdout.partition("=")
    if not sign:
        raise BadPairs(f"--holdout {holdout} lacks a value: write COLUMN=VALUE.")
    return split.by_value(those, column, value)


def _examine(run: Run, those: Sequence[Pair], parts: Split) -> examined.Counts:
    texts = pairs.captions(those).texts
    most, too_long = towers.too_long(run.checkpoint, texts)
    counts = examined.counts(those, parts, too_long)
    for remark in examined.remarks(counts, most, texts, too_long):
        say_on_stderr(remark)
    return counts


def _given(
    run: Run,
    every: Sequence[Pair],
    parts: Split,
    asked: Asked,
    device: str | None,
    clock: Clock,
) -> Lesson:
    # In the order of the data: what enters the projections is then the same for every split.
    chosen = {pair.id for pair in (*parts.train, *parts.held_out)}
    those = [pair for pair in every if pair.id in chosen]
    texts = train.texts_of(those)
    running = Running(say_on_stderr, device=device)
    with Progress() as progress:
        found = training.entering(run, those, texts, running, progress)
    pairs.say_refused(found.refused, say_on_stderr)
    spent = clock.stop("reading pictures and captions")
    say_on_stderr(
        f"What enters the projections is there: {len(those):,} pictures, "
        f"{len(texts.texts):,} texts, {spent:,.0f} s"
    )
    return training.lesson(run, parts, those, texts, found, asked)


def _say(learnt: Learnt) -> None:
    why = {
        "epochs": "All epochs are done",
        "patience": "Recall has not risen for some epochs",
        "seconds": "The time is up",
        "diverged": "The loss is no number any more",
    }
    say_on_stderr(
        f"{why[learnt.tuned.why_stopped]}. Of the new weights {learnt.alpha:.0%} are taken, the "
        "rest of the old ones, which is as good as any other mix."
    )
    for alarm in learnt.alarms:
        if not alarm.fatal:
            say_on_stderr(f"Warning: {alarm.words}")


def _told(
    run: Run,
    source: Source,
    licence: str,
    held_out_how: str,
    device: str | None,
    clock: Clock,
) -> report.Told:
    """What the card is to say that was not measured."""
    return report.Told(
        run.name,
        run.base.model_id,
        licence,
        Path(source.data).name if source.data else str(source.collection),
        held_out_how,
        _hardware(device),
        clock.seconds,
        _typed(click.get_current_context()),
    )


def _hardware(device: str | None) -> str:
    processor = platform.processor() or platform.machine()
    has_card = device != "cpu" and (device or has_accelerator())
    card = device or "with a graphics card" if has_card else "no graphics card"
    return f"{platform.system()}, {processor}, {os.cpu_count()} cores, {card}"


def _typed(context: click.Context) -> str:
    """The command that was typed, with names of files instead of their paths."""
    words = ["llm", "glam", "train"]
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source != click.core.ParameterSource.COMMANDLINE or name in UNTOLD:
            continue
        value = context.params.get(name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(parameter, click.Option):
                words.append(parameter.opts[-1])
                words += [] if one is True else [str(one)]
            else:
                words.append(Path(str(one)).name)
    return shlex.join(words)
