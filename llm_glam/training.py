"""A run of ``llm glam train``: what it keeps in its folder, and the checkpoint it ends with.

In ``user_dir()/glam/train/NAME/`` are what enters the projections (features.npz), where tuning is
(state.safetensors), a line for each epoch (log.jsonl), the curves (curves.svg) and the card.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from . import copies, features, models, pairs, registry, towers, train
from .curves import curves
from .engines import Running, Say
from .errors import NameTaken, TrainingFailed
from .evaluate import Report
from .everyday import CAPTIONS
from .features import Entering
from .measure import Asked
from .pairs import Pair
from .projections import unit
from .registry import Checkpoint
from .split import Split
from .train import Learnt, Lesson, Texts
from .tuning_state import Epoch, Settings, State

PROVED = 20  # captions
ALIKE = 1e-4  # of a cosine: what was saved gives the vectors that were measured


@dataclass(frozen=True)
class Run:
    """A training: the new name, the checkpoint it starts from, and where that is."""

    name: str
    base: Checkpoint
    checkpoint: Path

    @property
    def folder(self) -> Path:
        """What is kept of it."""
        return registry.directory() / "train" / self.name.replace("/", "--")


def begin(name: str | None, base: str) -> Run:
    """Look up the base, and see that the name is free.

    :param name: None where nothing is to be trained
    :raises NameTaken: the name belongs to a checkpoint
    :raises UnknownCheckpoint: there is no such base
    """
    entry = registry.get(registry.bare(base))
    run = Run(name or "", entry, models.locate(entry))
    if name:
        _check_is_free(name)
        run.folder.mkdir(parents=True, exist_ok=True)
    return run


def _check_is_free(name: str) -> None:
    registry.check_name(name, None)
    if name in registry.BUILT_IN or registry.former(name):
        raise NameTaken(
            f"'{name}' belongs to a checkpoint already. Choose another name, such as {name}-2."
        )


def entering(
    run: Run, those: Sequence[Pair], texts: Texts, running: Running, report: Report
) -> Entering:
    """What enters the projections, computed once for these pictures and texts."""
    fingerprint = run.base.fingerprint or models.encoder(run.base.name).fingerprint
    return features.of(
        run.checkpoint,
        fingerprint,
        those,
        [*texts.texts, *CAPTIONS],
        run.folder / "features.npz",
        running,
        report,
    )


def lesson(
    run: Run,
    split: Split,
    those: Sequence[Pair],
    texts: Texts,
    found: Entering,
    asked: Asked,
) -> Lesson:
    """What is learnt from, starting at the base's projections."""
    return train.lesson(towers.read(run.checkpoint), split, those, texts, found, asked)


def learn(
    run: Run,
    given: Lesson,
    settings: Settings,
    watcher: Callable[[Epoch], None],
    *,
    resume: bool,
) -> Learnt:
    """Learn, putting down after each epoch what is needed to go on after a kill.

    :raises TrainingFailed: there is nothing to go on from, or it is of another training
    """
    state = _saved(run) if resume else None
    log = run.folder / "log.jsonl"
    lines = [asdict(epoch) for epoch in state.history] if state else []
    _write(log, "".join(f"{json.dumps(line)}\n" for line in lines))

    def watch(epoch: Epoch) -> None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(epoch))}\n")
        watcher(epoch)

    def save(now: State) -> None:
        work = run.folder / "state.part"
        work.write_bytes(now.to_bytes())
        os.replace(work, run.folder / "state.safetensors")

    names = run.base.model_id, f"{registry.PREFIX}/{run.name}"
    try:
        learnt = train.learn(
            given, settings, watcher=watch, state=state, save=save, names=names
        )
    except ValueError as error:
        raise TrainingFailed(
            f"The training cannot go on: {error} Repeat the command as it was, or leave out "
            "--resume to begin anew."
        ) from error
    _write(run.folder / "curves.svg", curves(learnt.tuned.history))
    return learnt


def keep(run: Run, learnt: Learnt, given: Lesson, card: str, say: Say) -> Checkpoint:
    """Save what was learnt as a checkpoint of its own, prove it, and register it.

    :raises TrainingFailed: it is of no use, or gives other vectors than were measured
    """
    fatal = [alarm.words for alarm in learnt.alarms if alarm.fatal]
    if fatal:
        raise TrainingFailed(f"Nothing was registered. {' '.join(fatal)}")

    def make(target: Path) -> None:
        towers.replaced(run.checkpoint, target, learnt.projections)
        _write(target / "README.md", card)

    with copies.made(run.name, make) as directory:
        _prove(directory, learnt, given)
        note = f"{run.base.model_id} with its projections trained"
        entry = models.add(run.name, str(directory), notes=note, say=say)
    _write(run.folder / "README.md", card)
    (run.folder / "state.safetensors").unlink(missing_ok=True)
    return entry


def _prove(directory: Path, learnt: Learnt, given: Lesson) -> None:
    """See that the saved checkpoint says of captions what was measured."""
    written = pairs.captions(given.pairs).texts[:PROVED]
    entering_ = given.held_out.texts[given.captions[:PROVED]]
    expected = learnt.projections.texts(entering_)
    found = models.opened(directory, None, Running()).encode_texts(written)
    cosines = (unit(found) * expected).sum(axis=1)
    if cosines.min() < 1 - ALIKE:
        raise TrainingFailed(
            f"What was saved gives other vectors than what was trained (cosine "
            f"{cosines.min():.4f}): nothing was registered. Please report this."
        )


def _saved(run: Run) -> State:
    path = run.folder / "state.safetensors"
    try:
        return State.from_bytes(path.read_bytes())
    except FileNotFoundError as error:
        raise TrainingFailed(
            f"There is no training of '{run.name}' to go on with. Leave out --resume."
        ) from error
    except ValueError as error:
        raise TrainingFailed(
            f"{path} is damaged ({error}). Leave out --resume to begin anew."
        ) from error


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
