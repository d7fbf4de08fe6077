"""Which weights of a checkpoint learn: as asked, or chosen by hardware and data."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ..errors import TrainingFailed
from .clip.contrastive_loss import steps
from .learn.state import Settings
from .learn.weight_mixing import ALPHAS, FEW_ALPHAS

PROJECTIONS, LAST_BLOCK, ALL = "projections", "last-block", "all"
TUNES = (PROJECTIONS, LAST_BLOCK, ALL)
SMALL = 10_000_000  # weights: of so few a processor trains all in minutes
FEW = 500  # pictures, from which no tower learns what others would show
MANY = 5_000  # pictures: with fewer the lower blocks stay as they are
EPOCHS = 20
STEPS = 200  # at least, of projections: a step takes milliseconds
PATIENT = 4  # learning ends when recall has not risen for this part of all epochs,
LEAST = 5  # or for so many, if that is more
EXTRA = "llm install 'llm-glam[train]'"


@dataclass(frozen=True)
class TrainingPreset:
    """What suits one way to tune.

    ``words`` is for the card, ``note`` for the registry; ``batch`` to ``alphas`` are defaults.

    Learning rates: fine-tuning of published CLIPs was best near 5e-6 for all weights (CLIP-RSICD,
    open_clip #811; 1e-4 forgot what was known, open_clip #1093), archaeCLIP's 2e-5 is taken for the
    last block, whose lower neighbours hold still. These are for checkpoints that know a great deal.
    Small ones know little that could be lost: of the demo's towers, 1e-3, with which they had been
    trained, is what 4,854 watercolours needed.
    """

    words: str
    note: str
    batch: int
    learning_rate: float
    of_small: float
    weight_decay: float
    alphas: tuple[float, ...]


PRESETS = {
    PROJECTIONS: TrainingPreset(
        "projections and temperature; both towers frozen",
        "its projections trained",
        *(512, 1e-3, 1e-3, 10.0),
        ALPHAS,
    ),
    LAST_BLOCK: TrainingPreset(
        "last block of each tower, projections and temperature; the rest frozen",
        "the last block of each tower trained",
        *(256, 2e-5, 1e-3, 0.05),
        FEW_ALPHAS,
    ),
    ALL: TrainingPreset(
        "all weights of both towers, projections and temperature",
        "all its weights trained",
        *(256, 5e-6, 1e-3, 0.05),
        FEW_ALPHAS,
    ),
}


@dataclass(frozen=True)
class TuneChoice:
    """Which weights learn, and why, as a sentence."""

    tune: str
    why: str


def choose(
    metric_options: str | None, *, weights: int, pictures: int, has_card: bool
) -> TuneChoice:
    """Which weights are to learn.

    :param metric_options: what the user wants, None to choose
    :param weights: of the checkpoint; ``pictures`` to learn from; whether there is an accelerator
    :raises TrainingFailed: what is asked for needs packages that are not installed
    """
    if metric_options:
        if metric_options != PROJECTIONS and not is_installed():
            raise TrainingFailed(
                f"--tune {metric_options} needs packages that are not installed. Install them with: {EXTRA}"
            )
        return TuneChoice(
            metric_options,
            f"What is trained, as requested: {PRESETS[metric_options].words}.",
        )
    tune, why = _chosen(weights, pictures, has_card)
    return TuneChoice(
        tune,
        f"What is trained: {PRESETS[tune].words}. Why: {why}; use --tune to change this.",
    )


def _chosen(weights: int, pictures: int, has_card: bool) -> tuple[str, str]:
    size = f"the checkpoint has {weights / 1e6:,.0f} million weights"
    if pictures < FEW:
        return PROJECTIONS, f"{pictures:,} pictures are too few to train the towers"
    if not has_card and weights >= SMALL:
        return PROJECTIONS, f"there is no GPU and {size}"
    if not is_installed():
        return (
            PROJECTIONS,
            f"training more needs packages that are not installed ({EXTRA})",
        )
    where = "there is a GPU" if has_card else size
    if pictures < MANY:
        return (
            LAST_BLOCK,
            f"{where}, and there are fewer than {MANY:,} pictures ({pictures:,})",
        )
    return ALL, f"{where}, and there are {pictures:,} pictures"


def is_installed() -> bool:
    """Are the packages there that towers are trained with?"""
    return all(find_spec(name) is not None for name in ("accelerate", "datasets"))


def settings(
    tune: str,
    weights: int,
    pictures: int,
    *,
    epochs: int | None,
    batch: int | None,
    learning_rate: float | None,
    **others: Any,
) -> Settings:
    """The settings that suit a way to tune, a checkpoint of so many weights, and so many pictures.

    Few pictures are few steps an epoch, and projections then learn for more of them: 420 drawn
    finds, one step an epoch, had learnt nothing after 20.

    :param epochs: what the user wants instead, as ``batch`` and ``learning_rate``
    :param others: as in Settings
    """
    way = PRESETS[tune]
    suits = way.of_small if weights < SMALL else way.learning_rate
    size = batch or way.batch
    least = -(-STEPS // steps(pictures, size)) if tune == PROJECTIONS else 0
    number = epochs or max(EPOCHS, least)
    return Settings(
        epochs=number,
        batch=size,
        learning_rate=learning_rate or suits,
        weight_decay=way.weight_decay,
        patience=max(LEAST, number // PATIENT),
        tune=tune,
        **others,
    )
