"""What can be tuned, and one pass over what it learns from."""

import math
import time
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from ...evaluate.batch_recall import BoolArray, FloatArray, IntArray, Matched
from ..clip.contrastive_loss import NamedArrays, batches, chance_loss, rate
from .state import Settings, State

Why = Literal["epochs", "patience", "seconds", "diverged"]


class Stopped(Exception):
    """Tuning ends here, for one of the reasons in ``Why``."""

    def __init__(self, why: Why) -> None:
        self.why = why


@dataclass(frozen=True, eq=False)
class Seen:
    """What weights make of what is held out: vectors of unit length, all float32.

    ``pictures`` (n, d) and ``texts`` (m, d) are what recall is measured with, ``others`` (r, d)
    texts that must not be forgotten; ``scale`` is the factor of cosines before softmax.
    """

    pictures: FloatArray
    texts: FloatArray
    others: FloatArray
    scale: float


@dataclass(frozen=True, eq=False)
class Step:
    """A batch: rows of texts (b,) and of their pictures (b,), and what fits (b, b)."""

    texts: IntArray
    pictures: IntArray
    fits: BoolArray


@dataclass
class Pass:
    """One epoch: every picture once with one of its texts, drawn by the seed and the number.

    ``taken`` is the number of steps before it, ``deadline`` on the monotonic clock.
    """

    matched: Matched
    settings: Settings
    number: int
    taken: int
    deadline: float = math.inf
    losses: list[float] = field(default_factory=list)
    chance_losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.settings.seed, self.number])
        self.batches = list(batches(self.matched, self.settings.batch, rng))

    def step(self, place: int) -> Step:
        """The batch at a place, from 0."""
        texts, pictures = self.batches[place]
        return Step(texts, pictures, self.matched.fits(texts, pictures))

    def rate(self, place: int) -> float:
        """The learning rate of the step at a place."""
        total = self.settings.epochs * len(self.batches)
        factor = rate(self.taken + place, total, self.settings.warm_up)
        return self.settings.learning_rate * factor

    def check_time(self) -> None:
        """:raises Stopped: time is up."""
        if time.monotonic() >= self.deadline:
            raise Stopped("seconds")

    def tell(self, loss: float, fits: BoolArray) -> None:
        """Put down the loss of a batch.

        :raises Stopped: it is no number
        """
        if not math.isfinite(loss):
            raise Stopped("diverged")
        self.losses.append(loss)
        self.chance_losses.append(chance_loss(fits))

    def means(self) -> tuple[float, float]:
        """The loss of a pair, and what it is by chance."""
        sizes = [len(texts) for texts, _ in self.batches]
        mean = np.average([self.losses, self.chance_losses], axis=1, weights=sizes)
        return float(mean[0]), float(mean[1])


class Learner(Protocol):
    """Weights that learn, with what they learn from and what they are measured with.

    ``start`` are those that learn, by name, ``digest`` is of these and of the data.
    """

    start: NamedArrays
    digest: str

    @property
    def train(self) -> Matched:
        """What is learnt from."""

    @property
    def held_out(self) -> Matched:
        """What is measured with."""

    def learn(
        self, state: State, epoch: Pass
    ) -> tuple[NamedArrays, NamedArrays, NamedArrays]:
        """Take all steps of a pass: the weights after it, and both moments of the optimizer.

        :raises Stopped: time is up, or the loss is no number
        """

    def seen(self, weights: NamedArrays) -> Seen:
        """What weights make of what is held out.

        :raises Stopped: they are no numbers
        """

    def named(self, weights: NamedArrays) -> NamedArrays:
        """Weights by the names they have in the checkpoint."""
