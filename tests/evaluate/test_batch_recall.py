"""Recall during training and in reports: the same, and that of plain loops."""

import numpy as np
import pytest

from llm_glam.evaluate import retrieval
from llm_glam.evaluate.batch_recall import Matching, hits
from llm_glam.evaluate.retrieval import Links


def drawn(seed):
    """Vectors with many ties, pictures with several captions, captions of several pictures."""
    random = np.random.default_rng(seed)
    pictures, texts, captions = (int(n) for n in random.integers(12, 40, size=3))
    captions = min(captions, texts)
    space = random.integers(-1, 2, size=(pictures + captions, 3)).astype(np.float64)
    space[~space.any(axis=1)] = 1.0
    space /= np.linalg.norm(space, axis=1, keepdims=True)
    vectors = space.astype(np.float32)
    caption = np.concatenate(
        [np.arange(captions), random.integers(captions, size=texts - captions)]
    )
    picture_of = random.integers(pictures, size=texts)
    return vectors[:pictures], vectors[pictures:], picture_of, caption


def slow_ranks(pictures, captions, own):
    """The rank of each caption's best picture, by plain loops."""
    ranks = []
    for number, caption in enumerate(captions.astype(float)):
        scores = [float(caption @ picture) for picture in pictures.astype(float)]
        best = max(scores[one] for one in own[number])
        wrong = [score for one, score in enumerate(scores) if one not in own[number]]
        ranks.append(1 + sum(score >= best - 1e-7 for score in wrong))
    return np.array(ranks)


@pytest.mark.parametrize("k", [1, 3, 10])
@pytest.mark.parametrize("seed", range(20))
def test_recall_in_training_and_in_reports_is_that_of_plain_loops(seed, k):
    pictures, captions, picture_of, caption = drawn(seed)
    own = [set(picture_of[caption == one]) for one in range(len(captions))]
    expected = slow_ranks(pictures, captions, own) <= k

    matching = Matching(len(pictures), picture_of, caption)
    in_training = hits(captions[caption], pictures, matching, k)
    links = Links(picture_of, caption, len(pictures), len(captions))
    in_reports = retrieval.ranks(pictures, captions, links).captions <= k

    assert in_training.tolist() == expected.tolist()
    assert in_reports.tolist() == expected.tolist()


def test_numbers_of_captions_may_have_gaps():
    pictures, captions, picture_of, caption = drawn(3)
    with_gaps = Matching(len(pictures), picture_of, caption * 7 + 2)
    without = Matching(len(pictures), picture_of, caption)
    texts = captions[caption]

    assert np.array_equal(
        hits(texts, pictures, with_gaps, 3), hits(texts, pictures, without, 3)
    )


def test_what_training_made_nan_is_found_last():
    pictures, captions = np.eye(12, dtype=np.float32), np.eye(12, dtype=np.float32)
    every = np.arange(12)
    matching = Matching(12, every, every)
    assert hits(captions, pictures, matching).all()

    captions[4] = np.nan

    assert np.flatnonzero(~hits(captions, pictures, matching)).tolist() == [4]
    assert not hits(captions * np.nan, pictures, matching).any()
    assert not hits(captions, pictures * np.nan, matching).any()


def test_as_many_pictures_as_recall_looks_at_are_all_found():
    nothing = np.full((10, 4), np.nan, np.float32)
    every = np.arange(10)

    assert hits(nothing, nothing, Matching(10, every, every)).all()
