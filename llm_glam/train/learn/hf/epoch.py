"""Run one epoch with sentence-transformers' trainer.

The trainer sees only row numbers. They are replaced by the data at the last moment,
batch by batch, so that the data are not inspected, hashed, cached or written anywhere.
"""

import math
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from sentence_transformers import (
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from transformers import PrinterCallback, TrainerCallback

from ...clip.checkpoint_weights import NAMES
from ...clip.contrastive_loss import BETAS, EPSILON, LARGEST_SCALE
from ..learner import Pass
from .caching import CachedLoss

ACCELERATE = "ACCELERATE_TORCH_DEVICE"


class Batches(list[list[int]]):
    """Row numbers, batch by batch; the trainer uses it as a batch sampler."""

    batch_size = None
    drop_last = False


class Trainer(SentenceTransformerTrainer):
    """The trainer without its records of the data."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Do nothing: the trainer's own card would contain captions and pictures of the data."""

    def _move_model_to_device(self, model: Any, device: torch.device) -> None:
        """Do nothing: the model is already on the requested device."""


class Clock(TrainerCallback):
    """Stop an epoch at the deadline."""

    def __init__(self, epoch: Pass) -> None:
        self.epoch = epoch

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Check the time before each step."""
        self.epoch.check_time()


class Collator:
    """Convert row numbers to the inputs of the towers.

    ``pixels`` are bytes by picture, ``ids`` and ``mask`` are by text; ``numbers``
    and ``rows`` map an epoch's texts and pictures to these.
    """

    valid_label_columns = ("label",)

    def __init__(self, epoch: Pass, pixels: Any, tokens: Any, rows: Any) -> None:
        self.epoch, self.pixels, (self.ids, self.mask) = epoch, pixels, tokens
        self.rows, self.numbers = rows
        self.drawn = _drawn(epoch)
        self.places = {some[0]: place for place, some in enumerate(self.drawn)}

    def __call__(self, features: Sequence[Any]) -> dict[str, torch.Tensor]:
        """Return the batch that begins with the first of these rows."""
        step = self.epoch.step(self.places[features[0]["row"]])
        texts = self.numbers[step.texts]
        shown = self.pixels[self.rows[step.pictures]]
        return {
            "picture_pixel_values": torch.from_numpy(shown),
            "text_input_ids": self.ids[texts],
            "text_attention_mask": self.mask[texts],
            "label": torch.from_numpy(step.fits),
        }


def optimizer_of(
    learning: Mapping[str, Any],
    moments: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]],
    taken: int,
    decay: float,
) -> torch.optim.Optimizer:
    """Return AdamW with CLIP's training parameters, after a number of steps.

    Only matrices decay; the scale of the cosines is clamped to at most 100.
    """
    weights = learning.values()
    groups: list[dict[str, Any]] = [
        {"params": [one for one in weights if one.ndim > 1], "weight_decay": decay},
        {"params": [one for one in weights if one.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1.0, betas=BETAS, eps=EPSILON)
    for name, weight in learning.items():
        first, second = (torch.tensor(one).to(weight.device) for one in moments[name])
        optimizer.state[weight] = {
            "step": torch.tensor(float(taken)),
            "exp_avg": first,
            "exp_avg_sq": second,
        }
    scale = learning[NAMES["log_scale"]]

    def clamp(*_: Any) -> None:
        with torch.no_grad():
            scale.clamp_(max=math.log(LARGEST_SCALE))

    optimizer.register_step_post_hook(clamp)
    return optimizer


def take(
    model: Any,
    loss: CachedLoss,
    epoch: Pass,
    collator: Collator,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Take all steps of an epoch.

    :raises Stopped: time is up, or the loss is NaN or infinite
    """
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] = 1.0  # the schedule returns absolute rates
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, epoch.rate)
    with tempfile.TemporaryDirectory() as work, _on(model.device):
        trainer = Trainer(
            model=model,
            args=_arguments(work, epoch, collator.drawn, model.device.type),
            train_dataset=_rows(collator.drawn),
            loss=loss,
            data_collator=collator,
            callbacks=[Clock(epoch)],
            optimizers=(optimizer, schedule),
        )
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train()
        finally:
            trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
            model.eval()


def _drawn(epoch: Pass) -> Batches:
    ends = np.cumsum([len(texts) for texts, _ in epoch.batches]).tolist()
    starts = [0, *ends[:-1]]
    return Batches(list(range(*one)) for one in zip(starts, ends, strict=True))


def _rows(drawn: Batches) -> Dataset:
    return Dataset.from_dict({"row": range(drawn[-1][-1] + 1)})


def _arguments(work: str, epoch: Pass, drawn: Batches, kind: str) -> Any:
    """Return the trainer's arguments for one epoch, with nothing saved."""
    settings = epoch.settings
    has_bf16 = kind == "cuda" and torch.cuda.is_bf16_supported(False)
    seed = int(np.random.default_rng([settings.seed, epoch.number]).integers(2**31))
    arguments = SentenceTransformerTrainingArguments(
        output_dir=work,
        num_train_epochs=1,
        per_device_train_batch_size=len(drawn[0]),
        batch_sampler=lambda *_, **__: drawn,
        max_grad_norm=settings.clip,
        seed=seed,
        bf16=has_bf16,
        fp16=kind == "cuda" and not has_bf16,
        use_cpu=kind == "cpu",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        save_strategy="no",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
    )
    arguments._n_gpu = min(
        arguments.n_gpu, 1
    )  # with more than one it would wrap the model
    return arguments


@contextmanager
def _on(device: torch.device) -> Iterator[None]:
    """Make accelerate use the requested device, which it takes from the environment."""
    before = os.environ.get(ACCELERATE)
    os.environ[ACCELERATE] = str(device)
    try:
        yield
    finally:
        if before is None:
            del os.environ[ACCELERATE]
        else:
            os.environ[ACCELERATE] = before
