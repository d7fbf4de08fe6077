"""Tuning the projections of a CLIP whose towers are frozen."""

import json
import math
import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from llm_glam.evaluate.retrieval import chance_level
from llm_glam.train.clip import contrastive_loss
from llm_glam.train.clip.contrastive_loss import (
    batches,
    chance_loss,
    held_out_loss,
    rate,
)
from llm_glam.train.clip.projection_head import Features, Projections, found
from llm_glam.train.learn import learner, loop
from llm_glam.train.learn.diagnostics import diagnose
from llm_glam.train.learn.state import Settings, State, arrays_of

from ..pairs import pairs, random_start, slow_fits, slow_loss, tune

FAST = Settings(epochs=8, batch=100, learning_rate=0.03, weight_decay=0.0)
FEW = Settings(epochs=4, batch=20, learning_rate=0.01)


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)  # such small products only wait for each other
    yield
    torch.set_num_threads(before)


def short(learn=50, held_out=20):
    return random_start(), pairs(learn, 1), pairs(held_out, 2)


def to_bytes(state):
    with tempfile.TemporaryDirectory() as folder:
        state.write(Path(folder, "state"))
        return Path(folder, "state").read_bytes()


def from_bytes(data):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "state").write_bytes(data)
        return State.read(Path(folder, "state"))


def same(one, other):
    return (
        np.array_equal(one.picture, other.picture)
        and np.array_equal(one.text, other.text)
        and one.scale == other.scale
    )


# What enters


def test_pictures_and_texts_are_projected_to_unit_length():
    projections = Projections(
        np.array([[2, 0], [0, 1]], np.float32), np.array([[1], [1]], np.float32), 1.0
    )
    pictures = projections.pictures(np.array([[1.5, 4], [0, 0]], np.float32))
    assert np.allclose(pictures, [[0.6, 0.8], [0, 0]])
    texts = projections.texts(np.array([[3]], np.float32))
    assert np.allclose(texts, [[math.sqrt(0.5)] * 2])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"texts": np.full((2, 3), np.nan, np.float32)}, "texts must not contain NaN"),
        (
            {"pictures": np.full((2, 3), np.inf, np.float32)},
            "pictures must not contain NaN",
        ),
        ({"pictures": np.ones((2, 3))}, "float32"),
        ({"texts": np.ones((0, 3), np.float32)}, "non-empty"),
        ({"picture_of": np.array([0, 2])}, "does not exist"),
        ({"picture_of": np.array([-1, 0])}, "does not exist"),
        ({"caption": np.array([0])}, "caption needs one"),
        ({"caption": np.array([0.0, 1.0])}, "caption needs one"),
    ],
)
def test_features_that_make_no_sense_are_refused(change, words):
    ones = np.ones((2, 3), np.float32)
    with pytest.raises(ValueError, match=words):
        replace(Features(ones, ones, np.arange(2), np.arange(2)), **change)


def test_projections_that_make_no_sense_are_refused():
    ones = np.ones((2, 3), np.float32)
    for wrong in ((ones * np.nan, ones, 1.0), (ones[:1], ones, 1.0), (ones, ones, 0.0)):
        with pytest.raises(ValueError, match=r"NaN|dimensions|positive"):
            Projections(*wrong)


def test_features_of_other_sizes_than_the_projections_take_are_refused():
    start, train, held_out = short()
    other = replace(held_out, texts=held_out.texts[:, 1:])
    with pytest.raises(ValueError, match=r"20 per text; the features have 24 and 19"):
        tune(start, train, other, FEW)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch": 1},
        {"learning_rate": math.nan},
        {"weight_decay": -1.0},
        {"warm_up": 1.0},
        {"patience": 0},
        {"max_seconds": math.nan},
    ],
)
def test_settings_that_make_no_sense_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        Settings(**change)


# Pairs and batches

# Picture 0 has captions 7 and 8, picture 1 has 7, picture 2 has none, picture 3 has 9 and 8.
SHARED = Features(
    np.eye(4, dtype=np.float32),
    np.eye(5, dtype=np.float32),
    np.array([3, 0, 1, 0, 3]),
    np.array([9, 7, 7, 8, 8]),
)


