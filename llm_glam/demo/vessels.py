"""Vessels: profiles turned on a wheel, with handles and spouts."""

from collections.abc import Sequence

import numpy as np

from .canvas import Canvas, Map, Point, Relief, curve

TILT = 0.22  # how far one looks from above: 0 is from the side
Profile = Sequence[Point]  # (height, radius) from the mouth down


def turned(canvas: Canvas, profile: Profile, *, open_mouth: bool = True) -> Relief:
    """A vessel of this profile, its mouth seen as an ellipse."""
    smooth = np.array(curve(profile))
    heights, radii = smooth[:, 0], smooth[:, 1]
    top, bottom = float(heights[0]), float(heights[-1])
    level = canvas.y.copy()
    for _ in range(3):  # a circle of the vessel is seen as an ellipse: find which one
        radius = np.interp(level, heights, radii)
        depth = np.sqrt(np.maximum(radius**2 - canvas.x**2, 0))
        level = canvas.y - TILT * depth
    radius = np.interp(level, heights, radii).astype(np.float32)
    side = np.abs(canvas.x) - radius
    outside = np.maximum(np.maximum(side, (top - level) * 0.9), level - bottom)
    relief = Relief.empty(canvas)
    relief.add(canvas.covered(outside), np.sqrt(np.maximum(radius**2 - canvas.x**2, 0)))
    relief.around = (
        np.arcsin(np.clip(canvas.x / np.maximum(radius, 0.02), -1, 1)) / 1.57
    )
    relief.along = (2 * (level - top) / (bottom - top) - 1).astype(np.float32)
    if open_mouth:
        _mouth(canvas, relief, top, float(radii[0]))
    return relief


def _mouth(canvas: Canvas, relief: Relief, top: float, radius: float) -> None:
    """The rim, and the dark inside."""
    away = np.hypot(canvas.x, (canvas.y - top) / TILT) - radius
    whole = canvas.covered(away * TILT)
    inside = canvas.covered((away + 0.18 * radius) * TILT)
    relief.mask = np.maximum(relief.mask, whole)
    flat = np.full_like(canvas.x, 0.1)
    relief.height = np.where(whole > 0, flat - 0.25 * (canvas.y - top), relief.height)
    shade = 0.55 + 0.35 * np.clip((canvas.y - top) / (TILT * radius), -1, 1)
    relief.tone = np.where(whole > 0, 1.12 - inside * (1.12 - shade), relief.tone)
    relief.along = np.where(whole > 0, -1.5, relief.along)


def _handle(
    canvas: Canvas,
    relief: Relief,
    points: Sequence[Point],
    side: int,
    radius: float = 0.055,
) -> None:
    line = [(side * x, y) for x, y in curve(points, 6)]
    relief.chain(canvas, line, (radius, radius * 0.9), lift=-0.02)


def amphora(canvas: Canvas, random: np.random.Generator) -> Relief:
    """Two handles, a narrow neck, a pointed foot."""
    w = random.uniform(0.4, 0.5)
    relief = turned(
        canvas,
        [(-0.78, 0.19), (-0.72, 0.17), (-0.48, 0.15), (-0.3, w * 0.8), (-0.08, w)]
        + [(0.25, w * 0.78), (0.55, 0.2), (0.66, 0.1), (0.72, 0.13)],
    )
    for side in (-1, 1):
        points = [(0.14, -0.66), (0.36, -0.68), (0.42, -0.5), (w * 0.78, -0.26)]
        _handle(canvas, relief, points, side, 0.045)
    return relief


def jug(canvas: Canvas, random: np.random.Generator) -> Relief:
    """One handle, and a lip to pour."""
    w = random.uniform(0.42, 0.52)
    relief = turned(
        canvas,
        [(-0.62, 0.26), (-0.45, 0.2), (-0.25, 0.28), (0.1, w), (0.4, w * 0.85)]
        + [(0.6, 0.3), (0.64, 0.31)],
    )
    lip = [(-0.16, -0.64), (-0.3, -0.7), (-0.4, -0.73)]
    relief.chain(canvas, lip, (0.09, 0.03), lift=-0.02, tone=1.05)
    _handle(
        canvas,
        relief,
        [(0.2, -0.56), (0.5, -0.6), (0.64, -0.3), (w * 0.92, 0.06)],
        1,
        0.06,
    )
    return relief


