"""Build a model card from the settings and the metrics of a training run."""

import platform
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ...evaluate.metric_tables import SHOWN, Metric, MetricRow
from ...evaluate.pairs.holdout import Split
from ...evaluate.pairs.pairs import Pair
from ...formats import local_contexts
from ...formats.caption_template import text
from ...models import card_header
from ...models.registry import Checkpoint
from ...records import rights
from ..data_checks import Counts
from ..experiment import TrainingResult
from ..learn.state import Settings
from ..presets import PRESETS, PROJECTIONS
from . import render
from .render import Data, Training

PROGRAMS = ("llm-glam", "sentence-transformers", "transformers", "torch", "numpy")
YEAR = re.compile(r"\s*(1[0-9]{3}|20[0-9]{2})\b")


@dataclass(frozen=True)
class RunContext:
    """What the user specified, and what is known about the run; ``seconds`` are by stage."""

    name: str
    base: Checkpoint
    licence: str
    data: str
    held_out_how: str
    hardware: str
    seconds: dict[str, float]
    command: str
    authors: Sequence[str] = ()
    sources: Sequence[str] = ()


def card_of(
    context: RunContext,
    checkpoint: Path,
    parts: Split,
    counts: Counts,
    refused: Sequence[tuple[str, str]],
    result: TrainingResult,
    settings: Settings,
) -> str:
    """Return the card as Markdown: statistics of pictures and captions, but none of them."""
    whole = [row for row in _rows(result.measured) if row[0].by is None]
    parts_ = [row for row in _rows(result.measured) if row[0].by is not None]
    return render.card(
        Training(
            name=context.name,
            base=context.base.model_id,
            base_on_hub=context.base.source if context.base.is_on_hub else "",
            base_licence=_licence_of(checkpoint),
            licence=context.licence or "unknown",
            authors=list(context.authors),
            sources=list(context.sources),
            tune=PRESETS[settings.tune].words,
            settings=_settings(settings, result),
            hardware=context.hardware,
            seconds=context.seconds,
            warnings=[warning.words for warning in result.warnings],
            alpha=result.alpha,
            data=_data(context, parts, counts, refused),
            figures=[one for row in whole for one in _figures(*row)],
            groups={
                str(value): [
                    one
                    for row in parts_
                    if row[0].by == value
                    for one in _figures(*row)
                ]
                for value in dict.fromkeys(row[0].by for row in parts_)
            },
            versions={name: version(name) for name in _programs(settings)}
            | {"Python": platform.python_version()},
            date=datetime.now(UTC).date().isoformat(),
            command=context.command,
        )
    )


def _settings(settings: Settings, result: TrainingResult) -> dict[str, object]:
    """Return the settings with readable names."""
    shown = {name.replace("_", " "): value for name, value in asdict(settings).items()}
    epochs = result.tuned.history[-1].number
    del shown["tune"]  # described in words
    given = {name: value for name, value in shown.items() if value is not None}
    return given | {"stopped": f"after {epochs} epochs ({result.tuned.why_stopped})"}


def _programs(settings: Settings) -> tuple[str, ...]:
    more = () if settings.tune == PROJECTIONS else ("accelerate", "datasets")
    return (*PROGRAMS, *more)


def _data(
    context: RunContext,
    parts: Split,
    counts: Counts,
    refused: Sequence[tuple[str, str]],
) -> Data:
    those = [*parts.train, *parts.held_out]
    years = [
        int(m[1]) for pair in those if (m := YEAR.match(text(pair.record.get("year"))))
    ]
    return Data(
        name=context.data,
        pictures=counts["pictures"],
        captions=counts["captions"],
        held_out=counts["held_out"],
        groups=counts["groups"],
        source_counts=_counted(those, "source"),
        rights_counts=_count(one for pair in those for one in _rights(pair)),
        years=(min(years), max(years)) if years else None,
        held_out_how=context.held_out_how,
        left_out=dict(Counter(reason for _, reason in refused)),
    )


def _counted(those: Sequence[Pair], column: str) -> dict[str, int]:
    return _count(text(pair.record.get(column)) for pair in those)


def _rights(pair: Pair) -> Iterator[str]:
    """Yield the rights of a picture, and its labels of Local Contexts."""
    stated = {name: text(pair.record.get(name)) for name in rights.COLUMNS}
    yield rights.of_record(stated)
    yield from map(str, local_contexts.of_record(pair.record))


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(value for value in values if value).most_common())


def _rows(measured: Sequence[MetricRow]) -> list[tuple[MetricRow, MetricRow]]:
    """Pair the metrics of the base with those of the new checkpoint."""
    base, new = dict.fromkeys(one.model for one in measured)
    of_new = {(one.direction, one.by): one for one in measured if one.model == new}
    return [
        (one, of_new[one.direction, one.by]) for one in measured if one.model == base
    ]


def _figures(before: MetricRow, after: MetricRow) -> list[render.CardMetric]:
    return [
        render.CardMetric(
            f"{before.direction}, {SHOWN.get(name, name.replace('_at_', '@'))}",
            before.pool,
            _with_interval(old),
            _with_interval(after.figures[name]),
            old.chance_level,
            _with_interval(after.differences[name]),
        )
        for name, old in before.figures.items()
    ]


def _with_interval(metric: Metric) -> render.ValueWithInterval:
    return render.ValueWithInterval(metric.value, metric.low, metric.high)


def _licence_of(checkpoint: Path) -> str:
    """Return the licence in a checkpoint's card, if it has one."""
    licence = card_header.of_folder(checkpoint).get("license")
    return card_header.as_line(licence) or "unknown, see its own card"
