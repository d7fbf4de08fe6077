"""Choose which weights of a checkpoint to train: as requested, or by hardware and data."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from ..errors import TrainingFailed
from .clip.contrastive_loss import steps
from .learn.state import Settings
from .learn.weight_mixing import ALPHAS, FEW_ALPHAS

PROJECTIONS, LAST_BLOCK, ALL = "projections", "last-block", "all"
TUNES = (PROJECTIONS, LAST_BLOCK, ALL)
SMALL = 10_000_000  # weights: a CPU trains this few in minutes
FEW = 500  # pictures: with fewer, towers do not generalise
MANY = 5_000  # pictures: with fewer, the lower blocks stay frozen
EPOCHS = 20
STEPS = 200  # at least, for projections: a step takes milliseconds
PATIENT = 4  # training stops when recall has not risen for this fraction of all epochs,
LEAST = 5  # or for this many, if that is more
EXTRA = "llm install 'llm-glam[train]'"


@dataclass(frozen=True)
class TrainingPreset:
    """The defaults for one choice of trained weights.

    ``words`` is for the card, ``note`` for the registry; ``batch`` to ``alphas`` are defaults.

    Learning rates: published CLIP fine-tuning worked best near 5e-6 for all weights (CLIP-RSICD,
    open_clip #811; 1e-4 caused forgetting, open_clip #1093); archaeCLIP's 2e-5 is used for the last
    block, because the blocks below it stay frozen. These are for checkpoints that know a great
    deal. Small ones have little to lose: the demo's towers needed 1e-3, the rate they had been
    trained with, to learn 4,854 watercolours.

    Projections: on synthetic data (200 and 1,000 pairs) and on the demo's towers with captions in new words
    (500), 20 to 60 steps at 1e-3 to 2e-3 learnt what 1e-4 did not; a weight decay of 10 cost at
    most a point of recall, and kept one or two points more of the neighbours among other texts; 100
    cost nine points. On the demo's towers and 4,854 watercolours, batches of 512 raised recall@10
    from .026 to .080 in 11 epochs, whereas those of 2,048, with a quarter of the steps, raised it
    only to .041.
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
    """The weights to train, and the reason, as a sentence."""

    tune: str
    why: str


def choose(
    tune: str | None, *, weights: int, pictures: int, has_card: bool
) -> TuneChoice:
    """Choose which weights to train.

    :param tune: what the user requested, None to choose
    :param weights: of the checkpoint; ``pictures`` to train on; ``has_card``: whether there is a
        GPU
    :raises TrainingFailed: the requested choice needs packages that are not installed
    """
    if tune:
        if tune != PROJECTIONS and not is_installed():
            raise TrainingFailed(
                f"--tune {tune} needs packages that are not installed. Install them with: {EXTRA}"
            )
        words = PRESETS[tune].words
        return TuneChoice(tune, f"What is trained, as requested: {words}.")
    chosen, why = _chosen(weights, pictures, has_card)
    words = PRESETS[chosen].words
    return TuneChoice(
        chosen, f"What is trained: {words}. Why: {why}; use --tune to change this."
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
    """Return whether the packages for training towers are installed."""
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
    """Return the settings for a choice of weights, a checkpoint's size, and a number of pictures.

    Few pictures mean few steps per epoch, so projections are then trained for more epochs: with 420
    drawn finds, at one step per epoch, nothing had been learnt after 20.

    :param epochs: what the user requested instead, like ``batch`` and ``learning_rate``
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
