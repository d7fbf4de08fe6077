"""Draw the loss and the recall of a training run by epoch, as one self-contained SVG."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

WIDTH, HEIGHT = 640, 260
PANEL, TALL = 230, 150  # of a panel's plot
TOP, LEFTS = 50, (60, 380)
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#111a35}"
    ".back{fill:#f8fafb}.axis{stroke:#767676;fill:none}"
    ".one{stroke:#276890;fill:none;stroke-width:2}.one circle,.one text{fill:#276890;stroke:none}"
    ".two{stroke:#a1440f;fill:none;stroke-width:2;stroke-dasharray:5 3}"
    ".two circle,.two text{fill:#a1440f;stroke:none}"
    "@media (prefers-color-scheme:dark){text{fill:#eee}.back{fill:#1b1d21}"
    ".one{stroke:#8ab8ff}.one circle,.one text{fill:#8ab8ff}"
    ".two{stroke:#ffb68a}.two circle,.two text{fill:#ffb68a}}"
)

Point = tuple[float, float]


def curves(history: Iterable[Any]) -> str:
    """Return two small panels by epoch: training and held-out loss, and held-out recall@10.

    :param history: one item per epoch, with ``number``, ``loss``, ``held_out_loss`` and ``recall``,
        as mappings or objects; None, NaN and infinite values are left out of their line
    """
    epochs = list(history)
    numbers = [_value(epoch, "number") for epoch in epochs]
    loss, held_out, recall = (
        [_value(epoch, name) for epoch in epochs]
        for name in ("loss", "held_out_loss", "recall")
    )
    panels = [
        _panel(0, "Loss", numbers, [("training", loss), ("held out", held_out)]),
        _panel(1, "Recall@10, held out", numbers, [("", recall)], fixed=(0.0, 1.0)),
    ]
    described = _description(loss, held_out, recall)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="glam-title glam-desc">\n'
        '<title id="glam-title">Loss and recall by epoch</title>\n'
        f'<desc id="glam-desc">{described}</desc>\n<style>{STYLE}</style>\n'
        f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>\n'
        + "\n".join(panels)
        + "\n</svg>\n"
    )


def _value(epoch: Any, name: str) -> float | None:
    found = epoch.get(name) if isinstance(epoch, Mapping) else getattr(epoch, name)
    return float(found) if found is not None and math.isfinite(found) else None


def _description(*lines: Sequence[float | None]) -> str:
    """Describe the lines in words, for people who cannot see them."""
    names = ("Training loss", "Held-out loss", "Held-out recall@10")
    said = []
    for name, line in zip(names, lines, strict=True):
        known = [value for value in line if value is not None]
        if known:
            said.append(f"{name} from {known[0]:.3g} to {known[-1]:.3g}.")
    return f"{len(lines[0])} epochs. {' '.join(said) or 'Nothing was measured.'}"


def _panel(
    place: int,
    title: str,
    numbers: Sequence[float | None],
    lines: Sequence[tuple[str, Sequence[float | None]]],
    fixed: Point | None = None,
) -> str:
    left, bottom = LEFTS[place], TOP + TALL
    known = [v for _, values in lines for v in values if v is not None]
    low, high = fixed or _range(known)
    first, last = _range([n for n in numbers if n is not None], pad=0)
    parts = [
        f'<text x="{left}" y="{TOP - 18}" font-weight="600">{title}</text>',
        f'<path class="axis" d="M{left} {TOP}V{bottom}H{left + PANEL}"/>',
        _label(left - 6, TOP + 5, high, "end"),
        _label(left - 6, bottom, low, "end"),
        _label(left, bottom + 18, first, "middle"),
        f'<text x="{left + PANEL / 2}" y="{bottom + 18}" text-anchor="middle">epoch</text>',
    ]
    if last > first:
        parts.append(_label(left + PANEL, bottom + 18, last, "middle"))
    for number, (name, values) in enumerate(lines):
        points = [
            (
                left + PANEL * _part(x, first, last),
                bottom - TALL * _part(y, low, high),
            )
            for x, y in zip(numbers, values, strict=True)
            if x is not None and y is not None
        ]
        parts.append(_line(("one", "two")[number], name, points, left + 110 * number))
    return "<g>" + "\n".join(parts) + "</g>"


def _line(style: str, name: str, points: Sequence[Point], legend: float) -> str:
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points)
    y = TOP + TALL + 42
    key = (
        f'<path d="M{legend} {y - 4}h22"/><text x="{legend + 28}" y="{y}">{name}</text>'
    )
    line = f'<polyline points="{drawn}"/>' if len(points) > 1 else ""
    return f'<g class="{style}">{line}{dots}{key if name else ""}</g>'


def _label(x: float, y: float, value: float, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{value:.3g}</text>'


def _range(values: Sequence[float], pad: float = 0.05) -> Point:
    """Return the range of the values with padding, and a non-empty one if all are equal."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = (high - low) * pad
    if low == high and pad:
        room = abs(low) * 0.1 or 1.0
    return low - room, high + room


def _part(value: float, low: float, high: float) -> float:
    return (value - low) / (high - low) if high > low else 0.5
