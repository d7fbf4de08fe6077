"""Where tuning is: its settings, its epochs, and all it needs to go on after a kill."""

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
    """How to tune.

    ``batch`` is the most pairs of a batch, None for all. ``weight_decay`` pulls projections
    towards the start: a step takes ``weight_decay`` times the learning rate of the way back; with
    towers it is AdamW's own, towards zero. ``warm_up`` is a part of all steps, ``clip`` the longest
    gradient. ``patience`` is how many epochs may pass without better recall, None for any number;
    ``max_seconds`` is of one call of ``tune``. ``tune`` is which weights learn; the defaults are
    those of projections, others are in :mod:`llm_glam.train.presets`.

    On made-up data (200 and 1,000 pairs) and on the demo's towers with captions in new words
    (500), 20 to 60 steps at 1e-3 to 2e-3 learnt what 1e-4 did not; a pull of 10 cost a point of
    recall at most, and kept one or two points more of the neighbours among other texts; 100 cost
    nine points. On the demo's towers and 4,854 watercolours, batches of 512 brought recall@10
    from .026 to .080 in 11 epochs where those of 2,048, with a fourth of the steps, brought it to
    .041 and no further.

    :raises ValueError: a setting that makes no sense
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
        """What has to stay the same when tuning is taken up again."""
        free = ("patience", "max_seconds")
        return {k: v for k, v in asdict(self).items() if k not in free}


@dataclass(frozen=True)
class Epoch:
    """What was measured after an epoch; number 0 is before the first, and has no ``loss``.

    ``chance_loss`` is what ``loss`` would be with equal scores: ln(batch) where no captions are
    equal. ``recall`` is of held-out captions, text to picture, among the first 10; ``gained`` and
    ``lost`` count the captions answered now and not before tuning, and the reverse. ``retention``
    and ``spread`` are what the caller measures, None where it measures nothing.
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
    """The first epoch with the highest recall."""
    return max(history, key=lambda epoch: epoch.recall)


def arrays_of(projections: Projections) -> NamedArrays:
    """Projections as arrays by the names in ``LEARNT``, the scale at most 100."""
    log_scale = np.float32(math.log(min(projections.scale, LARGEST_SCALE)))
    return {
        "picture": projections.picture,
        "text": projections.text,
        "log_scale": np.array(log_scale),
    }


def projections_of(numbers: NamedArrays) -> Projections:
    """The reverse of :func:`arrays_of`."""
    scale = math.exp(numbers["log_scale"])
    return Projections(numbers["picture"], numbers["text"], scale)


@dataclass(frozen=True, eq=False)
class State:
    """All that is needed to go on after an epoch exactly as if nothing had happened.

    ``now`` and ``best`` are weights, ``first`` and ``second`` the optimizer's moments: arrays by
    the same names. ``digest`` is of the start and the data. There is no random state: each epoch
    draws from a generator made of the seed and its number.
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
        """As a safetensors file: arrays, and the rest as JSON in its header."""
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
        """What :meth:`write` wrote; nothing in it is ever executed.

        :raises FileNotFoundError: there is no such file
        :raises ValueError: it is something else, or damaged
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "numpy") as told:
                about = json.loads(told.metadata()["about"])
                tensors = {name: told.get_tensor(name) for name in told.keys()}
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
    """Weights and moments, all of the same names and shapes."""
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
    """Whether an epoch holds the types it says it does."""
    whole = (epoch.number, epoch.gained, epoch.lost)
    always = (epoch.held_out_loss, epoch.recall, epoch.seconds)
    maybe = (epoch.loss, epoch.chance_loss, epoch.retention, epoch.spread)
    return (
        all(type(one) is int for one in whole)
        and all(type(one) in (int, float) for one in always)
        and all(one is None or type(one) in (int, float) for one in maybe)
        and 0 <= epoch.recall <= 1
    )
