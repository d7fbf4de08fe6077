"""``llm glam compare``: two checkpoints on the same pictures, against a slow and obvious reference."""

import csv
import json
import random
import re
import sqlite3

import numpy as np
import pytest

from llm_glam.db import collections, connection
from llm_glam.evaluate import rank_agreement
from llm_glam.evaluate.compare import agreement, collection_pair, wording
from llm_glam.models import loading
from llm_glam.net import fetch
from llm_glam.search import exact

from ..conftest import register_fake
from ..fakes import BLUE, GREEN, RED, Colours, picture
from ..finds import COLOURS

COMPARE = ("glam", "compare", "photos", "other")
SCRIPT = "<script>alert('1')</script> & \"é\""


class Swapped(Colours):
    """Takes red in pictures for green and green for red, but not in words."""

    def prepare(self, picture):
        return super().prepare(picture)[[1, 0, 2]]


class Dim(Colours):
    """Sees less of each colour, and least of blue."""

    def prepare(self, picture):
        return super().prepare(picture) ** (1, 2, 3)


def second(llm, monkeypatch, encoder):
    """The same pictures as collection ``other``, with another checkpoint."""
    register_fake(llm, monkeypatch, "second", encoder)
    llm("glam", "reembed", "photos", "other", "-m", "second")
    return llm


@pytest.fixture
def swapped(embedded, monkeypatch):
    return second(embedded, monkeypatch, Swapped("5a5a"))


@pytest.fixture
def dim(many, monkeypatch):
    return second(many, monkeypatch, Dim("d1d1"))


def change(llm, sql, *values):
    connection = sqlite3.connect(llm.database)
    assert connection.execute(sql, values).rowcount
    connection.commit()
    connection.close()


def drop(llm, collection, item_id):
    sql = """
        delete from embeddings where id = ?
        and collection_id = (select id from collections where name = ?)
    """
    change(llm, sql, item_id, collection)


def slow(vectors, query, without=()):
    """All ids and their cosines, best first."""
    query = np.array(query, float)
    scores = [
        (-float(v @ query / np.linalg.norm(v) / np.linalg.norm(query)), name)
        for name, v in ((k, np.array(v, float)) for k, v in vectors.items())
        if name not in without
    ]
    return [(name, -score) for score, name in sorted(scores)]


def test_both_rankings_with_the_rank_in_the_other(swapped):
    rows = swapped.json(*COMPARE, "-c", "red")

    assert rows[0] == {
        "query": "red",
        "rank": 1,
        "old_id": "red.png",
        "old_score": 1.0,
        "old_title": "Red thing",
        "old_rank_in_new": 2,
        "new_id": "green.png",
        "new_score": 1.0,
        "new_title": "a green one",
        "new_rank_in_old": 2,
    }
    assert [
        (
            r["rank"],
            r["old_id"],
            r["old_rank_in_new"],
            r["new_id"],
            r["new_rank_in_old"],
        )
        for r in rows[1:]
    ] == [
        (2, "green.png", 1, "red.png", 1),
        (3, "sub folder/blé.png", 3, "sub folder/blé.png", 3),
    ]
    assert rows[2]["old_title"] is None


@pytest.mark.parametrize("text", ["red", "blue", "id:07.png", "2:green", "./one.png"])
@pytest.mark.parametrize("few", [0, 1_000])
def test_rankings_are_those_of_a_slow_reference(dim, tmp_path, monkeypatch, text, few):
    monkeypatch.setattr(collection_pair, "FEW", few)  # both ways to leave out
    picture(tmp_path / "one.png", (10, 200, 90))
    drop(dim, "photos", "03.png")
    drop(dim, "other", "04.png")
    old, new = dim.vectors("photos"), dim.vectors("other")
    name = text.removeprefix("id:").removeprefix("2:")
    without = {"03.png", "04.png", name}
    if name in COLOURS:
        queries = COLOURS[name], COLOURS[name]
    elif name in old:
        queries = old[name], new[name]
    else:
        seen = np.array([10, 200, 90]) / 255
        queries = seen, seen ** (1, 2, 3)
    expected = slow(old, queries[0], without), slow(new, queries[1], without)
    places = [{k: i for i, (k, _) in enumerate(side, 1)} for side in expected]

    rows = dim.json(*COMPARE, "-c", text, "-n", 7)

    assert len(rows) == 7
    for side, other, mine, rank in (
        ("old", "new", expected[0], places[1]),
        ("new", "old", expected[1], places[0]),
    ):
        assert [row[f"{side}_id"] for row in rows] == [k for k, _ in mine[:7]]
        assert [row[f"{side}_score"] for row in rows] == pytest.approx(
            [score for _, score in mine[:7]], abs=1e-6
        )
        ranks = [row[f"{side}_rank_in_{other}"] for row in rows]
        assert ranks == [rank[k] for k, _ in mine[:7]]
    assert rows != sorted(rows, key=lambda row: row["old_rank_in_new"])


