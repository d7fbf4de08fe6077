"""``--match``: words looked for in records as well as in pictures, against ranks computed by hand.

The vector of a picture is its colour, and that of the word *red* is (1, 0, 0). The pictures are
those of :data:`tests.prepared.LETTERS`: their cosines to red are 1, .7071, 0, 0 and 0.
"""

import pytest

from llm_glam.db.record_search import containing
from llm_glam.search import SearchOptions, fusion, search

from ..site import change


def found(llm, *query, match="both"):
    lines = llm.json("glam", "search", "photos", "--match", match, *query)
    return [(line["id"], line["match"]) for line in lines]


def test_equal_scores_share_a_rank():
    assert fusion.ranks({"a": 0.5, "b": 0.9, "c": 0.5, "d": 0.1}) == {
        **{"b": 1, "a": 2, "c": 2, "d": 4}
    }


def test_a_fused_rank_is_the_sum_of_reciprocals():
    total = fusion.fused({"a": 1, "b": 2}, {"b": 1, "c": 40})

    assert total == {"a": 1 / 61, "b": 1 / 62 + 1 / 61, "c": 1 / 100}


def test_both_rankings_are_fused(letters):
    lines = letters.json("glam", "search", "photos", "red", "--match", "both")

    # The shorter record is the better one, and places 3 to 5 among the pictures are one: it has
    # 1/63 + 1/61, the longer one 1/63 + 1/62, the red picture 1/61, the yellow one 1/62, the rest 1/63.
    assert [(one["id"], one["match"], round(one["score"], 4)) for one in lines] == [
        ("c3.png", "both", 0),
        ("d4.png", "both", 0),
        ("a1.png", "picture", 1),
        ("b2.png", "picture", 0.7071),
        ("scans/0032.png", "picture", 0),
    ]


def test_records_alone(letters):
    assert found(letters, "red", match="record") == [
        ("c3.png", "record"),
        ("d4.png", "record"),
    ]
    assert found(letters, "red letter long", match="record") == [("d4.png", "record")]
    assert found(letters, "blue", match="record") == []


def test_pictures_alone_are_found_as_ever(letters):
    plain = letters.json("glam", "search", "photos", "red")

    assert plain == letters.json("glam", "search", "photos", "red", "--match=picture")
    assert [one["id"] for one in plain[:2]] == ["a1.png", "b2.png"]
    assert "match" not in plain[0]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("a1.png", "a1.png"),
        ("A1", "a1.png"),
        ("0032", "scans/0032.png"),
        ("32", "scans/0032.png"),
        ("scans 32", "scans/0032.png"),
        ("wolf s BOWL", "scans/0032.png"),
        ("a pot", "a1.png"),
    ],
)
@pytest.mark.parametrize("match", ["both", "record"])
def test_an_id_a_file_and_a_title_come_first(letters, typed, first, match):
    assert found(letters, typed, match=match)[0] == (first, "identifier")


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("some", ["d4.png"]),  # somebody
        ("lett red", ["c3.png", "d4.png"]),
        ("let", []),  # too short
        ("188", []),  # of a number
        ("wrot* letter", ["d4.png"]),
        ("the letter of an age with a", []),
        ("the letter of a long with red", ["d4.png"]),
        ("an", []),
        ("A", ["a1.png", "b2.png", "c3.png", "d4.png"]),
    ],
)
def test_longer_words_may_go_on_and_little_ones_do_not_count(letters, typed, names):
    hits = found(letters, typed, match="record")

    assert sorted(name for name, _ in hits) == names
    assert {match for _, match in hits} <= {"record"}


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("1887/3804.2", "a1.png"),
        ("1887_3804-2", "a1.png"),
        ("1887 3804 02", "a1.png"),
        ("1887.3804.20", "b2.png"),
        ("1890-7", "c3.png"),
        ("ω 1", "scans/0032.png"),
    ],
)
def test_a_number_by_which_records_are_joined_comes_first(letters, typed, first):
    assert found(letters, typed)[0] != (first, "identifier")
    change(
        letters, "update glam_columns set identifier = 1 where \"column\" = 'number'"
    )

    assert found(letters, typed)[0] == (first, "identifier")


def test_what_very_many_have_identifies_none(letters, monkeypatch):
    monkeypatch.setattr("llm_glam.search.matching.MOST_IDENTIFIED", 0)

    assert found(letters, "a pot", match="record") == [("a1.png", "record")]


