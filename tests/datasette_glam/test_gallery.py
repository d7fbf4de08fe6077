"""Searches on the site: sums of terms, filters on the records, facets, and what to take away."""

import csv
import io
import json
import math
import random
import re
import sqlite3
import struct
from html import unescape
from urllib.parse import parse_qs, quote_plus, urlencode, urljoin, urlsplit

import pytest
from datasette.facets import ColumnFacet

from datasette_glam import items
from datasette_glam.web import cache
from llm_glam.db import change_stamp

from ..conftest import EMBED
from ..fakes import GREEN, RED, picture
from ..finds import COLOURS, reference
from ..site import GLAM, PHOTOS, change, found, get, ids, png, site, upload

pytestmark = pytest.mark.asyncio


def address(path=".json", *pairs, **parameters):
    return f"{PHOTOS}{path}?{urlencode([*pairs, *parameters.items()])}"


def scored(data):
    return [(item["id"], item["score"]) for item in data["items"]]


def near(pairs):
    return [(name, pytest.approx(score, abs=1e-6)) for name, score in pairs]


KEEPS = {
    (): lambda row: True,
    (("material", "bronze"),): lambda row: row["material"] == "bronze",
    (("year__gte", "1900"), ("material__notblank", "1")): lambda row: (
        int(row["year"]) >= 1900 and bool(row["material"])
    ),
    (("tags__arraycontains", "rare"),): lambda row: "rare" in json.loads(row["tags"]),
    (("_search", "gold"),): lambda row: "gold" in re.findall(r"\w+", row["title"]),
    (("_where", "cast(year as integer) % 2 = 0"), ("material__not", "clay")): (
        lambda row: int(row["year"]) % 2 == 0 and row["material"] not in (None, "clay")
    ),
}


async def as_sql(datasette, answer):
    """Ids and scores that *this search as SQL* gives."""
    url = answer["sql_url"].replace("?", ".json?_shape=array&", 1)
    response = await get(datasette, url)
    assert response.status_code == 200, response.text
    return [(row["id"], row["score"]) for row in response.json()]


def of(llm, **config):
    """A site with settings of its owner's for the table."""
    tables = {"photos": config}
    return site(llm, {"databases": {"embeddings": {"tables": tables}}})


@pytest.mark.parametrize("seed", range(30))
async def test_sums_among_records_are_those_of_a_slow_reference(many, seed):
    chance = random.Random(seed)
    weighted, line = [], []
    known = [*COLOURS, *(f"{chance.randrange(60):02}.png" for _ in "123")]
    for term in chance.sample(sorted(set(known)), chance.randrange(1, 4)):
        weight = chance.choice([1, 1, 2, 0.5])
        sign = chance.choice([1, 1, -1]) if weighted else 1
        weighted.append((sign * weight, term))
        name = term if term in COLOURS else f"id:{term}"
        line.append(f"{'+' if sign > 0 else '-'}{weight}:{name}")
    condition = chance.choice(list(KEEPS))
    datasette = site(many)

    answer = await found(
        datasette, address(".json", *condition, q=" ".join(line), _size=100)
    )

    expected = near(reference(many, weighted, KEEPS[condition], 100))
    assert scored(answer) == expected
    assert await as_sql(datasette, answer) == expected
    fitting = [r for r in many.rows("select * from photos") if KEEPS[condition](r)]
    assert answer["fitting"] == (len(fitting) if condition else None)


async def test_one_line_says_what_several_options_say(many):
    answer = await found(
        site(many), address(q='red -green 2:"id:00.png" id:01.png -0.5:id:02.png')
    )
    lines = many.json(
        *("glam", "search", "photos", "red", "-s", "green", "-a", "id:01.png"),
        *("-a", "2:id x", "-s", "0.5:id:02.png", "-n", 36),
    )
    words = '2:"id:00.png"'
    assert len(lines) == len(answer["items"]) == 36
    assert answer["q"] == f"red -green {words} id:01.png -0.5:id:02.png"


async def test_each_chip_leaves_its_piece_out(many):
    pairs = [("material", "clay"), ("year__gte", "1900"), ("_where", "id > '1'")]
    path = address(
        *(".json", *pairs, ("_search", "find"), ("_min_score", "0.1")),
        q="red -2:green id:00.png",
    )
    answer = await found(site(many), path)
    said = [
        (chip["kind"], chip["text"], chip.get("weight")) for chip in answer["chips"]
    ]
    assert said == [
        ("words", "red", 1),
        ("words", "green", -2),
        ("picture", answer["chips"][2]["text"], 1),
        ("filter", "material = clay", None),
        ("filter", "year ≥ 1900", None),
        ("where", "id > '1'", None),
        ("search", "records with “find”", None),
        ("score", "score ≥ 0.1", None),
    ]
    assert answer["chips"][2]["text"].startswith("Find 0 ")
    for number, chip in enumerate(answer["chips"]):
        left = await found(site(many), chip["remove_url"])
        assert [one["text"] for one in left["chips"]] == [
            text for n, (_, text, _) in enumerate(said) if n != number
        ]
    page = (await get(site(many), path.replace(".json", "", 1))).text
    shown = re.findall(r'<a href="([^"]+)" aria-label="Remove', page)
    assert [urljoin(PHOTOS, unescape(url)) for url in shown] == [
        chip["remove_url"].replace(".json", "", 1) for chip in answer["chips"]
    ]