def test_equal_pictures_have_ranks_by_id(llm, colours, tmp_path, monkeypatch):
    odd = (13, 77, 201)
    for number in range(13):
        picture(tmp_path / "many" / f"same {number:02}.png", odd)
    picture(tmp_path / "many" / "red.png", RED)
    picture(tmp_path / "many" / "green.png", GREEN)
    llm("glam", "embed", "photos", "many")
    second(llm, monkeypatch, Swapped("5a5a"))

    rows = llm.json(*COMPARE, "-c", "blue", "-n", 20)

    same = [f"same {number:02}.png" for number in range(13)]
    assert [row["old_id"] for row in rows] == [*same, "green.png", "red.png"]
    assert [row["new_rank_in_old"] for row in rows] == list(range(1, 16))
    db = connection.connect(llm.database, readonly=True)
    query = exact.Query(np.array([0.1, 0.2, 0.9]), skip=["same 04.png"])
    found = exact.ranks(
        db, collections.get(db, "photos"), query, [same[12], same[4], "no"]
    )
    assert found == {"same 12.png": 12}
    nobody = exact.ranks(db, collections.get(db, "photos"), query, ["no"])
    assert nobody == {}


def test_ranks_among_some(many):
    db = connection.connect(many.database, readonly=True)
    vectors = many.vectors()
    chance_level = random.Random(3)
    for _ in range(20):
        among = chance_level.sample(sorted(vectors), 30)
        direction = [chance_level.random() for _ in "rgb"]
        ranked = [k for k, _ in slow(vectors, direction) if k in among]
        query = exact.Query(np.array(direction), among=among)
        found = exact.ranks(db, collections.get(db, "photos"), query, list(vectors))
        assert found == {k: i for i, k in enumerate(ranked, 1)}


def test_addresses_and_a_prompt(swapped, colours, monkeypatch):
    asked = []
    red = swapped.rows("select content from glam_thumbnails where id = 'red.png'")
    monkeypatch.setattr(
        fetch,
        "fetch",
        lambda address, private: asked.append((address, private)) or red[0]["content"],
    )
    monkeypatch.setattr(
        colours, "encode_texts", lambda texts: asked.extend(texts) or [(0, 0, 1)]
    )
    address = "https://museum.example/red.png"

    result = swapped(*COMPARE, "-c", address, "-n", 1, "--allow-private")
    swapped(*COMPARE, "-c", "brooch", "--prompt", "a photograph of a {}")

    assert asked == [*[(address, True)] * 2, "a photograph of a brooch"]
    assert f"Fetching {address}" in result.stderr
    row = json.loads(result.stdout)
    assert (row["old_id"], row["new_id"]) == ("red.png", "red.png")


def test_overlap_and_rank_biased_overlap_by_hand():
    assert rank_agreement.overlap("abcd", "badc", 2) == 1
    assert rank_agreement.overlap("abcd", "xbya", 2) == 0.5
    # (agreements 1, 1/2, 1): 1 · 0.729 + 0.1 · (1 + 0.5 · 0.9 + 1 · 0.81)
    assert rank_agreement.rank_biased_overlap("abc", "acb", 3) == pytest.approx(0.955)
    # (agreements 0, 1): 1 · 0.25 + 0.5 · (0 + 0.5)
    assert rank_agreement.rank_biased_overlap("ab", "ba", 2, 0.5) == pytest.approx(0.5)
    assert rank_agreement.rank_biased_overlap("abc", "abc", 3) == pytest.approx(1)
    assert rank_agreement.rank_biased_overlap("abc", "xyz", 3) == 0
    # (agreements 1/4, 2/4): 0.5 · 0.81 + 0.1 · (0.25 + 0.5 · 0.9)
    assert rank_agreement.chance_rank_biased_overlap(2, 4) == pytest.approx(0.475)


