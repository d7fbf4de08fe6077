"""What is said when tuning goes wrong."""

from dataclasses import replace

import numpy as np
import pytest

from llm_glam.train.captions import everyday
from llm_glam.train.learn.diagnostics import (
    Collapse,
    collapse,
    diagnose,
    mcnemar_p_value,
    overfitting,
    retention,
)
from llm_glam.train.learn.state import Epoch, Settings

from ..pairs import pairs, random_start, tune


def epoch(number, recall, **changes):
    """One of a healthy run of 200 held-out captions."""
    numbers = {
        "loss": 4.0 / (number + 1),
        "chance_loss": 5.0,
        "held_out_loss": 3.0,
        "gained": round(200 * recall),
        "lost": 0,
        "retention": 0.9,
        "spread": 0.2,
        "seconds": 1.0,
    }
    if number == 0:
        numbers |= {"loss": None, "chance_loss": None, "gained": 0}
    return Epoch(number=number, recall=recall, **numbers | changes)


HEALTHY = [epoch(0, 0.05), epoch(1, 0.3), epoch(2, 0.5)]


def told(history, **changes):
    arguments = {"pairs": 1000, "queries": 200, **changes}
    return {warning.kind: warning for warning in diagnose(history, **arguments)}


def test_a_healthy_run_gives_no_alarm():
    assert told(HEALTHY, seen=Collapse(0.3, 0.2)) == {}


# Collapse


def test_the_mean_cosine_is_between_different_pictures():
    vectors = np.array([[2, 0], [0, 1], [0, 3]], np.float32)
    assert collapse(vectors).mean_cosine == pytest.approx(1 / 3)  # of 0, 0 and 1


def test_the_mean_cosine_is_that_of_a_slow_reference():
    vectors = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32) + 1
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for i, a in enumerate(vectors)
        for b in vectors[:i]
    ]
    assert collapse(vectors).mean_cosine == pytest.approx(np.mean(cosines), abs=1e-5)


def test_the_spread_is_the_middle_of_a_query_s_scores():
    # Against the query (1, 0) a picture at an angle scores its cosine.
    cosines = np.linspace(0, 1, 101)
    pictures = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)
    query = np.array([[5, 0]], np.float32)
    assert collapse(pictures, query).spread == pytest.approx(0.9, abs=1e-5)


def test_without_queries_a_picture_s_own_score_is_left_out():
    alike = np.tile(np.array([[1, 0]], np.float32), (3, 1))
    away = np.array([[1, 0], [0, 1]], np.float32)
    assert collapse(alike) == Collapse(pytest.approx(1), pytest.approx(0))
    assert collapse(away) == Collapse(pytest.approx(0), pytest.approx(0))


@pytest.mark.parametrize("wrong", [np.ones((1, 3)), np.full((3, 3), np.nan)])
def test_what_cannot_be_judged_is_refused(wrong):
    with pytest.raises(ValueError, match="vectors"):
        collapse(wrong.astype(np.float32))


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Collapse(0.96, 0.2), "cosine of 0.960"),
        (Collapse(0.3, 0.009), "span only 0.0090"),
    ],
)
def test_collapse_is_fatal(seen, words):
    warning = told(HEALTHY, seen=seen)["collapse"]
    assert warning.fatal
    assert words in warning.words
    assert "Lower the learning rate" in warning.words


def test_numbers_at_the_thresholds_are_no_collapse():
    assert told(HEALTHY, seen=Collapse(0.95, 0.01)) == {}


def test_a_spread_in_the_history_is_enough():
    collapsed = [*HEALTHY[:2], replace(HEALTHY[2], spread=0.001)]
    assert told(collapsed)["collapse"].fatal


def test_a_loss_that_stays_at_ln_batch_is_a_collapse():
    stuck = [epoch(0, 0.05), *(epoch(n, 0.05, loss=4.95, gained=0) for n in (1, 2, 3))]
    assert "4.950" in told(stuck)["collapse"].words
    for other in ({"loss": 4.85}, {"loss": 5.15}, {"gained": 30, "recall": 0.2}):
        changed = [*stuck[:1], replace(stuck[1], **other), *stuck[2:]]
        assert "collapse" not in told(changed)


def test_a_run_made_to_collapse_is_told():
    """Texts that are all the same vector, under different captions, at a huge rate."""
    train = pairs(100, 1)
    train = replace(train, texts=np.tile(train.texts[:1], (100, 1)))
    held_out = pairs(100, 2)
    wild = Settings(epochs=5, learning_rate=10.0, weight_decay=0.0, patience=None)
    tuned = tune(random_start(scale=1.0), train, held_out, wild)
    seen = collapse(tuned.last.pictures(held_out.pictures))
    found = told(tuned.history, pairs=100, queries=100, seen=seen)
    assert found["collapse"].fatal
    assert found["no better"].fatal


