"""Tune the projections of a CLIP and its temperature, with both towers frozen.

What enters the projections is computed once, elsewhere; an epoch over thousands of pairs then
takes seconds.
"""

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .contrast import Learner, Numbers, batches, held_out_loss, loss_by_chance, rate
from .contrast import steps as steps_of
from .projections import Features, Flags, Projections, check_sizes, found
from .tuning_state import (
    Epoch,
    Settings,
    State,
    arrays_of,
    best_of,
    projections_of,
)

Measure = Callable[[Projections], tuple[float, float]]
Watcher = Callable[[Epoch], None]
Why = Literal["epochs", "patience", "seconds", "diverged"]


@dataclass(frozen=True)
class Tuned:
    """What came of tuning.

    ``best`` has the highest held-out recall (the start, where nothing was better), ``last`` is
    after the last whole epoch. ``why_stopped`` is ``epochs`` (all done), ``patience`` (no better
    recall for long), ``seconds`` (time is up) or ``diverged`` (a loss that is no number); an
    epoch that time or divergence cut short is not in ``history``.
    """

    best: Projections
    last: Projections
    history: tuple[Epoch, ...]
    why_stopped: Why


class _Stopped(Exception):
    def __init__(self, why: Why) -> None:
        self.why = why


def tune(
    start: Projections,
    train: Features,
    held_out: Features,
    settings: Settings | None = None,
    *,
    measure: Measure | None = None,
    watcher: Watcher | None = None,
    state: State | None = None,
    save: Callable[[State], None] | None = None,
) -> Tuned:
    """Learn projections that bring pictures and their texts together, and keep the best.

    The loss is :func:`llm_glam.contrast.loss`, at the start's own scale, which is learnt and kept
    at 100 or below. In every epoch each picture is seen once, with one of its texts. The same
    arguments give the same bits on the same machine with the same number of threads. Beside the
    features, memory is taken by one batch.

    :param measure: gives retention and spread of projections, to be put down with each epoch
    :param watcher: hears of each epoch, of the measurement before the first as number 0
    :param state: to go on from; it has to come from the same start, data and settings (of which
        patience and time may differ)
    :param save: is given the state after each epoch
    :raises ValueError: arguments that do not fit each other
    """
    run = _Run(start, train, held_out, settings or Settings(), measure)
    if state is None:
        state = run.first()
        if watcher:
            watcher(state.history[0])
    else:
        run.check(state)
    try:
        while True:
            state = run.after(state)
            if save:
                save(state)
            if watcher:
                watcher(state.history[-1])
    except _Stopped as stopped:
        best, last = projections_of(state.best), projections_of(state.now)
        return Tuned(best, last, state.history, stopped.why)


class _Run:
    """One call of :func:`tune`; what changes is in the states."""

    def __init__(
        self,
        start: Projections,
        train: Features,
        held_out: Features,
        settings: Settings,
        measure: Measure | None,
    ) -> None:
        for features in (train, held_out):
            check_sizes(start, features)
        self.start, self.train, self.held_out = arrays_of(start), train, held_out
        self.settings, self.measure = settings, measure
        self.deadline = time.monotonic() + (
            math.inf if settings.max_seconds is None else settings.max_seconds
        )
        self.digest = _digest(self.start, train, held_out)
        self.found_before = found(projections_of(self.start), held_out)

    def first(self) -> State:
        """Where nothing is learnt yet."""
        began = time.monotonic()
        zeros = {name: np.zeros_like(array) for name, array in self.start.items()}
        return State(
            *(self.start, zeros, zeros, self.start),
            steps=0,
            history=(self._measured(0, self.start, (None, None), began),),
            settings=self.settings.lasting(),
            digest=self.digest,
        )

    def check(self, state: State) -> None:
        """:raises ValueError: the state is from something else."""
        if state.digest != self.digest:
            raise ValueError("The saved state is of other weights or other data.")
        if state.settings != self.settings.lasting():
            raise ValueError("The saved state was made with other settings.")

    def after(self, state: State) -> State:
        """The state one epoch later.

        Each epoch begins from a state alone, as it would in another process, which is what makes
        going on the same as never having stopped.
        """
        self._stop_if_enough(state)
        began = time.monotonic()
        moments = (state.first, state.second)
        learner = Learner(state.now, moments, state.steps, self.start)
        losses = self._pass(learner, len(state.history), state.steps)
        now, (first, second) = learner.arrays()
        epoch = self._measured(len(state.history), now, losses, began)
        is_better = epoch.recall > best_of(state.history).recall
        return State(
            *(now, first, second, now if is_better else state.best),
            steps=state.steps + self._steps(),
            history=(*state.history, epoch),
            settings=state.settings,
            digest=state.digest,
        )

    def _stop_if_enough(self, state: State) -> None:
        done = state.history[-1].number
        patience = self.settings.patience
        if done >= self.settings.epochs:
            raise _Stopped("epochs")
        if patience is not None and done - best_of(state.history).number >= patience:
            raise _Stopped("patience")

    def _steps(self) -> int:
        return steps_of(len(self.train.pairs()[0]), self.settings.batch)

    def _pass(self, learner: Learner, number: int, taken: int) -> tuple[float, float]:
        """Learn from every picture once; the mean loss, and what it is by chance."""
        settings, train = self.settings, self.train
        total = settings.epochs * self._steps()
        chance = np.random.default_rng([settings.seed, number])
        losses: list[float] = []
        by_chance, sizes = [], []
        for texts, pictures in batches(train, settings.batch, chance):
            if time.monotonic() >= self.deadline:
                raise _Stopped("seconds")
            fits = train.fits(texts, pictures)
            batch = (train.texts[texts], train.pictures[pictures], fits)
            now = settings.learning_rate * rate(
                taken + len(losses), total, settings.warm_up
            )
            losses.append(
                learner.learn(batch, now, settings.weight_decay, settings.clip)
            )
            if not math.isfinite(losses[-1]):
                raise _Stopped("diverged")
            by_chance.append(loss_by_chance(fits))
            sizes.append(len(texts))
        mean = np.average([losses, by_chance], axis=1, weights=sizes)
        return float(mean[0]), float(mean[1])

    def _measured(
        self,
        number: int,
        now: Numbers,
        losses: tuple[float | None, float | None],
        began: float,
    ) -> Epoch:
        try:
            projections = projections_of(now)
        except ValueError as error:  # weights that are no numbers
            raise _Stopped("diverged") from error
        hits = found(projections, self.held_out)
        retention, spread = self.measure(projections) if self.measure else (None, None)
        return Epoch(
            number,
            *losses,
            held_out_loss(projections, self.held_out, self.settings.batch),
            float(hits.mean()),
            *_changes(self.found_before, hits),
            retention,
            spread,
            time.monotonic() - began,
        )


def _changes(before: Flags, after: Flags) -> tuple[int, int]:
    return int((after & ~before).sum()), int((before & ~after).sum())


def _digest(start: Numbers, *data: Features) -> str:
    """Of all that a state has to come from."""
    digest = hashlib.blake2b(digest_size=16)
    arrays: list[NDArray[Any]] = list(start.values())
    for one in data:
        arrays += [one.pictures, one.texts, one.picture_of, one.caption]
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
