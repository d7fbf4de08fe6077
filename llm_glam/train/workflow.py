"""Train a checkpoint on a dataset, in one call or step by step."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..evaluate import labels
from ..evaluate.measure import MetricOptions
from ..evaluate.metric_tables import MetricRow
from ..evaluate.pairs import holdout, pairs, unusable_rows
from ..evaluate.pairs.holdout import Split
from ..evaluate.pairs.pairs import Pair, Pairs
from ..models import embedding_model
from ..models.engine_choice import EngineOptions
from ..models.registry import Checkpoint
from ..progress import NoProgress, Progress, update
from . import data_checks, experiment, presets, training_run
from .captions import everyday
from .card import from_run, run_context
from .card.from_run import RunContext
from .card.run_context import Clock
from .clip import caption_tokens
from .clip.caption_tokens import Look
from .data_checks import Counts
from .experiment import TrainingResult, TrainingTask
from .learn.loop import EpochCallback
from .learn.state import Epoch, Settings
from .training_run import Material, TrainingRun

alone = training_run.alone
WHY_STOPPED = {
    "epochs": "Finished all epochs",
    "patience": "Stopped early: recall had not improved for several epochs",
    "seconds": "Stopped at the time limit",
    "diverged": "Stopped: training diverged (the loss is not a finite number)",
}


@dataclass(frozen=True)
class TrainOptions:
    """Options of a training run; None means a default that suits the checkpoint and the data.

    ``tune`` is which weights learn (``projections``, ``last-block`` or ``all``), ``retained`` are
    captions whose neighbours must not be forgotten, ``resume`` continues a run that was killed.
    ``licence``, ``authors`` and ``sources`` (whom to credit), ``description`` (how pictures were
    held out), ``data`` (what the dataset is called) and ``command`` are for the card.
    """

    base: str | None = None
    tune: str | None = None
    epochs: int | None = None
    batch: int | None = None
    learning_rate: float | None = None
    max_minutes: float | None = None
    seed: int = 0
    retained: Sequence[str] = everyday.CAPTIONS
    metrics: MetricOptions = MetricOptions()
    device: str | None = None
    resume: bool = False
    licence: str = ""
    authors: Sequence[str] = ()
    sources: Sequence[str] = ()
    description: str = ""
    data: str = "a dataset"
    command: str = ""

    def settings(self, tune: str, weights: int, pictures: int) -> Settings:
        """Return the settings for a choice of weights, by the number of weights and of pictures."""
        return presets.settings(
            *(tune, weights, pictures),
            epochs=self.epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            seed=self.seed,
            max_seconds=self.max_minutes * 60 if self.max_minutes else None,
        )

    def context(self, run: TrainingRun, seconds: dict[str, float]) -> RunContext:
        """Return what the card says about a run, besides its metrics."""
        return RunContext(
            run.name,
            run.base,
            self.licence,
            self.data,
            self.description,
            run_context.hardware(self.device),
            seconds,
            self.command,
            self.authors,
            self.sources,
        )


@dataclass(frozen=True)
class Checked:
    """What is known about a dataset before training."""

    split: Split
    metrics: MetricOptions
    look: Look
    counts: Counts


@dataclass(frozen=True)
class Trained:
    """A finished training run, with its metrics before and after; see :func:`register`."""

    run: TrainingRun
    task: TrainingTask
    result: TrainingResult
    tune: str
    card: str

    @property
    def measured(self) -> list[MetricRow]:
        """The metrics of the base and of the new checkpoint over the held-out pictures."""
        return self.result.measured


def train(
    dataset: Pairs,
    name: str,
    *,
    split: Split | None = None,
    options: TrainOptions | None = None,
    progress: Progress | None = None,
    on_epoch: EpochCallback | None = None,
) -> tuple[Checkpoint, Trained]:
    """Train a checkpoint on pictures with captions, measure it, and register it with a card.

    :param dataset: as :func:`llm_glam.evaluate.read_table` or
        :func:`llm_glam.evaluate.read_collection` (with ``from_files=True``) gives it
    :param split: which pictures are held out; 15 % at random by whole groups where it is None
    :param on_epoch: called after each epoch, and as number 0 before the first
    :raises TrainingFailed: the result is useless; nothing was registered
    :raises BadPairs: the dataset is too small, or a column is not there
    :raises NameTaken: it is a checkpoint's name, or another process is training one of this name
    """
    training_run.begin(name, embedding_model.resolve((options or TrainOptions()).base))
    with alone(name):
        trained = learn(
            *(dataset, name),
            split=split,
            options=options,
            progress=progress,
            on_epoch=on_epoch,
        )
        return register(trained, progress), trained


def check(
    dataset: Pairs,
    *,
    split: Split | None = None,
    options: TrainOptions | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Check a dataset as training would: return its counts, and report remarks to ``progress``.

    :raises BadPairs: the dataset is too small, or a column is not there
    """
    options, progress = options or TrainOptions(), progress or NoProgress()
    run = training_run.begin(None, embedding_model.resolve(options.base))
    return _checked(run, dataset, split, options, progress).counts


def check_name(name: str | None, base: str | None) -> None:
    """Check that the base exists and the new name is free, before a dataset is read.

    :param name: None where nothing is to be trained
    :raises NameTaken: the name belongs to a checkpoint
    :raises UnknownCheckpoint: there is no such base
    """
    training_run.begin(name, embedding_model.resolve(base))


