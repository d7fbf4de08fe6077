"""``llm glam search``: sums of terms among records that fit, against a slow and obvious reference."""

import json
import math
import random
import re
import sqlite3
import struct
from pathlib import Path

import pytest
from PIL import Image

from llm_glam.db.filters import COMPARED, WITHOUT_VALUE
from llm_glam.errors import VectorsDiffer
from llm_glam.plugin.toolbox import Glam

from ..fakes import GREEN, picture
from ..finds import COLOURS, reference

KEEPS = {
    (): lambda row: True,
    ("--filter", "material=bronze"): lambda row: row["material"] == "bronze",
    ("--filter", "year__gte=1900"): lambda row: int(row["year"]) >= 1900,
    ("--filter", "year__lt=1850", "--filter", "material__notblank"): lambda row: (
        int(row["year"]) < 1850 and bool(row["material"])
    ),
    ("--filter", "material__in=gold,clay"): lambda row: row["material"]
    in ("gold", "clay"),
    ("--filter", "tags__arraycontains=rare"): lambda row: "rare"
    in json.loads(row["tags"]),
    ("--where", "cast(year as integer) % 2 = 0 -- even"): lambda row: (
        int(row["year"]) % 2 == 0
    ),
    ("--except", "material=gold", "--except", "material__startswith=c"): (
        lambda row: row["material"] not in ("gold", "clay")
    ),
    ("--words", "gold"): lambda row: "gold" in re.findall(r"\w+", row["title"]),
    ("--where", "material = 'clay'", "--filter", "year__gt=1900"): lambda row: (
        row["material"] == "clay" and int(row["year"]) > 1900
    ),
}


@pytest.mark.parametrize("seed", range(40))
def test_sums_and_filters_are_those_of_a_slow_reference(many, seed):
    chance = random.Random(seed)
    weighted, arguments = [], []
    known = [*COLOURS, *(f"{chance.randrange(60):02}.png" for _ in "123")]
    for term in chance.sample(sorted(set(known)), chance.randrange(1, 4)):
        weight = chance.choice([1, 1, 2, 0.5])
        sign = chance.choice([1, 1, -1]) if weighted else 1
        weighted.append((sign * weight, term))
        text = term if term in COLOURS else f"id:{term}"
        text = text if weight == 1 else f"{weight}:{text}"
        arguments += ["--add" if sign > 0 else "--subtract", text]
    condition = chance.choice(list(KEEPS))
    number = chance.choice([1, 5, 100])

    hits = many.json("glam", "search", "photos", *arguments, *condition, "-n", number)

    expected = reference(many, weighted, KEEPS[condition], number)
    assert [hit["id"] for hit in hits] == [name for name, _ in expected]
    for hit, (_, score) in zip(hits, expected, strict=True):
        assert hit["score"] == pytest.approx(score, abs=1e-6)


def test_words_a_picture_and_an_id(embedded, tmp_path):
    picture(tmp_path / "found.png", GREEN)

    by_words = embedded.json("glam", "search", "photos", "red", "-n", 1)
    by_file = embedded.json("glam", "search", "photos", "./found.png", "-n", 1)
    by_id = embedded.json("glam", "search", "photos", "id:red.png", "-a", "2:blue")

    assert by_words == [
        {
            "id": "red.png",
            "score": pytest.approx(1),
            "title": "Red thing",
            "caption": None,
        }
    ]
    assert by_file[0]["id"] == "green.png"
    assert by_id[0]["id"].endswith("blé.png")
    assert "red.png" not in [hit["id"] for hit in by_id]


def test_paging_and_least_score(many):
    whole = many.json("glam", "search", "photos", "red", "-n", 20)
    page = many.json("glam", "search", "photos", "red", "-n", 5, "--skip", 10)
    good = many.json("glam", "search", "photos", "red", "-n", 20, "--min-score", 0.8)

    assert page == whole[10:15]
    assert good == [hit for hit in whole if hit["score"] >= 0.8]
    assert 0 < len(good) < 20


def test_conditions_alone_list_what_fits(embedded):
    hits = embedded.json("glam", "search", "photos", "--filter", "material=clay")

    assert [(hit["id"], hit["score"]) for hit in hits] == [("red.png", None)]


def test_several_arguments_are_one_term_and_a_prompt_goes_around_it(embedded, colours):
    asked = []
    real = colours.encode_texts
    colours.encode_texts = lambda texts: asked.extend(texts) or real(texts)

    embedded("glam", "search", "photos", "red", "pot", "--prompt", "a photograph of {}")

    assert asked == ["a photograph of red pot"]