def test_a_picture_fits_a_text_where_any_of_its_texts_is_equal():
    texts, pictures = np.arange(5), np.array([0, 1, 3])
    assert SHARED.fits(texts, pictures).tolist() == [
        [False, False, True],
        [True, True, False],
        [True, True, False],
        [True, False, True],
        [True, False, True],
    ]


def test_fits_are_those_of_a_slow_reference():
    chance = np.random.default_rng(5)
    ones = np.ones((30, 2), np.float32)
    features = Features(
        ones, ones, chance.integers(0, 30, 30), chance.integers(0, 12, 30)
    )
    texts, pictures = chance.permutation(30)[:20], chance.permutation(30)[:17]
    fits = features.fits(texts, pictures)
    assert 0 < fits.sum() < fits.size
    assert np.array_equal(fits, slow_fits(features, texts, pictures))


def test_without_chance_each_picture_comes_with_its_first_text():
    texts, pictures = SHARED.pairs()
    assert (texts.tolist(), pictures.tolist()) == ([1, 2, 0], [0, 1, 3])


def test_of_several_captions_every_one_is_drawn_in_some_epoch():
    drawn = {tuple(SHARED.pairs(np.random.default_rng(i))[0]) for i in range(40)}
    assert drawn == {(a, 2, b) for a in (1, 3) for b in (0, 4)}


def test_a_pass_has_each_picture_once_in_batches_of_nearly_equal_size():
    features = pairs(101, 0, per_picture=3)
    parts = list(batches(features, 50, np.random.default_rng(0)))
    assert [len(texts) for texts, _ in parts] == [34, 34, 33]
    pictures = np.concatenate([pictures for _, pictures in parts])
    assert sorted(pictures) == list(range(101))
    assert pictures.tolist() != sorted(pictures)
    texts = np.concatenate([texts for texts, _ in parts])
    assert np.array_equal(features.picture_of[texts], pictures)
    assert len(list(batches(features, None))) == 1


def test_the_rate_goes_up_in_a_line_and_down_as_a_cosine():
    rates = [rate(step, 12, 0.17) for step in range(12)]
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[7] == pytest.approx(0.5)
    assert rates[11] == pytest.approx(0.5 * (1 - math.cos(math.pi / 10)))
    assert rate(0, 1, 0.1) == 1.0


# The loss


def random_batch(count=6, seed=0):
    chance = np.random.default_rng(seed)
    scores = chance.normal(size=(count, count)).astype(np.float32) * 3
    fits = np.eye(count, dtype=bool)
    fits[0, 1] = fits[4, 2] = fits[2, 4] = True
    return scores, fits


def torch_loss(scores, fits):
    import torch

    return contrastive_loss.loss(torch.tensor(scores), torch.tensor(fits)).item()


def test_the_loss_is_that_of_a_slow_reference():
    scores, fits = random_batch()
    assert torch_loss(scores, fits) == pytest.approx(slow_loss(scores, fits), rel=1e-5)
    alone = np.eye(6, dtype=bool)
    assert torch_loss(scores, alone) == pytest.approx(slow_loss(scores, alone), 1e-5)


def test_the_score_of_an_equal_caption_takes_no_part():
    scores, fits = random_batch()
    higher = scores.copy()
    higher[fits & ~np.eye(6, dtype=bool)] += 100
    assert torch_loss(higher, fits) == torch_loss(scores, fits)
    assert torch_loss(higher, np.eye(6, dtype=bool)) > 10


def test_equal_scores_give_the_loss_by_chance():
    _, fits = random_batch()
    flat = np.zeros((6, 6), np.float32)
    assert chance_loss(np.eye(6, dtype=bool)) == pytest.approx(math.log(6))
    assert chance_loss(fits) == pytest.approx(torch_loss(flat, fits), rel=1e-6)
    assert chance_loss(fits) < math.log(6)


def test_the_held_out_loss_is_that_of_its_batches():
    start, _, held_out = short(held_out=21)
    cosines = start.texts(held_out.texts) @ start.pictures(held_out.pictures).T
    parts = [slice(0, 11), slice(11, 21)]
    each = [
        slow_loss(start.scale * cosines[p, p], np.eye(len(cosines[p]))) for p in parts
    ]
    expected = (11 * each[0] + 10 * each[1]) / 21
    vectors = start.texts(held_out.texts), start.pictures(held_out.pictures)
    lost = held_out_loss(*vectors, start.scale, held_out, 11)
    assert lost == pytest.approx(expected, rel=1e-4)


