"""Render the model card of a checkpoint trained here: what it is, how good, and its limits.

Markdown with a YAML header, as the Hugging Face hub reads it. Names, rights and sources come from
untrusted records: each is put on one line and escaped, so that it stays text.
A card has only statistics of the training set, no picture and no caption.
"""

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...formats.markdown import (
    Rows,
    code,
    duration,
    escaped,
    figure,
    missing,
    one_line,
    table,
)
from ...models import card_header

MOST_ROWS = 30  # in a table whose rows come from the data
TEXT = Path(__file__).with_name("card.md")
LICENCE_ID = re.compile(r"[a-z0-9][a-z0-9.-]*")
MEASURES = ("pool", "before", "after", "chance level", "change")


@dataclass
class Data:
    """Statistics of what a checkpoint was trained on.

    ``groups`` is how many objects, or other groups never split, the pictures show;
    ``years`` the first and the last year; ``left_out`` how many records were not used, by reason.
    """

    name: str
    pictures: int
    captions: int
    held_out: int
    groups: int
    source_counts: dict[str, int] = field(default_factory=dict)
    rights_counts: dict[str, int] = field(default_factory=dict)
    years: tuple[int, int] | None = None
    held_out_how: str = ""
    left_out: dict[str, int] = field(default_factory=dict)


@dataclass
class ValueWithInterval:
    """A metric between 0 and 1 with its 95% interval; None or NaN where there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass
class CardMetric:
    """A metric before and after training; ``pool`` is its size, ``baseline`` the chance level.

    ``change`` is the difference with the interval of the paired differences, None where it was
    not measured.
    """

    what: str
    pool: int
    before: ValueWithInterval
    after: ValueWithInterval
    baseline: float | None = None
    change: ValueWithInterval | None = None


@dataclass
class Training:
    """Everything a card says about one training run.

    ``tune`` is which weights were trained, ``alpha`` the share of the new weights in the mix with
    the old ones. ``seconds`` are by stage. ``command`` is what was typed; if it is empty, the
    card shows the shortest equivalent command. ``base_on_hub`` is the base's id on the Hugging
    Face hub, empty if it is not from there. ``authors`` are whom to cite, ``sources`` whom to
    credit for pictures and captions.
    """

    name: str
    base: str
    base_licence: str
    licence: str
    tune: str
    settings: dict[str, Any]
    hardware: str
    seconds: dict[str, float]
    warnings: list[str]
    alpha: float | None
    data: Data
    figures: list[CardMetric]
    groups: dict[str, list[CardMetric]]
    versions: dict[str, str]
    date: str
    command: str = ""
    base_on_hub: str = ""
    authors: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)


def card(training: Training) -> str:
    """Return the card as the text of a README.md."""
    base, name = _base(training.base), one_line(training.name)
    data = training.data
    licences = (training.licence, training.base_licence)
    return TEXT.read_text("utf-8").format(
        header=_header(training),
        title=escaped(name),
        base=f"{escaped(base)} (licence: {escaped(licences[1])})",
        data=escaped(data.name),
        about_data=table(("what", "number"), _about_data(data)),
        left_out=_counted("Left out", "reason", data.left_out),
        sources=_counted("Sources", "source", data.source_counts),
        rights=_counted("Rights", "rights", data.rights_counts),
        credits=_credits(training),
        figures=_figures(training.figures),
        groups=_by_group(training.groups),
        how=table(("what", "value"), _how(training)),
        warnings=_warnings(training.warnings),
        load_llm=code(
            "bash",
            f"llm glam models add {shlex.quote(name)} FOLDER",
            f"llm embed-multi photos --files photos/ '*.jpg' -m {shlex.quote('glam-clip/' + name)}",
            "llm similar photos -c 'a bronze brooch'",
        ),
        load_site=code("bash", "llm glam serve photos"),
        load_python=code(
            "python",
            "from sentence_transformers import SentenceTransformer",
            'model = SentenceTransformer("FOLDER")',
        ),
        command=code("bash", _command(training)),
        versions=table(("program", "version"), _versions(training.versions)),
    )


def _base(base: str) -> str:
    """Return the base's name; of a folder only the last part, because paths are private."""
    line = one_line(base)
    is_path = re.match(r"[/~.\\]|[A-Za-z]:", line)
    return re.split(r"[/\\]", line.rstrip("/\\"))[-1] if is_path else line


def _header(training: Training) -> str:
    licence = one_line(training.licence).lower()
    is_id = LICENCE_ID.fullmatch(licence)
    fields: dict[str, Any] = {"license": licence if is_id else "other"}
    if not is_id:
        fields["license_name"] = one_line(training.licence)
    fields["model_name"] = one_line(training.name)
    fields["date"] = training.date
    for name, listed in (("authors", training.authors), ("sources", training.sources)):
        if listed:
            fields[name] = [one_line(one) for one in listed]
    if training.base_on_hub:
        fields["base_model"] = one_line(training.base_on_hub)
    fields |= {
        "library_name": "sentence-transformers",
        "pipeline_tag": "sentence-similarity",
        "tags": ["clip", "sentence-transformers", "feature-extraction", "llm-glam"],
    }
    return card_header.write(fields)


