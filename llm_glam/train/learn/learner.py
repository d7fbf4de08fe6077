"""The interface of learners, and one epoch over their training data."""

import math
import time
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from ...evaluate.batch_recall import Matched
from ...vectors import BoolArray, IntArray, Vectors
from ..clip.contrastive_loss import NamedArrays, batches, chance_loss, rate
from .state import Settings, State

Why = Literal["epochs", "patience", "seconds", "diverged"]


class Stopped(Exception):
    """Training ends here, for one of the reasons in ``Why``."""

    def __init__(self, why: Why) -> None:
        self.why = why


@dataclass(frozen=True, eq=False)
class Seen:
    """The vectors that some weights give the held-out set: of unit length, all float32.

    ``pictures`` (n, d) and ``texts`` (m, d) are used to measure recall, ``others`` (r, d) are
    texts that must not be forgotten; ``scale`` is the scale of the cosines before softmax.
    """

    pictures: Vectors
    texts: Vectors
    others: Vectors
    scale: float


@dataclass(frozen=True, eq=False)
class Step:
    """A batch: rows of texts (b,) and of their pictures (b,), and which of them match (b, b)."""

    texts: IntArray
    pictures: IntArray
    fits: BoolArray


@dataclass
class Pass:
    """One epoch: every picture once with one of its texts, drawn by seed and epoch number.

    ``taken`` is the number of steps before it, ``deadline`` is on the monotonic clock.
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
        """Return the batch at an index, from 0."""
        texts, pictures = self.batches[place]
        return Step(texts, pictures, self.matched.fits(texts, pictures))

    def rate(self, place: int) -> float:
        """Return the learning rate of the step at an index."""
        total = self.settings.epochs * len(self.batches)
        factor = rate(self.taken + place, total, self.settings.warm_up)
        return self.settings.learning_rate * factor

    def check_time(self) -> None:
        """Check the deadline.

        :raises Stopped: time is up
        """
        if time.monotonic() >= self.deadline:
            raise Stopped("seconds")

    def tell(self, loss: float, fits: BoolArray) -> None:
        """Record the loss of a batch.

        :raises Stopped: it is NaN or infinite
        """
        if not math.isfinite(loss):
            raise Stopped("diverged")
        self.losses.append(loss)
        self.chance_losses.append(chance_loss(fits))

    def means(self) -> tuple[float, float]:
        """Return the mean loss per pair, and its chance level."""
        sizes = [len(texts) for texts, _ in self.batches]
        mean = np.average([self.losses, self.chance_losses], axis=1, weights=sizes)
        return float(mean[0]), float(mean[1])


class Learner(Protocol):
    """Trainable weights, with the data they are trained on and evaluated with.

    ``start`` are the initial weights by name, ``digest`` identifies them and the data.
    """

    start: NamedArrays
    digest: str

    @property
    def train(self) -> Matched:
        """The training data."""

    @property
    def held_out(self) -> Matched:
        """The held-out data."""

    def learn(
        self, state: State, epoch: Pass
    ) -> tuple[NamedArrays, NamedArrays, NamedArrays]:
        """Take all steps of an epoch; return the weights and both moments of the optimizer.

        :raises Stopped: time is up, or the loss is NaN or infinite
        """

    def seen(self, weights: NamedArrays) -> Seen:
        """Encode the held-out data with some weights.

        :raises Stopped: they contain NaN or infinite values
        """

    def named(self, weights: NamedArrays) -> NamedArrays:
        """Return weights by their names in the checkpoint."""
