"""Report the progress of long work to its caller."""

from collections.abc import Callable
from typing import Protocol

Say = Callable[[str], None]  # shows a line for people


class Progress(Protocol):
    """The receiver of a run's progress: a progress bar, a notebook, a log."""

    def begin(self, total: int | None) -> None:
        """Start counting to ``total`` steps, or None if their number is not known."""

    def advance(self, count: int) -> None:
        """Count ``count`` more steps as done."""

    def say(self, text: str) -> None:
        """Show a line for people."""


def update(progress: Progress, text: str) -> None:
    """Show a line for people in place of the last updated one, or else a line each.

    For a receiver that can replace a line: it has a method ``update`` beside the three.
    """
    getattr(progress, "update", progress.say)(text)


class NoProgress:
    """A :class:`Progress` that shows nothing."""

    def begin(self, total: int | None) -> None:
        """Do nothing."""

    def advance(self, count: int) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""
