"""Small finds: what lies flat on the table under the camera."""

import numpy as np

from .canvas import Canvas, Map, Point, Relief, curve
from .figures import FIGURES


def coin(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A struck disc, never quite round, with an animal or a head within a ring of dots."""
    angle = np.arctan2(canvas.y, canvas.x)
    wobble = 0.02 * np.sin(3 * angle + random.uniform(0, 6)) + 0.012 * np.sin(5 * angle)
    away = np.hypot(canvas.x, canvas.y) + wobble
    relief = Relief.empty(canvas)
    relief.slab(canvas, canvas.covered(away - 0.76), 0.09, bevel=0.07)
    ring = (np.abs(away - 0.66) < 0.02) & (np.sin(angle * 36) > -0.3)
    struck = canvas.blurred(ring.astype(np.float32), 0.012) * 0.05
    design = _head(canvas) if random.random() < 0.5 else _animal(canvas, random)
    relief.height = relief.height + np.where(relief.mask > 0, struck + design, 0)
    return relief


def _animal(canvas: Canvas, random: np.random.Generator) -> Map:
    name = random.choice(["horse", "bull", "bird", "fish"])
    figure = FIGURES[name](canvas.seen(zoom=1.9), random)
    return np.maximum(figure.height, 0) * 0.28


def _head(canvas: Canvas) -> Map:
    profile = Relief.empty(canvas)
    profile.limb(canvas, (-0.04, -0.14), (0.0, -0.02), (0.27, 0.24))
    profile.limb(canvas, (-0.04, 0.2), (-0.12, 0.46), (0.14, 0.24))
    profile.limb(canvas, (0.2, -0.06), (0.3, 0.02), (0.06, 0.05), lift=0.06)
    profile.limb(canvas, (0.16, 0.14), (0.2, 0.2), (0.07, 0.06), lift=0.05)
    profile.chain(
        canvas, [(0.18, -0.3), (-0.12, -0.36), (-0.3, -0.16)], (0.05, 0.06), lift=0.22
    )
    return np.maximum(profile.height, 0) * 0.3


def ring(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A finger ring, with a bezel or without."""
    relief = Relief.empty(canvas)
    relief.ring(canvas, (0, 0.1), 0.52, random.uniform(0.08, 0.12))
    if random.random() < 0.65:
        relief.limb(canvas, (-0.1, -0.46), (0.1, -0.46), (0.2, 0.2), lift=0.02)
        relief.limb(
            canvas, (-0.04, -0.47), (0.04, -0.47), (0.12, 0.12), lift=0.14, tone=0.45
        )
    return relief


def key(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A loop, a shank, and teeth."""
    relief = Relief.empty(canvas)
    relief.ring(canvas, (-0.56, 0), 0.22, 0.075)
    relief.limb(canvas, (-0.34, 0), (0.8, 0), (0.075, 0.07), lift=0.01)
    teeth = random.integers(2, 4)
    for x in np.linspace(0.74, 0.74 - 0.17 * (teeth - 1), teeth):
        long = random.uniform(0.24, 0.4)
        relief.limb(canvas, (float(x), 0), (float(x), long), (0.06, 0.06))
    return relief


def brooch(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A bow brooch: a head plate, an arched bow, a foot, and the pin behind."""
    relief = Relief.empty(canvas)
    relief.limb(canvas, (-0.6, 0.24), (0.72, 0.2), (0.028, 0.012), lift=-0.02, tone=0.8)
    relief.limb(canvas, (-0.62, -0.24), (-0.62, 0.3), (0.085, 0.085))
    for y in (-0.26, 0.32):
        relief.limb(canvas, (-0.62, y), (-0.62, y), (0.12, 0.12), lift=0.02)
    bow = curve([(-0.58, 0.0), (-0.34, -0.3), (0.0, -0.34), (0.3, -0.12), (0.46, 0.02)])
    relief.chain(canvas, bow, (0.17, 0.09), lift=0.03)
    relief.limb(canvas, (0.42, 0.02), (0.74, 0.1), (0.11, 0.15), lift=0.0)
    return relief.limb(canvas, (0.76, 0.1), (0.86, 0.13), (0.08, 0.06), lift=0.02)


def bead(canvas: Canvas, random: np.random.Generator) -> Relief:
    """One bead, its hole seen from the side."""
    relief = Relief.empty(canvas)
    wide = random.uniform(0.42, 0.56)
    away = np.hypot(canvas.x / wide, canvas.y / 0.44)
    relief.add(
        canvas.covered((away - 1) * 0.44), np.sqrt(np.maximum(1 - away**2, 0)) * 0.4
    )
    relief.around, relief.along = canvas.y / 0.44, canvas.x / wide
    hole = np.hypot((canvas.x - wide * 0.66) / 0.11, canvas.y / 0.17) - 1
    relief.tone = relief.tone * (1 - 0.85 * canvas.covered(hole * 0.11))
    return relief


def necklace(canvas: Canvas, random: np.random.Generator) -> Relief:
    """Beads on a string, laid out in a loop."""
    relief = Relief.empty(canvas)
    round_about = np.linspace(0, 2 * np.pi, 40)
    string = [(0.64 * float(np.cos(t)), 0.6 * float(np.sin(t))) for t in round_about]
    relief.chain(canvas, string, (0.022, 0.022), lift=-0.02, tone=0.5)
    count = int(random.integers(17, 24))
    for i in range(count):
        turn = (i + 0.5) / count * 2 * np.pi - np.pi / 2
        size = 0.075 + 0.045 * (1 + np.sin(turn)) / 2
        x, y = 0.64 * float(np.cos(turn)), 0.6 * float(np.sin(turn))
        along = (-float(np.sin(turn)) * 0.02, float(np.cos(turn)) * 0.02)
        ends = (x - along[0], y - along[1]), (x + along[0], y + along[1])
        relief.limb(canvas, *ends, (size, size), tone=1.0 if i % 2 else 0.82)
    return relief


def arrowhead(canvas: Canvas, random: np.random.Generator) -> Relief:
    """Barbed and tanged, chipped on both faces."""
    w, barb = random.uniform(0.36, 0.46), random.uniform(0.3, 0.42)
    half: list[Point] = [
        (0, -0.84),
        (w * 0.45, -0.4),
        (w, barb),
        (w * 0.55, barb - 0.08),
    ]
    half += [(0.12, barb - 0.1), (0.13, 0.72)]
    outline = [*half, *[(-x, y) for x, y in reversed(half)]]
    relief = Relief.empty(canvas)
    relief.slab(canvas, canvas.polygon(outline), 0.16, bevel=0.3)
    chips = canvas.noise(random, 0.16, 2)
    relief.height = relief.height + np.where(
        relief.mask > 0, 0.03 * np.round(chips * 2), 0
    )
    relief.height = np.where(relief.mask > 0, canvas.blurred(relief.height, 0.008), -1)
    return relief


def axe(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A blade that widens to its cutting edge."""
    w = random.uniform(0.44, 0.56)
    half = [
        (0.2, -0.76),
        (0.24, -0.3),
        (0.3, 0.1),
        (w, 0.56),
        (w * 0.7, 0.68),
        (0, 0.74),
    ]
    outline = [*curve(half), *curve([(-x, y) for x, y in reversed(half)])]
    relief = Relief.empty(canvas)
    relief.slab(canvas, canvas.polygon(outline), 0.2, bevel=0.22)
    edge = np.clip((canvas.y - 0.5) / 0.2, 0, 1) * (relief.mask > 0)
    relief.height = relief.height - 0.12 * edge
    relief.tone = relief.tone * (1 + 0.15 * edge)
    return relief


def dagger(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A pointed blade with a ridge, a guard, a grip and a pommel."""
    w = random.uniform(0.13, 0.17)
    blade = [(0.88, 0), (0.6, w * 0.7), (-0.2, w), (-0.2, -w), (0.6, -w * 0.7)]
    relief = Relief.empty(canvas)
    relief.slab(canvas, canvas.polygon(blade), 0.09, bevel=w)
    relief.limb(canvas, (-0.24, -0.25), (-0.24, 0.25), (0.06, 0.06), lift=0.05)
    relief.limb(canvas, (-0.28, 0), (-0.72, 0), (0.085, 0.075), lift=0.02, tone=0.75)
    return relief.limb(canvas, (-0.78, -0.07), (-0.78, 0.07), (0.1, 0.1), lift=0.02)


def spoon(canvas: Canvas, random: np.random.Generator) -> Relief:
    """An oval bowl on a thin handle."""
    relief = Relief.empty(canvas)
    long = random.uniform(0.26, 0.32)
    relief.limb(canvas, (-0.2, 0), (0.86, 0), (0.055, 0.035))
    away = np.hypot((canvas.x + 0.5) / long, canvas.y / 0.22)
    hollow = np.where(away < 1, 0.1 - 0.16 * np.sqrt(np.maximum(1 - away**2, 0)), -1)
    hollow = np.where(np.abs(away - 1) < 0.14, 0.1, hollow)
    return relief.add(canvas.covered((away - 1.1) * 0.22), hollow.astype(np.float32))


def comb(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A back, and teeth all along it."""
    relief = Relief.empty(canvas)
    for x in np.linspace(-0.62, 0.62, int(random.integers(15, 19))):
        relief.limb(canvas, (float(x), -0.05), (float(x), 0.52), (0.03, 0.022))
    top = curve([(-0.7, -0.1), (-0.68, -0.3), (0, -0.56), (0.68, -0.3), (0.7, -0.1)])
    back = canvas.polygon([*top, (0.7, 0.06), (-0.7, 0.06)])
    return relief.slab(canvas, back, 0.09, bevel=0.06)


def tablet(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A cushion-shaped tablet with rows of writing pressed into it."""
    w, h = random.uniform(0.5, 0.62), random.uniform(0.64, 0.76)
    box = [
        (-w, -h),
        (0, -h * 1.03),
        (w, -h),
        (w * 1.04, 0),
        (w, h),
        (0, h * 1.03),
        (-w, h),
    ]
    outline = curve([*box, (-w * 1.04, 0)], closed=True)
    relief = Relief.empty(canvas)
    relief.slab(canvas, canvas.polygon(outline), 0.16, bevel=0.2)
    signs = np.zeros_like(canvas.x)
    for y in np.arange(-h + 0.16, h - 0.1, 0.16):
        x = -w + 0.14
        while x < w - 0.14:
            _press(canvas, signs, (x, float(y)), random)
            x += random.uniform(0.07, 0.12)
    relief.height = relief.height - 0.03 * canvas.blurred(signs, 0.006) * (
        relief.mask > 0
    )
    relief.tone = relief.tone * (1 - 0.35 * signs)
    return relief


def _press(canvas: Canvas, signs: Map, at: Point, random: np.random.Generator) -> None:
    """One wedge of the writing, upright, lying or slanting."""
    dx, dy = random.choice([(0.0, 0.1), (0.08, 0.0), (0.06, 0.06)])
    end = at[0] + float(dx), at[1] + float(dy)
    window, part, away = canvas.near(at, end, 0.03)
    wedge = canvas.covered(away - 0.026 * (1 - 0.8 * part))
    signs[window] = np.maximum(signs[window], wedge)


SMALL_FINDS = {
    f.__name__: f
    for f in (
        coin,
        ring,
        key,
        brooch,
        bead,
        necklace,
        arrowhead,
        axe,
        dagger,
        spoon,
        comb,
        tablet,
    )
}
