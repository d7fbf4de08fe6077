"""Compute metrics: how well checkpoints find pictures by captions, with confidence intervals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import BadPairs
from ..vectors import FloatArray
from . import bootstrap, breakdown, labels, per_query
from .metric_tables import Metric, MetricRow
from .pairs import columns, pairs
from .pairs.pairs import Pair, Pairs
from .per_query import Answers, Encoded

LEAST = 20


@dataclass(frozen=True)
class MetricOptions:
    """What to measure besides retrieval.

    ``label``: the column of labels that neighbouring pictures should share, and that should find
    them; ``prompt`` is the sentence that labels are put into as queries, with ``{}`` standing for
    the label, None to skip these queries. ``by``: the column that metrics are broken down by; its
    values with fewer than ``least`` pictures are merged.
    """

    label: str | None = None
    prompt: str | None = None
    by: str | None = None
    least: int = LEAST
    seed: int = 0

    def spelled(self, dataset: Pairs) -> "MetricOptions":
        """Return the options with columns as the records spell them.

        :raises BadPairs: there is no such column
        """
        there = columns.header_of(dataset.pairs, dataset.source)
        label, by = (
            one and columns.checked(one, there) for one in (self.label, self.by)
        )
        return replace(self, label=label, by=by)


def measure(
    found: Sequence[Pair], encoded: Sequence[Encoded], metric_options: MetricOptions
) -> list[MetricRow]:
    """Return the metrics in each direction for each checkpoint, over pictures that all could read.

    :param metric_options: with columns as the records spell them
    :raises BadPairs: no picture could be read, or no two pictures share a label
    :raises BadVectors: a vector contains NaN or infinite values
    """
    usable = np.logical_and.reduce([one.usable for one in encoded])
    if not usable.any():
        raise BadPairs(f"None of the {len(found):,} pictures could be read.")
    readable = [
        pair for pair, is_usable in zip(found, usable, strict=True) if is_usable
    ]
    values = breakdown.values(readable, metric_options.by, metric_options.least)
    given = readable, encoded, usable
    directions = per_query.by_captions(found, *given, values)
    if metric_options.label:
        directions.append(labels.by_neighbours(*given, values, metric_options.label))
        if metric_options.prompt is not None:
            names = list(labels.distinct(found, metric_options.label))
            directions.append(labels.by_labels(*given, names, metric_options.label))
    models = [one.model for one in encoded]
    return [
        row for one in directions for row in _measured(one, models, metric_options.seed)
    ]


def texts(found: Sequence[Pair], metric_options: MetricOptions) -> list[str]:
    """Return the texts to encode: distinct captions, then labels as queries."""
    queries = labels.queries(found, metric_options.label, metric_options.prompt)
    return [*pairs.captions(found).texts, *queries]


def _measured(
    one_way: Answers, models: Sequence[str], seed: int
) -> Iterator[MetricRow]:
    """Return the metrics of each part for each checkpoint, all from the same resamples."""
    width = len(one_way.measures)
    for value, flags in one_way.parts:
        if not flags.any():
            continue
        groups = one_way.groups[flags]
        number_of_groups = len(np.unique(groups))
        every = np.concatenate([one[flags] for one in one_way.values], axis=1)
        draws = every.mean(axis=0, keepdims=True)
        if number_of_groups > 1:
            draws = np.vstack([draws, bootstrap.bootstrap(every, groups, seed)])
        chance_level = one_way.chance_level[flags].mean(axis=0)
        for number, model in enumerate(models):
            own = draws[:, number * width : (number + 1) * width]
            beside = own - draws[:, :width]
            ranks = one_way.ranks[number][flags] if one_way.ranks else None
            yield MetricRow(
                model,
                one_way.direction,
                value,
                queries=int(flags.sum()),
                groups=number_of_groups,
                pool=one_way.pool,
                figures=_figures(one_way.measures, own, chance_level),
                median_rank=None if ranks is None else float(np.median(ranks)),
                differences=(
                    _figures(one_way.measures, beside, 0 * chance_level)
                    if number
                    else {}
                ),
            )


def _figures(
    measures: Sequence[str], draws: FloatArray, chance_level: FloatArray
) -> dict[str, Metric]:
    """Return the means, which come first, with the intervals of the resamples after them, if any."""
    means, *drawn = draws
    low = high = [None] * len(measures)
    if drawn:
        low, high = (ends.tolist() for ends in bootstrap.interval(draws[1:]))
    rows = zip(means.tolist(), chance_level.tolist(), low, high, strict=True)
    return {name: Metric(*row) for name, row in zip(measures, rows, strict=True)}