# Retention


def test_retention_is_the_part_of_neighbours_that_is_kept():
    def circle(*degrees):
        angles = np.radians(degrees)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)

    before = circle(0, 10, 30, 90)  # nearest: 1, 0, 1, 2
    after = circle(0, 50, 30, 90)  # nearest: 2, 2, 1, 1
    found = retention(before, after, k=1)
    assert found.share == 0.25  # of the third alone
    assert found.chance_level == pytest.approx(1 / 3)


def test_what_is_turned_or_scaled_is_kept_and_what_is_random_is_not():
    chance_level = np.random.default_rng(0)
    before = chance_level.normal(size=(120, 16)).astype(np.float32)
    turn, _ = np.linalg.qr(chance_level.normal(size=(16, 16)))
    assert retention(before, (3 * before @ turn).astype(np.float32)).share > 0.98
    other = chance_level.normal(size=(120, 16)).astype(np.float32)
    random = retention(before, other)
    assert random.chance_level == pytest.approx(5 / 119)
    assert abs(random.share - random.chance_level) < 0.03


def test_other_texts_are_refused():
    ones = np.ones((8, 2), np.float32)
    with pytest.raises(ValueError, match="same texts"):
        retention(ones, ones[:7])
    with pytest.raises(ValueError, match="6 vectors"):
        retention(ones[:5], ones[:5])


def test_forgetting_is_told_and_not_fatal():
    forgot = [*HEALTHY[:2], replace(HEALTHY[2], retention=0.4)]
    warning = told(forgot)["forgetting"]
    assert "40%" in warning.words
    assert not warning.fatal


def test_retention_is_judged_where_recall_is_best():
    assert told([*HEALTHY, epoch(3, 0.49, retention=0.1)]) == {}


# Overfitting


def test_recall_that_falls_while_the_loss_falls_is_overfitting():
    falling = [*HEALTHY, *(epoch(n, r) for n, r in ((3, 0.49), (4, 0.48)))]
    assert not overfitting(falling)
    falling.append(epoch(5, 0.47))
    assert overfitting(falling)
    warning = told(falling)["overfitting"]
    assert "0.500 (epoch 2) to 0.470" in warning.words
    assert not warning.fatal


def test_a_rising_loss_or_a_small_dip_is_no_overfitting():
    after = [epoch(n, 0.45) for n in (3, 4, 5)]
    assert overfitting([*HEALTHY, *after])
    assert not overfitting([*HEALTHY, *after[:2], replace(after[2], loss=2.0)])
    assert not overfitting([*HEALTHY, *after[:2], replace(after[2], recall=0.49)])
    assert not overfitting([*HEALTHY, *after[:2], replace(after[2], chance_loss=0.6)])


def test_recall_that_never_rose_can_be_overfitting_too():
    history = [epoch(0, 0.5), *(epoch(n, 0.5 - n / 20) for n in (1, 2, 3))]
    assert overfitting(history)


# No better


def test_the_sign_test_is_that_of_counting():
    assert mcnemar_p_value(0, 0) == 1
    assert mcnemar_p_value(3, 0) == 1 / 8
    assert mcnemar_p_value(3, 1) == 5 / 16  # 4 + 1 of 16 ways
    assert mcnemar_p_value(1, 3) == 15 / 16


@pytest.mark.parametrize(
    ("gained", "lost", "is_better"),
    [(7, 0, True), (6, 0, False), (40, 30, False), (50, 20, True)],
)
def test_better_is_what_can_hardly_be_chance(gained, lost, is_better):
    history = [epoch(0, 0.5), epoch(1, 0.6, gained=gained, lost=lost)]
    assert ("no better" not in told(history)) == is_better


def test_no_better_is_fatal_and_gives_the_numbers():
    history = [epoch(0, 0.5), epoch(1, 0.4)]
    warning = told(history, chance_level=0.05)["no better"]
    assert warning.fatal
    for words in (
        "was 0.500",
        "and 0.500 at its best",
        "level 0.050",
        "of 200 captions 0 were gained",
    ):
        assert words in warning.words


# Too few


@pytest.mark.parametrize(
    ("counts", "is_few"),
    [((200, 100), False), ((199, 100), True), ((200, 99), True)],
)
def test_few_pairs_are_told(counts, is_few):
    found = told(HEALTHY, pairs=counts[0], queries=counts[1])
    assert ("too few pairs" in found) == is_few
    assert not any(warning.fatal for warning in found.values())


# The captions


def test_the_everyday_captions_are_short_and_all_different():
    assert len(set(everyday.CAPTIONS)) == len(everyday.CAPTIONS) == 120
    assert all(2 <= len(words.split()) <= 9 for words in everyday.CAPTIONS)
