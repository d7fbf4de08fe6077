"""Lists of values and ranges beside the results, and what an empty result offers."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from datasette_glam.pages.gallery import ranges, record_filters
from llm_glam.db import change_stamp

from ..site import PHOTOS, change, found, get, ids, site

pytestmark = pytest.mark.asyncio
BRONZE, CLAY, GOLD = "bronze", "clay", "gold"


def address(path=".json", *pairs, **parameters):
    return f"{PHOTOS}{path}?{urlencode([*pairs, *parameters.items()])}"


def of(llm, *, settings=None, **config):
    """A site with the owner's configuration of the table, and settings of ours for it."""
    own = {"plugins": {"datasette-glam": settings}} if settings else {}
    tables = {"photos": {**config, **own}}
    return site(llm, {"databases": {"embeddings": {"tables": tables}}})


def facet(answer, name):
    return next(one for one in answer["facets"] if one["name"] == name)


def counts(one):
    return {value["value"]: value["count"] for value in one["values"]}


def marked(one, mark):
    return [value["value"] for value in one["values"] if value[mark]]


def bars(answer):
    (one,) = answer["ranges"]
    return {bar["from"]: bar["count"] for bar in one["bars"] if bar["count"]}


@pytest.fixture
def dated(many):
    """Sixty pictures: ten of each material, of the years 1800, 1801 and so on."""
    change(
        many,
        "update photos set year = 1800 + cast(substr(id, 1, 2) as integer)",
        "update photos set material = case cast(substr(id, 1, 2) as integer) / 10 "
        "when 0 then 'bronze' when 1 then 'clay' when 2 then 'gold' when 3 then 'a, b' "
        "when 4 then '' else null end",
    )
    return many


@pytest.mark.parametrize(
    ("selected", "expected"),
    [
        ([CLAY], {"material": "clay"}),
        ([CLAY, GOLD], {"material__in": "clay,gold"}),
        (["a, b", CLAY], {"material__in": '["a, b", "clay"]'}),
        (["", CLAY], {"material__in": ",clay"}),
        (["[x", CLAY], {"material__in": '["[x", "clay"]'}),
    ],
)
@pytest.mark.both_versions
async def test_several_values_are_one_filter(dated, selected, expected):
    datasette = site(dated)
    form = [("_filter", ""), *(("_filter", f"material={one}") for one in selected)]
    response = await get(datasette, address("", *form, q="red"))
    location = response.headers["location"]
    assert location == f"{PHOTOS}?{urlencode({'q': 'red', **expected})}"
    answer = await found(datasette, location.replace("?", ".json?") + "&_size=max")
    fits = dated.rows("select id, material from photos where material is not null")
    names = [row["id"] for row in fits if row["material"] in selected]
    assert sorted(ids(answer)) == sorted(names)
    assert sorted(marked(facet(answer, "material"), "selected")) == sorted(selected)
    everywhere = {BRONZE: 10, CLAY: 10, GOLD: 10, "a, b": 10, "": 10}
    assert everywhere.items() <= counts(facet(answer, "material")).items()


async def test_values_of_a_column_with_an_odd_name(dated):
    change(dated, 'alter table photos add column "a b__in" text')
    change(dated, 'update photos set "a b__in" = material')
    form = [("_filter", f"a b__in__exact={one}") for one in (CLAY, GOLD)]
    response = await get(site(dated), address("", *form))
    location = response.headers["location"]
    assert location == f"{PHOTOS}?{urlencode({'a b__in__in': 'clay,gold'})}"
    assert (await found(site(dated), location.replace("?", ".json?")))["fitting"] == 20


async def test_two_filters_on_a_column_must_both_match(dated):
    answer = await found(
        site(dated), address(material=CLAY, material__in="gold,bronze")
    )
    assert answer["items"] == []
    assert [one["kind"] for one in answer["chips"]] == ["filter", "filter"]
    page = (await get(site(dated), answer["chips"][0]["remove_url"])).json()
    assert marked(facet(page, "material"), "selected") == [BRONZE, GOLD]


@pytest.mark.both_versions
async def test_values_are_left_out_and_blank_ones_stay(dated):
    datasette = site(dated)
    pairs = [("_except", "material=bronze"), ("_except", "material=clay")]
    answer = await found(
        datasette, address(".json", *pairs, q="red", _size="max", _match="picture")
    )
    assert sorted(ids(answer)) == [f"{n:02}.png" for n in range(20, 60)]
    texts = [(one["kind"], one["text"]) for one in answer["chips"][1:]]
    assert texts == [
        ("except", "without material = bronze"),
        ("except", "without material = clay"),
    ]
    left = await found(datasette, answer["chips"][1]["remove_url"])
    assert left["fitting"] == 50
    assert marked(facet(answer, "material"), "excluded") == [BRONZE, CLAY]
    assert counts(facet(answer, "material"))[BRONZE] == 10
    sql = answer["sql_url"].replace("?", ".json?_shape=array&", 1)
    assert len((await get(datasette, sql)).json()) == 40
    page = (await get(datasette, address("", *pairs))).text
    assert "<s>bronze</s>" in page
    assert 'name="_except" value="material=bronze" form="glam-search"' in page


