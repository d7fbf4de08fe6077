"""A run of ``llm glam train``: the files in its folder, and the checkpoint it results in.

``user_dir()/glam/train/NAME/`` contains the inputs of the projections (features.npz) or the towers
(pixels.npy and pixels.npz, until training ends), the training state (state.safetensors), a line
for each epoch (log.jsonl), the curves (curves.svg) and the card.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from ..checkpoints import layout
from ..errors import GlamError, NameTaken, TrainingFailed, is_disk_full
from ..evaluate.batch_recall import Matching
from ..evaluate.encoding import Refused
from ..evaluate.measure import MetricOptions
from ..evaluate.pairs import pairs
from ..evaluate.pairs.holdout import Split
from ..evaluate.pairs.pairs import Pair
from ..formats import atomic, file_lock
from ..models import loading, local_store, registry
from ..models.engine_choice import EngineOptions
from ..models.registry import Checkpoint
from ..progress import Progress, Say
from ..vectors import IntArray, paired_cosines
from . import experiment, memory
from .cache import feature_cache, pixel_cache
from .clip import checkpoint_weights
from .clip.projection_head import Features
from .curves import curves
from .experiment import Texts, TrainingResult, TrainingSplit, TrainingTask
from .learn.learner import Learner
from .learn.projection_learner import ProjectionLearner
from .learn.state import Epoch, Settings, State
from .learn.tower_learner import Part, TowerLearner
from .presets import LAST_BLOCK, PROJECTIONS

P = ParamSpec("P")
T = TypeVar("T")
STATE, PIXELS = "state.safetensors", "pixels.npy"
PROVED = 20  # captions checked
ALIKE = 1e-4  # largest loss of cosine between saved and measured vectors


@dataclass(frozen=True)
class TrainingRun:
    """A training run: the new name, the checkpoint it starts from, and its folder."""

    name: str
    base: Checkpoint
    checkpoint: Path

    @property
    def folder(self) -> Path:
        """The folder of the run's files."""
        return registry.directory() / "train" / registry.file_name(self.name)

    @property
    def is_begun(self) -> bool:
        """Whether there is an unfinished run of this name."""
        return bool(self.name) and (self.folder / STATE).exists()


def begin(name: str | None, base: str) -> TrainingRun:
    """Look up the base, and check that the name is free.

    :param name: None if nothing will be trained
    :raises NameTaken: the name belongs to a checkpoint
    :raises UnknownCheckpoint: there is no such base
    """
    entry = registry.get(registry.bare(base))
    run = TrainingRun(name or "", entry, loading.locate(entry))
    if name:
        _check_is_free(name)
        run.folder.mkdir(parents=True, exist_ok=True)
    return run