def bowl(canvas: Canvas, random: np.random.Generator) -> Relief:
    """Wide and open."""
    w = random.uniform(0.7, 0.8)
    return turned(
        canvas,
        [
            (-0.24, w),
            (-0.1, w * 0.98),
            (0.12, w * 0.78),
            (0.3, 0.34),
            (0.36, 0.26),
            (0.42, 0.3),
        ],
    )


def bottle(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A long thin neck over a body."""
    w, shoulder = random.uniform(0.26, 0.36), random.uniform(-0.2, 0.0)
    return turned(
        canvas,
        [(-0.84, 0.12), (-0.78, 0.13), (-0.74, 0.085), (shoulder - 0.2, 0.09)]
        + [(shoulder, w * 0.75), (shoulder + 0.15, w), (0.6, w), (0.74, w * 0.9)],
    )


def cup(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A straight beaker with one small handle."""
    w = random.uniform(0.36, 0.44)
    relief = turned(
        canvas,
        [
            (-0.4, w),
            (-0.2, w * 0.96),
            (0.2, w * 0.92),
            (0.42, w * 0.8),
            (0.46, w * 0.7),
        ],
    )
    _handle(
        canvas,
        relief,
        [(w * 0.92, -0.22), (w + 0.26, -0.2), (w + 0.24, 0.14), (w * 0.88, 0.2)],
        1,
    )
    return relief


def plate(canvas: Canvas, random: np.random.Generator) -> Relief:
    """Seen from above: a rim around a well."""
    away = np.hypot(canvas.x, canvas.y)
    radius = random.uniform(0.76, 0.84)
    relief = Relief.empty(canvas)
    relief.slab(canvas, canvas.covered(away - radius), 0.06, bevel=0.06)
    well = canvas.blurred((away < radius * 0.66).astype(np.float32), 0.03)
    foot = canvas.blurred(
        (np.abs(away - radius * 0.94) < 0.025).astype(np.float32), 0.012
    )
    relief.height = relief.height + np.where(
        relief.mask > 0, 0.03 * foot - 0.07 * well, 0
    )
    relief.around = np.arctan2(canvas.y, canvas.x).astype(np.float32) / np.pi * 2.4
    relief.along = (2.4 * away / radius - 1.6).astype(np.float32)
    return relief


def lamp(canvas: Canvas, random: np.random.Generator) -> Relief:
    """An oil lamp from above: body, filling hole, nozzle with its wick hole, ring handle."""
    relief = Relief.empty(canvas)
    body = np.hypot(canvas.x, canvas.y) - 0.46
    relief.limb(canvas, (0.25, 0), (0.72, 0), (0.26, 0.17), lift=-0.02)
    relief.ring(canvas, (-0.56, 0), 0.13, 0.055, squash=0.85)
    dome = np.sqrt(np.maximum(0.46**2 - (body + 0.46) ** 2, 0)) * 0.75 + 0.05
    relief.add(canvas.covered(body), dome)
    _hole(canvas, relief, (-0.02, 0.0), random.uniform(0.1, 0.14))
    _hole(canvas, relief, (0.72, 0.0), 0.09)
    rim = np.abs(np.hypot(canvas.x + 0.02, canvas.y) - 0.27) < 0.02
    relief.height = relief.height + 0.03 * canvas.blurred(rim.astype(np.float32), 0.012)
    relief.along = (np.hypot(canvas.x, canvas.y) / 0.2 - 1.6).astype(np.float32)
    relief.around = np.arctan2(canvas.y, canvas.x).astype(np.float32) / np.pi * 2
    return relief


def _hole(canvas: Canvas, relief: Relief, centre: Point, radius: float) -> None:
    away: Map = np.hypot(canvas.x - centre[0], canvas.y - centre[1])
    hole = canvas.covered(away - radius)
    relief.tone = relief.tone * (1 - 0.82 * hole)
    relief.height = relief.height - 0.1 * canvas.blurred(hole, 0.015) * (
        relief.mask > 0
    )


VESSELS = {f.__name__: f for f in (amphora, jug, bowl, bottle, cup, plate, lamp)}