def test_one_step_is_adam_with_the_gradients_of_the_slow_reference():
    """Gradients by differences; the first step of Adam goes by g / (|g| + eps)."""
    start, features, _ = short(learn=5)
    fits = np.eye(5, dtype=bool)
    fits[0, 3] = fits[3, 0] = True
    begin = {k: v.astype(np.float64) for k, v in arrays_of(start).items()}

    def loss_of(weights):
        texts = features.texts @ weights["text"].T
        pictures = features.pictures @ weights["picture"].T
        texts /= np.linalg.norm(texts, axis=1, keepdims=True)
        pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
        return slow_loss(np.exp(weights["log_scale"]) * texts @ pictures.T, fits)

    zeros = {k: np.zeros(v.shape, np.float32) for k, v in begin.items()}
    now = {k: v.astype(np.float32) for k, v in begin.items()}
    far = {k: v + np.float32(1) for k, v in now.items()}
    optimizer = contrastive_loss.ProjectionOptimizer(now, (zeros, zeros), 0, far)
    batch = (features.texts, features.pictures, fits)
    lost = optimizer.learn(batch, rate=0.001, decay=10.0, clip=math.inf)
    assert lost == pytest.approx(loss_of(begin), rel=1e-4)
    after, (first, _) = optimizer.arrays()
    for name, places in (
        ("picture", [(0, 0), (3, 7)]),
        ("text", [(1, 2)]),
        ("log_scale", [()]),
    ):
        for place in places:
            up, down = (dict(begin, **{name: begin[name].copy()}) for _ in range(2))
            up[name][place] += 1e-5
            down[name][place] -= 1e-5
            slope = (loss_of(up) - loss_of(down)) / 2e-5
            assert first[name][place] == pytest.approx(0.1 * slope, rel=0.01, abs=1e-5)
            stepped = begin[name][place] - 0.001 * slope / (abs(slope) + 1e-6)
            if name != "log_scale":  # which no decay pulls towards the start
                stepped += 0.01 * (far[name][place] - stepped)
            assert after[name][place] == pytest.approx(stepped, abs=2e-5)


def test_gradients_are_clipped_all_together():
    start, features, _ = short(learn=5)
    now = arrays_of(start)
    zeros = {k: np.zeros_like(v) for k, v in now.items()}
    optimizer = contrastive_loss.ProjectionOptimizer(now, (zeros, zeros), 0, now)
    batch = (features.texts, features.pictures, np.eye(5, dtype=bool))
    optimizer.learn(batch, rate=0.001, decay=0.0, clip=1e-3)
    _, (first, _) = optimizer.arrays()
    length = math.sqrt(sum(float((part**2).sum()) for part in first.values()))
    assert length == pytest.approx(0.1 * 1e-3, rel=1e-3)


def test_a_step_after_being_taken_up_is_the_same_step():
    start, features, _ = short(learn=5)
    now = arrays_of(start)
    zeros = {k: np.zeros_like(v) for k, v in now.items()}
    batch = (features.texts, features.pictures, np.eye(5, dtype=bool))
    one = contrastive_loss.ProjectionOptimizer(now, (zeros, zeros), 0, now)
    one.learn(batch, rate=0.01, decay=1.0, clip=1.0)
    other = contrastive_loss.ProjectionOptimizer(*one.arrays(), 1, now)
    for each in (one, other):
        each.learn(batch, rate=0.01, decay=1.0, clip=1.0)
    for name, array in one.arrays()[0].items():
        assert np.array_equal(array, other.arrays()[0][name])


def test_a_scale_that_would_grow_stays_at_100():
    # Right by a cosine of .01: a larger scale would help.
    near = np.ones((5, 5), np.float32) + np.eye(5, dtype=np.float32) / 4
    eye = np.eye(5, dtype=np.float32)
    now = arrays_of(Projections(eye, eye, 100.0))
    zeros = {k: np.zeros_like(v) for k, v in now.items()}
    optimizer = contrastive_loss.ProjectionOptimizer(now, (zeros, zeros), 0, now)
    optimizer.learn((near, near, eye > 0), rate=0.1, decay=0.0, clip=1.0)
    after, (first, _) = optimizer.arrays()
    assert first["log_scale"] < 0
    assert after["log_scale"] == pytest.approx(math.log(100))


