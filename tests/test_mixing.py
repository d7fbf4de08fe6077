"""Mixes of weights before and after tuning."""

import math

import numpy as np
import pytest

from llm_glam.mixing import best_mix, mixed
from llm_glam.projections import Projections


def of(value, scale):
    return Projections(
        np.full((2, 3), value, np.float32), np.full((2, 2), -value, np.float32), scale
    )


START, TUNED = of(1, 4.0), of(3, 100.0)


def test_weights_lie_on_the_line_and_scales_on_that_of_their_logarithms():
    half = mixed(START, TUNED, 0.5)
    assert (half.picture == 2).all()
    assert (half.text == -2).all()
    assert half.picture.dtype == half.text.dtype == np.float32
    assert half.scale == pytest.approx(20)  # the geometric mean of 4 and 100
    assert (mixed(START, TUNED, 0.25).picture == 1.5).all()


def test_the_ends_are_the_start_and_the_tuned():
    for alpha, end in ((0, START), (1, TUNED)):
        mix = mixed(START, TUNED, alpha)
        assert np.array_equal(mix.picture, end.picture)
        assert np.array_equal(mix.text, end.text)
        assert mix.scale == pytest.approx(end.scale)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan])
def test_an_alpha_outside_is_refused(alpha):
    with pytest.raises(ValueError, match="between 0 and 1"):
        mixed(START, TUNED, alpha)


def test_other_shapes_are_refused():
    other = Projections(np.ones((2, 4), np.float32), START.text, 1.0)
    with pytest.raises(ValueError, match="different shapes"):
        mixed(START, other, 0.5)


def test_the_best_mix_is_the_one_that_scores_highest():
    alpha, table = best_mix(
        START, TUNED, lambda mix: -abs(float(mix.picture[0, 0]) - 2.4)
    )
    assert alpha == 0.7  # 1 + 2 · .7 = 2.4
    assert [row[0] for row in table] == [i / 10 for i in range(11)]
    assert dict(table)[0.0] == pytest.approx(-1.4)


def test_of_equal_scores_the_smaller_alpha_is_taken():
    steps = lambda mix: float(mix.picture[0, 0] > 1.9)  # noqa: E731
    assert best_mix(START, TUNED, steps)[0] == 0.5
    assert best_mix(START, TUNED, lambda mix: 0.0)[0] == 0
    assert best_mix(START, TUNED, lambda mix: 0.0, [1.0, 0.3])[0] == 0.3


def test_a_score_that_is_no_number_never_wins():
    scores = iter([math.nan, 0.2, math.nan])
    assert best_mix(START, TUNED, lambda mix: next(scores), [0, 0.5, 1])[0] == 0.5


def test_no_alphas_are_refused():
    with pytest.raises(ValueError, match="no alpha"):
        best_mix(START, TUNED, lambda mix: 0.0, [])