@pytest.mark.parametrize(
    ("pressed", "expected"),
    [
        ({"_add": "01.png"}, {"q": "red id:01.png"}),
        ({"_subtract": "01.png"}, {"q": "red -id:01.png"}),
        ({"_like": "01.png"}, {"id": "01.png"}),
        ({"_add": "", "_pick": ["01.png", "02.png"]}, {"q": "red id:01.png id:02.png"}),
        ({"_subtract": "", "_pick": ["02.png"]}, {"q": "red -id:02.png"}),
        ({"_like": "", "_pick": ["01.png", "02.png"]}, {"q": "id:01.png id:02.png"}),
        ({"_like": ""}, {"q": "red"}),
        (
            {"_add": "01.png", "_pick": ["02.png"]},
            {"q": "red id:01.png", "_pick": "02.png"},
        ),
        ({"_pictures": "-id:02.png"}, {"q": "red -id:02.png"}),
    ],
)
async def test_buttons_lead_to_an_address_that_can_be_kept(many, pressed, expected):
    query = urlencode({"q": "red", "material": "clay", **pressed}, doseq=True)
    response = await get(site(many), f"{PHOTOS}?{query}")
    assert response.status_code == 302
    location = response.headers["location"]
    picked = {"_pick": expected.pop("_pick")} if "_pick" in expected else {}
    kept = {**expected, "material": "clay", **picked}
    assert location == f"{PHOTOS}?{urlencode(kept)}"
    assert (await get(site(many), location)).status_code == 200


@pytest.mark.both_versions
async def test_the_selection_stays_in_the_addresses_of_the_gallery(many):
    picks = [("_pick", "01.png"), ("_pick", "50.png")]
    page = (await get(site(many), address("", *picks, q="red", image_width__gt=0))).text
    cards = re.findall(r'value="([^"]*)" checked', page)
    elsewhere = re.findall(r'type="hidden" name="_pick" value="([^"]*)"', page)
    assert {*cards, *elsewhere} == {"01.png", "50.png"}
    assert '<span id="glam-number">2</span> selected' in page
    following = [
        unescape(url) for url in re.findall(r'href="([^"]*page=2[^"]*)"', page)
    ]
    assert following == [
        "?" + urlencode([("q", "red"), ("page", 2), ("image_width__gt", 0), *picks])
    ]
    (clear,) = re.findall(r'id="glam-clear" href="([^"]*)"', page)
    assert "_pick" not in clear
    (canonical,) = re.findall(r'<link rel="canonical" href="([^"]*)"', page)
    assert "_pick" not in canonical


@pytest.mark.both_versions
async def test_only_what_was_selected(many):
    picks = {"_pick": ["50.png", "01.png", "none"], "_selected": "1"}
    response = await get(
        site(many), f"{PHOTOS}?{urlencode({'q': 'red', **picks}, doseq=True)}"
    )
    location = response.headers["location"]
    listed = '["50.png", "01.png", "none"]'
    assert location == f"{PHOTOS}?{urlencode({'id__in': listed})}"
    answer = await found(site(many), location.replace("?", ".json?"))
    assert sorted(ids(answer)) == ["01.png", "50.png"]
    files = await get(
        site(many),
        address(".csv", *((k, i) for k in ["_pick"] for i in picks[k]), q="red"),
    )
    rows = csv.DictReader(io.StringIO(files.text))
    assert sorted(row["id"] for row in rows) == ["01.png", "50.png"]
    many_picks = [("_pick", f"{n}.png") for n in range(101)]
    refused = await get(site(many), address(".json", *many_picks))
    assert refused.json()["error"] == "At most 100 pictures can be selected."


@pytest.mark.both_versions
@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?seed=1", "1–36 of 60"),
        ("?seed=1&page=2", "37–60 of 60"),
        ("?q=red&id__in=00.png,01.png", "2 pictures"),
        ("?id=00.png&page=2", "37–59 of 59"),
        ("?id=00.png&id__in=00.png,01.png", "1 picture"),
        ("?q=red&_min_score=0.9", "5 pictures"),
    ],
)
async def test_where_the_pictures_of_a_page_are(many, query, said):
    page = (await get(site(many), PHOTOS + query)).text
    (position,) = re.findall(r'<p class="glam-count">([^<]*)</p>', page)
    assert position.startswith(said)
    assert ('rel="prev"' in page) == ("page=2" in query)


@pytest.mark.both_versions
async def test_a_search_that_only_subtracts_says_so(many):
    page = (await get(site(many), f"{PHOTOS}?{urlencode({'q': '-red'})}")).text
    assert "<h2>Least like what is subtracted</h2>" in page


async def test_a_picture_that_is_added_twice_or_taken_back(many):
    for line, button in (("red id:01.png", "_add"), ("red -id:01.png", "_add")):
        path = address("", q=line, **{button: "01.png"})
        location = (await get(site(many), path)).headers["location"]
        assert location == f"{PHOTOS}?q=red+id%3A01.png"


