"""Train a learner epoch by epoch, evaluating on held-out data, until recall stops improving."""

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evaluate.batch_recall import hits
from ...vectors import BoolArray
from ..clip.contrastive_loss import NamedArrays, held_out_loss
from .learner import Learner, Pass, Seen, Stopped, Why
from .state import Epoch, Settings, State, best_of

Measure = Callable[[Seen], tuple[float, float]]
EpochCallback = Callable[[Epoch], None]


@dataclass(frozen=True)
class Tuned:
    """The result of training: weights by name.

    ``best`` has the highest held-out recall (the initial weights if nothing was better), ``last``
    is after the last complete epoch. ``why_stopped`` is ``epochs`` (all done), ``patience`` (no
    improvement for too long), ``seconds`` (time is up) or ``diverged`` (a loss that is NaN or
    infinite); an epoch interrupted by time or divergence is not in ``history``.
    """

    best: NamedArrays
    last: NamedArrays
    history: tuple[Epoch, ...]
    why_stopped: Why


def tune(
    learner: Learner,
    settings: Settings,
    *,
    before: Seen | None = None,
    measure: Measure | None = None,
    on_epoch: EpochCallback | None = None,
    state: State | None = None,
    save: Callable[[State], None] | None = None,
) -> Tuned:
    """Train pictures and their texts towards each other, and keep the best weights.

    The loss is :func:`llm_glam.train.clip.contrastive_loss.loss`, at the checkpoint's own scale,
    which is trained and kept at 100 or below. Each epoch uses every picture once, with one of its
    texts. The same arguments give bit-identical results on the same CPU with the same number of
    threads.

    :param before: the held-out vectors of the initial weights, if already known
    :param measure: returns retention and spread, recorded with each epoch
    :param on_epoch: receives each epoch, and the measurement before the first one as number 0
    :param state: to resume from; it must come from the same initial weights, data and settings (of
       which patience and time may differ)
    :param save: receives the state after each epoch
    :raises ValueError: the arguments do not match
    """
    run = _Loop(learner, settings, before or learner.seen(learner.start), measure)
    if state is None:
        state = run.first()
        if on_epoch:
            on_epoch(state.history[0])
    else:
        run.check(state)
    try:
        while True:
            state = run.after(state)
            if save:
                save(state)
            if on_epoch:
                on_epoch(state.history[-1])
    except Stopped as stopped:
        return Tuned(state.best, state.now, state.history, stopped.why)


class _Loop:
    """One call of :func:`tune`; everything that changes is in the states."""

    def __init__(
        self,
        learner: Learner,
        settings: Settings,
        before: Seen,
        measure: Measure | None,
    ) -> None:
        self.learner, self.settings, self.measure = learner, settings, measure
        self.deadline = time.monotonic() + (
            math.inf if settings.max_seconds is None else settings.max_seconds
        )
        self.before, self.found_before = before, self._found(before)

    def first(self) -> State:
        """Return the state before training."""
        began, start = time.monotonic(), self.learner.start
        zeros = {name: np.zeros_like(array) for name, array in start.items()}
        return State(
            *(start, zeros, zeros, start),
            steps=0,
            history=(self._measured(0, self.before, (None, None), began),),
            settings=self.settings.lasting(),
            digest=self.learner.digest,
        )

    def check(self, state: State) -> None:
        """Check that a state can be resumed.

        :raises ValueError: it belongs to another run
        """
        own = self.settings.lasting()
        if state.settings != own:
            others = (
                f"{name} {state.settings.get(name)} instead of {own.get(name)}"
                for name in dict.fromkeys([*own, *state.settings])
                if state.settings.get(name) != own.get(name)
            )
            raise ValueError(
                f"The saved state was made with other settings: {', '.join(others)}."
            )
        if state.digest != self.learner.digest:
            raise ValueError("The saved state belongs to other weights or other data.")
        shapes = [
            {name: array.shape for name, array in numbers.items()}
            for numbers in (state.now, self.learner.start)
        ]
        if shapes[0] != shapes[1]:
            raise ValueError("The saved state belongs to other weights.")

    def after(self, state: State) -> State:
        """Return the state one epoch later.

        Each epoch starts from a state alone, as it would in another process, which is why
        resuming gives the same result as never having stopped.
        """
        self._stop_if_enough(state)
        began, number = time.monotonic(), len(state.history)
        taken = (self.learner.train, self.settings, number, state.steps, self.deadline)
        epoch = Pass(*taken)
        now, first, second = self.learner.learn(state, epoch)
        seen = self.learner.seen(now)
        measured = self._measured(number, seen, epoch.means(), began)
        is_better = measured.recall > best_of(state.history).recall
        return State(
            *(now, first, second, now if is_better else state.best),
            steps=state.steps + len(epoch.batches),
            history=(*state.history, measured),
            settings=state.settings,
            digest=state.digest,
        )

    def _stop_if_enough(self, state: State) -> None:
        done = state.history[-1].number
        patience = self.settings.patience
        if done >= self.settings.epochs:
            raise Stopped("epochs")
        if patience is not None and done - best_of(state.history).number >= patience:
            raise Stopped("patience")

    def _found(self, seen: Seen) -> BoolArray:
        return hits(seen.texts, seen.pictures, self.learner.held_out)

    def _measured(
        self,
        number: int,
        seen: Seen,
        losses: tuple[float | None, float | None],
        began: float,
    ) -> Epoch:
        found = self._found(seen)
        vectors = (seen.texts, seen.pictures, seen.scale)
        lost = held_out_loss(*vectors, self.learner.held_out, self.settings.batch)
        retention, spread = self.measure(seen) if self.measure else (None, None)
        return Epoch(
            number,
            *losses,
            lost,
            float(found.mean()),
            *_changes(self.found_before, found),
            retention,
            spread,
            time.monotonic() - began,
        )


def _changes(before: BoolArray, after: BoolArray) -> tuple[int, int]:
    return int((after & ~before).sum()), int((before & ~after).sum())


def digest_of(start: NamedArrays, arrays: Iterable[NDArray[Any]]) -> str:
    """Return a digest of everything that a saved state depends on."""
    digest = hashlib.blake2b(digest_size=16)
    for array in (*start.values(), *arrays):
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