def test_other_formats(embedded):
    table = embedded("glam", "search", "photos", "red", "-n", 1, "-t").stdout
    assert "Red thing" in table
    assert embedded("glam", "search", "photos", "red", "--csv").stdout.startswith(
        "id,score,"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["red", "--filter", "colour=red"], "There is no column 'colour' in photos"),
        (["red", "--filter", "title__near=red"], "Unknown operator 'near'"),
        (["red", "--filter", "title__gt"], "write title__gt=VALUE"),
        (["red", "--filter", "title__"], "Unknown operator ''"),
        (["red", "--filter", "title__x=title=red"], "Unknown operator 'x'"),
        (["red", "--where", "nonsense("], "The records cannot be filtered"),
        (
            ["red", "--where", "1); drop table photos; --"],
            "The records cannot be filtered",
        ),
        (["red", "--where", "title match 'x'"], "The records cannot be filtered"),
        (
            ["red", "--filter", "title__arraycontains=x"],
            "The records cannot be filtered",
        ),
        (["x" * 60_000], "The words have 60,000 characters"),
        (["2:"], "There is nothing to search for in '2:'"),
        (["id:no such"], "There is no 'no such' in the collection 'photos'"),
        (["./missing.png"], "missing.png cannot be read"),
        (["./empty.png"], "empty.png cannot be used: the file is empty"),
        (["http://127.0.0.1/secret.png"], "secret.png is on a private network"),
        (["red", "-s", "red"], "cancel each other out"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(embedded, arguments, message):
    Path("empty.png").touch()

    assert message in embedded.fails("glam", "search", "photos", *arguments)
    assert embedded.rows("select count(*) as n from photos")[0]["n"] == 3


def test_words_may_begin_with_a_tilde(embedded, colours):
    asked = []
    real = colours.encode_texts
    colours.encode_texts = lambda texts: asked.extend(texts) or real(texts)

    embedded("glam", "search", "photos", "~1900 coin")

    assert asked == ["~1900 coin"]


def test_a_home_that_nobody_has_is_one_sentence(embedded):
    assert "no such folder" in embedded.fails(
        "glam", "embed", "photos", "~nobody-here/x"
    )
    embedded.fails("glam", "models", "add", "new", "~nobody-here/x")
    embedded.fails("glam", "models", "add", "new", ".", "--base", "~nobody-here/x")


def test_nothing_to_look_for_is_wrong_usage(embedded):
    message = embedded.fails("glam", "search", "photos", exit_code=2)

    assert message == "Give a QUERY, or a condition such as --filter or --words."


@pytest.mark.parametrize("suffix", [*COMPARED, *WITHOUT_VALUE])
def test_filters_are_datasette_s(many, suffix):
    from datasette.filters import Filters

    value = {"arraycontains": "rare", "arraynotcontains": "rare"}.get(suffix, "Find 1")
    column = "tags" if suffix.startswith("array") else "title"
    pairs = [(f"{column}__{suffix}", value)]
    where, values = Filters(pairs).build_where_clauses("photos")
    sql = f"select id from photos where {' and '.join(where)} order by id"
    connection = sqlite3.connect(many.database)
    expected = [row[0] for row in connection.execute(sql, values)]

    text = f"{column}__{suffix}={value}"
    hits = many.json("glam", "search", "photos", "--filter", text, "-n", 100)

    assert [hit["id"] for hit in hits] == expected


@pytest.mark.parametrize("suffix", ["gt", "gte", "lt", "lte"])
@pytest.mark.parametrize("value", ["YEAR", "1900", "1899.5", "-1", "9" * 30, "x"])
def test_numbers_are_compared_as_in_datasette(many, suffix, value):
    from datasette.filters import Filters

    value = value.replace("YEAR", str(many.rows("select year from photos")[5]["year"]))
    where, values = Filters([(f"year__{suffix}", value)]).build_where_clauses("photos")
    if value == "9" * 30:
        values = {"p0": value}  # Datasette passes on an integer that SQLite has not
    sql = f"select id from photos where {' and '.join(where)} order by id"
    connection = sqlite3.connect(many.database)
    expected = [row[0] for row in connection.execute(sql, values)]

    text = f"year__{suffix}={value}"
    hits = many.json("glam", "search", "photos", "--filter", text, "-n", 100)

    assert [hit["id"] for hit in hits] == expected


def test_injection_in_every_value(many):
    for text in ("x' or 1=1 --", '"; drop table photos; --', "%", "a' union select 1"):
        for suffix in COMPARED:
            column = "tags" if suffix.startswith("array") else "title"
            many("glam", "search", "photos", "--filter", f"{column}__{suffix}={text}")
        many("glam", "search", "photos", "red", "--words", text)
    assert many.rows("select count(*) as n from photos")[0]["n"] == 60


def test_a_picture_that_is_too_large_is_one_sentence(embedded, monkeypatch):
    Image.new("RGB", (2000, 1000)).save("large.png")
    monkeypatch.setattr("llm_glam.images.decoding.MAX_MEGAPIXELS", 1)

    embedded.fails("glam", "search", "photos", "./large.png")


@pytest.mark.parametrize("suffix", ["in", "notin", "exact", "arraycontains"])
def test_brackets_without_end_are_words(many, suffix):
    column = "tags" if suffix.startswith("array") else "title"
    text = f"{column}__{suffix}={'[' * 5_000}"

    hits = many.json("glam", "search", "photos", "--filter", text, "-n", 100)

    assert len(hits) == (60 if suffix == "notin" else 0)


def test_a_record_without_an_id_is_no_picture(embedded):
    """SQLite lets a text that is a primary key be null."""
    connection = sqlite3.connect(embedded.database)
    with connection:
        connection.execute("insert into photos (title) values ('zzz')")
    connection.close()

    every = embedded.json("glam", "search", "photos", "--where", "1=1")
    none = embedded.json("glam", "search", "photos", "red", "--where", "title='zzz'")
    told = json.loads(Glam("photos").find([]))

    assert [hit["id"] for hit in every] == embedded.ids()
    assert none == []
    assert (told["count"], len(told["records"])) == (3, 3)


HALF = "gr\udcfcn"  # what Python makes of bytes on a command line that are not UTF-8
REFUSED = "'gr?n' is not valid text (UTF-8)"


@pytest.mark.parametrize(
    "arguments",
    [
        ("photos", HALF),
        ("photos", f"id:{HALF}"),
        ("photos", "-s", HALF),
        ("photos", "red", "--words", HALF),
        (HALF, "red"),
    ],
)
def test_what_is_no_text_is_one_sentence(embedded, arguments):
    assert REFUSED in embedded.fails("glam", "search", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("red", "--prompt", f"{HALF} {{}}"),
        ("red", "--filter", f"title={HALF}"),
        ("red", "--filter", f"title__in={HALF}"),
        ("red", "--filter", f"{HALF}=red"),
        ("red", "--where", f"title = '{HALF}'"),
        (f"https://127.0.0.1/{HALF}.png",),
    ],
)
def test_no_text_within_something_else_is_one_sentence(embedded, arguments):
    message = embedded.fails("glam", "search", "photos", *arguments)

    assert "gr?n" in message
    assert "is not valid text (UTF-8)" in message


