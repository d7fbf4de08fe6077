"""Metrics of an evaluation as rows of numbers, and as a table to read or to publish."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..formats.markdown import table
from ..formats.tables import Row
from . import breakdown

CAPTION_TO_PICTURE = "caption to picture"
PICTURE_TO_CAPTION = "picture to caption"
PICTURE_TO_PICTURE = "picture to picture"
LABEL_TO_PICTURE = "label to picture"
NOTHING = (None, None, None, None)
SHOWN = {"mrr": "MRR"}


@dataclass(frozen=True)
class Metric:
    """A mean over queries, its confidence interval, and the chance level.

    ``low`` and ``high`` are None if there is no interval. For a difference, ``chance_level`` is 0.
    """

    value: float
    chance_level: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class MetricRow:
    """The metrics of one checkpoint in one direction.

    ``by`` is the value of the column that the pictures are broken down by, None for all of them.
    ``pool`` is the number of possible answers. ``figures`` and, except for the first checkpoint,
    ``differences`` from it are keyed by metric.
    """

    model: str
    direction: str
    by: str | None
    queries: int
    groups: int
    pool: int
    figures: dict[str, Metric]
    median_rank: float | None = None
    differences: dict[str, Metric] = field(default_factory=dict)


def rows(measured: Sequence[MetricRow]) -> list[Row]:
    """Return all numbers, one row per checkpoint and direction, all rows with the same columns."""
    names = list(dict.fromkeys(name for one in measured for name in one.figures))
    are_compared = any(one.differences for one in measured)
    is_by = any(one.by is not None for one in measured)
    return [_row(one, names, are_compared, is_by) for one in measured]


def readable(measured: Sequence[MetricRow]) -> list[Row]:
    """Return rows to read: metric and interval in one cell, a row for the chance level."""
    is_by = any(one.by is not None for one in measured)
    every = breakdown.untaken(breakdown.ALL, (one.by for one in measured))
    found: list[Row] = []
    previous = None
    for one in measured:
        start = _start(one, every if is_by else None)
        if previous != (one.direction, one.by):
            previous = one.direction, one.by
            chance_level = {
                name: Metric(f.chance_level, f.chance_level)
                for name, f in one.figures.items()
            }
            found.append(
                {**start, "checkpoint": "chance level", **_cells(chance_level)}
            )
        rank = (
            {} if one.median_rank is None else {"median rank": f"{one.median_rank:g}"}
        )
        found.append({**start, **_cells(one.figures), **rank})
        if one.differences:
            what = {"checkpoint": f"{one.model} − the first"}
            found.append({**start, **what, **_cells(one.differences, "+")})
    return _alike(found)


def markdown(measured: Sequence[MetricRow]) -> str:
    """Return a Markdown table of :func:`readable`."""
    cells = readable(measured)
    lines = [[_escaped(cell) for cell in row.values()] for row in cells]
    return table([_escaped(name) for name in cells[0]], lines)


def _row(one: MetricRow, names: Sequence[str], are_compared: bool, is_by: bool) -> Row:
    row: Row = {"checkpoint": one.model, "direction": one.direction}
    if is_by:
        row["value"] = one.by
    row |= {"queries": one.queries, "groups": one.groups, "pool": one.pool}
    for name in names:
        row |= _numbers(name, one.figures.get(name), with_chance=True)
    row["median_rank"] = one.median_rank
    for name in names if are_compared else ():
        row |= _numbers(f"{name}_difference", one.differences.get(name))
    return row


def _numbers(name: str, figure: Metric | None, *, with_chance: bool = False) -> Row:
    numbers = (
        (figure.value, figure.low, figure.high, figure.chance_level)
        if figure
        else NOTHING
    )
    names = (name, f"{name}_low", f"{name}_high", f"{name}_by_chance")
    rounded = [None if number is None else round(number, 6) for number in numbers]
    return dict(list(zip(names, rounded, strict=True))[: 4 if with_chance else 3])


def _start(one: MetricRow, every: str | None) -> Row:
    """Return what a row describes; ``every`` is the name for all values, None if there are none."""
    what = {"value": one.by or every} if every else {}
    counts = {"queries": f"{one.queries:,}", "pool": f"{one.pool:,}"}
    return {"direction": one.direction, **what, "checkpoint": one.model, **counts}


def _cells(figures: dict[str, Metric], sign: str = "") -> Row:
    return {
        SHOWN.get(name, name.replace("_at_", "@")): _cell(figure, sign)
        for name, figure in figures.items()
    }


def _cell(figure: Metric, sign: str) -> str:
    text = format(figure.value, f"{sign}.3f")
    if figure.low is None or figure.high is None:
        return text
    return f"{text} [{figure.low:{sign}.3f}, {figure.high:{sign}.3f}]"


def _alike(found: list[Row]) -> list[Row]:
    names = list(dict.fromkeys(name for row in found for name in row))
    return [{name: row.get(name, "") for name in names} for row in found]


def _escaped(cell: object) -> str:
    return " ".join(str(cell).replace("|", "\\|").split())
