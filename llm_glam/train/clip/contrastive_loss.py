"""CLIP's contrastive loss over projections, and the optimizer step."""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...evaluate.batch_recall import Matched
from ...vectors import BoolArray, IntArray, Vectors

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_SCALE = 100.0
BETAS = (0.9, 0.98)  # as in CLIP's own training
EPSILON = 1e-6
LEARNT = ("picture", "text", "log_scale")

NamedArrays = Mapping[str, NDArray[np.float32]]


def batches(
    matched: Matched, size: int | None, rng: np.random.Generator | None = None
) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield all pairs of an epoch, one text per picture, in batches of nearly equal size.

    Nearly equal, because a small last batch would have few negatives and a noisy gradient.

    :param size: the maximum number of pairs in a batch; None for all
    :param rng: draws the text of each picture and shuffles; None for the first text and no
        shuffling
    """
    texts, pictures = matched.pairs(rng)
    order = rng.permutation(len(texts)) if rng else np.arange(len(texts))
    for some in np.array_split(order, steps(len(texts), size)):
        yield texts[some], pictures[some]


def steps(pairs: int, size: int | None) -> int:
    """Return the number of batches in an epoch."""
    return math.ceil(pairs / (size or pairs))


def rate(step: int, total: int, warm_up: float) -> float:
    """Return the learning rate factor at a step: linear warm-up, then cosine decay to zero.

    :param step: from 0; ``warm_up`` is the fraction of all steps that warms up
    """
    rising = round(warm_up * total)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / (total - rising)))


def loss(scores: "Tensor", fits: "Tensor") -> "Tensor":
    """Return CLIP's symmetric contrastive loss (Radford et al., ICML 2021), masking false negatives.

    If a picture has the caption of another pair's text, the two are not negatives: their score is
    masked. They are not made positives as in UniCL (Yang et al., CVPR 2022): equal captions are
    equal vectors here, so over a batch, equal targets for all of them add up to exactly the
    gradient of one target each, which is that of treating them as negatives.

    :param scores: scaled cosines, shape (b, b): row i is text i, column j picture j, and text i
       belongs to picture i
    :param fits: shape (b, b), as :meth:`Matched.fits` returns it
    """
    import torch
    from torch.nn.functional import cross_entropy

    own = torch.arange(len(scores), device=scores.device)
    hidden = fits & ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    scores = scores.masked_fill(hidden, -torch.inf)
    return (cross_entropy(scores, own) + cross_entropy(scores.T, own)) / 2


def chance_loss(fits: BoolArray) -> float:
    """Return the :func:`loss` of equal scores: ln(b) if no captions are equal."""
    hidden = fits.sum(axis=0), fits.sum(axis=1)
    return float(np.mean([np.log(len(fits) - some + 1) for some in hidden]))


def held_out_loss(
    texts: Vectors,
    pictures: Vectors,
    scale: float,
    matched: Matched,
    size: int | None,
) -> float:
    """Return the mean :func:`loss` of an epoch over held-out pairs.

    :param texts: vectors of unit length, shape (m, d); ``pictures`` likewise, shape (n, d)
    """
    import torch

    total, count = 0.0, 0
    for some, shown in batches(matched, size):
        scores = torch.tensor(texts[some] @ pictures[shown].T * np.float32(scale))
        fits = torch.tensor(matched.fits(some, shown))
        total += loss(scores, fits).item() * len(some)
        count += len(some)
    return total / count


class ProjectionOptimizer:
    """The projections and the temperature during training.

    AdamW (Loshchilov and Hutter, ICLR 2019), with decay that pulls both matrices towards their
    initial values (L2-SP, Li et al., ICML 2018) and leaves the temperature alone. Decay towards
    zero would only shrink matrices whose length is divided out again.
    """

    def __init__(
        self,
        now: NamedArrays,
        moments: tuple[NamedArrays, NamedArrays],
        taken: int,
        start: NamedArrays,
    ) -> None:
        """Resume training from given weights and moments.

        :param now: arrays by the names in ``LEARNT``; ``start`` likewise
        :param moments: the optimizer's first and second moments
        :param taken: the number of steps already taken
        """
        import torch

        # Copied, because torch's own memory is aligned, which makes sums equal in every process.
        self.weights = {name: torch.tensor(now[name]) for name in LEARNT}
        self.start = {name: torch.tensor(start[name]) for name in LEARNT}
        for weight in self.weights.values():
            weight.requires_grad_()
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), betas=BETAS, eps=EPSILON, weight_decay=0.0
        )
        for name, weight in self.weights.items():
            first, second = (torch.tensor(part[name]) for part in moments)
            self.optimizer.state[weight] = {
                "step": torch.tensor(float(taken)),
                "exp_avg": first,
                "exp_avg_sq": second,
            }

    def learn(
        self,
        batch: tuple[Vectors, Vectors, BoolArray],
        rate: float,
        decay: float,
        clip: float,
    ) -> float:
        """Take one step, and return the loss before it.

        :param batch: features of texts (b, dt), of their pictures (b, dp), and which of them match
            (b, b)
        """
        import torch

        found = self._loss(batch)
        if not torch.isfinite(found):
            return found.item()
        self.optimizer.zero_grad()
        found.backward()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        with torch.no_grad():
            for name in ("picture", "text"):
                self.weights[name].lerp_(self.start[name], min(rate * decay, 1.0))
            self.weights["log_scale"].clamp_(max=math.log(LARGEST_SCALE))
        return found.item()

    def _loss(self, batch: tuple[Vectors, Vectors, BoolArray]) -> Any:
        import torch
        from torch.nn.functional import normalize

        texts, pictures, fits = (torch.tensor(part) for part in batch)
        texts = normalize(texts @ self.weights["text"].T)
        pictures = normalize(pictures @ self.weights["picture"].T)
        return loss(self.weights["log_scale"].exp() * texts @ pictures.T, fits)

    def arrays(self) -> tuple[NamedArrays, tuple[NamedArrays, NamedArrays]]:
        """Return copies of the weights and of both moments, as the constructor takes them."""
        now = {
            name: part.detach().numpy().copy() for name, part in self.weights.items()
        }
        first, second = (
            {
                name: self.optimizer.state[part][kind].numpy().copy()
                for name, part in self.weights.items()
            }
            for kind in ("exp_avg", "exp_avg_sq")
        )
        return now, (first, second)
