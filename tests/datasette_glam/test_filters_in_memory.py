"""What is filtered and counted in memory is what SQLite finds and counts."""

import asyncio

import pytest

from datasette_glam.web import cache
from llm_glam.db import change_stamp, filters
from llm_glam.search import index, record_columns

from ..site import PHOTOS, change, found, get, ids, site

pytestmark = pytest.mark.asyncio

# The first has a value of tags that is no JSON; it is iron, and the only one.
IRON = "update photos set material = 'iron', tags = '[' where id = '00.png'"
CONDITIONS = [
    "material=bronze",
    "material__in=clay,gold&year__gte=1850",
    "material__isblank=1&_sensitive=1",
    "material__not=bronze",
    "year__lt=1900&_facet=year",
    "id__gt=20.png&title__contains=1",
    "material=bronze&tags__arraycontains=rare&_facet_array=tags",
    "material=iron&_facet_date=year",
    "_search=gold",
    "_search=find&material=clay",
    "material=unobtainium",
]
PATIENT = {"facet_time_limit_ms": 20_000}  # whatever else this computer does


async def searched(llm, monkeypatch):
    """A site on which somebody has searched, which makes the index."""
    in_memory(monkeypatch)
    datasette = site(llm, settings=PATIENT)
    await found(datasette, f"{PHOTOS}.json?q=blue")
    return datasette


def in_memory(monkeypatch, is_so=True):
    """Let databases count as unchanged although they have just been written, or not."""
    monkeypatch.setattr(change_stamp, "JUST_NOW", -3600 if is_so else 3600)


@pytest.fixture
def calls(monkeypatch):
    """What was asked of SQLite: all ids, and the columns that were read."""
    asked = []
    real_ids, real_column = filters.ids, record_columns.column

    def recorded_ids(*args):
        asked.append("ids")
        return real_ids(*args)

    def recorded_column(*args):
        asked.append(args[-1])
        return real_column(*args)

    monkeypatch.setattr(filters, "ids", recorded_ids)
    monkeypatch.setattr(record_columns, "column", recorded_column)
    return asked


@pytest.mark.both_versions
@pytest.mark.parametrize("condition", CONDITIONS)
async def test_pages_are_the_same(many, monkeypatch, calls, condition):
    change(
        many,
        "update photos set material = 'iron', sensitive = 1 where id = '07.png'",
        "delete from embeddings where id = '09.png'",
        "delete from photos where id = '11.png'",
    )
    queries = [f"{condition}&q=red&_size=7", f"{condition}&seed=5&_size=100"]
    for query in queries:
        in_memory(monkeypatch, False)
        by_sqlite = await found(site(many, settings=PATIENT), f"{PHOTOS}.json?{query}")
        assert "ids" in calls
        calls.clear()
        datasette = await searched(many, monkeypatch)
        answer = await found(datasette, f"{PHOTOS}.json?{query}")
        assert answer == by_sqlite
        assert "ids" not in calls
        calls.clear()


async def test_a_record_that_others_exclude_does_not_matter(many, monkeypatch):
    change(many, IRON)
    path = f"{PHOTOS}.json?material=bronze&tags__arraycontains=rare&q=red"
    in_memory(monkeypatch, False)
    by_sqlite = await get(site(many), path)
    response = await get(await searched(many, monkeypatch), path)
    assert response.status_code == by_sqlite.status_code
    assert response.json() == by_sqlite.json()


async def test_sql_is_run_each_time(many, monkeypatch, calls):
    datasette = await searched(many, monkeypatch)
    for _ in range(2):
        await found(datasette, f"{PHOTOS}.json?_where=random()+is+not+null")
    assert calls.count("ids") == 2


async def test_visitors_at_once_share_what_is_read(many, monkeypatch, calls):
    datasette = await searched(many, monkeypatch)
    paths = [f"{PHOTOS}.json?material=clay&year__gt={n}" for n in range(1800, 1812)]
    answers = await asyncio.gather(*(found(datasette, path) for path in paths))
    assert sorted(calls) == ["material", "sensitive", "year"]
    rows = many.rows("select year from photos where material = 'clay'")
    counts = [sum(int(r["year"]) > n for r in rows) for n in range(1800, 1812)]
    assert [answer["fitting"] for answer in answers] == counts


async def test_looking_through_pictures_does_not_wait_for_an_index(
    many, monkeypatch, calls
):
    in_memory(monkeypatch)
    datasette, path = site(many), f"{PHOTOS}.json?material=clay&seed=1"
    index.clear_cache()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "of", lambda *args: pytest.fail("an index was made"))
        before = await found(datasette, path)
    assert calls == ["ids"]
    datasette = await searched(many, monkeypatch)
    assert await found(datasette, path) == before
    assert calls.count("ids") == 1


async def test_a_change_is_seen_at_once(many, monkeypatch):
    datasette = await searched(many, monkeypatch)
    path = f"{PHOTOS}.json?material=clay&_size=100"
    before = await found(datasette, path)
    gone = ids(before)[0]
    change(many, f"update photos set material = 'glass' where id = '{gone}'")
    after = await found(datasette, path)
    assert sorted(ids(after)) == sorted({*ids(before)} - {gone})


@pytest.mark.parametrize("most", [0, 10**9])
async def test_the_memory_of_all_columns_is_bounded(many, monkeypatch, calls, most):
    monkeypatch.setattr(cache, "MOST_BYTES", most)
    datasette, seen = await searched(many, monkeypatch), []
    for material in ("clay", "gold", "clay"):
        answer = await found(datasette, f"{PHOTOS}.json?material={material}")
        seen.append(answer["fitting"])
    sql = "select count(*) as number from photos where material = '{}'"
    counts = [many.rows(sql.format(m))[0]["number"] for m in ("clay", "gold", "clay")]
    assert seen == counts
    assert "ids" not in calls
    assert (calls.count("material") == 1) is bool(most)


async def test_the_memory_of_counts_is_bounded(many, monkeypatch):
    """Anybody may ask for a thousand histograms of 20,000 numbers, in addresses of 60 kB."""
    in_memory(monkeypatch)
    index.clear_cache()  # so that SQLite counts
    datasette, least = site(many), 150 * 60
    monkeypatch.setattr(cache, "MOST_BYTES", 3 * least)
    change(many, "update photos set year = 1800 + cast(substr(id, 1, 2) as integer)")
    for number in range(20):
        path = f"{PHOTOS}.json?_except=title%3D{number}{'x' * 100}"
        answer = await found(datasette, path)
        assert sum(bar["count"] for bar in answer["ranges"][0]["bars"]) == 60
    known = cache.of(datasette)._results
    asked = [what for _, _, what in known if "xxx" in what]
    assert sum(map(len, asked)) < 3 * least
    assert sum("records" in what for what in asked) <= 3
