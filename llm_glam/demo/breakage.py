"""How finds break: which part of one is left, always in one piece."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

from .canvas import Canvas, Map, Relief, curve

Part = Callable[[Canvas], Map]  # coverage, 0 to 1, by what a break has left
TRIES = 24  # breaks are proposed until one is good, or the best of so many is taken
SHARES = {"broken": (0.45, 0.75), "fragment": (0.25, 0.55)}  # of a find that is left
SPLINTERS = 0.03  # the share of what is left that may fall off without being missed


def part_left(
    sketch: Canvas, mask: Map, condition: str, random: np.random.Generator
) -> Part | None:
    """Choose what is left of a find: nothing is taken away from a complete one.

    ``broken`` loses a side, ``fragment`` is a sherd out of the middle.

    :param sketch: a small canvas on which the whole find is seen, and ``mask`` its coverage there;
        the part is the same on every other canvas
    """
    if condition == "complete":
        return None
    propose = _side if condition == "broken" else _sherd
    share = SHARES[condition]
    best, least = None, np.inf
    for _ in range(TRIES):
        part = propose(sketch, mask, random)
        flaw = _flaw(mask, mask * part(sketch), share)
        if flaw < least:
            best, least = part, flaw
        if flaw == 0:
            break
    return best


def break_off(canvas: Canvas, relief: Relief, part: Part | None) -> Map:
    """Take all but this part away; gives where the raw edge of the break is seen, 0 to 1."""
    if part is None:
        return np.zeros_like(canvas.x)
    kept = part(canvas)
    rim = np.clip(canvas.blurred(1 - kept, 0.022) * 2.4, 0, 1) * kept
    relief.mask = one_piece(relief.mask * kept)
    left = (kept > 0.5) & (relief.mask > 0)
    relief.height = np.where(left, relief.height - 0.05 * rim, -1)
    return rim * (relief.mask > 0)


def one_piece(mask: Map) -> Map:
    """The largest connected piece of a mask, with its soft edge."""
    return mask * ndimage.binary_dilation(_largest(mask))


def _largest(mask: Map) -> Map:
    labels, pieces = ndimage.label(mask > 0.5)
    sizes = np.bincount(labels.ravel(), minlength=pieces + 1)[1:]
    return labels == 1 + int(np.argmax(sizes)) if pieces else labels == 0


def _flaw(mask: Map, left: Map, share: tuple[float, float]) -> float:
    """0 for a good break; more, the more falls off or the further the share of what is left."""
    whole, all_left = int((mask > 0.5).sum()), int((left > 0.5).sum())
    if not all_left:
        return np.inf
    piece = int(_largest(left).sum())
    splinters = max(1 - piece / all_left - SPLINTERS, 0)
    return splinters + max(share[0] - piece / whole, piece / whole - share[1], 0)


def _side(sketch: Canvas, mask: Map, random: np.random.Generator) -> Part:
    """All but what lies beyond a jagged line."""
    x, y = sketch.x[mask > 0.5], sketch.y[mask > 0.5]
    angle = _direction(x, y, random)
    dx, dy = float(np.cos(angle)), float(np.sin(angle))
    low, high = np.quantile(x * dx + y * dy, [0.02, 0.98])
    at = high - random.uniform(0.3, 0.5) * (high - low)
    teeth = np.linspace(-1.6, 1.6, int(random.integers(9, 16)))
    depth = random.uniform(-0.07, 0.07, len(teeth)) * (high - low)

    def part(canvas: Canvas) -> Map:
        across, along = canvas.x * dx + canvas.y * dy, canvas.y * dx - canvas.x * dy
        line = at + np.interp(along, teeth, depth)
        return canvas.covered((across - line).astype(np.float32))

    return part


def _direction(x: Map, y: Map, random: np.random.Generator) -> float:
    """Which way a side goes: any, but what is long breaks across."""
    (short, long), axes = np.linalg.eigh(np.cov(x, y))
    if long < 4 * short:
        return float(random.uniform(0, 2 * np.pi))
    lengthwise = np.arctan2(axes[1, 1], axes[0, 1]) + np.pi * random.integers(2)
    return float(lengthwise + random.uniform(-0.4, 0.4))


def _sherd(sketch: Canvas, mask: Map, random: np.random.Generator) -> Part:
    """An angular piece around some point of the find."""
    x, y = sketch.x[mask > 0.5], sketch.y[mask > 0.5]
    which = int(random.random() * len(x))
    corners = int(random.integers(6, 9))
    turns = np.linspace(0, 2 * np.pi, corners, endpoint=False) + random.uniform(0, 1)
    far = random.uniform(0.26, 0.52, corners)
    rough = random.normal(0, 0.012, (corners * 3, 2)) + (
        0.6 * float(x[which]),
        0.6 * float(y[which]),
    )
    points = [
        (r * float(np.cos(t)), r * float(np.sin(t)))
        for r, t in zip(far, turns, strict=True)
    ]
    outline = [
        (float(a), float(b)) for a, b in np.array(curve(points, 3, closed=True)) + rough
    ]
    return lambda canvas: canvas.polygon(outline)