async def test_is_not_in_the_form_keeps_blank_ones(dated):
    form = {"_filter_column": "material", "_filter_op": "except", "_filter_value": CLAY}
    location = (await get(site(dated), address("", **form))).headers["location"]
    assert location == f"{PHOTOS}?_except=material%3Dclay"


async def test_an_exception_that_cannot_be_read(many):
    response = await get(site(many), address(_except="nothing=1"))
    assert response.status_code == 400
    assert "There is no column 'nothing'" in response.json()["error"]


async def test_values_come_by_frequency_then_alphabet_and_numbers_by_value(dated):
    change(dated, "update photos set material = 'clay' where id like '2%'")
    change(dated, "update photos set tags = cast(substr(id, 2, 1) as integer) % 3 * 9")
    datasette = of(dated, facets=["material", "tags"])
    answer = await found(datasette, PHOTOS + ".json")
    material, tags = ([v["value"] for v in f["values"]] for f in answer["facets"])
    assert material == [CLAY, "", "a, b", BRONZE]
    assert [str(one) for one in tags] == ["0", "9", "18"]
    chosen = await found(datasette, address(material=BRONZE))
    assert list(counts(facet(chosen, "material"))) == [BRONZE, CLAY, "", "a, b"]


async def test_a_selected_value_that_is_rare_has_its_count(dated):
    datasette = of(dated, facets=["material"], facet_size=1)
    answer = await found(datasette, address(material__in="gold,bronze,no such"))
    assert counts(facet(answer, "material")) == {
        GOLD: 10,
        BRONZE: 10,
        "no such": 0,
        "": 10,
    }
    assert facet(answer, "material")["has_more"] is True


async def test_lists_of_texts_are_counted_one_by_one(many):
    answer = await found(site(many), PHOTOS + ".json")
    assert facet(answer, "tags")["type"] == "array"
    assert set(counts(facet(answer, "tags"))) == {"old", "rare", "broken"}


@pytest.mark.both_versions
async def test_a_range_of_years(dated):
    answer = await found(site(dated), address(year__gte="1810", year__lte="1829"))
    (one,) = answer["ranges"]
    assert answer["fitting"] == 20
    assert (one["name"], one["from_key"], one["to_key"]) == (
        *("year", "year__gte", "year__lte"),
    )
    assert (one["from"], one["to"]) == ("1810", "1829")
    assert (one["least"], one["most"]) == (1800, 1859)
    # The range itself does not change its bars.
    assert bars(answer) == {1800 + 2 * n: 2 for n in range(30)}
    inside = [bar["from"] for bar in one["bars"] if bar["selected"]]
    assert inside == list(range(1810, 1830, 2))
    clay = await found(site(dated), address(material=CLAY, year__gte="1815"))
    assert bars(clay) == {1810 + 2 * n: 2 for n in range(5)}
    page = (await get(site(dated), address("", year__gte="1810"))).text
    assert '<input name="year__gte" value="1810" placeholder="1800" ' in page
    assert page.count('preserveAspectRatio="none"') == 1


@pytest.mark.parametrize("settings", [{"ranges": ["year"]}, None])
async def test_numbers_that_nobody_means(dated, settings):
    """The smallest and the largest that a computer has, as text and as numbers."""
    for number, value in enumerate(("1.7e308", "-1.7e308", "9e999", "'1.7e308'")):
        change(dated, f"update photos set year = {value} where id like '{number:02}%'")
    answer = await found(of(dated, settings=settings), address())
    assert answer["ranges"][0]["most"] == 1859
    assert sum(bars(answer).values()) == 60 - 4


async def test_the_form_of_a_range(dated):
    form = [("_filter", ""), ("year__gte", "1810"), ("year__lte", " ")]
    location = (await get(site(dated), address("", *form))).headers["location"]
    assert location == f"{PHOTOS}?year__gte=1810"


async def test_years_before_our_era(dated):
    change(
        dated,
        "update photos set year = (300 - substr(id, 1, 2)) || ' BC' where id < '30.png'",
        "update photos set year = -5 where id >= '30.png'",
    )
    answer = await found(site(dated), address(year__gte="280 BC", year__lte="-270"))
    assert answer["fitting"] == 10  # 280 to 271, which is before 270
    (one,) = answer["ranges"]
    assert (one["from"], one["least"], one["most"]) == ("280 BC", -300, -5)
    assert sum(bars(answer).values()) == 60


async def test_earliest_and_latest_overlap(dated):
    change(
        dated,
        *(f"alter table photos add column {name} text" for name in ("early", "late")),
        "update photos set early = 100, late = 104 where id = '00.png'",
        "update photos set early = 102, late = 'c. 103' where id = '01.png'",
        "update photos set early = 'unknown', late = 103 where id = '02.png'",
        "update photos set early = 101 where id = '03.png'",
    )
    datasette = of(dated, settings={"ranges": [["early", "late"]]})
    answer = await found(datasette, address(late__gte="104"))
    assert ids(answer) == ["00.png"]
    (one,) = answer["ranges"]
    assert (one["name"], one["from_key"], one["to_key"]) == (
        *("early – late", "late__gte", "early__lte"),
    )
    assert bars(answer) == {100: 1, 101: 1, 102: 2, 103: 2, 104: 1}
    both = await found(datasette, address(late__gte="102", early__lte="102"))
    assert sorted(ids(both)) == ["00.png", "01.png"]


