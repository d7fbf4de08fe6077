"""Options of ``llm glam train`` in groups: held-out pictures, schedule and metrics."""

from dataclasses import dataclass

import click

from ..errors import BadPairs
from ..evaluate.measure import MetricOptions
from ..evaluate.pairs import holdout
from ..evaluate.pairs.holdout import Split
from ..evaluate.pairs.pairs import Pairs
from .options import FiniteRange, collected, prompt_option


@dataclass(frozen=True)
class HoldoutOptions:
    """Which pictures to hold out, as given on the command line."""

    holdout: str | None
    held_out: float

    def split(self, found: Pairs, seed: int) -> Split:
        """Split pairs into those to train on and those to measure with.

        :raises BadPairs: one of both would be empty, or the column does not exist
        """
        if self.holdout is None:
            return holdout.at_random(found.pairs, share=self.held_out, seed=seed)
        column, sign, value = self.holdout.partition("=")
        if not sign:
            raise BadPairs(
                f"--holdout {self.holdout} has no value; write it as COLUMN=VALUE."
            )
        return holdout.by_value(found.pairs, column, value, found.source)

    def __str__(self) -> str:
        """Return a description for the model card."""
        if self.holdout:
            return f"all with {self.holdout}"
        return f"{self.held_out:.0%}, in whole groups"


holdout_options = collected(
    HoldoutOptions,
    "holdout",
    click.option(
        "--holdout",
        metavar="COLUMN=VALUE",
        help="Hold out all pictures with this value, such as those of one museum",
    ),
    click.option(
        "--held-out",
        type=FiniteRange(0, 0.9, min_open=True),
        default=holdout.SHARE,
        show_default=True,
        help="Without --holdout, fraction of the pictures to hold out, chosen at random",
    ),
)


@dataclass(frozen=True)
class ScheduleOptions:
    """The training schedule; None for a default that depends on hardware and data."""

    epochs: int | None
    batch: int | None
    learning_rate: float | None
    max_minutes: float | None


schedule_options = collected(
    ScheduleOptions,
    "schedule",
    click.option(
        "--epochs",
        type=click.IntRange(1),
        help="Maximum number of epochs [default: 20, and for projections at least 200 steps]",
    ),
    click.option(
        "--learning-rate",
        type=FiniteRange(0, min_open=True),
        help="Peak learning rate [default: 1e-3 for projections and small checkpoints, "
        "2e-5 for the last block, 5e-6 for all weights]",
    ),
    click.option(
        "--batch",
        type=click.IntRange(2),
        help="Batch size [default: 512 for projections, else 256]",
    ),
    click.option(
        "--max-minutes",
        type=FiniteRange(0, min_open=True),
        help="Stop training after this many minutes, not counting the time to read pictures",
    ),
)


@dataclass(frozen=True)
class LabelOptions:
    """What to measure besides retrieval, as in ``llm glam evaluate``."""

    label: str | None
    prompt: str
    by: str | None

    def metrics(self, seed: int) -> MetricOptions:
        """Return the options of the evaluation before and after training."""
        return MetricOptions(self.label, self.prompt, self.by, seed=seed)


@dataclass(frozen=True)
class CreditOptions:
    """What the model card says about licence, authors and sources."""

    licence: str
    authors: tuple[str, ...]
    sources: tuple[str, ...]


credit_options = collected(
    CreditOptions,
    "credits_",
    click.option(
        "--license", "licence", default="", help="Licence to state in the model card"
    ),
    click.option(
        "--author",
        "authors",
        metavar="NAME",
        multiple=True,
        help="Author to cite, as 'Family, Given' or the name of an institution (repeatable)",
    ),
    click.option(
        "--source",
        "sources",
        metavar="TEXT",
        multiple=True,
        help="Source of pictures or captions, as it asks to be credited (repeatable)",
    ),
)

AS_IN_EVALUATE = "As in llm glam evaluate"
label_options = collected(
    LabelOptions,
    "labels",
    click.option("--label", metavar="COLUMN", help=AS_IN_EVALUATE),
    click.option("--by", metavar="COLUMN", help=AS_IN_EVALUATE),
    prompt_option(AS_IN_EVALUATE),
)