def learn(
    dataset: Pairs,
    name: str,
    *,
    split: Split | None = None,
    options: TrainOptions | None = None,
    progress: Progress | None = None,
    on_epoch: EpochCallback | None = None,
) -> Trained:
    """Train and measure as :func:`train` does, without registering the checkpoint.

    Do this and :func:`register` within one block of :func:`alone`.
    """
    options, progress = options or TrainOptions(), progress or NoProgress()
    run = training_run.begin(name, embedding_model.resolve(options.base))
    if run.is_begun and not options.resume:
        progress.say(
            f"Starting over: an unfinished run of '{name}' exists; use --resume to continue it."
        )
    clock = Clock()
    checked = _checked(run, dataset, split, options, progress)
    tune = _choose(checked, options, progress)
    settings = options.settings(tune, checked.look.weights, len(checked.split.train))
    clock.start()
    material = _material(dataset.pairs, checked, options, settings)
    task = _task(run, material, tune, options, progress, clock)
    report = EpochLines(settings, task.learner.train.count, progress, on_epoch)
    alphas = presets.PRESETS[tune].alphas
    result = training_run.learn(
        run, task, settings, alphas, report, resume=options.resume
    )
    clock.stop("learning")
    _report(result, progress)
    context = options.context(run, clock.seconds)
    counts = checked.counts
    card = from_run.card_of(
        context,
        run.checkpoint,
        checked.split,
        counts,
        dataset.refused,
        result,
        settings,
    )
    return Trained(run, task, result, tune, card)


def register(trained: Trained, progress: Progress | None = None) -> Checkpoint:
    """Save the trained weights as a checkpoint, verify it, and register it.

    :raises TrainingFailed: it is useless, or does not produce the vectors that were measured
    """
    note = presets.PRESETS[trained.tune].note
    say = (progress or NoProgress()).say
    return training_run.register(
        trained.run, trained.result, trained.task, trained.card, note, say
    )


def _checked(
    run: TrainingRun,
    dataset: Pairs,
    split: Split | None,
    options: TrainOptions,
    progress: Progress,
) -> Checked:
    metrics = options.metrics.spelled(dataset)
    parts = split or holdout.at_random(dataset.pairs, seed=options.seed)
    labels.check(parts.held_out, metrics.label)
    texts = pairs.captions(dataset.pairs).texts
    look = caption_tokens.look(run.checkpoint, texts)
    counts = data_checks.counts(dataset.pairs, parts, look)
    for remark in data_checks.remarks(counts, look, texts):
        progress.say(remark)
    return Checked(parts, metrics, look, counts)


def _choose(checked: Checked, options: TrainOptions, progress: Progress) -> str:
    """Choose which weights learn, and say why."""
    chosen = presets.choose(
        options.tune,
        weights=checked.look.weights,
        pictures=len(checked.split.train),
        has_card=run_context.has_card(options.device),
    )
    progress.say(chosen.why)
    return chosen.tune


def _material(
    every: Sequence[Pair], checked: Checked, options: TrainOptions, settings: Settings
) -> Material:
    # In the order of the data: what enters the projections is then the same for every split.
    parts, metrics = checked.split, checked.metrics
    chosen = {pair.id for pair in (*parts.train, *parts.held_out)}
    those = [pair for pair in every if pair.id in chosen]
    batch = settings.batch or len(those)
    queries = labels.queries(parts.held_out, metrics.label, metrics.prompt)
    texts = experiment.texts_of(those)
    return Material(those, texts, parts, options.retained, queries, metrics, batch)


def _task(
    run: TrainingRun,
    material: Material,
    tune: str,
    options: TrainOptions,
    progress: Progress,
    clock: Clock,
) -> TrainingTask:
    engine_options = EngineOptions(progress.say, device=options.device)
    task, refused = training_run.training_task(
        run, material, tune, engine_options, progress
    )
    unusable_rows.report(refused, progress.say)
    spent = clock.stop("reading pictures and captions")
    progress.say(
        f"Training data ready: {len(material.pairs):,} pictures, "
        f"{len(material.texts.texts):,} texts, {spent:,.0f} s"
    )
    return task


@dataclass
class EpochLines:
    """Report each epoch in a line that the next one may replace, and call the caller's callback."""

    settings: Settings
    pictures: int
    progress: Progress
    on_epoch: EpochCallback | None

    def __call__(self, epoch: Epoch) -> None:
        if epoch.loss is None:
            self.progress.say(f"before: held-out recall@10 {epoch.recall:.3f}")
        else:
            update(self.progress, self._line(epoch, epoch.loss))
        if self.on_epoch:
            self.on_epoch(epoch)

    def _line(self, epoch: Epoch, loss: float) -> str:
        """Return what to know of an epoch, the most important first: 80 columns cut off its end."""
        speed = self.pictures / max(epoch.seconds, 1e-3)
        left = round((self.settings.epochs - epoch.number) * epoch.seconds)
        return (
            f"epoch {epoch.number}/{self.settings.epochs}: loss {loss:.3f} (held out "
            f"{epoch.held_out_loss:.3f}), recall@10 {epoch.recall:.3f}, at most "
            f"{left // 60}:{left % 60:02} left, {speed:,.0f} pictures/s"
        )


def _report(result: TrainingResult, progress: Progress) -> None:
    progress.say(
        f"{WHY_STOPPED[result.tuned.why_stopped]}. Using {result.alpha:.0%} new and "
        f"{1 - result.alpha:.0%} old weights; no other mix was clearly better."
    )
    for warning in result.warnings:
        if not warning.fatal:
            progress.say(f"Warning: {warning.words}")