# Recall


def test_recall_counts_any_picture_with_the_caption_and_each_caption_once():
    flat = Projections(np.eye(4, dtype=np.float32), np.eye(4, 5, dtype=np.float32), 1.0)
    # Captions 7, 8, 9 first stand at the texts 1, 3, 0, which are pictures 1, 3, 0 to `flat`:
    # right for 7 (pictures 0, 1) and 8 (0, 3), wrong for 9 (3).
    assert found(flat, SHARED, 1).tolist() == [True, True, False]


def test_equal_scores_count_against():
    ones = np.ones((12, 2), np.float32)
    features = Features(ones, ones, np.arange(12), np.arange(12))
    flat = Projections(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 1.0)
    assert not found(flat, features, 11).any()
    assert found(flat, features, 12).all()


def test_recall_is_that_of_a_slow_reference_over_many_queries():
    start, _, held_out = short(held_out=300)
    scores = start.texts(held_out.texts) @ start.pictures(held_out.pictures).T
    expected = [sum(row >= row[i]) <= 10 for i, row in enumerate(scores)]
    assert found(start, held_out).tolist() == expected
    assert 0 < sum(expected) < 300


def chance_recall(matched, k=10):
    """The expected mean of the hits if pictures are ranked at random."""
    right = np.bincount(matched.links[0].captions)
    return chance_level(right, matched.count, k).mean()


def test_recall_by_chance_is_that_of_counting():
    # Of 4 pictures 2, 2 and 1 are right: the first of a random ranking is with 1/2, 1/2, 1/4.
    assert chance_recall(SHARED, 1) == pytest.approx(1.25 / 3)
    # The first 2 miss both of two right ones with 2/4 · 1/3, and the one with 3/4 · 2/3.
    assert chance_recall(SHARED, 2) == pytest.approx((5 / 6 + 5 / 6 + 1 / 2) / 3)
    assert chance_recall(SHARED, 10) == 1


# Tuning


def test_recall_rises_from_chance_to_nearly_one():
    result, held_out = pairs(400, 1), pairs(200, 2)
    tuned = tune(random_start(), result, held_out, FAST)
    before = tuned.history[0]
    assert before.recall < 0.15
    assert chance_recall(held_out) == pytest.approx(0.05)
    assert tuned.why_stopped in ("epochs", "patience")
    hits = found(tuned.best, held_out)
    assert hits.mean() > 0.9
    best = max(tuned.history, key=lambda epoch: epoch.recall)
    assert hits.mean() == best.recall
    assert best.gained - best.lost == round(200 * (best.recall - before.recall))
    assert tuned.history[-1].loss < tuned.history[1].loss / 2
    assert tuned.history[-1].held_out_loss < before.held_out_loss / 2
    assert tuned.history[-1].chance_loss == pytest.approx(math.log(100))
    assert diagnose(tuned.history, pairs=400, queries=200) == []


def test_shuffled_captions_teach_nothing_and_the_alarm_says_so():
    held_out = pairs(200, 2)
    tuned = tune(random_start(), pairs(400, 1, shuffled=True), held_out, FAST)
    assert max(epoch.recall for epoch in tuned.history) < 0.15
    told = diagnose(tuned.history, pairs=400, queries=200)
    (warning,) = [warning for warning in told if warning.kind == "no better"]
    recalls = [epoch.recall for epoch in tuned.history]
    assert recalls[-1] < max(recalls) == found(tuned.best, held_out).mean()
    assert found(tuned.last, held_out).mean() == recalls[-1]
    assert warning.fatal


def test_several_captions_a_picture_are_learnt_from():
    several = tune(random_start(), pairs(200, 1, per_picture=3), pairs(100, 2), FAST)
    assert max(epoch.recall for epoch in several.history) > 0.9


def test_reruns_are_bit_identical_and_seeds_differ():
    one, again, other = (tune(*short(), replace(FEW, seed=seed)) for seed in (0, 0, 1))
    assert same(one.last, again.last)
    assert same(one.best, again.best)
    assert one.history == again.history
    assert not same(one.last, other.last)


