"""``llm glam search --also``: several collections of one checkpoint, in one ranking."""

import json
import sqlite3

import pytest

from llm_glam.search import search, several

from ..conftest import register_fake
from ..fakes import BLUE, GREEN, RED, Colours, picture

YELLOW, WHITE = (255, 255, 0), (255, 255, 255)
FINDS = {"red.png": RED, "yellow.png": YELLOW, "green.png": GREEN}
MET = {"a.png": RED, "white.png": WHITE, "blue.png": BLUE}
# Cosines with red, by hand: yellow is (1, 1, 0), white (1, 1, 1).
BY_RED = [
    ("finds", "red.png", 1),
    ("met", "a.png", 1),
    ("finds", "yellow.png", 2**-0.5),
    ("met", "white.png", 3**-0.5),
    ("finds", "green.png", 0),
    ("met", "blue.png", 0),
]


@pytest.fixture
def two(llm, colours, tmp_path):
    """The collections finds and met; yellow and white are of clay, and only finds has places."""
    for name, pictures in (("finds", FINDS), ("met", MET)):
        for file, colour in pictures.items():
            picture(tmp_path / name / file, colour)
        clay = {"file_name": list(pictures)[1], "material": "clay"}
        if name == "finds":
            clay["place"] = "Troy"
        (tmp_path / name / "metadata.jsonl").write_text(json.dumps(clay))
        llm("glam", "embed", name, name)
    return llm


def found(llm, *arguments):
    rows = llm.json("glam", "search", "finds", *arguments)
    return [(row["collection"], row["id"]) for row in rows]


def test_one_ranking_with_equal_scores_in_the_order_of_the_collections(two):
    rows = two.json("glam", "search", "finds", "red", "--also", "met")
    assert [(r["collection"], r["id"], r["score"]) for r in rows] == [
        (name, item_id, pytest.approx(score, abs=1e-6))
        for name, item_id, score in BY_RED
    ]
    other_way = two.json("glam", "search", "met", "red", "--also", "finds", "-n", 2)
    assert [r["id"] for r in other_way] == ["a.png", "red.png"]


def test_pages_and_the_least_score_are_of_the_whole_ranking(two):
    expected = [(name, item_id) for name, item_id, _ in BY_RED]
    pages = [
        found(two, "red", "--also", "met", "-n", 2, "--skip", skip)
        for skip in (0, 2, 4, 6)
    ]
    assert pages == [expected[:2], expected[2:4], expected[4:], []]
    assert found(two, "red", "--also", "met", "--min-score", 0.6) == expected[:3]


def test_ids_are_those_of_the_first_collection(two, tmp_path):
    picture(tmp_path / "met" / "yellow.png", BLUE)
    two("glam", "embed", "met", "met")
    rows = found(two, "id:yellow.png", "-s", "green", "--also", "met", "-n", 3)
    # (1, 1, 0) of length 1 without green: .707, -.293, 0; nearest to red, then white
    assert rows == [("finds", "red.png"), ("met", "a.png"), ("met", "white.png")]
    message = two.fails("glam", "search", "finds", "id:a.png", "--also", "met")
    assert message == "There is no 'a.png' in the collection 'finds'."


def test_conditions_apply_to_each_collection(two):
    clay = ("--also", "met", "--filter", "material=clay")
    assert found(two, "red", *clay) == [("finds", "yellow.png"), ("met", "white.png")]
    assert found(two, *clay) == [("finds", "yellow.png"), ("met", "white.png")]
    assert found(two, *clay, "--skip", 1) == [("met", "white.png")]
    message = two.fails(
        *("glam", "search", "finds", "red", "--also", "met", "--filter", "place=Troy")
    )
    assert message.startswith("There is no column 'place' in met.")
    everything = ("--also", "met", "--rights", "open")
    assert two("glam", "search", "finds", "red", *everything).stdout == ""


def test_collections_given_twice_are_searched_once(two):
    twice = found(two, "red", "--also", "met", "--also", "met", "--also", "finds")
    assert twice == [(name, item_id) for name, item_id, _ in BY_RED]


def test_a_table_says_which_collection(two):
    table = two("glam", "search", "finds", "red", "--also", "met", "-n", 2, "-t").stdout
    header, _, first, second = table.splitlines()
    assert header.split()[:3] == ["collection", "id", "score"]
    assert (first.split()[:2], second.split()[:2]) == (
        ["finds", "red.png"],
        ["met", "a.png"],
    )


def test_vectors_of_two_checkpoints_are_never_compared(two, monkeypatch):
    register_fake(two, monkeypatch, "other", Colours("0dd0"))
    two("glam", "reembed", "met", "met2", "-m", "other")
    message = two.fails("glam", "search", "finds", "red", "--also", "met2")
    assert "'finds' was made with glam-clip/colours (c0c0, fp32)" in message
    assert "'met2' with glam-clip/other (0dd0, fp32)" in message
    assert message.endswith("llm glam reembed met2 met2-colours -m colours")


def test_vectors_of_two_precisions_are_never_compared(two):
    with sqlite3.connect(two.database) as db:
        db.execute("update glam_collections set precision = 'int8' where name = 'met'")
    message = two.fails("glam", "search", "finds", "red", "--also", "met")
    assert "(c0c0, fp32)" in message
    assert "(c0c0, int8)" in message


def test_a_collection_that_is_not_there(two):
    message = two.fails("glam", "search", "finds", "red", "--also", "nobody")
    assert message.startswith("There is no collection 'nobody'")


def test_from_python(two):
    results = search(two.database, "finds", "red", also=["met"])
    assert [(r.collection, r.id) for r in results[:2]] == [
        ("finds", "red.png"),
        ("met", "a.png"),
    ]
    assert [r.collection for r in search(two.database, "met", "red")] == ["met"] * 3


def test_merging_rankings():
    one, other = [("b", 0.5), ("c", 0.25)], [("a", 0.5), ("d", 0.25), ("e", -1.0)]
    assert several.merge([one, other], 3) == [
        (0, ("b", 0.5)),
        (1, ("a", 0.5)),
        (0, ("c", 0.25)),
    ]
    assert several.merge([[], other], 9) == [(1, one) for one in other]
    without = [[("b", None), ("a", None)], [("a", None)]]
    assert several.merge(without, 9) == [
        (0, ("a", None)),
        (0, ("b", None)),
        (1, ("a", None)),
    ]
