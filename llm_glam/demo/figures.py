"""Figurines: people and animals, modelled from rounded limbs as one does in clay."""

import numpy as np

from .canvas import Canvas, Relief

Radii = tuple[float, float]


def person(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A standing figure, arms at the sides or raised."""
    relief = Relief.empty(canvas)
    for side in (-1, 1):
        foot = side * random.uniform(0.14, 0.22)
        relief.chain(
            canvas, [(side * 0.1, 0.12), (foot, 0.5), (foot, 0.8)], (0.12, 0.08)
        )
        relief.limb(canvas, (foot, 0.82), (foot + side * 0.1, 0.84), (0.07, 0.05))
    relief.limb(canvas, (0, -0.28), (0, 0.14), (0.22, 0.18), lift=0.02)
    raised = random.random() < 0.5
    for side in (-1, 1):
        hand = (side * 0.5, -0.62) if raised else (side * 0.38, 0.16)
        elbow = (side * 0.46, -0.26) if raised else (side * 0.36, -0.1)
        relief.chain(
            canvas, [(side * 0.2, -0.34), elbow, hand], (0.09, 0.055), lift=0.02
        )
    relief.limb(canvas, (0, -0.5), (0, -0.42), (0.08, 0.09), lift=0.02)
    relief.limb(canvas, (0, -0.7), (0, -0.62), (0.15, 0.14), lift=0.04)
    for side in (-1, 1):
        relief.limb(
            canvas, (side * 0.06, -0.69), (side * 0.06, -0.69), (0.025, 0.025), lift=0.2
        )
    relief.limb(canvas, (0, -0.66), (0, -0.62), (0.02, 0.03), lift=0.19)
    return relief


def _four_legged(
    canvas: Canvas, random: np.random.Generator, body: Radii, legs: float, leg: Radii
) -> Relief:
    """A body on four legs that looks to the right; the head comes later."""
    relief = Relief.empty(canvas)
    back, front = -0.42, 0.34
    step = random.uniform(-0.06, 0.06)
    for x, lift in (
        (back + 0.12, -0.12),
        (front - 0.12, -0.12),
        (back, 0.06),
        (front, 0.06),
    ):
        foot = (x + step * (1 if lift > 0 else -1), legs)
        relief.chain(canvas, [(x, 0.16), (x, (0.16 + legs) / 2), foot], leg, lift=lift)
    relief.limb(canvas, (back + 0.02, 0.04), (front, 0.02), body)
    return relief


def horse(canvas: Canvas, random: np.random.Generator) -> Relief:
    """Long legs, an arched neck with a mane, a hanging tail."""
    relief = _four_legged(canvas, random, (0.21, 0.2), 0.78, (0.1, 0.055))
    relief.chain(
        canvas, [(0.36, -0.06), (0.5, -0.36), (0.56, -0.58)], (0.18, 0.1), lift=0.02
    )
    relief.limb(canvas, (0.56, -0.6), (0.82, -0.42), (0.11, 0.065), lift=0.03)
    relief.limb(canvas, (0.52, -0.7), (0.5, -0.8), (0.045, 0.02), lift=0.06)
    mane = [(0.5, -0.72), (0.36, -0.5), (0.24, -0.22)]
    relief.chain(canvas, mane, (0.06, 0.07), lift=0.0, tone=0.62)
    tail = [(-0.6, -0.02), (-0.74, 0.12), (-0.76, 0.42)]
    return relief.chain(canvas, tail, (0.06, 0.07), lift=0.02, tone=0.62)


def bull(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A heavy body, short legs, a hump and horns."""
    relief = _four_legged(canvas, random, (0.25, 0.32), 0.66, (0.13, 0.08))
    relief.limb(canvas, (0.22, -0.24), (0.36, -0.12), (0.16, 0.2), lift=0.05)
    relief.limb(canvas, (0.56, -0.16), (0.76, 0.04), (0.18, 0.1), lift=0.06)
    for side in (0.0, 0.2):
        horn = [
            (0.5 + side, -0.28),
            (0.44 + 1.6 * side, -0.5),
            (0.56 + 1.4 * side, -0.68),
        ]
        relief.chain(canvas, horn, (0.055, 0.018), lift=0.08, tone=1.15)
    relief.limb(canvas, (0.44, -0.22), (0.36, -0.28), (0.06, 0.03), lift=0.12)
    return relief.chain(
        canvas, [(-0.64, -0.06), (-0.74, 0.1), (-0.72, 0.4)], (0.03, 0.045), tone=0.7
    )


def bird(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A plump body, a beak, a fan of a tail, a folded wing, two thin legs."""
    relief = Relief.empty(canvas)
    for x in (-0.06, 0.12):
        relief.chain(canvas, [(x, 0.3), (x, 0.68)], (0.035, 0.03), lift=-0.05, tone=0.8)
        relief.limb(canvas, (x - 0.04, 0.7), (x + 0.14, 0.7), (0.03, 0.02), tone=0.8)
    for end in ((-0.92, -0.16), (-0.92, 0.0), (-0.86, 0.14)):
        relief.limb(canvas, (-0.4, 0.06), end, (0.12, 0.06))
    relief.limb(canvas, (-0.28, 0.1), (0.2, 0.02), (0.24, 0.32))
    relief.limb(canvas, (0.3, -0.22), (0.38, -0.42), (0.2, 0.17), lift=0.03)
    relief.limb(
        canvas, (0.5, -0.44), (0.74, -0.38), (0.07, 0.012), lift=0.05, tone=1.25
    )
    wing = [(0.16, 0.02), (-0.2, 0.1), (-0.56, 0.06)]
    relief.chain(canvas, wing, (0.2, 0.05), lift=0.17, tone=0.8)
    eye = (0.43, -0.48)
    return relief.limb(canvas, eye, eye, (0.035, 0.035), lift=0.2, tone=0.3)


def fish(canvas: Canvas, random: np.random.Generator) -> Relief:
    """A body that narrows to a forked tail, with fins and an eye."""
    relief = Relief.empty(canvas)
    for end in ((-0.86, -0.3), (-0.86, 0.3)):
        relief.limb(canvas, (-0.5, 0), end, (0.07, 0.09), lift=-0.05, tone=0.85)
    relief.limb(
        canvas, (0.0, -0.24), (-0.22, -0.42), (0.12, 0.04), lift=-0.1, tone=0.85
    )
    relief.limb(canvas, (0.0, 0.24), (-0.16, 0.38), (0.08, 0.03), lift=-0.1, tone=0.85)
    body = [(-0.56, 0), (-0.2, 0), (0.2, 0), (0.54, 0)]
    radius = [0.08, 0.24, 0.3, 0.2]
    for i in range(3):
        relief.limb(canvas, body[i], body[i + 1], (radius[i], radius[i + 1]))
    relief.limb(canvas, (0.54, 0), (0.76, 0.02), (0.2, 0.09))
    relief.chain(
        canvas, [(0.36, -0.2), (0.3, 0), (0.36, 0.2)], (0.02, 0.02), lift=0.28, tone=0.6
    )
    return relief.limb(
        canvas, (0.58, -0.06), (0.58, -0.06), (0.05, 0.05), lift=0.2, tone=0.25
    )


def raccoon(canvas: Canvas, random: np.random.Generator) -> Relief:
    """Sitting upright: the dark mask over the eyes, the ringed bushy tail."""
    relief = Relief.empty(canvas)
    _ringed_tail(canvas, relief, random.uniform(-0.06, 0.06))
    for side in (-1, 1):
        knee, foot = (side * 0.24, 0.46), (side * 0.3, 0.7)
        relief.limb(canvas, knee, foot, (0.2, 0.12), lift=0.04)
        heel, toe = (side * 0.26, 0.78), (side * 0.38, 0.8)
        relief.limb(canvas, heel, toe, (0.08, 0.07), lift=0.1, tone=0.5)
    relief.limb(canvas, (0, -0.02), (0, 0.46), (0.24, 0.34), lift=0.02)
    relief.limb(canvas, (0, 0.2), (0, 0.5), (0.14, 0.2), lift=0.2, tone=1.2)
    for side in (-1, 1):
        arm = [(side * 0.24, 0.0), (side * 0.26, 0.24), (side * 0.1, 0.34)]
        relief.chain(canvas, arm, (0.1, 0.07), lift=0.24, tone=0.75)
    return _masked_head(canvas, relief)


def _ringed_tail(canvas: Canvas, relief: Relief, bend: float) -> None:
    tail = [(0.26, 0.6), (0.56, 0.56), (0.72, 0.3 + bend), (0.7, -0.02 + bend)]
    tail.append((0.6, -0.24))
    for i in range(4):
        (x0, y0), (x1, y1) = tail[i], tail[i + 1]
        middle = x0 + 0.5 * (x1 - x0), y0 + 0.5 * (y1 - y0)
        thick = (0.12 + 0.02 * i,) * 2
        relief.limb(canvas, tail[i], middle, thick, lift=-0.08, tone=1.2)
        relief.limb(canvas, middle, tail[i + 1], thick, lift=-0.08, tone=0.35)


def _masked_head(canvas: Canvas, relief: Relief) -> Relief:
    for side in (-1, 1):
        ear, tip = (side * 0.26, -0.62), (side * 0.3, -0.72)
        relief.limb(canvas, ear, tip, (0.12, 0.08), lift=-0.02)
        ear, tip = (side * 0.27, -0.64), (side * 0.29, -0.68)
        relief.limb(canvas, ear, tip, (0.06, 0.04), lift=0.1, tone=0.5)
    relief.limb(canvas, (-0.12, -0.38), (0.12, -0.38), (0.29, 0.29), lift=0.06)
    for side in (-1, 1):
        inner, outer = (side * 0.1, -0.4), (side * 0.34, -0.3)
        relief.limb(canvas, inner, outer, (0.11, 0.08), lift=0.28, tone=0.25)
        inner, outer = (side * 0.12, -0.54), (side * 0.3, -0.48)
        relief.limb(canvas, inner, outer, (0.04, 0.03), lift=0.33, tone=1.35)
        eye = (side * 0.15, -0.39)
        relief.limb(canvas, eye, eye, (0.035, 0.035), lift=0.42, tone=1.6)
    relief.limb(canvas, (0, -0.3), (0, -0.22), (0.1, 0.09), lift=0.36, tone=1.3)
    nose = (-0.02, -0.25), (0.02, -0.25)
    return relief.limb(canvas, *nose, (0.05, 0.05), lift=0.44, tone=0.2)


FIGURES = {f.__name__: f for f in (person, horse, bull, bird, fish, raccoon)}
