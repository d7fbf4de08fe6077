"""Pictures and texts made of a common latent, and slow obvious references."""

from dataclasses import replace

import numpy as np

from llm_glam.train.clip.projection_head import Features, Projections
from llm_glam.train.learn import loop
from llm_glam.train.learn.projection_learner import ProjectionLearner
from llm_glam.train.learn.state import Settings, projections_of

LATENT, OF_PICTURES, OF_TEXTS, SPACE = 8, 24, 20, 16


def world(seed=0):
    """The two linear maps from a latent to what enters the projections."""
    chance = np.random.default_rng(seed)
    return (
        chance.normal(size=(LATENT, OF_PICTURES)),
        chance.normal(size=(LATENT, OF_TEXTS)),
    )


def pairs(count, seed, *, per_picture=1, shuffled=False):
    """Features of pictures and of texts that tell what is in them, but for a little noise."""
    chance = np.random.default_rng(seed)
    pictures, texts = world()
    latent = chance.normal(size=(count, LATENT))
    picture_of = np.repeat(np.arange(count), per_picture)
    told = latent[chance.permutation(count) if shuffled else np.arange(count)]
    noise = chance.normal(size=(count * per_picture, OF_TEXTS)) * 0.1
    return Features(
        (latent @ pictures).astype(np.float32),
        (told[picture_of] @ texts + noise).astype(np.float32),
        picture_of,
        np.arange(count * per_picture),
    )


def random_start(seed=0, scale=20.0):
    """Projections that know nothing."""
    chance = np.random.default_rng(100 + seed)
    return Projections(
        chance.normal(size=(SPACE, OF_PICTURES)).astype(np.float32) / 5,
        chance.normal(size=(SPACE, OF_TEXTS)).astype(np.float32) / 5,
        scale,
    )


def slow_fits(features, texts, pictures):
    """Picture by picture, text by text."""
    own = {}
    for picture, caption in zip(features.picture_of, features.caption, strict=True):
        own.setdefault(picture, set()).add(caption)
    return np.array(
        [[features.caption[t] in own.get(p, ()) for p in pictures] for t in texts]
    )


def slow_loss(scores, fits):
    """One score after the other, in float64."""
    parts = []
    for one, right in ((scores, fits), (scores.T, fits.T)):
        for i, row in enumerate(one.astype(np.float64)):
            shown = [s for j, s in enumerate(row) if j == i or not right[i, j]]
            parts.append(np.log(np.exp(shown).sum()) - row[i])
    return np.mean(parts)


def tune(start, train, held_out, settings=None, *, measure=None, **options):
    """Tuning of projections, from and to projections."""
    learner = ProjectionLearner(start, train, held_out)
    tuned = loop.tune(
        learner,
        settings or Settings(),
        measure=measure and (lambda seen: measure(seen)),
        **options,
    )
    best, last = projections_of(tuned.best), projections_of(tuned.last)
    return replace(tuned, best=best, last=last)