def reference_rbo(one, other, depth, p=0.9):
    agreements = [len(set(one[:d]) & set(other[:d])) / d for d in range(1, depth + 1)]
    total = sum(a * p**d for d, a in enumerate(agreements, 1)) * (1 - p) / p
    return total + agreements[-1] * p**depth


def test_rank_biased_overlap_is_that_of_a_slow_reference():
    chance_level = random.Random(0)
    for _ in range(50):
        one, other = (chance_level.sample(range(40), 25) for _ in "12")
        found = rank_agreement.rank_biased_overlap(one, other, 25)
        assert found == pytest.approx(reference_rbo(one, other, 25))


def test_chance_is_the_mean_of_random_rankings():
    chance_level = random.Random(0)
    one = list(range(30))
    drawn = [
        rank_agreement.rank_biased_overlap(one, chance_level.sample(one, 30), 20)
        for _ in range(2_000)
    ]
    expected = rank_agreement.chance_rank_biased_overlap(20, 30)
    assert np.mean(drawn) == pytest.approx(expected, abs=0.01)


def test_correlation_and_interval_by_hand():
    one = np.array([1.0, 2, 3, 4])
    # 1 - 6 · (0 + 1 + 1 + 0) / (4 · (16 - 1))
    swapped = np.array([10.0, 30, 20, 40])
    assert rank_agreement.rank_correlation(one, swapped) == pytest.approx(0.8)
    assert rank_agreement.rank_correlation(one, np.ones(4)) is None
    low, high = rank_agreement.interval([0, 1] * 50, 0)  # ± 1.96 · 0.5 / 10
    assert low == pytest.approx(0.402, abs=0.02)
    assert high == pytest.approx(0.598, abs=0.02)
    assert rank_agreement.interval([0.3], 0) == pytest.approx((0.3, 0.3))


def test_agreement_of_the_same_neighbours_is_whole(swapped):
    result = swapped(*COMPARE, "-c", "red", "--agreement")
    (found,) = map(json.loads, result.stdout.splitlines())

    assert (found["pictures"], found["sample"], found["neighbours"]) == (3, 3, 2)
    assert (found["overlap"], found["overlap_by_chance"]) == (1, 1)
    assert found["rbo"] == pytest.approx(1)
    assert found["spearman"] is None  # all three pairs are equally unlike
    assert found["queries"] == [{"query": "red", "overlap": 1.0}]
    assert "red: 3 of the first 3 are the same (chance level 3.0)." in result.stderr
    assert (
        "Of the 2 pictures most similar to a picture, 2.0 are the same" in result.stderr
    )


def test_agreement_is_that_of_a_slow_reference(dim, monkeypatch):
    monkeypatch.setattr(collection_pair, "CELLS", 1)  # one query at once
    old, new = dim.vectors("photos"), dim.vectors("other")
    overlaps, biased, similar = [], [], ([], [])
    for name in old:
        sides = [
            [k for k, _ in slow(vectors, vectors[name], {name})]
            for vectors in (old, new)
        ]
        overlaps.append(len(set(sides[0][:10]) & set(sides[1][:10])) / 10)
        biased.append(reference_rbo(*sides, 50))
        for vectors, scores in zip((old, new), similar, strict=True):
            cosines = dict(slow(vectors, vectors[name]))
            scores.extend(cosines[k] for k in sorted(cosines) if k < name)
    order = [np.argsort(np.argsort(scores)) for scores in similar]

    (found,) = dim.json(*COMPARE)

    assert (found["sample"], found["pairs"], found["rbo_depth"]) == (60, 1770, 50)
    assert found["overlap"] == pytest.approx(np.mean(overlaps), abs=1e-6)
    assert found["rbo"] == pytest.approx(np.mean(biased), abs=1e-6)
    assert found["spearman"] == pytest.approx(np.corrcoef(*order)[0, 1], abs=1e-4)
    assert found["overlap_by_chance"] == pytest.approx(10 / 59, abs=1e-6)
    assert 0.3 < found["overlap_low"] < found["overlap"] < found["overlap_high"] < 1