async def test_placeholders_far_away_share_a_bar(dated):
    change(dated, "insert into photos (id, year) values ('x', 9999), ('y', 0)")
    every = [(n, n, 100) for n in range(1800, 1860)] + [(0, 0, 1), (9999, 9999, 1)]
    bins = ranges.bins_of(every)
    assert (bins.start, bins.step, bins.number) == (1800, 2, 30)
    assert bins.counts(every)[0] == bins.counts(every)[-1] == 201


@pytest.mark.both_versions
async def test_which_columns_have_a_range(dated):
    change(
        dated,
        *(
            f"alter table photos add column {name} text"
            for name in ("inv", "size", "zip")
        ),
        "update photos set inv = 70000 + rowid",  # one object's each
        "update photos set size = rowid % 7 || '.5'",
        "update photos set zip = 'A' || rowid",
    )
    answer = await found(site(dated), PHOTOS + ".json")
    assert [one["name"] for one in answer["ranges"]] == ["year", "size"]
    assert not {"year", "size"} & {one["name"] for one in answer["facets"]}
    for named, names in (
        (["inv"], ["inv"]),
        (["nothing", ["year"], ["year", "nothing"], 7], []),
        ([], []),
        ("year", []),
    ):
        datasette = of(dated, settings={"ranges": named})
        shown = (await found(datasette, PHOTOS + ".json"))["ranges"]
        assert [one["name"] for one in shown] == names
    secret = {"ranges": ["inv"], "private_columns": ["inv"]}
    answer = await found(of(dated, settings=secret), PHOTOS + ".json")
    assert answer["ranges"] == []


async def test_a_range_that_takes_too_long_can_still_be_typed(dated, monkeypatch):
    async def slow(*given):
        return None

    monkeypatch.setattr(record_filters, "summary", slow)
    answer = await found(site(dated), address(year__gte="1810"))
    assert answer["facets_timed_out"] == ["year"]
    (one,) = answer["ranges"]
    assert (one["from"], one["least"], one["bars"]) == ("1810", None, [])
    page = (await get(site(dated), address("", year__gte="1810"))).text
    assert "Counting the values of year took too long." in page
    assert '<input name="year__gte" value="1810" aria-label' in page


async def test_counts_are_kept_while_nothing_changes(dated, monkeypatch):
    monkeypatch.setattr(change_stamp, "JUST_NOW", -3600)
    datasette, statements = site(dated), []
    database = datasette.get_database("embeddings")
    real = database.execute

    async def noted(sql, *given, **options):
        statements.append(sql)
        return await real(sql, *given, **options)

    monkeypatch.setattr(database, "execute", noted)
    first = await found(datasette, address(material=CLAY, q="red"))
    assert any(sql.startswith("with found as") for sql in statements)
    statements.clear()
    again = await found(datasette, address(material=CLAY, q="red", page=1))
    assert (again["ranges"], again["facets"]) == (first["ranges"], first["facets"])
    assert not any("found" in sql for sql in statements)


@pytest.mark.both_versions
async def test_an_empty_result_says_what_to_leave_out(dated):
    datasette = site(dated)
    path = address("", material=CLAY, year__gte="1830", _search="find", q="red")
    answer = await found(datasette, path.replace("?", ".json?"))
    assert (answer["items"], answer["fitting"]) == ([], 0)
    offered = [(one["text"], one["pictures"]) for one in answer["leave_out"]]
    assert offered == [("material = clay", 30), ("year ≥ 1830", 10)]
    left = await found(datasette, answer["leave_out"][0]["url"])
    assert (left["fitting"], left["leave_out"]) == (30, [])
    page = unescape((await get(datasette, path)).text)
    shown = re.findall(r'<a href="([^"]+)">Leave out <i>(.*?)</i></a> \((.*?)\)', page)
    assert [(text, number) for _, text, number in shown] == [
        ("material = clay", "30 pictures"),
        ("year ≥ 1830", "10 pictures"),
    ]
    for link in ("CSV", "JSON", "This search as SQL"):
        assert f">{link}</a>" not in page
    both = address("", material="jade", year__gte="3000")
    page = (await get(datasette, both)).text
    assert "Leave out" not in page
    assert re.search(r'<a href="[^"?]+">Clear all conditions</a>', page)


async def test_filters_are_counted_and_cleared(dated):
    pairs = [("_except", "material=gold"), ("_search", "find"), ("_min_score", "-1")]
    path = address("", *pairs, q="red", year__gte="1810")
    page = (await get(site(dated), path)).text
    assert "<summary>Filters (4)</summary>" in page
    cleared = re.search(r'<a href="([^"]+)">Clear all filters</a>', page)[1]
    assert cleared.endswith("?q=red")
    page = (await get(site(dated), PHOTOS)).text
    assert "<summary>Filters</summary>" in page
    assert "Clear all filters" not in page