def test_what_is_no_text_for_llm_s_own_commands(embedded):
    assert REFUSED in embedded.fails("similar", "photos", "-c", HALF)
    assert REFUSED in embedded.fails("similar", "photos", HALF)
    assert REFUSED in embedded.fails("glam", "status", HALF)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_vector_without_direction_is_found_last(many, value):
    broken = struct.pack("<3f", 1, value, 0)
    connection = sqlite3.connect(many.database)
    with connection:
        sql = "update embeddings set embedding = ? where id = '07.png'"
        connection.execute(sql, [broken])
    connection.close()
    for number in (2, 58, 60):
        found = many.json("glam", "search", "photos", "red", "-n", number)
        assert len(found) == number
        assert [row["id"] for row in found].count("07.png") == (number == 60)
        assert [
            hit["id"]
            for hit in many.json("similar", "photos", "-c", "red", "-n", number)
        ] == [row["id"] for row in found]
    message = "'07.png' in the collection 'photos' is damaged"
    assert message in many.fails("glam", "search", "photos", "id:07.png")
    assert message in many.fails("similar", "photos", "07.png")


@pytest.mark.parametrize("broken", [None, b"", b"abc", b"abcd", "text"])
def test_a_stored_vector_that_is_none_is_one_sentence(embedded, broken):
    connection = sqlite3.connect(embedded.database)
    sql = "update embeddings set embedding = ? where id = 'red.png'"
    with connection:
        connection.execute(sql, [broken])
    connection.close()

    message = "'red.png' in the collection 'photos' is damaged"
    assert message in embedded.fails("glam", "search", "photos", "id:red.png")
    assert message in embedded.fails("similar", "photos", "red.png")
    assert "of different lengths" in embedded.fails("glam", "search", "photos", "red")
    with pytest.raises(VectorsDiffer):
        Glam("photos").search("id:red.png")


@pytest.mark.parametrize(
    ("format_", "stdout"), [("-t", ""), ("--nl", ""), ("--csv", "\n"), ("--tsv", "\n")]
)
def test_nothing_found_is_said(embedded, format_, stdout):
    search = embedded("glam", "search", "photos", "--filter", "title=none", format_)
    problems = embedded("glam", "status", "photos", "--problems", format_)

    assert (search.stdout, search.stderr) == (stdout, "No results found.\n")
    assert (problems.stdout, problems.stderr) == (stdout, "No problems found.\n")


def test_a_file_is_named_where_that_is_not_the_id(embedded):
    search = ("glam", "search", "photos", "--where", "file is not null")
    short = embedded(*search, "-t").stdout.splitlines()
    rows = embedded.json(*search)
    connection = sqlite3.connect(embedded.database)
    with connection:
        connection.execute("update photos set file = 'old.png' where id = 'red.png'")
    connection.close()
    long = embedded(*search, "-t").stdout.splitlines()

    assert short[0].split() == ["id", "score", "title", "caption"]
    assert [list(row) for row in rows] == 3 * [["id", "score", "title", "caption"]]
    assert long[0].split() == ["id", "score", "title", "caption", "file"]
    assert any(line.endswith("old.png") for line in long)
    assert "file" in embedded.json(*search)[0]
