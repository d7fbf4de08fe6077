"""Train the towers: all their weights, or only their last blocks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evaluate.batch_recall import Matching
from ...vectors import IntArray, Vectors
from ..cache.pixel_cache import CachedPixels
from ..clip import checkpoint_weights
from ..clip.contrastive_loss import NamedArrays
from .learner import Pass, Seen, Stopped
from .loop import digest_of
from .state import State

ENCODED_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class Part:
    """Some pictures and their texts: the rows of the pictures, and how both are matched.

    ``matched.caption`` is the position of each text among all of them.
    """

    rows: IntArray
    matched: Matching


class TowerLearner:
    """A learner of the towers, on its model's device."""

    def __init__(
        self,
        model: Any,
        learning: Mapping[str, Any],
        cached: CachedPixels,
        parts: tuple[Part, Part],
        texts: Sequence[str],
        others: Sequence[str],
        at_once: int,
    ) -> None:
        """Take over a model.

        :param learning: the weights to train, by name
        :param parts: the training and the held-out part of the pictures in ``cached``
        :param texts: all texts of these pictures; ``others`` must not be forgotten
        :param at_once: how many pairs go through the towers at a time
        """
        self.model, self.learning, self.cached = model, learning, cached
        self.own, self.apart = parts
        self.train, self.held_out = (part.matched for part in parts)
        self.tokens = self._tokens([*texts, *others])
        self.others = np.arange(len(texts), len(texts) + len(others))
        model.requires_grad_(False)
        for weights in learning.values():
            weights.requires_grad_()
        self.start = self._weights_now()
        self.digest = digest_of(self.start, self._data())
        self.live: NamedArrays = {}
        self.optimizer: Any = None
        self.loss = self._loss(at_once)

    def _loss(self, at_once: int) -> Any:
        from ...engine.torch import quiet

        with quiet():
            from .hf.caching import CachedLoss, TwoTowers

        scale = self.learning[checkpoint_weights.NAMES["log_scale"]]
        return CachedLoss(TwoTowers(self.model, scale, self.cached.linear), at_once)

    def _tokens(self, texts: Sequence[str]) -> tuple[Any, Any]:
        """Return token ids and the attention mask of texts, as the model makes them."""
        from ...engine.torch import quiet

        with quiet():
            made = self.model.preprocess(list(texts))
        return made["input_ids"], made["attention_mask"]

    def _data(self) -> Iterator[NDArray[Any]]:
        yield np.frombuffer(self.cached.key.encode(), np.uint8)
        yield from (tokens.numpy() for tokens in self.tokens)
        for part in (self.own, self.apart):
            yield from (part.rows, part.matched.picture_of, part.matched.caption)

    def _weights_now(self) -> NamedArrays:
        """Return copies of the trained weights."""
        return {
            name: weights.detach().cpu().numpy().copy()
            for name, weights in self.learning.items()
        }

    def learn(
        self, state: State, epoch: Pass
    ) -> tuple[NamedArrays, NamedArrays, NamedArrays]:
        """See :class:`llm_glam.train.learn.learner.Learner`."""
        from ...engine.torch import quiet

        with quiet():
            from .hf.epoch import Collator, take

            self._restore(state, epoch)
            self.live = {}  # until the epoch is complete
            rows = (self.own.rows, self.train.caption)
            collator = Collator(epoch, self.cached.pixels, self.tokens, rows)
            take(self.model, self.loss, epoch, collator, self.optimizer)
        self.live = self._weights_now()
        return self.live, *self._moments()

    def _restore(self, state: State, epoch: Pass) -> None:
        """Restore a state, unless the model is already in it."""
        from .hf.epoch import optimizer_of

        self.loss.tell = epoch.tell
        if state.now is self.live:
            return
        checkpoint_weights.put(self.learning, state.now)
        moments = {
            name: (state.first[name], state.second[name]) for name in self.learning
        }
        decay = epoch.settings.weight_decay
        self.optimizer = optimizer_of(self.learning, moments, state.steps, decay)

    def _moments(self) -> tuple[NamedArrays, NamedArrays]:
        """Return both moments by name; on the CPU they are the optimizer's own, not copies."""
        first, second = (
            {
                name: self.optimizer.state[weight][kind].cpu().numpy()
                for name, weight in self.learning.items()
            }
            for kind in ("exp_avg", "exp_avg_sq")
        )
        return first, second

    def seen(self, weights: NamedArrays) -> Seen:
        """See :class:`llm_glam.train.learn.learner.Learner`."""
        if weights is not self.live:
            checkpoint_weights.put(self.learning, weights)
            self.live = {}
        seen = Seen(
            self._through("pictures", self.apart.rows),
            self._through("texts", self.held_out.caption),
            self._through("texts", self.others),
            float(np.exp(weights[checkpoint_weights.NAMES["log_scale"]])),
        )
        arrays = (seen.pictures, seen.texts, seen.others, np.array(seen.scale))
        if not all(np.isfinite(one).all() for one in arrays):
            raise Stopped("diverged")
        return seen

    def _through(self, tower: str, rows: IntArray) -> Vectors:
        """Return vectors of pictures or texts, shape (n, d)."""
        import torch

        self.model.eval()
        made = []
        with torch.inference_mode():
            for start in range(0, len(rows), ENCODED_AT_ONCE):
                some = rows[start : start + ENCODED_AT_ONCE]
                made.append(getattr(self.loss.towers, tower)(*self._given(tower, some)))
        return np.concatenate([part.float().cpu().numpy() for part in made])

    def _given(self, tower: str, rows: IntArray) -> list[Any]:
        import torch

        if tower == "pictures":
            given = [torch.from_numpy(self.cached.pixels[rows])]
        else:
            ids, mask = (tokens[rows] for tokens in self.tokens)
            longest = int(mask.sum(dim=1).max())
            given = [ids[:, :longest], mask[:, :longest]]
        return [one.to(self.model.device) for one in given]

    def named(self, weights: NamedArrays) -> NamedArrays:
        """See :class:`llm_glam.train.learn.learner.Learner`."""
        return weights
