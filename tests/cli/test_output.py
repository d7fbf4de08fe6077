"""What the progress bar writes to a terminal, and elsewhere."""

import io
import sys

import pytest

from llm_glam import progress
from llm_glam.cli.output import ProgressBar


class Terminal(io.StringIO):
    """A stream that remembers what is written, and may be a terminal."""

    def __init__(self, is_live):
        super().__init__()
        self.is_live = is_live

    def isatty(self):
        return self.is_live

    def lines(self):
        """What is seen in the end: a carriage return overwrites a line."""
        return [
            line.rpartition("\r")[2].rstrip() for line in self.getvalue().split("\n")
        ]


@pytest.fixture
def stderr(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")

    def replaced(is_live):
        terminal = Terminal(is_live)
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    return replaced


def train(bar, epochs=200):
    bar.say("before")
    for number in range(1, epochs + 1):
        progress.update(bar, f"epoch {number}/{epochs}, recall .4, 1,000 pictures/s")
        if number == 7:
            bar.say("A warning")
    bar.say("Finished")


def test_a_terminal_shows_one_line_that_is_updated(stderr):
    terminal = stderr(True)
    with ProgressBar() as bar:
        train(bar)

    shown = ["before", "epoch 7/200, recall .4", "A warning"]
    shown += ["epoch 200/200, recall .4", "Finished", ""]
    assert terminal.lines() == shown
    written = terminal.getvalue().replace("\n", "\r").split("\r")
    assert max(map(len, written)) < 40


def test_an_updated_line_is_ended_by_whatever_follows(stderr):
    terminal = stderr(True)
    with ProgressBar() as bar:
        progress.update(bar, "epoch 1")
        bar.begin(1)
        bar.advance(1)
        progress.update(bar, "a long epoch " * 9)
        progress.update(bar, "epoch 2")

    lines = [line for line in terminal.lines() if line]
    assert (lines[0], lines[-1]) == ("epoch 1", "epoch 2")
    assert terminal.getvalue().endswith("\n")


def test_elsewhere_each_is_a_whole_line(stderr):
    log = stderr(False)
    with ProgressBar() as bar:
        train(bar, 3)

    epochs = [f"epoch {n}/3, recall .4, 1,000 pictures/s\n" for n in (1, 2, 3)]
    assert log.getvalue() == "".join(["before\n", *epochs, "Finished\n"])
