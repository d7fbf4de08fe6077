"""Figures of retrieval, by hand and against a slow and obvious reference."""

from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest

from llm_glam.errors import BadVectors
from llm_glam.evaluate import bootstrap, retrieval
from llm_glam.evaluate.retrieval import Links


def links(pairs, n_pictures, n_captions):
    one, other = np.array(pairs, np.int64).T
    return Links(one, other, n_pictures, n_captions)


def at(*degrees):
    """Vectors of length 1 in the plane, whose cosines one knows."""
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def slow(queries, answers, right):
    """Rank by rank, with plain loops."""
    found = []
    for number, query in enumerate(queries.astype(float)):
        scores = []
        for answer in answers.astype(float):
            lengths = np.linalg.norm(query) * np.linalg.norm(answer)
            scores.append(float(query @ answer) / lengths if lengths else 0.0)
        best = max(scores[i] for i in right[number])
        wrong = [s for i, s in enumerate(scores) if i not in right[number]]
        found.append(1 + sum(s >= best - 1e-7 for s in wrong))
    return found


def test_ranks_by_hand():
    # Captions at 0, 40 and 90 degrees; the pictures of the first two have changed places.
    found = retrieval.ranks(
        at(35, 5, 80), at(0, 40, 90), links([(0, 0), (1, 1), (2, 2)], 3, 3)
    )

    assert found.captions.tolist() == [2, 2, 1]
    assert found.pictures.tolist() == [2, 2, 1]


def test_any_right_answer_counts_and_right_answers_do_not_stand_before_each_other():
    # The first caption is of three pictures, at 10, 20 and 60 degrees; a wrong one is at 15.
    pairs = [(0, 0), (1, 0), (2, 0), (3, 1)]
    found = retrieval.ranks(at(10, 20, 60, 15), at(18, 90), links(pairs, 4, 2))

    assert found.captions.tolist() == [1, 3]
    assert found.pictures.tolist() == [1, 1, 2, 2]


@pytest.mark.parametrize("tile", [3, 7, 2_048])
@pytest.mark.parametrize("seed", range(12))
def test_ranks_are_those_of_a_slow_reference(seed, tile, monkeypatch):
    monkeypatch.setattr(retrieval, "TILE", tile)
    random = np.random.default_rng(seed)
    n, m = random.integers(2, 24, size=2)
    # Few different numbers, so that many scores are equal, and vectors of zeros are there too.
    pictures, captions = (
        random.integers(-1, 2, size=(size, 3)).astype(np.float32) for size in (n, m)
    )
    some = {(int(p), int(random.integers(m))) for p in range(n)}
    some |= {(int(random.integers(n)), int(c)) for c in range(m)}

    found = retrieval.ranks(pictures, captions, links(sorted(some), n, m))

    of_caption = [{p for p, c in some if c == one} for one in range(m)]
    of_picture = [{c for p, c in some if p == one} for one in range(n)]
    assert found.captions.tolist() == slow(captions, pictures, of_caption)
    assert found.pictures.tolist() == slow(pictures, captions, of_picture)


def test_a_collapsed_checkpoint_is_no_better_than_drawing_lots():
    same = np.full((50, 4), 0.3, np.float32)
    own = links([(i, i) for i in range(50)], 50, 50)
    found = retrieval.ranks(same, same, own)

    assert found.captions.tolist() == found.pictures.tolist() == [50] * 50

    # Equal but for the last bits, as a batch of another size may leave them.
    noise = np.random.default_rng(0).normal(size=same.shape) * 1e-9
    found = retrieval.ranks(same + noise.astype(np.float32), same, own)
    assert np.mean(found.captions <= 10) <= 10 / 50


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_one_sentence(bad):
    pictures, captions = at(1, 2, 3), at(1, 2, 3)
    captions[1, 0] = bad
    own = links([(i, i) for i in range(3)], 3, 3)

    with pytest.raises(BadVectors, match="1 of 3 captions contain NaN or infinite"):
        retrieval.ranks(pictures, captions, own)
    with pytest.raises(BadVectors, match="1 of 3 pictures contain NaN or infinite"):
        retrieval.ranks(captions, pictures, own)
    with pytest.raises(BadVectors, match="1 of 3 pictures"):
        retrieval.neighbours(captions, ["a", "b", "c"], np.arange(3), 10)


def test_links_of_some_pictures_keep_their_captions():
    every = links([(0, 0), (0, 1), (1, 1), (2, 2), (3, 0)], 4, 3)

    some, captions = every.only(np.array([False, True, False, True]))

    assert captions.tolist() == [0, 1]
    assert (some.n_pictures, some.n_captions) == (2, 2)
    assert sorted(zip(some.pictures.tolist(), some.captions.tolist(), strict=True)) == [
        (0, 1),
        (1, 0),
    ]


@pytest.mark.parametrize("pool", [1, 2, 5, 7])
@pytest.mark.parametrize("k", [1, 3, 10])
def test_chance_counts_all_draws(pool, k):
    for right in range(pool + 1):
        draws = list(combinations(range(pool), min(k, pool)))
        expected = sum(min(draw) < right for draw in draws) / len(draws)

        found = retrieval.chance_level(np.array([right]), pool, k)

        assert found == pytest.approx([expected])


@pytest.mark.parametrize("pool", [1, 4, 6])
def test_chance_of_reciprocal_counts_all_orders(pool):
    for right in range(1, pool + 1):
        orders = list(permutations(range(pool)))
        ranks = [1 + min(order.index(one) for one in range(right)) for order in orders]
        expected = sum(1 / rank for rank in ranks) / len(ranks)

        found = retrieval.chance_reciprocal_rank(np.array([right, right]), pool)

        assert found == pytest.approx([expected, expected])


