"""Words on the site: looked for in records and pictures, and offered as filters.

The pictures are those of :data:`tests.prepared.LETTERS`; their cosines to red are 1, .7071, 0, 0, 0.
"""

from urllib.parse import urlencode

import pytest

from datasette_glam.pages.gallery import record_filters
from llm_glam.db.record_search import containing
from llm_glam.errors import BadCheckpoint
from llm_glam.models import loading

from ..site import PHOTOS, change, found, get, ids, png, site, upload

pytestmark = pytest.mark.asyncio


def address(path=".json", **parameters):
    return f"{PHOTOS}{path}?{urlencode(parameters)}"


def why(data):
    return [(item["id"], item["match"]) for item in data["items"]]


@pytest.mark.both_versions
async def test_words_are_looked_for_in_records_and_pictures(letters):
    answer = await found(site(letters), address(q="red"))

    # As on the command line: 1/63 + 1/61, 1/63 + 1/62, 1/61, 1/62, 1/63
    assert why(answer) == [
        ("c3.png", "both"),
        ("d4.png", "both"),
        ("a1.png", "picture"),
        ("b2.png", "picture"),
        ("scans/0032.png", "picture"),
    ]
    assert [round(item["score"], 4) for item in answer["items"]] == [0, 0, 1, 0.7071, 0]
    assert answer["match"] == "both"
    assert answer["record_matches"]["count"] == 2
    assert ids(answer["record_matches"]) == ["c3.png", "d4.png"]
    assert answer["sql_url"] is None  # which would rank by vectors only


@pytest.mark.both_versions
async def test_only_records_and_only_pictures(letters):
    datasette = site(letters)
    both = await found(datasette, address(q="red"))
    by_name = {one["match"]: one["url"] for one in both["matches"]}

    records = await found(datasette, both["record_matches"]["url"])
    pictures = await found(datasette, by_name["picture"])

    assert by_name["record"] == both["record_matches"]["url"]
    assert why(records) == [("c3.png", "record"), ("d4.png", "record")]
    assert records["record_matches"] is None
    assert why(pictures)[:2] == [("a1.png", "picture"), ("b2.png", "picture")]
    assert pictures["record_matches"] is None
    assert pictures["sql_url"]
    none = await found(datasette, address(q="blue", _match="record"))
    assert none["items"] == []
    assert none["message"].startswith("No record contains all of these words.")


async def test_a_number_comes_first(letters):
    change(letters, "update glam_columns set identifier = 1 where heading = 'number'")

    answer = await found(site(letters), address(q="1887_3804-2"))

    assert why(answer)[0] == ("a1.png", "identifier")


async def test_sums_ids_uploads_and_samples_know_no_records(letters):
    datasette = site(letters)
    for query in ({"q": "red -blue"}, {"q": "2:red"}, {"id": "a1.png"}):
        answer = await found(datasette, address(**query))
        assert {match for _, match in why(answer)} == {"picture"}
        assert (answer["match"], answer["matches"]) == (None, [])
    sent = (await upload(datasette, png())).json()
    assert {match for _, match in why(sent)} == {"picture"}
    assert {match for _, match in why(await found(datasette, address()))} == {None}


async def test_pages_minimum_score_and_filters(letters, monkeypatch):
    datasette = site(letters)
    whole = why(await found(datasette, address(q="red")))
    url, seen = address(q="red", _size=2), []
    while url:
        answer = await found(datasette, url)
        seen += why(answer)
        url = answer["next"]

    assert seen == whole
    high = await found(datasette, address(q="red", _min_score=0.5))
    assert why(high) == whole[2:4]
    assert high["is_cut_off"]
    clay = await found(datasette, address(q="red", material="clay"))
    assert why(clay) == whole[2:4]
    assert clay["record_matches"] is None


@pytest.mark.both_versions
async def test_a_value_in_the_query_is_offered_as_a_filter(letters):
    datasette = site(letters)
    change(letters, "update photos set material = 'Papier mâché' where id > 'c'")

    (one,) = (await found(datasette, address(q="papier mache, long")))[
        "suggested_filters"
    ]
    (other,) = (await found(datasette, address(q="clay")))["suggested_filters"]

    narrower = await found(datasette, one.pop("url"))
    assert one == {"column": "material", "value": "Papier mâché", "count": 3}
    assert narrower["q"] == "long"
    assert set(ids(narrower)) == {"c3.png", "d4.png", "scans/0032.png"}
    assert (other["value"], other["count"]) == ("clay", 2)
    sample = await found(datasette, other["url"])
    assert (sample["q"], set(ids(sample))) == ("", {"a1.png", "b2.png"})


