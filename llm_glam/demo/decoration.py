"""Patterns, painted or cut in, and damage."""

import numpy as np

from .canvas import Canvas, Map, Relief, curve


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


def break_off(
    canvas: Canvas, relief: Relief, condition: str, random: np.random.Generator
) -> Map:
    """Take a part away; gives where the raw edge of the break is seen, 0 to 1.

    ``broken`` loses a side, ``fragment`` is a sherd out of the middle.
    """
    if condition == "complete":
        return np.zeros_like(canvas.x)
    kept = (
        _side(canvas, relief, random)
        if condition == "broken"
        else _sherd(canvas, relief, random)
    )
    rim = np.clip(canvas.blurred(1 - kept, 0.022) * 2.4, 0, 1) * kept
    relief.mask = relief.mask * kept
    relief.height = np.where(kept > 0.5, relief.height - 0.05 * rim, -1)
    return rim * (relief.mask > 0)


def _side(canvas: Canvas, relief: Relief, random: np.random.Generator) -> Map:
    """All but what lies beyond a jagged line; 30 to 50 % of the find's extent goes."""
    angle = random.uniform(0, 2 * np.pi)
    dx, dy = float(np.cos(angle)), float(np.sin(angle))
    across = canvas.x * dx + canvas.y * dy
    seen = across[relief.mask > 0.5]
    low, high = np.quantile(seen, [0.02, 0.98]) if seen.size else (-1, 1)
    at = high - random.uniform(0.3, 0.5) * (high - low)
    teeth = np.linspace(-1.6, 1.6, int(random.integers(9, 16)))
    depth = random.uniform(-0.11, 0.11, len(teeth))
    along = canvas.y * dx - canvas.x * dy
    line = np.interp(along, teeth, depth)
    return canvas.covered((across - at - line).astype(np.float32))


def _sherd(canvas: Canvas, relief: Relief, random: np.random.Generator) -> Map:
    """An angular piece around some point of the find."""
    rows, columns = np.nonzero(relief.mask > 0.9)
    which = int(random.random() * len(rows))
    x = float(canvas.x[rows[which], columns[which]]) * 0.6
    y = float(canvas.y[rows[which], columns[which]]) * 0.6
    corners = int(random.integers(6, 9))
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False) + random.uniform(0, 1)
    far = random.uniform(0.3, 0.52, corners)
    points = [
        (x + r * float(np.cos(t)), y + r * float(np.sin(t)))
        for r, t in zip(far, turns, strict=True)
    ]
    jagged = np.array(curve(points, 3, closed=True)) + random.normal(
        0, 0.012, (corners * 3, 2)
    )
    return canvas.polygon([(float(a), float(b)) for a, b in jagged])
