"""How long work tells whoever waits for it how far it is."""

from collections.abc import Callable
from typing import Protocol

Say = Callable[[str], None]  # shows a line for people


class Progress(Protocol):
    """Whoever wants to know how a run goes: a progress bar, a notebook, a log."""

    def begin(self, total: int | None) -> None:
        """Expect ``total`` steps, None where their number is not known."""

    def advance(self, count: int) -> None:
        """Count more steps as done."""

    def say(self, text: str) -> None:
        """Show a line for people."""


class NoProgress:
    """A :class:`Progress` that shows nothing, for callers that do not wait."""

    def begin(self, total: int | None) -> None:
        """Do nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""
