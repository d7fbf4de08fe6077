"""What the card of a training says of the run that was not measured."""

import os
import platform
import shlex
import time
from dataclasses import dataclass, field
from pathlib import Path

import click

from ..models.engine_choice import has_accelerator
from ..train.card import from_run
from ..train.training_run import Run
from .dataset_options import Source

UNTOLD = {"database", "format_", "check", "resume"}


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


def of_run(
    run: Run,
    source: Source,
    licence: str,
    held_out_how: str,
    device: str | None,
    clock: Clock,
) -> from_run.RunContext:
    """What the card is to say that was not measured."""
    return from_run.RunContext(
        run.name,
        run.base,
        licence,
        Path(source.data).name if source.data else str(source.collection),
        held_out_how,
        _hardware(device),
        clock.seconds,
        _typed(click.get_current_context()),
    )


def _hardware(device: str | None) -> str:
    processor = platform.processor() or platform.machine()
    card = device or "with a GPU" if has_card(device) else "no GPU"
    return f"{platform.system()}, {processor}, {os.cpu_count()} cores, {card}"


def has_card(device: str | None) -> bool:
    """Is there an accelerator, or is one asked for?"""
    return device != "cpu" and bool(device or has_accelerator())


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