def test_chance_by_hand():
    found = retrieval.chance_level(np.array([1, 5]), 1000, 10)

    assert found == pytest.approx([0.01, 1 - comb(995, 10) / comb(1000, 10)])
    assert found[1] == pytest.approx(0.04910, abs=1e-5)


def test_neighbours_by_hand():
    # Two nearest of each, at 0, 10, 20, 60 and 80 degrees; the first two are one object.
    found, chance_level = retrieval.neighbours(
        at(0, 10, 20, 60, 80), ["x", "x", "x", "y", "y"], np.array([0, 0, 1, 2, 3]), 2
    )

    # 0 sees 20 x, 60 y; 10 the same; 20 sees 10 x, 0 x; 60 sees 80 y, 20 x; 80 sees 60 y, 20 x
    assert found == pytest.approx([0.5, 0.5, 1, 0.5, 0.5])
    assert chance_level == pytest.approx([1 / 3, 1 / 3, 0.5, 0.25, 0.25])


def test_a_label_that_no_other_group_has_is_asked_for_nothing():
    found, chance_level = retrieval.neighbours(
        at(0, 10, 20, 30), ["x", "x", "y", "y"], np.array([0, 0, 1, 2]), 10
    )

    assert (
        np.isnan(found).tolist()
        == np.isnan(chance_level).tolist()
        == [True, True, False, False]
    )
    assert found[2] == pytest.approx(1 / 3)  # all three others are its ten nearest


def test_neighbours_of_a_collapsed_checkpoint_are_lots_drawn():
    labels = sorted("aaaabbbbbbcccccccccccccccccccc")
    same = np.ones((30, 3), np.float32)

    found, chance_level = retrieval.neighbours(same, labels, np.arange(30), 10)

    assert found == pytest.approx(chance_level)
    assert chance_level[0] == pytest.approx(3 / 29)


def test_labels_by_hand():
    # Labels at 0 and 80 degrees ask for pictures at 0, 20, 50, 70 and 90; two nearest of each.
    found, chance_level = retrieval.labelled(
        at(0, 20, 50, 70, 90), at(0, 80), np.array([0, 1, 0, 0, 1]), 2
    )

    # 0 sees 0 (its own) and 20; 80 sees 70 and 90 (its own)
    assert found == pytest.approx([0.5, 0.5])
    assert chance_level == pytest.approx([0.6, 0.4])


def test_labels_of_a_collapsed_checkpoint_are_lots_drawn():
    same = np.ones((30, 3), np.float32)
    found, chance_level = retrieval.labelled(same, same[:2], np.arange(30) // 24, 10)

    assert found == pytest.approx(chance_level)
    assert chance_level == pytest.approx([0.8, 0.2])


@pytest.mark.parametrize("seed", range(6))
def test_neighbours_are_those_of_a_slow_reference(seed, monkeypatch):
    monkeypatch.setattr(retrieval, "SCORES_AT_ONCE", 70)
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(30, 4)).astype(np.float32)
    labels = [str(one) for one in random.integers(3, size=30)]
    groups = random.integers(20, size=30)

    found, _ = retrieval.neighbours(vectors, labels, groups, 5)

    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for one in range(30):
        others = [o for o in range(30) if groups[o] != groups[one]]
        nearest = sorted(others, key=lambda o: -float(unit[one] @ unit[o]))[:5]
        expected = np.mean([labels[o] == labels[one] for o in nearest])
        assert found[one] == pytest.approx(expected)


def test_an_interval_holds_the_mean_and_is_as_wide_as_the_binomial_says():
    random = np.random.default_rng(1)
    hits = (random.random((400, 1)) < 0.3).astype(float)

    low, high = bootstrap.interval(bootstrap.bootstrap(hits, np.arange(400), 0))

    assert low[0] < hits.mean() < high[0]
    expected = 2 * 1.96 * np.sqrt(0.3 * 0.7 / 400)
    assert high[0] - low[0] == pytest.approx(expected, rel=0.15)


def test_groups_are_drawn_whole():
    # Ten objects with forty equal queries each: ten answers, not four hundred.
    hits = np.repeat([1.0, 0, 1, 0, 1, 0, 1, 0, 1, 0], 40)[:, None]
    groups = np.repeat(np.arange(10), 40)

    apart = bootstrap.interval(bootstrap.bootstrap(hits, np.arange(400), 0))
    together = bootstrap.interval(bootstrap.bootstrap(hits, groups, 0))

    assert together[1][0] - together[0][0] > 3 * (apart[1][0] - apart[0][0])


def test_groups_of_other_sizes_weigh_by_their_queries():
    values = np.array([[1.0], [0.0], [0.0], [0.0]])
    means = bootstrap.bootstrap(values, np.array([7, 9, 9, 9]), 0, 200)

    # Of two groups come: the first twice, the second twice, or both, which is the mean.
    assert set(means[:, 0]) == {1.0, 0.0, 0.25}


def test_the_same_seed_draws_the_same():
    values = np.random.default_rng(0).random((30, 2))
    one, same, other = (
        bootstrap.bootstrap(values, np.arange(30), seed, 50) for seed in (1, 1, 2)
    )

    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    reverse = bootstrap.bootstrap(values[:, ::-1], np.arange(30), 1, 50)
    assert reverse[:, ::-1] == pytest.approx(one)
