"""The contrastive loss of large batches in little memory, by gradient caching."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ....errors import TrainingFailed
from ....vectors import BoolArray
from ...clip.contrastive_loss import loss

Tell = Callable[[float, BoolArray], None]
T = TypeVar("T")


@dataclass
class Halves:
    """The inputs of the two towers: pixels as bytes (b, h, w, 3), token ids and mask (b, t)."""

    pixels: Tensor
    ids: Tensor
    mask: Tensor

    def part(self, some: slice) -> "Halves":
        """Return some rows, with texts padded no longer than necessary."""
        mask = self.mask[some]
        longest = int(mask.sum(dim=1).max())
        return Halves(self.pixels[some], self.ids[some, :longest], mask[:, :longest])


class TwoTowers(nn.Module):
    """A SentenceTransformer with a CLIP that encodes pixels and tokens."""

    def __init__(
        self, model: Any, scale: Any, linear: tuple[Sequence[float], Sequence[float]]
    ) -> None:
        """Wrap a model.

        :param scale: the logarithm of the scale of the cosines, a parameter of the model
        :param linear: the factor and the offset for a channel's bytes
        """
        super().__init__()
        self.model, self.log_scale = model, scale
        factor, shift = (torch.tensor(part).reshape(1, 3, 1, 1) for part in linear)
        self.register_buffer("factor", factor.to(model.device), persistent=False)
        self.register_buffer("shift", shift.to(model.device), persistent=False)

    def pictures(self, pixels: Tensor) -> Tensor:
        """Encode pixels as bytes, shape (b, h, w, 3), to vectors of unit length, shape (b, d)."""
        values = pixels.permute(0, 3, 1, 2).float() * self.factor + self.shift
        out = self.model({"pixel_values": values, "modality": "image"})
        return normalize(out["sentence_embedding"].float())

    def texts(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Encode token ids and their mask, shape (b, t), to vectors of unit length, shape (b, d)."""
        given = {"input_ids": ids, "attention_mask": mask, "modality": "text"}
        return normalize(self.model(given)["sentence_embedding"].float())

    def both(self, given: Halves) -> tuple[Tensor, Tensor]:
        """Return the vectors of texts and of pictures."""
        return self.texts(given.ids, given.mask), self.pictures(given.pixels)

    def loss(self, texts: Tensor, pictures: Tensor, fits: Tensor) -> Tensor:
        """Return the loss at the model's own temperature, which is trained too."""
        return loss(self.log_scale.exp() * texts @ pictures.T, fits)


class CachedLoss(nn.Module):
    """The loss over a batch of which only a few pairs go through the towers at a time.

    GradCache (Gao et al., RepL4NLP 2021): the vectors of all pairs are computed without a graph,
    the loss gives their gradients, and a second pass over a few pairs at a time propagates these to
    the weights. Random operations in the towers draw the same numbers in both passes. If a batch is
    small enough, one pass is sufficient.
    """

    def __init__(self, towers: TwoTowers, at_once: int) -> None:
        """Wrap the towers.

        :param at_once: how many pairs go through the towers together
        """
        super().__init__()
        self.towers, self.at_once = towers, at_once
        self.tell: Tell = lambda loss, fits: None  # receives each batch, and may raise

    def forward(self, features: Any, labels: Tensor) -> Tensor:
        """Return the loss; its gradient reaches the weights in the backward pass."""
        pictures, texts = features
        device = self.towers.log_scale.device
        inputs = (
            pictures["pixel_values"],
            texts["input_ids"],
            texts["attention_mask"],
        )
        given, labels = Halves(*(one.to(device) for one in inputs)), labels.to(device)
        cached = self._trying(lambda: self._first(given, labels))
        self.tell(cached[0].item(), labels.cpu().numpy())
        found = cached[0].detach().requires_grad_()
        found.register_hook(partial(self._backward, given, labels, cached))
        return found

    def _first(self, given: Halves, fits: Tensor) -> tuple[Tensor, Any]:
        """Return the loss, and the source of its gradients: a graph, or cached gradients."""
        parts = list(self._parts(len(fits)))
        if len(parts) == 1:
            return self.towers.loss(*self.towers.both(given.part(parts[0])), fits), None
        states, vectors = [], []
        with torch.no_grad():
            for part in parts:
                states.append(RngState(given.pixels.device))
                vectors.append(self.towers.both(given.part(part)))
        texts, pictures = (
            torch.cat(side).requires_grad_() for side in zip(*vectors, strict=True)
        )
        found = self.towers.loss(texts, pictures, fits)
        wanted = (texts, pictures, self.towers.log_scale)
        return found.detach(), (parts, states, torch.autograd.grad(found, wanted))

    def _backward(
        self, given: Halves, fits: Tensor, cached: tuple[Tensor, Any], factor: Tensor
    ) -> None:
        unused = [cached]

        def go() -> None:
            own = unused.pop() if unused else self._first(given, fits)
            self._second(given, *own, factor)

        with torch.enable_grad():
            self._trying(go)

    def _second(
        self, given: Halves, found: Tensor, cached: Any, factor: Tensor
    ) -> None:
        if cached is None:
            found.backward(factor)
            return
        parts, states, (texts, pictures, log_scale) = cached
        _add(self.towers.log_scale, log_scale * factor)
        for part, state in zip(parts, states, strict=True):
            with state.again():
                own = self.towers.both(given.part(part))
            wanted = (texts[part] * factor, pictures[part] * factor)
            torch.autograd.backward(own, wanted)

    def _parts(self, count: int) -> Iterator[slice]:
        for start in range(0, count, self.at_once):
            yield slice(start, min(start + self.at_once, count))

    def _trying(self, go: Callable[[], T]) -> T:
        """Call a function, halving the number of pairs at a time while memory runs out."""
        while True:
            try:
                return go()
            except torch.OutOfMemoryError as error:
                if self.at_once == 1:
                    raise TrainingFailed(
                        "The device does not have enough memory for a single picture with its "
                        "caption. Use --tune projections, or --device cpu."
                    ) from error
            self.at_once = math.ceil(self.at_once / 2)
            self.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


class RngState:
    """The state of the random generators that towers draw from, to repeat their draws."""

    def __init__(self, device: torch.device) -> None:
        """Save the current state."""
        self.kind = device.type
        self.devices = [device] if device.type == "cuda" else []
        self.processor = torch.get_rng_state()
        self.others = [torch.cuda.get_rng_state(one) for one in self.devices]
        self.apple = torch.mps.get_rng_state() if self.kind == "mps" else None

    @contextmanager
    def again(self) -> Iterator[None]:
        """Restore the saved state within the block, and the present one after it."""
        with torch.random.fork_rng(self.devices):
            torch.set_rng_state(self.processor)
            for one, state in zip(self.devices, self.others, strict=True):
                torch.cuda.set_rng_state(state, one)
            if self.apple is not None:
                torch.mps.set_rng_state(self.apple)
            yield


def _add(weight: Tensor, gradient: Tensor) -> None:
    weight.grad = gradient if weight.grad is None else weight.grad + gradient