async def test_what_the_form_sends(many):
    pairs = [
        *(("q", "red"), ("_filter", ""), ("_filter", "material=clay")),
        *(("_search", ""), ("_min_score", ""), ("_filter_column", "year")),
        *(("_filter_op", "gte"), ("_filter_value", "1900")),
    ]
    response = await get(site(many), address("", *pairs))
    assert response.headers["location"] == (
        f"{PHOTOS}?q=red&material=clay&year__gte=1900"
    )
    empty = [
        ("q", ""),
        ("_filter", ""),
        ("_filter_column", ""),
        ("_filter_op", "exact"),
    ]
    response = await get(site(many), address("", *empty))
    assert response.headers["location"] == PHOTOS


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("material__in=clay,gold", "material is one of clay, gold"),
        ("material__isblank=1", "material is blank"),
        ("tags__arraycontains=rare", "tags has rare"),
        ("title__glob=*1*", "title glob *1*"),
        ("id__exact=07.png", "id = 07.png"),
    ],
)
async def test_filters_in_words(many, query, said):
    answer = await found(site(many), f"{PHOTOS}.json?{query}")
    assert [chip["text"] for chip in answer["chips"]] == [said]


async def test_forms_hand_on_what_they_do_not_show(many):
    pairs = [
        *(("material", "clay"), ("year__gte", "1900"), ("title__contains", "in")),
        *(("_except", "material=gold"), ("_facet", "material")),
    ]
    page = (await get(site(many), address("", *pairs, q="red", _search="find"))).text
    sending, choosing = re.findall("<form.*?</form>", page, re.DOTALL)[-2:]
    hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)"'
    ours = [("_filter", ""), *pairs[2:]]
    assert re.findall(f'{hidden} form="glam-search">', page) == ours
    assert 'value="material=clay" form="glam-search" checked>' in page
    assert '<input name="year__gte" value="1900" ' in page
    refinements = [*pairs[:4], ("_search", "find"), pairs[4]]
    assert re.findall(f"{hidden}>", choosing) == [("q", "red"), *refinements]
    assert f'action="{PHOTOS}?{unescape(urlencode(refinements))}"' in unescape(sending)


@pytest.mark.both_versions
async def test_filters_are_datasettes(many):
    datasette = site(many)
    for query in (
        "material=clay",
        "material__in=clay,gold&year__lt=1950",
        "title__contains=bronze",
        "title__startswith=Find+1",
        "year__gt=1850&year__lte=1990",
        "tags__arraynotcontains=old",
        "material__isblank=1",
        "_search=gold",
        "_where=length(title)+%3E+15",
        "id__exact=07.png",
    ):
        theirs = await get(
            datasette, f"/embeddings/photos.json?{query}&_shape=array&_size=max"
        )
        ours = await found(datasette, f"{PHOTOS}.json?{query}&_size=max")
        assert sorted(ids(ours)) == sorted(row["id"] for row in theirs.json()), query
        assert ours["fitting"] == len(ours["items"])


async def test_a_sample_of_what_fits(many):
    datasette, seen = site(many), []
    path = address(".json", material="clay", seed=4, _size=5)
    while path:
        answer = await found(datasette, path)
        seen += ids(answer)
        path = answer["next"]
    sql = "select id from photos where material = 'clay'"
    assert sorted(seen) == sorted(row["id"] for row in many.rows(sql))
    assert seen != sorted(seen)


@pytest.mark.both_versions
async def test_facets_count_what_fits_but_for_their_own_choice(many):
    datasette = of(many, facets=["material", {"array": "tags"}, "no such column"])
    answer = await found(datasette, address(material="clay", year__lt="1900"))
    counted = {
        facet["name"]: {one["value"]: one["count"] for one in facet["values"]}
        for facet in answer["facets"]
    }
    rows = [row for row in many.rows("select * from photos") if int(row["year"]) < 1900]
    materials = [row["material"] for row in rows if row["material"] is not None]
    assert counted["material"] == {m: materials.count(m) for m in set(materials)}
    tags = [t for r in rows if r["material"] == "clay" for t in json.loads(r["tags"])]
    assert counted["tags"] == {tag: tags.count(tag) for tag in set(tags)}
    assert [facet["key"] for facet in answer["facets"]] == [
        "material",
        "tags__arraycontains",
    ]
    selected = [
        one["value"] for one in answer["facets"][0]["values"] if one["selected"]
    ]
    assert selected == ["clay"]


@pytest.mark.parametrize(
    "score", ["0.123456789012345", "1", "-1", "0", "1e-07", "0.1", "0.3333333333333333"]
)
async def test_the_lowest_score_keeps_all_its_digits(many, score):
    answer = await found(site(many), address(q="red", _min_score=score, _size=2))
    addresses = [answer["csv_url"]] + [answer["next"]] * (answer["next"] is not None)
    for one in addresses:
        assert parse_qs(urlsplit(one).query)["_min_score"] == [score]