def lock_of(name: str) -> Path:
    """Return the file of the lock of runs with this name."""
    return registry.directory() / "locks" / "train" / f"{registry.file_name(name)}.lock"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Let one process at a time train a checkpoint of this name; two would write the same files.

    :raises NameTaken: another one is training it
    """
    path = lock_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = file_lock.locked(path, wait_s=0)
    except TimeoutError as error:
        raise NameTaken(
            f"Another command is training '{name}' at the moment. Wait until it has finished, or "
            f"choose another name, such as {name}-2."
        ) from error
    with lock:
        yield


def _explaining_a_full_disk(
    function: Callable[Concatenate[TrainingRun, P], T],
) -> Callable[Concatenate[TrainingRun, P], T]:
    """Have a function say what to do where there is no space for the files of its run.

    It raises TrainingFailed instead of what the system and libraries raise.
    """

    @wraps(function)
    def explaining(run: TrainingRun, *args: P.args, **options: P.kwargs) -> T:
        try:
            return function(run, *args, **options)
        except Exception as error:
            if isinstance(error, GlamError) or not is_disk_full(error):
                raise
            more = " with --resume, which continues it" if run.is_begun else ""
            raise TrainingFailed(
                f"The training cannot be saved: the disk of {run.folder}, or that of "
                f"{tempfile.gettempdir()}, is full. Free some space, and repeat the command{more}."
            ) from error

    return explaining


def _check_is_free(name: str) -> None:
    registry.check_name(name, None)
    if name in registry.BUILT_IN or registry.former(name):
        raise NameTaken(
            f"'{name}' is already the name of a checkpoint. Choose another name, such as {name}-2."
        )


@dataclass(frozen=True)
class Material:
    """What a learner is trained on: all pairs in the order of the data, their texts, and a split.

    ``everyday`` are texts that must not be forgotten, ``labels`` those that query labels
    in the evaluation; ``batch`` is the maximum number of pairs in a batch.
    """

    pairs: list[Pair]
    texts: Texts
    split: Split
    everyday: Sequence[str]
    labels: Sequence[str]
    metric_options: MetricOptions
    batch: int

    @property
    def others(self) -> list[str]:
        """The texts that are not trained on."""
        return [*self.everyday, *self.labels]


@_explaining_a_full_disk
def training_task(
    run: TrainingRun,
    material: Material,
    tune: str,
    engine_options: EngineOptions,
    progress: Progress,
) -> tuple[TrainingTask, Refused]:
    """Return a learner with all its data, reading each picture once.

    :return: the task, and ids and reasons of pictures that cannot be used
    :raises TrainingFailed: there is not enough memory or disk space
    :raises BadCheckpoint: nothing in it can be trained
    """
    made = _projections if tune == PROJECTIONS else _towers
    learner, apart, refused = made(run, material, tune, engine_options, progress)
    others = material.everyday, material.labels
    given = experiment.training_task(
        learner, apart, material.texts, others, material.metric_options
    )
    return given, refused


def _projections(
    run: TrainingRun,
    material: Material,
    tune: str,
    engine_options: EngineOptions,
    progress: Progress,
) -> tuple[Learner, list[Pair], Refused]:
    texts = material.texts
    inputs = feature_cache.of(
        run.checkpoint,
        _fingerprint(run),
        material.pairs,
        [*texts.texts, *material.others],
        run.folder / "features.npz",
        engine_options,
        progress,
    )
    parts = experiment.training_split(material.split, material.pairs, inputs.usable)
    own, apart = (
        Features(
            inputs.pictures[rows],
            inputs.texts[one.caption],
            one.picture_of,
            one.caption,
        )
        for rows, one in _matchings(material, parts)
    )
    others = inputs.texts[len(texts.texts) :]
    learner = ProjectionLearner(
        checkpoint_weights.read(run.checkpoint), own, apart, others
    )
    return learner, parts.pairs, inputs.refused


def _towers(
    run: TrainingRun,
    material: Material,
    tune: str,
    engine_options: EngineOptions,
    progress: Progress,
) -> tuple[Learner, list[Pair], Refused]:
    model = checkpoint_weights.opened(run.checkpoint, engine_options.device)
    clip = checkpoint_weights.clip_of(model, run.checkpoint)
    learning = checkpoint_weights.learning(clip, tune == LAST_BLOCK, run.checkpoint)
    count = sum(one.numel() for one in clip.parameters())
    pair = memory.pair_of(clip.config, 1 if tune == LAST_BLOCK else None)
    sizes = memory.Sizes(count, sum(one.numel() for one in learning.values()), pair)
    free, device = memory.free(model.device), model.device.type
    at_once = memory.at_once(sizes, material.batch, device, free)
    memory.check(memory.needed(sizes, at_once, device), free, tune, device)
    cached = pixel_cache.of(
        checkpoint_weights.preparation(model, run.checkpoint),
        _fingerprint(run),
        material.pairs,
        run.folder / PIXELS,
        engine_options.say or (lambda text: None),
        progress,
    )
    parts = experiment.training_split(material.split, material.pairs, cached.usable)
    own, apart = (Part(*one) for one in _matchings(material, parts))
    learner = TowerLearner(
        *(model, learning, cached, (own, apart)),
        material.texts.texts,
        material.others,
        at_once,
    )
    return learner, parts.pairs, cached.refused


def _matchings(
    material: Material, parts: TrainingSplit
) -> list[tuple[IntArray, Matching]]:
    """Return the training and the held-out pictures, each matched to their texts."""
    texts, count = material.texts, len(material.pairs)
    return [
        (rows, experiment.matching(texts, count, rows, most))
        for rows, most in (
            (parts.train, len(texts.texts)),
            (parts.held_out, texts.captions),
        )
    ]


def _fingerprint(run: TrainingRun) -> str:
    return run.base.fingerprint or loading.encoder(run.base.name).fingerprint


@_explaining_a_full_disk
def learn(
    run: TrainingRun,
    given: TrainingTask,
    settings: Settings,
    alphas: Sequence[float],
    on_epoch: Callable[[Epoch], None],
    *,
    resume: bool,
) -> TrainingResult:
    """Train, saving after each epoch what is needed to resume.

    :raises TrainingFailed: there is nothing to resume, it belongs to another run, or the disk is
        full
    """
    state = _saved(run) if resume else None
    log = run.folder / "log.jsonl"
    lines = [asdict(epoch) for epoch in state.history] if state else []
    atomic.write_text(log, "".join(f"{json.dumps(line)}\n" for line in lines))

    def watch(epoch: Epoch) -> None:
        with log.open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{json.dumps(asdict(epoch))}\n")
        on_epoch(epoch)

    def save(now: State) -> None:
        with atomic.replacing(run.folder / STATE) as work:
            now.write(work)

    names = run.base.model_id, f"{registry.PREFIX}/{run.name}"
    try:
        result = experiment.learn(
            given,
            settings,
            alphas=alphas,
            on_epoch=watch,
            state=state,
            save=save,
            names=names,
        )
    except ValueError as error:
        raise TrainingFailed(
            f"The training cannot be resumed: {error} Repeat the original command, or leave out "
            "--resume to start over."
        ) from error
    atomic.write_text(run.folder / "curves.svg", curves(result.tuned.history))
    return result


@_explaining_a_full_disk
def register(
    run: TrainingRun,
    result: TrainingResult,
    given: TrainingTask,
    card: str,
    note: str,
    say: Say,
) -> Checkpoint:
    """Save the trained weights as a checkpoint, verify it, and register it.

    :param note: what was trained
    :raises TrainingFailed: it is useless, or does not produce the vectors that were measured
    """
    fatal = [warning.words for warning in result.warnings if warning.fatal]
    if fatal:
        raise TrainingFailed(f"Nothing was registered. {' '.join(fatal)}")

    def make(target: Path) -> None:
        named = given.learner.named(result.weights)
        checkpoint_weights.replaced(run.checkpoint, target, named)
        atomic.write_text(target / layout.CARD, card)

    with local_store.made(run.name, make) as directory:
        _prove(directory, result, given)
        notes = f"{run.base.model_id} with {note}"
        entry = loading.add(run.name, str(directory), notes=notes, say=say)
    atomic.write_text(run.folder / layout.CARD, card)
    (run.folder / STATE).unlink(missing_ok=True)
    pixel_cache.forget(run.folder / PIXELS)
    return entry


def _prove(directory: Path, result: TrainingResult, given: TrainingTask) -> None:
    """Verify that the saved checkpoint produces the vectors of captions that were measured."""
    written = pairs.captions(given.pairs).texts[:PROVED]
    expected = result.seen.texts[given.captions[:PROVED]]
    found = loading.opened(directory, None, EngineOptions()).encode_texts(written)
    cosines = paired_cosines(found, expected)
    if cosines.min() < 1 - ALIKE:
        raise TrainingFailed(
            "The saved checkpoint does not produce the vectors of the trained one (cosine "
            f"{cosines.min():.4f}): nothing was registered. Please report this."
        )


def _saved(run: TrainingRun) -> State:
    path = run.folder / STATE
    try:
        return State.read(path)
    except FileNotFoundError as error:
        raise TrainingFailed(
            f"There is no training of '{run.name}' to resume. Leave out --resume."
        ) from error
    except (ValueError, OSError) as error:
        raise TrainingFailed(
            f"{path} cannot be read ({error}). Leave out --resume to start over."
        ) from error