@pytest.mark.parametrize(
    ("count", "by_chance"), [(10, "10.0"), (3_000, "0.03"), (90_000, "less than 0.01")]
)
def test_chance_in_words(count, by_chance):
    answer = collection_pair.Answer("brooch", [], [], 3, 10, count)
    expected = f"3 of the first 10 are the same (chance level {by_chance})."
    assert wording.of_answer(answer) == expected


def test_a_sample_is_the_same_for_the_same_seed(dim, monkeypatch):
    monkeypatch.setattr(agreement, "PAIRS", 300)
    monkeypatch.setattr(agreement, "PAIRS_AT_ONCE", 7)
    sampled = (*COMPARE, "--sample", 12)

    first, again, other = (dim.json(*sampled, "--seed", seed)[0] for seed in (1, 1, 2))

    assert first == again
    assert (first["sample"], first["pairs"]) == (12, 300)
    assert first["overlap"] != other["overlap"]
    assert first["spearman"] != other["spearman"]
    assert "12 pictures sampled at random from 60" in dim(*sampled).stderr


def test_pictures_of_one_collection_only_are_counted_and_left_out(dim):
    for item_id in ("03.png", "05.png"):
        drop(dim, "photos", item_id)
    drop(dim, "other", "04.png")

    result = dim(*COMPARE)

    assert "1 picture in photos but not in other: left out." in result.stderr
    assert "2 pictures in other but not in photos: left out." in result.stderr
    found = json.loads(result.stdout)
    assert (found["pictures"], found["only_old"], found["only_new"]) == (57, 1, 2)


def test_sensitive_pictures_are_left_out_unless_asked_for(swapped, tmp_path):
    change(swapped, "update photos set sensitive = 1 where id = 'red.png'")

    result = swapped(*COMPARE, "-c", "red", "--html", "page.html", "--nl")
    rows = swapped.json(*COMPARE, "-c", "red", "--sensitive")

    assert "red.png" not in result.stdout
    assert "Red thing" not in (tmp_path / "page.html").read_text("utf-8")
    assert len(result.stdout.splitlines()) == 2
    assert "1 sensitive picture left out." in result.stderr
    assert len(rows) == 3
    change(swapped, "update photos set sensitive = 1")
    assert "only sensitive pictures in common" in swapped.fails(*COMPARE)


def test_ids_need_no_checkpoint_and_words_do(swapped, monkeypatch):
    def unable(name, *args, **options):
        raise AssertionError(name)

    monkeypatch.setattr(loading, "encoder", unable)
    assert len(swapped.json(*COMPARE, "-c", "id:red.png")) == 2
    assert swapped.json(*COMPARE)[0]["pictures"] == 3


def test_a_checkpoint_that_is_not_here(swapped):
    swapped("glam", "models", "default", "colours")
    swapped("glam", "models", "remove", "second")

    assert "'second'" in swapped.fails(*COMPARE, "-c", "red")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photos", "photos"], "'photos' was given twice"),
        (["photos", "unrelated"], "do not contain the same pictures"),
        (["photos", "nothing"], "There is no collection 'nothing'"),
        (["photos", "other", "-c", "id:no.png"], "There is no 'no.png'"),
        (["photos", "other", "-c", " "], "nothing to search for"),
        (["photos", "other", "-c", "./no.png"], "cannot be read"),
        (["photos", "other", "--html", "no/page.html"], "does not exist; create it"),
        (["photos", "other", "--html", "there.html"], "use --force to overwrite it"),
        (["photos", "other", "-d", "no.db"], "Database no.db does not exist"),
    ],
)
def test_errors_are_one_sentence(swapped, tmp_path, arguments, message):
    picture(tmp_path / "unrelated" / "blue.png", BLUE)
    (tmp_path / "there.html").write_text("mine")
    swapped("glam", "embed", "unrelated", "unrelated", "-m", "colours")

    assert message in swapped.fails("glam", "compare", *arguments)
    assert (tmp_path / "there.html").read_text() == "mine"


