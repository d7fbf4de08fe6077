"""Mixes of weights before and after tuning."""

import math

import numpy as np
import pytest

from llm_glam.train.learn.weight_mixing import chosen, mixed


def of(value, scale):
    return {
        "picture": np.full((2, 3), value, np.float32),
        "log_scale": np.array(math.log(scale), np.float32),
    }


START, TUNED = of(1, 4.0), of(3, 100.0)


def test_weights_lie_on_the_line_and_scales_on_that_of_their_logarithms():
    half = mixed(START, TUNED, 0.5)
    assert (half["picture"] == 2).all()
    assert half["picture"].dtype == half["log_scale"].dtype == np.float32
    assert math.exp(half["log_scale"]) == pytest.approx(20)  # between 4 and 100
    assert (mixed(START, TUNED, 0.25)["picture"] == 1.5).all()


def test_the_ends_are_the_start_and_the_tuned():
    assert mixed(START, TUNED, 0) is START
    assert mixed(START, TUNED, 1) is TUNED


@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan])
def test_an_alpha_outside_is_refused(alpha):
    with pytest.raises(ValueError, match="between 0 and 1"):
        mixed(START, TUNED, alpha)


@pytest.mark.parametrize(
    "other", [{**START, "picture": np.ones((2, 4))}, {"picture": START["picture"]}]
)
def test_other_shapes_and_names_are_refused(other):
    with pytest.raises(ValueError, match="different shapes"):
        mixed(START, other, 0.5)


@pytest.mark.parametrize(
    ("mixes", "alpha"),
    [
        ([(0.0, 0.1, 1.0), (0.5, 0.4, 0.9), (1.0, 0.3, 0.8)], 0.5),
        ([(1.0, 0.402, 0.8), (0.5, 0.4, 0.9), (0.0, 0.1, 1.0)], 0.5),  # nearly as good
        ([(0.0, 0.1, 1.0), (0.5, 0.6, 0.6), (1.0, 0.9, 0.49)], 0.5),  # forgets less
        ([(0.0, 0.1, 1.0), (0.5, 0.2, 0.6), (1.0, 0.9, 0.49)], 1.0),  # won too little
        ([(0.5, 0.2, 0.1), (1.0, 0.9, 0.1)], 1.0),  # all forget
        ([(0.0, 0.0, 1.0), (1.0, 0.0, 1.0)], 0.0),
    ],
)
def test_the_mix_that_finds_most_and_changes_least_is_taken(mixes, alpha):
    assert chosen(mixes) == alpha


def test_no_alphas_are_refused():
    with pytest.raises(ValueError, match="no alpha"):
        chosen([])