def test_every_epoch_draws_anew_and_the_rate_goes_on(monkeypatch):
    steps, drawn = [], []

    def seen_rate(step, *others):
        steps.append((step, *others))
        return rate(step, *others)

    def seen_batches(*arguments):
        for texts, pictures in batches(*arguments):
            drawn.append(tuple(pictures))
            yield texts, pictures

    monkeypatch.setattr(learner, "rate", seen_rate)
    monkeypatch.setattr(learner, "batches", seen_batches)
    tune(*short(), replace(FEW, patience=None))
    assert steps == [(step, 12, 0.1) for step in range(12)]
    assert len(set(drawn)) == 12


def test_the_best_epoch_is_kept_and_patience_ends_the_run():
    start, train, held_out = short()
    wild = Settings(epochs=30, batch=20, learning_rate=0.01, patience=3)
    tuned = tune(start, train, held_out, wild)
    recalls = [epoch.recall for epoch in tuned.history]
    best = recalls.index(max(recalls))
    assert tuned.why_stopped == "patience"
    assert len(recalls) == best + 4
    assert found(tuned.best, held_out).mean() == recalls[best]
    assert [epoch.number for epoch in tuned.history] == list(range(best + 4))


def test_without_patience_all_epochs_are_done():
    tuned = tune(*short(), replace(FEW, patience=None))
    assert (tuned.why_stopped, len(tuned.history)) == ("epochs", 5)


def test_watcher_and_measure_are_asked_of_every_epoch():
    seen, states = [], []
    measures = iter([(1.0, 0.5), (0.9, 0.4), (0.8, 0.3)])
    tuned = tune(
        *short(),
        replace(FEW, epochs=2),
        measure=lambda projections: next(measures),
        on_epoch=seen.append,
        save=states.append,
    )
    assert tuple(seen) == tuned.history == states[-1].history
    assert [(e.retention, e.spread) for e in seen] == [
        (1.0, 0.5),
        (0.9, 0.4),
        (0.8, 0.3),
    ]
    assert [len(state.history) for state in states] == [2, 3]


def test_the_scale_stays_at_100_or_below():
    start, train, held_out = short()
    tuned = tune(replace(start, scale=150.0), train, held_out, FAST)
    assert tuned.last.scale <= 100.001
    assert tune(start, train, held_out, FAST).last.scale != start.scale


def test_batches_larger_than_the_data_and_all_at_once_are_the_same():
    large, everything = (
        tune(*short(), replace(FEW, batch=batch)) for batch in (5000, None)
    )
    assert same(large.last, everything.last)


def test_a_single_pair_teaches_nothing_and_breaks_nothing():
    start = random_start()
    tuned = tune(start, pairs(1, 1), pairs(1, 2), FEW)
    assert np.allclose(tuned.last.picture, start.picture)
    assert [epoch.recall for epoch in tuned.history] == [1.0] * len(tuned.history)
    assert tuned.history[-1].loss == 0


def test_captions_that_are_all_equal_teach_nothing():
    start, train, held_out = short()
    equal = replace(train, caption=np.zeros(50, int))
    tuned = tune(start, equal, held_out, FEW)
    assert tuned.history[-1].loss == tuned.history[-1].chance_loss == 0
    assert "no better" in [
        a.kind for a in diagnose(tuned.history, pairs=50, queries=20)
    ]


def test_decay_pulls_towards_the_start():
    start, train, held_out = short()
    free, held = (
        tune(start, train, held_out, replace(FEW, weight_decay=decay)).last
        for decay in (0.0, 50.0)
    )
    moved = [np.abs(one.picture - start.picture).mean() for one in (free, held)]
    assert 0 < moved[1] < moved[0] / 2


def test_time_that_is_up_before_the_first_step_leaves_the_start():
    start, train, held_out = short()
    tuned = tune(start, train, held_out, replace(FEW, max_seconds=0.0))
    assert (tuned.why_stopped, len(tuned.history)) == ("seconds", 1)
    assert np.array_equal(tuned.best.picture, start.picture)