def test_nothing_or_one_in_common(swapped):
    drop(swapped, "other", "red.png")
    drop(swapped, "photos", "green.png")
    assert len(swapped.json(*COMPARE, "-c", "red")) == 1
    assert "have only one picture in common" in swapped.fails(*COMPARE)
    drop(swapped, "photos", "sub folder/blé.png")
    assert "'photos' and 'other' have no pictures in common" in swapped.fails(*COMPARE)


def test_tables_and_csv(swapped):
    change(swapped, "update photos set title = 'A\n\tlong' || hex(zeroblob(99))")

    lines = swapped(*COMPARE, "-c", "red", "-t").stdout.splitlines()
    rows = list(csv.DictReader(swapped(*COMPARE, "--csv").stdout.splitlines()))

    assert len(lines) == 5
    assert "A long000000" in lines[2]
    assert max(map(len, lines)) < 140
    assert rows[0]["old_model"] == "glam-clip/colours"
    assert "overlap_by_chance" in swapped(*COMPARE, "-t").stdout


def test_the_page_needs_nothing_and_text_stays_text(swapped, tmp_path):
    change(swapped, "update photos set title = ? where id = 'red.png'", SCRIPT)
    change(swapped, "update glam_thumbnails set content = 'GIF' where id = 'green.png'")
    change(swapped, "update glam_thumbnails set content = x'3C73' where id like 'sub%'")

    asked = (*COMPARE, "-c", "red", "-c", "<b>grey", "-c", "id:red.png")
    result = swapped(*asked, "--html", "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")

    assert "Wrote page.html" in result.stderr
    assert result.stdout == ""
    assert "<script" not in page
    assert "<b>grey" not in page
    assert "<h2>&lt;b&gt;grey</h2>" in page
    title = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &#34;é&#34;"
    assert f'alt="{title}"' in page
    sources = re.findall(r'(?:src|href|action)="([^"]{5})', page)
    assert set(sources) == {"data:"}
    assert not re.search(r"https?://|url\(|@import", page)
    assert page.count("No thumbnail") == 3 * 2 * 2
    red = re.findall(r'"mark">(.*?)<', page)[:6]
    assert red == [
        *("In both: rank 2 in new, down 1", "In both: rank 1 in new, up 1"),
        *("In both, same rank", "In both: rank 2 in old, up 1"),
        *("In both: rank 1 in old, down 1", "In both, same rank"),
    ]
    assert "<li>Of the 2 pictures most similar to a picture" in page


@pytest.mark.parametrize("asked", [(), ("-c", "red"), ("-c", "red", "--agreement")])
def test_rows_beside_the_page_are_asked_for(swapped, tmp_path, asked):
    page = ("--html", "page.html", "--force")

    assert swapped(*COMPARE, *asked, *page).stdout == ""
    for format_ in ("--nl", "--csv", "--tsv", "-t"):
        alone = swapped(*COMPARE, *asked, format_).stdout
        assert swapped(*COMPARE, *asked, *page, format_).stdout == alone != ""
    assert swapped(*COMPARE, *asked).stdout == swapped(*COMPARE, *asked, "--nl").stdout


def test_the_page_marks_what_is_only_in_one(dim, tmp_path):
    rows = dim.json(*COMPARE, "-c", "grey", "-n", 3)
    dim(*COMPARE, "-c", "grey", "-n", 3, "--html", "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")

    only = [r["old_rank_in_new"] for r in rows if r["old_rank_in_new"] > 3]
    assert only
    for rank in only:
        assert f"Rank {rank} in new" in page
    assert page.count('class="card both"') == 2 * (3 - len(only))


def test_a_page_is_overwritten_with_force_only(swapped, tmp_path, monkeypatch):
    from llm_glam.cli import compare as command

    monkeypatch.setattr(command, "LARGE_PAGE", 100)
    path = tmp_path / "page.html"
    path.write_text("before")

    assert "page.html already exists; use --force" in swapped.fails(
        *COMPARE, "--html", path
    )
    assert path.read_text() == "before"
    result = swapped(*COMPARE, "--html", path, "--force")
    assert "That is a large page; use fewer queries" in result.stderr
    assert "How far they agree" in path.read_text("utf-8")
    assert sorted(p.name for p in tmp_path.glob("*page*")) == ["page.html"]
    assert "--force can only be used with --html" in swapped.fails(
        *COMPARE, "--force", exit_code=2
    )
