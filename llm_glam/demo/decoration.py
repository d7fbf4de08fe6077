"""Patterns, painted or cut in."""

import numpy as np

from .canvas import Map, Relief


def pattern(name: str, relief: Relief, random: np.random.Generator) -> Map:
    """Where the pattern is, 0 to 1, along the coordinates of a relief."""
    centre, half = random.uniform(-0.2, 0.15), random.uniform(0.3, 0.42)
    row = (relief.along - centre) / half  # -1 to 1 within the decorated zone
    repeats = random.integers(4, 7)
    turn = relief.around * repeats
    borders = _soft(0.1 - np.abs(np.abs(row) - 1.0), relief)
    inside = np.abs(row) < 0.95
    return np.clip(borders + inside * _motif(name, row, turn, relief), 0, 1)


def _motif(name: str, row: Map, turn: Map, relief: Relief) -> Map:
    sawtooth = 2 * np.abs(turn % 1 - 0.5) * 2 - 1
    if name == "bands":
        return _soft(0.16 - np.abs(np.abs(row) - 0.4), relief)
    if name == "zigzag":
        return _soft(0.3 - np.abs(row - 0.65 * sawtooth), relief)
    if name == "waves":
        return _soft(0.22 - np.abs(row - 0.5 * np.sin(turn * 2 * np.pi)), relief)
    if name == "dots":
        return _soft(0.5 - np.hypot(row, (turn % 1 - 0.5) * 2.6), relief)
    upper = (row > 0) ^ (turn % 1 > 0.5)
    return upper.astype(np.float32) * (np.abs(row) < 0.85)


def _soft(inside: Map, relief: Relief) -> Map:
    """A soft edge, a few hundredths wide."""
    return np.clip(inside / 0.08 + 0.5, 0, 1).astype(np.float32)