def test_an_epoch_that_time_cuts_short_is_left_out(monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr(loop.time, "monotonic", lambda: next(ticks))
    states = []
    cut = tune(*short(), replace(FEW, max_seconds=12.0), save=states.append)
    assert cut.why_stopped == "seconds"
    assert 1 < len(cut.history) < 5
    assert len(states) == len(cut.history) - 1
    monkeypatch.undo()
    gone_on = tune(*short(), FEW, state=states[-1])
    assert same(gone_on.last, tune(*short(), FEW).last)


def test_a_loss_that_is_no_number_ends_the_run():
    start, train, held_out = short()
    huge = np.sign(train.pictures) * np.float32(3e38)  # whose products are infinite
    tuned = tune(start, replace(train, pictures=huge), held_out, FEW)
    assert (tuned.why_stopped, len(tuned.history)) == ("diverged", 1)
    assert np.array_equal(tuned.last.picture, start.picture)


# States


@pytest.mark.parametrize("epochs", [1, 3])
def test_going_on_after_a_kill_is_as_never_having_stopped(epochs):
    saved = []
    whole = tune(*short(), FEW, save=lambda state: saved.append(to_bytes(state)))
    state = from_bytes(saved[epochs - 1])
    seen = []
    resumed = tune(*short(), FEW, state=state, on_epoch=seen.append)
    assert same(resumed.last, whole.last)
    assert same(resumed.best, whole.best)
    assert resumed.history == whole.history
    assert tuple(seen) == whole.history[epochs + 1 :]


def test_a_state_comes_back_from_bytes_as_it_was():
    states = []
    tune(*short(), FEW, measure=lambda projections: (0.1, 1 / 3), save=states.append)
    data = to_bytes(states[-1])
    assert to_bytes(from_bytes(data)) == data
    assert from_bytes(data).history == states[-1].history


def test_a_state_of_other_data_or_settings_is_refused():
    start, train, held_out = short()
    states = []
    tune(start, train, held_out, FEW, save=states.append)
    state = states[0]
    for arguments in (
        (random_start(1), train, held_out, FEW),
        (start, pairs(50, 9), held_out, FEW),
        (start, train, pairs(20, 9), FEW),
    ):
        with pytest.raises(ValueError, match="other weights or other data"):
            tune(*arguments, state=state)
    with pytest.raises(ValueError, match="other settings"):
        tune(start, train, held_out, replace(FEW, seed=1), state=state)
    longer = replace(FEW, patience=None, max_seconds=1000.0)
    assert tune(start, train, held_out, longer, state=state).why_stopped == "epochs"


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("executed",))


def with_changes(data, **changes):
    """A state of which the JSON says something else."""
    from safetensors.numpy import load

    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    about = {**json.loads(head["__metadata__"]["about"]), **changes}
    return save(load(data), {"about": json.dumps(about)})


def test_bytes_that_are_no_state_are_refused_and_never_executed():
    states = []
    tune(*short(), FEW, save=states.append)
    good = states[0]
    data = to_bytes(good)
    history = [{**vars(epoch)} for epoch in good.history]
    nan = {**good.now, "text": good.now["text"] * np.float32(np.nan)}
    tensors = {"a": np.zeros(2, np.float32)}
    for wrong in (
        b"",
        b"garbage" * 10,
        pickle.dumps(Evil()),
        data[:-1],
        data[: len(data) // 2],
        b"\xff" * 8 + data[8:],
        save(tensors),
        with_changes(data, format="llm-glam tuning 1"),
        save(tensors, {"about": "[" * 100_000}),
        save(tensors, {"about": json.dumps({"format": "llm-glam tuning 1"})}),
        save(tensors, {"about": "[]"}),
        with_changes(data, steps="many"),
        with_changes(data, steps=-1),
        with_changes(data, settings=3),
        with_changes(data, history=[]),
        with_changes(data, history=history[1:]),
        with_changes(data, history=[{**history[0], "recall": "high"}]),
        with_changes(data, history=[{**history[0], "more": 1}]),
        to_bytes(replace(good, now=nan)),
        to_bytes(replace(good, first=nan)),
        to_bytes(replace(good, second={k: v - 1 for k, v in good.second.items()})),
        to_bytes(replace(good, first={**good.first, "text": good.first["text"][:2]})),
    ):
        with pytest.raises(ValueError, match="not a saved training state"):
            from_bytes(wrong)
    assert from_bytes(with_changes(data, steps=3)).steps == 3
