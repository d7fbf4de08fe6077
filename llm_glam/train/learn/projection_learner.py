"""Train the projections, with both towers frozen.

Their inputs are computed once, elsewhere; an epoch over thousands of pairs then takes seconds.
"""

from ...engine import Vectors
from ..clip.checkpoint_weights import NAMES
from ..clip.contrastive_loss import NamedArrays, ProjectionOptimizer
from ..clip.projection_head import Features, Projections, check_sizes
from .learner import Pass, Seen, Stopped
from .loop import digest_of
from .state import State, arrays_of, projections_of


class ProjectionLearner:
    """A learner of the projections alone; beyond the features it needs memory for one batch."""

    def __init__(
        self,
        start: Projections,
        train: Features,
        held_out: Features,
        others: Vectors | None = None,
    ) -> None:
        """Take the initial projections and their inputs.

        :param others: features of texts that must not be forgotten, shape (r, dt)
        :raises ValueError: the features do not have the projections' input dimensions
        """
        for features in (train, held_out):
            check_sizes(start, features)
        self.start = arrays_of(start)
        self.train, self.held_out = train, held_out
        self.others = held_out.texts[:0] if others is None else others
        self.digest = digest_of(
            self.start,
            (
                array
                for one in (train, held_out)
                for array in (one.pictures, one.texts, one.picture_of, one.caption)
            ),
        )

    def learn(
        self, state: State, epoch: Pass
    ) -> tuple[NamedArrays, NamedArrays, NamedArrays]:
        """See :class:`llm_glam.train.learn.learner.Learner`."""
        settings, train = epoch.settings, self.train
        moments = (state.first, state.second)
        optimizer = ProjectionOptimizer(state.now, moments, state.steps, self.start)
        for place in range(len(epoch.batches)):
            epoch.check_time()
            step = epoch.step(place)
            batch = (train.texts[step.texts], train.pictures[step.pictures], step.fits)
            rates = (epoch.rate(place), settings.weight_decay, settings.clip)
            epoch.tell(optimizer.learn(batch, *rates), step.fits)
        now, (first, second) = optimizer.arrays()
        return now, first, second

    def seen(self, weights: NamedArrays) -> Seen:
        """See :class:`llm_glam.train.learn.learner.Learner`."""
        try:
            projections = projections_of(weights)
        except ValueError as error:  # NaN or infinite weights
            raise Stopped("diverged") from error
        return Seen(
            projections.pictures(self.held_out.pictures),
            projections.texts(self.held_out.texts),
            projections.texts(self.others),
            projections.scale,
        )

    def named(self, weights: NamedArrays) -> NamedArrays:
        """See :class:`llm_glam.train.learn.learner.Learner`."""
        return {NAMES[name]: array for name, array in weights.items()}