async def test_searches_like_pictures_with_long_ids(many):
    for table in ("photos", "embeddings", "glam_thumbnails"):
        change(many, f"update {table} set id = substr(id, 1, 2) || '{'é' * 198}'")
    picked = [("_pick", f"{number:02}{'é' * 198}") for number in range(12)]
    pressed = address("", *picked, ("_like", ""))
    response = await get(site(many), pressed, follow_redirects=True)
    assert response.status_code == 200, response.text
    answer = await found(
        site(many),
        str(response.url.path) + ".json?" + response.url.query.decode() + "&_size=20",
    )
    assert len(answer["chips"]) == 12
    assert len(ids(answer)) == 20
    assert len((await found(site(many), answer["next"]))["items"]) == 20
    assert len(await as_sql(site(many), answer)) == 20


@pytest.mark.both_versions
async def test_a_configured_facet_that_cannot_be_counted_is_left_out(many):
    datasette = of(many, facets=[{"array": "title"}, "material"])
    answer = await found(datasette, PHOTOS + ".json")
    assert [facet["name"] for facet in answer["facets"]] == ["material"]


@pytest.mark.both_versions
async def test_facets_suggest_themselves(many):
    answer = await found(site(many), PHOTOS + ".json")
    assert [facet["name"] for facet in answer["facets"]] == ["material", "tags"]
    assert (await found(of(many, facets=[]), PHOTOS + ".json"))["facets"] == []
    closed = site(many, settings={"allow_facet": False})
    assert (await found(closed, PHOTOS + ".json"))["facets"] == []


@pytest.mark.both_versions
async def test_a_facet_that_took_too_long_is_counted_again(many, monkeypatch):
    monkeypatch.setattr(change_stamp, "JUST_NOW", -3600)
    real, counted = ColumnFacet.facet_results, []

    async def slow(self):
        counted.append(self)
        return [], ["material"]

    monkeypatch.setattr(ColumnFacet, "facet_results", slow)
    datasette = of(many, facets=["material"])
    answer = await found(datasette, PHOTOS + ".json")
    assert (answer["facets"], answer["facets_timed_out"]) == ([], ["material"])
    page = (await get(datasette, PHOTOS)).text
    assert "Counting the values of material took too long." in page
    assert len(counted) == 1  # not by each visitor
    monkeypatch.setattr(ColumnFacet, "facet_results", real)
    monkeypatch.setattr(cache, "INCOMPLETE_S", 0)
    answer = await found(datasette, PHOTOS + ".json")
    assert [facet["name"] for facet in answer["facets"]] == ["material"]
    assert answer["facets_timed_out"] == []
    monkeypatch.setattr(ColumnFacet, "facet_results", slow)
    assert await found(datasette, PHOTOS + ".json?seed=1")
    assert len(counted) == 1


@pytest.mark.both_versions
async def test_a_value_that_fits_nothing_can_be_chosen_away(many):
    answer = await found(site(many), address(material="unobtainium", q="red"))
    assert (answer["items"], answer["fitting"]) == ([], 0)
    assert (
        answer["message"]
        == "No picture matches all of these conditions. Remove one of them."
    )
    (one,) = [v for v in answer["facets"][0]["values"] if v["selected"]]
    assert (one["value"], one["count"]) == ("unobtainium", 0)


async def test_a_lowest_score(many):
    whole = await found(site(many), address(q="red", _size=100))
    answer = await found(site(many), address(q="red", _min_score=0.8))
    assert scored(answer) == [pair for pair in scored(whole) if pair[1] >= 0.8]
    assert 0 < len(answer["items"]) < 36
    assert (answer["is_cut_off"], answer["next"]) == (True, None)
    page = (await get(site(many), address("", q="red", _min_score=0.8))).text
    assert "All other pictures score below 0.8" in page
    assert scored(await as_json(site(many), answer["uncut_url"])) == scored(whole)[:36]
    nothing = await found(site(many), address(q="red -blue", _min_score=1))
    assert nothing["message"] == "No picture scores 1 or more. Lower the minimum score."
    ending = await found(site(many), address(q="red", _min_score=-1, _size=60))
    assert (ending["is_cut_off"], len(ending["items"])) == (False, 60)


async def as_json(datasette, url):
    return await found(datasette, url)


@pytest.mark.both_versions
async def test_csv(many):
    path = address(".csv", q="red", material="clay")
    response = await get(site(many), path)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert (
        'attachment; filename="photos.csv"' == response.headers["content-disposition"]
    )
    rows = list(csv.DictReader(io.StringIO(response.text)))
    answer = await found(site(many), path.replace(".csv", ".json"))
    rounded = [(item_id, round(score, 4)) for item_id, score in scored(answer)]
    assert [(row["id"], float(row["score"])) for row in rows] == rounded
    assert {row["material"] for row in rows} == {"clay"}
    assert answer["csv_url"] == path
    sample = await found(site(many), PHOTOS + ".json?seed=5&page=2")
    taken = await get(site(many), sample["csv_url"])
    listed = [row["id"] for row in csv.DictReader(io.StringIO(taken.text))]
    assert len(listed) == 60
    assert listed[36:] == ids(sample)
    refused = await get(site(many), PHOTOS + ".csv?nothing=1")
    assert (refused.status_code, refused.json()["ok"]) == (400, False)