async def test_values_that_are_not_repeated_or_not_whole_are_not_offered(letters):
    datasette = site(letters)
    change(letters, "update photos set material = 'old clay' where id = 'a1.png'")

    for words in ("bone", "clay", "old", "12", "A pot"):
        answer = await found(datasette, address(q=words))
        assert answer["suggested_filters"] == [], words


async def test_private_columns_are_neither_searched_nor_offered(letters):
    config = {"plugins": {"datasette-glam": {"private_columns": ["material"]}}}
    for datasette in (site(letters, config), None):
        if datasette is None:  # now in the database itself
            letters("glam", "mark", "photos", "--private", "material")
            datasette = site(letters)
        answer = await found(datasette, address(q="paper"))
        assert answer["suggested_filters"] == []
        assert answer["record_matches"] is None
        assert {match for _, match in why(answer)} == {"picture"}


async def test_sensitive_records_are_not_counted(letters):
    change(letters, "update photos set sensitive = 1 where id = 'c3.png'")
    datasette = site(letters)

    answer = await found(datasette, address(q="red"))
    with_them = await found(datasette, address(q="red", _sensitive=1))
    named = await found(datasette, address(q="c3.png"))

    assert ids(answer) == ["d4.png", "a1.png", "b2.png", "scans/0032.png"]
    assert answer["record_matches"]["count"] == 1
    assert with_them["record_matches"]["count"] == 2
    assert "c3.png" not in str(named["items"]) + str(named["record_matches"])


@pytest.fixture
def no_checkpoint(monkeypatch):
    def missing(*args, **options):
        raise BadCheckpoint("There is no checkpoint here.")

    monkeypatch.setattr(loading, "encoder", missing)


@pytest.mark.both_versions
async def test_without_the_checkpoint_the_records_answer(letters, no_checkpoint):
    datasette = site(letters)

    answer = await found(datasette, address(q="red"))
    page = await get(datasette, address("", q="red"))
    nothing = await get(datasette, address(q="blue"))

    assert why(answer) == [("c3.png", "record"), ("d4.png", "record")]
    assert [item["score"] for item in answer["items"]] == [None, None]
    assert answer["message"].startswith("Pictures cannot be searched by words here")
    assert page.status_code == 200
    assert "whose records contain the words" in page.text
    assert nothing.status_code == 503


async def test_records_that_cannot_be_searched(letters):
    change(letters, "drop table photos_fts")
    datasette = site(letters)

    answer = await found(datasette, address(q="red"))
    refused = await get(datasette, address(q="red", _match="record"))

    assert ids(answer)[:2] == ["a1.png", "b2.png"]
    assert (answer["match"], answer["matches"]) == (None, [])
    assert refused.status_code == 400
    assert "full-text index" in refused.json()["error"]


async def test_records_that_take_too_long(letters, monkeypatch):
    def slow(*args):
        raise record_filters.TooSlow("Filtering the records takes longer than 1 s.")

    monkeypatch.setattr("llm_glam.search.matching.in_records", slow)
    datasette = site(letters)

    answer = await found(datasette, address(q="red"))
    refused = await get(datasette, address(q="red", _match="record"))

    assert answer["records_left_out"]
    assert ids(answer)[:2] == ["a1.png", "b2.png"]
    assert refused.status_code == 400


async def test_words_that_too_many_records_contain(letters, monkeypatch):
    monkeypatch.setattr(containing, "RANKED", 0)
    monkeypatch.setattr(containing, "MOST", 1)
    datasette = site(letters)

    answer = await found(datasette, address(q="red"))
    refused = await get(datasette, address(q="red", _match="record"))

    assert (answer["match"], answer["records_left_out"]) == ("both", True)
    assert why(answer)[0] == ("a1.png", "picture")
    assert "More than 1 records contain these words" in refused.json()["error"]


async def test_an_unknown_match_is_refused(letters):
    answer = await get(site(letters), address(q="red", _match="title"))

    assert answer.status_code == 400
    assert "_match must be picture, both, record" in answer.json()["error"]


async def test_the_page_says_what_the_records_say(letters):
    change(letters, "update photos set material = 'red' where id > 'c'")
    page = (await get(site(letters), address("", q="red"))).text

    assert "3 records contain “red”" in page
    assert '<b aria-current="true">both</b>' in page
    assert ">material: red</a>" in page
    assert ">Nearest to “red”</h2>" in page


async def test_nothing_typed_is_an_operator_or_markup(letters):
    datasette = site(letters)
    for words in ('"', "red OR pot", "title:red", "NEAR(red)", "<b>red", "^", "a*b("):
        page = await get(datasette, address("", q=words))
        assert page.status_code == 200, words
        assert "<b>red" not in page.text