def _credits(training: Training) -> str:
    """Return whom to credit and to cite, or how to add them."""
    sources = "\n".join(f"- {escaped(one)}" for one in training.sources)
    thanks = f"Pictures and captions are from:\n\n{sources}\n\n" if sources else ""
    if training.authors:
        authors = "; ".join(map(escaped, training.authors))
        year = escaped(training.date[:4])
        return f"{thanks}To cite this checkpoint: {authors} ({year}): {escaped(training.name)}"
    return (
        f"{thanks}No authors are named: add them as `authors` to the lines at the top of this "
        "file. From them `llm glam models pack` writes a CITATION.cff."
    )


def _about_data(data: Data) -> Rows:
    years = data.years
    span = f"{years[0]} to {years[1]}" if years else "unknown"
    yield "Pictures", f"{data.pictures:,}"
    yield "Captions", f"{data.captions:,}"
    yield "Objects, or other groups kept together", f"{data.groups:,}"
    yield "Held out, never trained on", f"{data.held_out:,}"
    yield "How they were held out", escaped(data.held_out_how) or "not stated"
    yield "Time span", span


def _how(training: Training) -> Rows:
    alpha = training.alpha
    yield "Date", escaped(training.date)
    yield "Trained weights", escaped(training.tune)
    if alpha is not None:
        yield "Share of the new weights in the mix with the old", figure(alpha)
    for name, value in training.settings.items():
        yield escaped(name), escaped(value)
    yield "Hardware", escaped(training.hardware)
    for stage, seconds in training.seconds.items():
        yield f"Time: {escaped(stage)}", duration(seconds)


def _figures(figures: list[CardMetric]) -> str:
    if not figures:
        return "Nothing was measured."
    intro = (
        "Measured on the held-out pictures, before and after training, with 95% intervals in "
        "brackets. *Pool* is the number of possible answers: pictures, or captions for picture "
        "to caption. *Chance level* is what a random ranking of the pool gets. *Change* is the "
        "difference, measured on the same queries and resamples; it is *better* or *worse* only "
        "where its interval does not contain 0, and then even if the two intervals before it "
        "overlap."
    )
    head = ("figure", *MEASURES)
    return f"{intro}\n\n{table(head, [_figure_row(one) for one in figures])}"


def _figure_row(one: CardMetric) -> tuple[str, ...]:
    return (
        escaped(one.what),
        f"{one.pool:,}",
        measured(one.before),
        measured(one.after),
        figure(one.baseline),
        _change(one.change),
    )


def _by_group(groups: dict[str, list[CardMetric]]) -> str:
    rows = [(escaped(k), *_figure_row(f)) for k, fs in groups.items() for f in fs]
    if not rows:
        return ""
    head = ("group", "figure", *MEASURES)
    more = len(rows) - MOST_ROWS
    note = f"\n\n{more:,} further rows are not shown." if more > 0 else ""
    return f"### By group\n\n{table(head, rows[:MOST_ROWS])}{note}\n\n"


def _change(one: ValueWithInterval | None) -> str:
    """Format a difference with its interval, and what it shows: ``+.153 [+.049, +.266]: better``."""
    if one is None or missing(one.value):
        return "not measured"
    if missing(one.low) or missing(one.high):
        return f"{_signed(one.value)}, no interval"
    low, high = one.low or 0.0, one.high or 0.0
    shown = f"{_signed(one.value)} [{_signed(low)}, {_signed(high)}]"
    if low > 0:
        return f"{shown}: better"
    return f"{shown}: {'worse' if high < 0 else 'no clear difference'}"


def _signed(value: float | None) -> str:
    """Format a difference with three decimals, as ``llm glam evaluate`` does, no leading zero."""
    text = f"{(value or 0.0) + 0.0:+.3f}"
    return text.replace("0.", ".", 1) if text[1] == "0" else text


def measured(one: ValueWithInterval) -> str:
    """Format a metric with its interval, ``.43 [.39, .47]``."""
    if missing(one.value) or missing(one.low) or missing(one.high):
        return figure(one.value)
    return f"{figure(one.value)} [{figure(one.low)}, {figure(one.high)}]"


def _warnings(warnings: list[str]) -> str:
    if not warnings:
        return "There were no warnings during training."
    return "\n".join(f"- {escaped(warning)}" for warning in warnings)


def _counted(title: str, what: str, counts: dict[str, int]) -> str:
    """Return a section with counts, the largest first; many small ones become one row."""
    if not counts:
        return ""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [
        (escaped(name) or "not stated", f"{n:,}") for name, n in ordered[:MOST_ROWS]
    ]
    rest = ordered[MOST_ROWS:]
    if rest:
        rows.append((f"{len(rest):,} others", f"{sum(n for _, n in rest):,}"))
    return f"### {title}\n\n{table((what, 'records'), rows)}\n\n"


def _versions(versions: dict[str, str]) -> Rows:
    return [(escaped(name), escaped(version)) for name, version in versions.items()]


def _command(training: Training) -> str:
    if training.command:
        return " ".join(training.command.split())
    words = ["llm", "glam", "train", training.data.name]
    words += ["--base", _base(training.base), "--name", training.name]
    return shlex.join(one_line(word) for word in words)