@pytest.mark.parametrize(
    "typed",
    ['"', "title:red", "red NOT letter", "NEAR(red pot)", "{title} : red", "(", "''"]
    + ["--", "pot NOT jar", "red NEAR letter", "rank:red"],
)
def test_nothing_typed_is_an_operator(letters, typed):
    assert found(letters, "--", typed, match="record") == []


@pytest.mark.parametrize("typed", ["^red", "red + letter", "red\x01", "red*", "-red-"])
def test_signs_do_not_count(letters, typed):
    names = [name for name, _ in found(letters, "--", typed, match="record")]

    assert names == ["c3.png", "d4.png"]


def test_accents_and_case_do_not_count(letters):
    assert found(letters, "RÉD", match="record") == found(
        letters, "red", match="record"
    )


def test_sums_and_ids_rank_by_vectors_only(letters):
    plain = letters.json("glam", "search", "photos", "red", "-s", "blue")
    summed = letters.json(
        "glam", "search", "photos", "red", "-s", "blue", "--match", "both"
    )

    assert summed == [{**one, "match": "picture"} for one in plain]
    for query in ("id:a1.png", "2:red"):
        assert {match for _, match in found(letters, query)} == {"picture"}


def test_pages_and_conditions(letters):
    whole = found(letters, "red")
    pages = [found(letters, "red", "-n", 2, "--skip", skip) for skip in (0, 2, 4)]

    assert sum(pages, []) == whole
    assert found(letters, "red", "--filter", "material=clay") == [
        ("a1.png", "picture"),
        ("b2.png", "picture"),
    ]
    assert found(letters, "red", "--filter", "title__contains=wrote") == [
        ("d4.png", "both")
    ]
    assert found(letters, "red", "--min-score", 0.5) == [
        ("a1.png", "picture"),
        ("b2.png", "picture"),
    ]


def test_pages_go_on_where_the_ranks_end(letters, monkeypatch):
    monkeypatch.setattr("llm_glam.search.matching.NEAREST", 1)
    # The two records have 1/61 and 1/62, the nearest picture has 1/61: records come first.
    expected = [
        ("c3.png", "record"),
        ("a1.png", "picture"),
        ("d4.png", "record"),
        ("b2.png", "picture"),
        ("scans/0032.png", "picture"),
    ]

    assert found(letters, "red") == expected
    pages = [found(letters, "red", "-n", 1, "--skip", skip) for skip in range(6)]
    assert sum(pages, []) == expected


def test_where_very_many_records_contain_the_words_they_are_ranked_by_score(
    letters, monkeypatch
):
    monkeypatch.setattr(containing, "RANKED", 1)
    change(letters, "update photos set title = 'red and short' where id = 'd4.png'")
    change(letters, "update photos set caption = 'red' where id = 'b2.png'")

    assert found(letters, "red", match="record") == [
        ("b2.png", "record"),
        ("c3.png", "record"),
        ("d4.png", "record"),
    ]


def test_words_that_too_many_records_contain(letters, monkeypatch):
    monkeypatch.setattr(containing, "RANKED", 0)
    monkeypatch.setattr(containing, "MOST", 1)

    assert found(letters, "red")[0] == ("a1.png", "picture")
    message = letters.fails("glam", "search", "photos", "red", "--match", "record")
    assert message == "More than 1 records contain these words. Add another word."


def test_private_columns_are_not_searched(letters):
    assert found(letters, "paper", match="record") != []
    letters("glam", "mark", "photos", "--private", "material")

    assert found(letters, "paper", match="record") == []


def test_a_private_number_identifies_none(letters):
    change(
        letters, "update glam_columns set identifier = 1 where \"column\" = 'number'"
    )
    letters("glam", "mark", "photos", "--private", "number")

    assert found(letters, "1887/3804.2", match="record") == []


def test_records_that_cannot_be_searched(letters, llm):
    change(letters, "drop table photos_fts")
    message = letters.fails("glam", "search", "photos", "red", "--match", "both")

    assert "The full-text index of 'photos' does not fit its records" in message


def test_from_python(letters):
    options = SearchOptions(match="both", number=1)

    (first,) = search(letters.database, "photos", "red", options=options)

    assert (first.id, first.match, first.score) == ("c3.png", "both", 0)
