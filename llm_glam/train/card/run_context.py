"""Describe what a model card says about a run besides its metrics."""

import os
import platform
import time
from dataclasses import dataclass, field

from ...models.engine_choice import has_accelerator


@dataclass
class Clock:
    """Measure how many seconds the stages of a training run take."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Begin the first stage now."""
        self.started = time.monotonic()

    def stop(self, stage: str) -> float:
        """Record what a stage took, and begin the next."""
        now = time.monotonic()
        self.seconds[stage], self.started = now - self.started, now
        return self.seconds[stage]


def hardware(device: str | None) -> str:
    """Describe the computer in one line."""
    processor = platform.processor() or platform.machine()
    card = device or "with a GPU" if has_card(device) else "no GPU"
    return f"{platform.system()}, {processor}, {os.cpu_count()} cores, {card}"


def has_card(device: str | None) -> bool:
    """Return whether there is an accelerator, or one is requested."""
    return device != "cpu" and bool(device or has_accelerator())