@pytest.mark.both_versions
async def test_sql_leaves_out_what_the_page_leaves_out(llm, colours, photos):
    rows = [
        {"file_name": "red.png", "sensitive": True, "title": "Grave"},
        {"file_name": "green.png", "title": 'quo"te'},
    ]
    (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    llm(*EMBED)
    datasette = site(llm)
    for extra in (
        {},
        {"_sensitive": "1"},
        {"title__notnull": "1"},
        {"_min_score": 0.1},
    ):
        answer = await found(
            datasette, address(q="red green", _match="picture", **extra)
        )
        assert answer["items"]
        assert await as_sql(datasette, answer) == scored(answer), extra


@pytest.mark.both_versions
async def test_sql_of_odd_ids(llm, colours, tmp_path):
    names = ["a b", 'quo"te', "it's", "é/ü", "-minus", "2:two"]
    for number, name in enumerate(names):
        picture(tmp_path / "photos" / f"{name}.png", (255 - number, number, 0))
    llm(*EMBED)
    datasette = site(llm)
    for name in names:
        location = (
            await get(datasette, address("", q="red", _add=f"{name}.png"))
        ).headers["location"]
        answer = await found(datasette, location.replace("?", ".json?", 1))
        assert len(answer["items"]) == len(names) - 1
        assert await as_sql(datasette, answer) == scored(answer), name


@pytest.mark.both_versions
async def test_who_may_not_run_sql(many):
    closed = site(many, {"allow_sql": {}, "permissions": {"execute-sql": False}})
    answer = await found(closed, address(q="red", material="clay"))
    assert answer["sql_url"] is None
    page = await get(closed, address("", q="red"))
    assert "This search as SQL" not in page.text
    refused = await get(closed, address(_where="1=1"))
    assert refused.status_code == 403
    assert "You may not run SQL here" in refused.json()["error"]


@pytest.mark.both_versions
async def test_no_sql_with_words_where_models_are_kept_out_of_it(many):
    datasette = site(many, {"plugins": {"datasette-glam": {"sql_models": False}}})
    assert (await found(datasette, address(q="red")))["sql_url"] is None
    answer = await found(datasette, address(id="00.png"))
    assert await as_sql(datasette, answer) == scored(answer)


async def test_several_pictures_are_a_sum(many):
    answer = await found(site(many), PHOTOS + ".json?id=00.png&id=01.png&_size=100")
    weighted = [(1, "00.png"), (1, "01.png")]
    assert scored(answer) == near(reference(many, weighted, lambda row: True, 100))
    assert answer["q"] == "id:00.png id:01.png"


@pytest.mark.both_versions
async def test_an_upload_among_records_and_added_to_words(many):
    datasette = site(many)
    path = f"{PHOTOS}.json?material=clay&_size=60"
    plain = (await upload(datasette, png(GREEN), path)).json()
    rows = many.rows("select id from photos where material = 'clay'")
    assert sorted(ids(plain)) == sorted(row["id"] for row in rows)
    away = (await upload(datasette, png(RED), f"{path}&q=-red")).json()
    assert (away["ok"], "cancel each other out" in away["error"]) == (False, True)
    both = (await upload(datasette, png(RED), f"{path}&q=green")).json()
    weighted = [(1, "red"), (1, "green")]
    expected = reference(many, weighted, lambda row: row["material"] == "clay", 60)
    assert scored(both) == near(expected)


@pytest.mark.parametrize(
    ("query", "status", "part"),
    [
        (
            "_min_score=high",
            400,
            "_min_score must be a number from -1 to 1, not 'high'.",
        ),
        ("_min_score=nan", 400, "_min_score must be a number"),
        ("_size=0", 400, "_size must be a whole number from 1 to 1,000, or max."),
        ("_size=1001", 400, "_size must be a whole number"),
        ("_where=no+such+thing", 400, "The records cannot be filtered: "),
        ("_where=1);drop+table+photos", 400, "The records cannot be filtered: "),
        (
            "title__arraycontains=x",
            400,
            "malformed JSON",
        ),
        (
            "_facet=nothing",
            400,
            "There is no column 'nothing' to count as column. Use _facet, ",
        ),
        ("_facet_date=x", 400, "There is no column 'x' to count as date. Use _facet, "),
        (
            "_facet_array=title",
            400,
            "The values of the column 'title' cannot be counted as array: malformed JSON.",
        ),
        ("q=red&_facet_array=title", 400, "cannot be counted as array"),
        ("q=red+-red", 400, "cancel each other out"),
        ("q=%2Fetc%2Fpasswd", 400, "Files cannot be searched"),
        ("q=http%3A%2F%2F127.0.0.1%2F", 400, "ddress"),
        ("q=" + "word+" * 10_000, 400, "at most 2,000 are allowed"),
        ("q=" + "%2Bx+" * 21, 400, "21 terms; at most 20 are allowed"),
        ("&".join(["id=00.png"] * 21), 400, "21 terms; at most 20 are allowed"),
        ("q=" + "9" * 400 + ":red", 400, "A weight can be at most 1,000"),
        (
            "q=red&page=999999",
            400,
            "Only the first 10,000 results are shown. Narrow down the search.",
        ),
        (
            "q=id:nobody",
            404,
            "There is no picture 'nobody' in the collection 'photos'; search",
        ),
        ("id=nobody&id=00.png", 404, "There is no picture 'nobody'"),
    ],
)
async def test_what_cannot_be_asked_is_said(many, query, status, part):
    for path in (
        f"{PHOTOS}.json?{query}",
        f"{PHOTOS}?{query}",
        f"{PHOTOS}.csv?{query}",
    ):
        response = await get(site(many), path)
        assert response.status_code == status, path
        assert part in unescape(response.text.replace("\\u2019", "’")), path


@pytest.mark.both_versions
async def test_a_filter_that_never_ends(many):
    endless = "(with recursive c(x) as (select 1 union all select x + 1 from c) select max(x) from c)"
    datasette = site(many, settings={"sql_time_limit_ms": 200})
    response = await get(datasette, address(_where=f"id = {endless}"))
    assert response.status_code == 400
    assert (
        response.json()["error"]
        == "Filtering the records takes longer than 0.2 s. Use fewer or simpler conditions."
    )
    assert (await get(datasette, PHOTOS)).status_code == 200


async def test_a_filter_of_few_slow_steps_is_stopped(many):
    slow = "length(hex(randomblob(6000000))) > 0"
    datasette = site(many, settings={"sql_time_limit_ms": 100})
    response = await get(datasette, address(_where=slow))
    assert response.status_code == 400
    assert (
        response.json()["error"]
        == "Filtering the records takes longer than 0.1 s. Use fewer or simpler conditions."
    )
    assert (await get(datasette, PHOTOS)).status_code == 200


@pytest.mark.parametrize("mark", ["'yes'", "'true'", "' '", "2", "0.5", "x'00'"])
async def test_whatever_sql_marks_as_sensitive_is_not_shown(many, mark):
    change(many, f"update photos set sensitive = {mark} where id < '30.png'")
    change(many, "update photos set sensitive = '' where id = '30.png'")
    change(many, "update photos set sensitive = '0' where id = '31.png'")
    datasette = of(many, facets=["id"], facet_size=100)
    open_to_all = {f"{number}.png" for number in range(30, 60)}
    all_rows = {"_size": "max", "_match": "picture"}
    for pairs in ({}, {"q": "red"}, {"q": "red", "id__notblank": "1"}):
        answer = await found(datasette, address(**pairs, **all_rows))
        assert set(ids(answer)) == open_to_all
        assert {v["value"] for v in answer["facets"][0]["values"]} == open_to_all
        assert not any(item["sensitive"] for item in answer["items"])
        rows = (await get(datasette, address(".csv", **pairs, **all_rows))).text
        assert {row["id"] for row in csv.DictReader(io.StringIO(rows))} == open_to_all
        if pairs:
            assert {i for i, _ in await as_sql(datasette, answer)} == open_to_all
    everything = await found(datasette, address(q="red", _sensitive="1", **all_rows))
    hidden = {item["id"] for item in everything["items"] if item["sensitive"]}
    assert hidden == {f"{number:02}.png" for number in range(30)}
    table = (await get(datasette, "/embeddings/photos?_size=max")).text
    assert set(re.findall(r'src="[^"]*/thumb/(..)~2Epng"', table)) == {
        name[:2] for name in open_to_all
    }


MISSING = {
    "drop table photos": (
        404,
        "The table 'photos' with the records of the collection 'photos' is missing",
    ),
    "alter table photos rename to pictures": (404, "is missing or lacks columns"),
    "update collections set model = null where name = 'photos'": (
        404,
        "There is no picture collection 'photos'",
    ),
    **dict.fromkeys(
        [
            *("drop table glam_thumbnails", "drop table glam_labels"),
            *("drop table glam_folders", "alter table photos drop column document"),
            *("drop table glam_problems", "drop table glam_runs"),
        ],
        (200, ""),
    ),
}
for _column in ("caption", "sensitive"):
    _statement = f"alter table photos drop column {_column}"
    MISSING[_statement] = (404, "is missing or lacks columns")


@pytest.mark.parametrize("statement", MISSING)
async def test_what_is_missing_harms_one_collection_only(many, statement):
    status, part = MISSING[statement]
    many("glam", "embed", "others", "many")
    if "column" in statement:
        schema = many.rows("select type, name from sqlite_master where sql is not null")
        kinds = ("trigger", "index")
        change(
            many,
            *(
                f"drop {r['type']} \"{r['name']}\""
                for r in schema
                if r["type"] in kinds
            ),
        )
    change(many, statement)
    datasette = site(many)
    pages = (
        "",
        ".json",
        ".json?q=red",
        ".csv",
        "/item/00~2Epng",
        "/item/00~2Epng.json",
    )
    for page in pages:
        response = await get(datasette, PHOTOS + page)
        assert response.status_code == status, (page, response.text[:500])
        assert part in unescape(response.text)
    thumbnail = await get(datasette, PHOTOS + "/thumb/00~2Epng")
    assert thumbnail.status_code in (200, 404)
    listed = (await found(datasette, GLAM + ".json"))["collections"]
    names = [one["name"] for one in listed]
    assert names == (["others", "photos"] if status == 200 else ["others"])
    for path in (GLAM, "/embeddings", "/embeddings/others", f"{GLAM}/others?q=red"):
        assert (await get(datasette, path)).status_code == 200, path


async def test_bytes_in_records_are_told_by_their_number(many):
    change(many, "alter table photos add column scan blob")
    change(
        many, "update photos set scan = x'ff00fe', title = x'ff' where id < '30.png'"
    )
    change(many, "update photos set scan = 'none', caption = x'00' where id > '50.png'")
    datasette = site(many)
    item = (await found(datasette, PHOTOS + "/item/00~2Epng.json"))["item"]
    assert (item["title"], item["record"]["scan"]) == ("(1 bytes)", "(3 bytes)")
    assert "(3 bytes)" in (await get(datasette, PHOTOS + "/item/00~2Epng")).text
    item = (await found(datasette, PHOTOS + "/item/55~2Epng.json"))["item"]
    assert (item["caption"], item["record"]["scan"]) == ("(1 bytes)", "none")
    for extra in ({}, {"q": "red"}, {"q": "id:00.png"}):
        answer = await found(datasette, address(**extra, _facet="scan"))
        assert [v["value"] for v in answer["facets"][0]["values"]][-1] == "none"
        assert all(isinstance(item["title"], str) for item in answer["items"])
        page = await get(datasette, address("", **extra, _facet="scan"))
        assert page.status_code == 200
    rows = csv.DictReader(io.StringIO((await get(datasette, PHOTOS + ".csv")).text))
    assert {row["scan"] for row in rows} == {"", "(3 bytes)", "none"}


async def test_a_database_without_vectors_says_so(many):
    change(many, "drop table embeddings")
    for path in (PHOTOS, PHOTOS + ".json", GLAM, GLAM + ".json"):
        response = await get(site(many), path)
        assert response.status_code == 503
        said = "The database cannot be read as llm-glam wrote it: no such table: embeddings."
        for_visitors = "The pictures cannot be shown right now."
        assert (said if path.endswith(".json") else for_visitors) in response.text


HOSTILE = [
    "' or 1=1 --",
    '" or 1=1 --',
    "1; drop table photos; --",
    ") union select name from sqlite_master --",
    "%' or '1'='1",
    "<script>alert(1)</script>",
    "\x00",
    "{{7*7}}",
    "../../etc/passwd",
    "a" * 5000,
]
PARAMETERS = [
    *("q", "id", "page", "seed", "material", "material__contains", "year__gte"),
    *("id__in", "title__glob", "tags__arraycontains", "_search", "_min_score", "_size"),
    *("_facet", "_facet_array", "_add", "_like", "_pick", "_filter", "_filter_column"),
    *("_filter_op", "_filter_value", "_sensitive", "material__", "__exact", "_where"),
]


@pytest.mark.parametrize("name", PARAMETERS)
async def test_injections(many, name):
    datasette = site(many)
    for text in HOSTILE:
        for extra in ("", "&_filter_column=material", "&q=red"):
            path = f"{PHOTOS}?{name}={quote_plus(text)}{extra}"
            response = await get(datasette, path, follow_redirects=True)
            assert response.status_code in (200, 400, 404), (path, response.text[:300])
            assert "<script>alert" not in response.text
            assert "49" not in re.findall(r"<h2>.*?</h2>", response.text)
    for format_, status in (("", 200), (".json", 400), (".csv", 400)):
        evil = f"{PHOTOS}{format_}?{quote_plus(HOSTILE[0])}=1"
        assert (await get(datasette, evil)).status_code == status, format_
    assert len(many.rows("select * from photos")) == 60


async def test_counts_are_remembered_while_nothing_changes(many, monkeypatch):
    monkeypatch.setattr(change_stamp, "JUST_NOW", -3600)
    counted = []
    real = items.count
    monkeypatch.setattr(
        items, "count", lambda *a, **k: counted.append(1) or real(*a, **k)
    )
    datasette = site(many)
    before = await found(datasette, PHOTOS + ".json")
    first = len(counted)
    for _ in range(3):
        assert (await found(datasette, PHOTOS + ".json"))["pictures"] == 60
    assert len(counted) == first > 0
    connection = sqlite3.connect(many.database)
    connection.execute("delete from photos where id = '00.png'")
    connection.execute("update photos set material = 'jade' where id = '01.png'")
    connection.commit()
    connection.close()
    after = await found(datasette, PHOTOS + ".json")
    assert after["pictures"] == 59
    values = [one["value"] for one in after["facets"][0]["values"]]
    assert "jade" in values
    assert "jade" not in [one["value"] for one in before["facets"][0]["values"]]


async def test_what_is_no_text_is_refused(embedded):
    datasette = site(embedded)
    quoted = quote_plus('"\\ud800"')

    for path in ("", ".json"):
        for query in (f"q={quoted}", f"q=id:{quoted}"):
            response = await get(datasette, f"{PHOTOS}{path}?{query}")
            assert response.status_code == 400, query
        inner = f"q=red&title__in=%5B{quoted}%5D"
        assert (await get(datasette, f"{PHOTOS}{path}?{inner}")).status_code == 200
        assert (await get(datasette, f"{PHOTOS}{path}?id=%ff")).status_code == 404
        assert (await get(datasette, f"{PHOTOS}{path}?q=%ff")).status_code == 200
    for path in (f"{GLAM}/~FF", f"{PHOTOS}/item/~FF"):
        assert (await get(datasette, path)).status_code == 404, path


@pytest.mark.parametrize("value", [math.nan, math.inf])
async def test_a_vector_without_direction_costs_no_other_its_place(many, value):
    hexadecimal = struct.pack("<3f", 1, value, 0).hex()
    change(
        many, f"update embeddings set embedding = x'{hexadecimal}' where id = '07.png'"
    )
    datasette = site(many)
    page = await found(datasette, f"{PHOTOS}.json?q=red")
    assert len(page["items"]) == 36
    assert "07.png" not in ids(page)
    near = "select glam_nearest('photos', 'red', 60) as near"
    answer = await found(datasette, f"/embeddings.json?_shape=array&sql={near}")
    assert json.loads(answer[0]["near"])["07.png"] == 0
    similar = "select glam_similarity(embedding, embedding) as s from embeddings where id = '07.png'"
    answer = await found(datasette, f"/embeddings.json?_shape=array&sql={similar}")
    assert answer == [{"s": 0.0}]
    for path in (".json?id=07.png", "/item/07~2Epng.json"):
        response = await get(datasette, f"{PHOTOS}{path}")
        assert response.status_code == 503
        assert "'07.png' in the collection 'photos' is damaged" in response.text


@pytest.mark.parametrize("broken", [None, b"abc"])
async def test_a_stored_vector_that_is_none_is_told(embedded, broken):
    connection = sqlite3.connect(embedded.database)
    sql = "update embeddings set embedding = ? where id = 'red.png'"
    with connection:
        connection.execute(sql, [broken])
    connection.close()

    for path in (".json?id=red.png", "/item/red~2Epng.json"):
        response = await get(site(embedded), f"{PHOTOS}{path}")
        assert response.status_code == 503
        assert "'red.png' in the collection 'photos' is damaged" in response.text


CARDS = [
    {
        "file_name": "red.png",
        "title": "Watercolor painting of apples",
        "artist": "A. Wyile",
        "year": "1911",
    },
    {
        "file_name": "green.png",
        "title": "Watercolor painting of pears",
        "artist": "",
        "year": "1887",
    },
]


@pytest.fixture
def titled(llm, colours, photos):
    lines = [json.dumps(row) for row in CARDS]
    (photos / "metadata.jsonl").write_text("\n".join(lines))
    for path in photos.rglob("*.png"):
        if path.name not in ("red.png", "green.png"):
            path.unlink()
    llm(*EMBED)
    return llm


def with_settings(llm, **settings):
    tables = {"photos": {"plugins": {"datasette-glam": settings}}}
    return site(llm, {"databases": {"embeddings": {"tables": tables}}})


async def cards_of(datasette):
    data = await found(datasette, PHOTOS + ".json?q=red")
    return [(card["card_title"], card["card_line"]) for card in data["items"]]


@pytest.mark.both_versions
async def test_cards_do_not_repeat_what_all_titles_begin_with(titled):
    assert await cards_of(site(titled)) == [("Apples", ""), ("Pears", "")]
    data = await found(site(titled), PHOTOS + ".json?q=red")
    assert data["items"][0]["title"] == "Watercolor painting of apples"
    page = (await get(site(titled), PHOTOS + "?q=red")).text
    assert ">Apples</span>" in page
    assert 'alt="Watercolor painting of apples"' in page


@pytest.mark.both_versions
async def test_cards_say_what_the_owner_chose(titled):
    datasette = with_settings(titled, card_title="{year}", card_line="{artist}, {year}")
    assert await cards_of(datasette) == [
        ("1911", "A. Wyile, 1911"),
        ("1887", "1887"),
    ]
    page = (await get(datasette, PHOTOS + "?q=red")).text
    assert "<small>A. Wyile, 1911</small>" in page


@pytest.mark.both_versions
@pytest.mark.parametrize("template", ["{nothing}", "{year", "no field", 7])
async def test_a_template_that_cannot_be_used_is_noted(titled, template, caplog):
    datasette = with_settings(titled, card_title=template)
    assert [title for title, _ in await cards_of(datasette)] == ["Apples", "Pears"]
    assert "card_title in the settings of datasette-glam" in caplog.text


@pytest.mark.both_versions
async def test_cards_say_nothing_of_private_columns(titled):
    datasette = with_settings(
        titled, card_line="{artist}", card_title="{year}", private_columns=["artist"]
    )
    page = (await get(datasette, PHOTOS + "?q=red")).text
    assert "Wyile" not in page
    assert ">1911</span>" in page


@pytest.mark.both_versions
async def test_scores_are_shown_where_the_owner_wants_them(titled):
    assert "glam-score" not in (await get(site(titled), PHOTOS + "?q=red")).text
    page = (await get(with_settings(titled, show_scores=True), PHOTOS + "?q=red")).text
    assert re.findall(r'--part:([^"]*)">([^<]*)</small>', page) == [
        ("1.0", "1.00"),
        ("0.0", "0.00"),
    ]


@pytest.mark.both_versions
async def test_a_bar_is_the_part_of_the_best_score_of_the_search(many):
    first = await found(site(many), address(q="red"))
    second = await found(site(many), address(q="red", page=2))
    best = first["items"][0]["score"]
    assert first["items"][0]["bar"] == 1
    for item in second["items"]:
        assert item["bar"] == pytest.approx(max(item["score"] / best, 0), abs=1e-3)
