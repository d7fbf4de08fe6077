"""What the card of a training says of the run that was not measured."""

import os
import platform
import time
from dataclasses import dataclass, field

from ...models.engine_choice import has_accelerator


@dataclass
class Clock:
    """Seconds of the stages of a training."""

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
    """Describe the computer in a line."""
    processor = platform.processor() or platform.machine()
    card = device or "with a GPU" if has_card(device) else "no GPU"
    return f"{platform.system()}, {processor}, {os.cpu_count()} cores, {card}"


def has_card(device: str | None) -> bool:
    """Tell whether there is an accelerator, or one is asked for."""
    return device != "cpu" and bool(device or has_accelerator())
