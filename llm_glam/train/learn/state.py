"""The state of training: its settings, its epochs, and everything needed to resume it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..clip.contrastive_loss import LARGEST_SCALE, NamedArrays
from ..clip.projection_head import Projections

FORMAT = "llm-glam tuning 2"
PARTS = ("now", "first", "second", "best")


@dataclass(frozen=True)
class Settings:
    """The settings of training.

    ``batch`` is the maximum number of pairs in a batch, None for all. ``weight_decay`` pulls
    projections towards their initial values: each step moves them by ``weight_decay`` times the
    learning rate of the difference; for towers it is AdamW's own, towards zero. ``warm_up`` is a
    fraction of all steps, ``clip`` the maximum gradient norm. ``patience`` is how many epochs may
    pass without better recall, None for any number; ``max_seconds`` limits one call of ``tune``.
    ``tune`` says which weights are trained; the defaults are those of projections, others are in
    :mod:`llm_glam.train.presets`.

    :raises ValueError: a setting is out of range
    """

    epochs: int = 20
    batch: int | None = 512
    learning_rate: float = 1e-3
    weight_decay: float = 10.0
    warm_up: float = 0.1
    clip: float = 1.0
    seed: int = 0
    patience: int | None = 5
    max_seconds: float | None = None
    tune: str = "projections"

    def __post_init__(self) -> None:
        wrong = {
            "epochs": self.epochs < 1,
            "batch": self.batch is not None and self.batch < 2,
            "learning_rate": not 0 < self.learning_rate < math.inf,
            "weight_decay": not 0 <= self.weight_decay < math.inf,
            "warm_up": not 0 <= self.warm_up < 1,
            "clip": not self.clip > 0,
            "seed": self.seed < 0,
            "patience": self.patience is not None and self.patience < 1,
            "max_seconds": self.max_seconds is not None and not self.max_seconds >= 0,
        }
        for name in (name for name, is_wrong in wrong.items() if is_wrong):
            raise ValueError(f"{name} cannot be {getattr(self, name)}.")

    def lasting(self) -> dict[str, Any]:
        """Return the settings that must stay the same when training is resumed."""
        free = ("patience", "max_seconds")
        return {k: v for k, v in asdict(self).items() if k not in free}


@dataclass(frozen=True)
class Epoch:
    """The measurements after an epoch; number 0 is before the first, and has no ``loss``.

    ``chance_loss`` is what ``loss`` would be with equal scores: ln(batch) if no captions are equal.
    ``recall`` is that of held-out captions, text to picture, within the first 10; ``gained`` counts
    the captions answered correctly now but not before training, and ``lost`` the reverse.
    ``retention`` and ``spread`` are measured by the caller, None if it does not.
    """

    number: int
    loss: float | None
    chance_loss: float | None
    held_out_loss: float
    recall: float
    gained: int
    lost: int
    retention: float | None
    spread: float | None
    seconds: float = field(compare=False)


def best_of(history: Sequence[Epoch]) -> Epoch:
    """Return the first epoch with the highest recall."""
    return max(history, key=lambda epoch: epoch.recall)


def arrays_of(projections: Projections) -> NamedArrays:
    """Return projections as arrays by the names in ``LEARNT``, with the scale at most 100."""
    log_scale = np.float32(math.log(min(projections.scale, LARGEST_SCALE)))
    return {
        "picture": projections.picture,
        "text": projections.text,
        "log_scale": np.array(log_scale),
    }


def projections_of(numbers: NamedArrays) -> Projections:
    """Reverse :func:`arrays_of`."""
    scale = math.exp(numbers["log_scale"])
    return Projections(numbers["picture"], numbers["text"], scale)


@dataclass(frozen=True, eq=False)
class State:
    """Everything needed to resume after an epoch exactly as if training had not stopped.

    ``now`` and ``best`` are weights, ``first`` and ``second`` the optimizer's moments: arrays by
    the same names. ``digest`` identifies the initial weights and the data. There is no random
    state: each epoch draws from a generator seeded with the seed and its number.
    """

    now: NamedArrays
    first: NamedArrays
    second: NamedArrays
    best: NamedArrays
    steps: int
    history: tuple[Epoch, ...]
    settings: Mapping[str, Any]
    digest: str

    def write(self, path: Path) -> None:
        """Write a safetensors file: arrays, and the rest as JSON in its header."""
        from safetensors.numpy import save_file

        tensors = {
            f"{part}.{name}": np.asarray(array, order="C")
            for part in PARTS
            for name, array in getattr(self, part).items()
        }
        about = {
            "format": FORMAT,
            "steps": self.steps,
            "history": [asdict(epoch) for epoch in self.history],
            "settings": dict(self.settings),
            "digest": self.digest,
        }
        save_file(tensors, path, {"about": json.dumps(about)})

    @classmethod
    def read(cls, path: Path) -> "State":
        """Read what :meth:`write` wrote; nothing in it is ever executed.

        :raises FileNotFoundError: there is no such file
        :raises ValueError: it is something else, or damaged
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "numpy") as file:
                about = json.loads(file.metadata()["about"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}
            return _state(tensors, about)
        except (
            *(SafetensorError, ValueError, KeyError, TypeError, AttributeError),
            *(RecursionError, OverflowError),
        ) as error:
            raise ValueError(
                f"This is not a saved training state, or it is damaged: {error}"
            ) from error


def _state(tensors: NamedArrays, about: Mapping[str, Any]) -> State:
    if about["format"] != FORMAT:
        raise ValueError("another format")
    parts = _parts(tensors)
    history = tuple(Epoch(**epoch) for epoch in about["history"])
    if not history or not all(map(_is_plain, history)):
        raise ValueError("an unreadable history")
    if [epoch.number for epoch in history] != list(range(len(history))):
        raise ValueError("a history with gaps")
    steps, digest, settings = about["steps"], about["digest"], about["settings"]
    if type(steps) is not int or steps < 0 or type(digest) is not str:
        raise ValueError("no number of steps, or no digest")
    return State(
        **parts, steps=steps, history=history, settings=dict(settings), digest=digest
    )


def _parts(tensors: NamedArrays) -> dict[str, NamedArrays]:
    """Return weights and moments, all with the same names and shapes."""
    names = [name[4:] for name in tensors if name.startswith("now.")]
    parts: dict[str, NamedArrays] = {
        part: {name: tensors[f"{part}.{name}"] for name in names} for part in PARTS
    }
    if not names or len(tensors) != len(PARTS) * len(names):
        raise ValueError("arrays that do not belong together")
    for part in parts.values():
        for name, array in part.items():
            if array.dtype != np.float32 or array.shape != parts["now"][name].shape:
                raise ValueError("arrays whose types or shapes do not match")
            if not np.isfinite(array).all():
                raise ValueError("NaN or infinite values")
    if any((squares < 0).any() for squares in parts["second"].values()):
        raise ValueError("negative squared gradients")
    return parts


def _is_plain(epoch: Epoch) -> bool:
    """Return whether an epoch has the types it declares."""
    whole = (epoch.number, epoch.gained, epoch.lost)
    always = (epoch.held_out_loss, epoch.recall, epoch.seconds)
    maybe = (epoch.loss, epoch.chance_loss, epoch.retention, epoch.spread)
    return (
        all(type(one) is int for one in whole)
        and all(type(one) in (int, float) for one in always)
        and all(one is None or type(one) in (int, float) for one in maybe)
        and 0 <= epoch.recall <= 1
    )
