"""Addresses: the parameters that they have, that others add to them, and that do not exist."""

import asyncio
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from datasette.utils import tilde_encode
from hypothesis import given
from hypothesis import strategies as st

from ..properties import ANYTHING
from ..site import GLAM, PHOTOS, change, found, get, ids, links, raw, site

RED_ITEM = f"{PHOTOS}/item/red~2Epng"
ADDED_BY_OTHERS = "utm_source=newsletter&utm_medium=email&fbclid=IwAR0&gclid=x&mc_eid=1&ref=home&_ga=2&igsh=1"

pytestmark = pytest.mark.both_versions


@pytest.mark.asyncio
@pytest.mark.parametrize("path", [GLAM, PHOTOS, RED_ITEM, "/-/glam-models/colours"])
async def test_what_others_add_to_links_is_ignored(embedded, path):
    page = await get(site(embedded), f"{path}?{ADDED_BY_OTHERS}")
    assert page.status_code == 200
    assert "was left out" not in page.text
    refused = await get(site(embedded), f"{path}.json?utm_source=newsletter")
    assert refused.status_code == 400
    assert "'utm_source'" in refused.json()["error"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("query", "said", "reason"),
    [
        (
            "nothing=1",
            "“nothing”, which was",
            "There is no column 'nothing' in photos. ",
        ),
        ("material__is=1", "“material__is”, ", "Unknown operator 'is'. After material"),
        ("__exact=1", "“__exact”, which was", "There is no column '__exact' in photos"),
        ("a=1&b=1&c=1&d=1&e=1", "“a”, “b”, “c” and 2 more, which was", "no column 'a'"),
        ("%3Cscript%3E=1", "“<script>”, which was", "There is no column '<script>'"),
        ("_szie=3", None, "There is no parameter '_szie'. There are _except, _extra,"),
        ("_shape=array", None, "There is no parameter '_shape'. There are _except"),
        ("_facet_size=3", None, "There is no parameter '_facet_size'. There are _ex"),
        ("next=36", "“next”, which was", "There is no column 'next' in photos. The c"),
        ("_extra=row", "", "There is no _extra=row. There is _extra=record."),
    ],
)
async def test_a_parameter_that_there_is_not(embedded, query, said, reason):
    page = await get(site(embedded), f"{PHOTOS}?{query}")
    for format_ in (".json", ".csv"):
        refused = await get(site(embedded), f"{PHOTOS}{format_}?{query}")
        assert (refused.status_code, refused.json()["ok"]) == (400, False)
        assert reason in refused.json()["error"]
    if said == "":
        return
    assert page.status_code == 200
    assert "red.png" in page.text
    assert "<script>=" not in page.text
    line = f"The records cannot be filtered by {said}" if said else "was left out"
    assert (line in unescape(page.text)) == bool(said)


@pytest.mark.asyncio
async def test_links_do_not_carry_on_what_there_is_not(many):
    unknown = f"nothing=1&_szie=3&{ADDED_BY_OTHERS}"
    datasette = site(many)
    for query in ("", "q=red&", "id=00.png&material=clay&", "q=red&_min_score=0.5&"):
        page = (await get(datasette, f"{PHOTOS}?{query}{unknown}")).text
        carried = {
            name for url in links(page) for name in parse_qs(urlsplit(url).query)
        }
        assert "q" in carried or "id" in carried
        assert not carried & parse_qs(unknown).keys(), query
        assert 'name="nothing"' not in page
        for as_json in (url for url in links(page) if ".json" in url):
            whole = as_json if as_json.startswith("/") else f"{GLAM}/{as_json}"
            assert (await get(datasette, whole)).status_code == 200, as_json
    pressed = await get(datasette, f"{PHOTOS}?q=red&_add=00.png&{unknown}")
    assert set(parse_qs(urlsplit(pressed.headers["location"]).query)) == {"q"}


@pytest.mark.asyncio
async def test_a_column_called_as_what_others_add(embedded):
    change(
        embedded,
        "alter table photos add column ref text",
        "update photos set ref = 'A1' where id = 'red.png'",
    )
    assert ids(await found(site(embedded), f"{PHOTOS}.json?ref=A1")) == ["red.png"]


NAMES = (
    *("q", "id", "seed", "page", "material", "title__contains", "id__in", "_search"),
    *("_where", "_min_score", "_size", "_facet", "_facet_array", "_sensitive", "_add"),
    *("_pick", "_like", "_subtract", "_filter", "_filter_column", "_filter_op", "next"),
    *("_filter_value", "utm_source", "nothing", "_extra", "_shape", "v", "__", ""),
)
VALUES = (
    "red",
    "1",
    "-1",
    "red.png",
    "nan",
    "1e999",
    "[",
    "record",
    "material",
    "",
    "+a -a",
)
PIECES = st.sampled_from(VALUES) | ANYTHING
ENCODED = PIECES.map(
    lambda text: "".join(
        f"%{byte:02x}" for byte in text.encode("utf-8", "surrogatepass")
    )
)
LATIN = st.binary(max_size=8).map(lambda some: some.decode("latin-1"))
PAIRS = st.tuples(
    st.sampled_from(NAMES) | ENCODED | LATIN,
    st.sampled_from(["=", "", "=="]),
    ENCODED | LATIN,
).map("".join)
QUERIES = st.lists(PAIRS, max_size=5).map(
    lambda pairs: "&".join(pairs).encode("latin-1")
)


def test_no_query_string_is_an_error_of_the_site(embedded):
    paths = [f"{path}{f}" for path in (GLAM, PHOTOS, RED_ITEM) for f in ("", ".json")]
    paths += [f"{PHOTOS}.csv", f"{PHOTOS}/thumb/red~2Epng"]
    with asyncio.Runner() as runner:
        app = site(embedded).app()

        @given(st.sampled_from(paths), QUERIES)
        def check(path, query):
            status, body = runner.run(raw(app, path.encode(), query))
            assert status in (200, 302, 400, 404), body

        check()


@pytest.mark.asyncio
async def test_a_thousand_parameters_are_read_at_once(embedded, monkeypatch):
    """Each name that is compared with the columns' takes a moment, in which nobody is served."""
    from llm_glam.formats import column_names

    compared = []
    real = column_names.similar
    monkeypatch.setattr(
        column_names, "similar", lambda *a: compared.append(a) or real(*a)
    )
    query = "&".join(f"matrial{number}=1" for number in range(1000))
    for path in (PHOTOS, f"{PHOTOS}.json", f"{PHOTOS}.csv"):
        assert (await get(site(embedded), f"{path}?{query}")).status_code in (200, 400)
    assert len(compared) == 2


@pytest.mark.asyncio
async def test_records_in_json(embedded):
    datasette = site(embedded)
    answer = await found(datasette, f"{PHOTOS}.json?q=red&_extra=record&_size=2")
    records = {item["id"]: item["record"] for item in answer["items"]}
    assert records["red.png"] == {"material": "clay"}
    for item_id, record in records.items():
        item = await found(datasette, f"{PHOTOS}/item/{tilde_encode(item_id)}.json")
        assert item["item"]["record"] == record
    assert "_extra=record" in answer["next"]
    plain = await found(datasette, f"{PHOTOS}.json?q=red")
    assert not any("record" in item for item in plain["items"])
    change(embedded, "alter table photos add column scan blob")
    change(embedded, "update photos set scan = x'ff00'")
    answer = await found(datasette, f"{PHOTOS}.json?_extra=record")
    assert {item["record"]["scan"] for item in answer["items"]} == {"(2 bytes)"}


@pytest.mark.asyncio
async def test_the_next_page_as_datasette_gives_it(many):
    for settings in ({}, {"base_url": "/museum/"}):
        datasette = site(many, settings=settings)
        answer = await found(datasette, f"{PHOTOS}.json?q=red&_size=25")
        assert answer["next_url"] == f"http://localhost{answer['next']}"
        seen = ids(answer)
        while answer["next_url"]:
            path = urlsplit(answer["next_url"])._replace(scheme="", netloc="").geturl()
            answer = await found(datasette, path.removeprefix("/museum"))
            seen += ids(answer)
        assert len(seen) == len(set(seen)) == 60
        assert (answer["next"], answer["next_url"]) == (None, None)


@pytest.mark.asyncio
async def test_beyond_the_end_is_a_plain_answer(embedded):
    datasette = site(embedded)
    for query in (
        "page=99",
        "q=red&page=99",
        "seed=7&page=999999999",
        "material=clay&page=9",
    ):
        page = await get(datasette, f"{PHOTOS}?{query}")
        assert page.status_code == 200, query
        assert "There are no more pictures. Go back to an earlier page." in page.text
        answer = await found(datasette, f"{PHOTOS}.json?{query}")
        assert (answer["items"], answer["next"]) == ([], None)
        csv = await get(datasette, f"{PHOTOS}.csv?{query}")
        assert len(csv.text.splitlines()) == 1


PUBLISHED = [
    *(
        "?q=red",
        "?q=%2Bred+-blue",
        "?id=red.png",
        "?id=red.png&id=green.png",
        "?seed=7",
    ),
    *("?seed=7&page=2", "?q=red&page=2", "?material=clay", "?title__contains=thing"),
    *("?id__exact=red.png", "?_search=thing", "?_where=1%3D1&_where=2%3D2", "?_size=2"),
    *("?q=red&_min_score=0.1", "?_facet=material", "?_facet_date=title", "?_size=max"),
    *("?_facet_array=tags", "?q=red&_sensitive=1"),
]


@pytest.mark.asyncio
async def test_addresses_that_were_published_go_on(embedded):
    """Those that docs/site.md lists: nobody can call back what is in a book or a newsletter."""
    change(embedded, "alter table photos add column tags text")
    change(embedded, """update photos set tags = '["a"]'""")
    datasette = site(embedded)
    for query in PUBLISHED:
        for format_ in ("", ".json", ".csv"):
            answer = await get(datasette, f"{PHOTOS}{format_}{query}")
            assert answer.status_code == 200, (format_, query, answer.text[:300])
    for path in (GLAM, RED_ITEM, "/-/glam-models/colours"):
        for format_ in ("", ".json"):
            assert (await get(datasette, f"{path}{format_}")).status_code == 200
    (row,) = embedded.rows("select image_md5 from photos where id = 'red.png'")
    for query in ("", f"?v={row['image_md5'][:12]}", "?v=old"):
        thumbnail = await get(datasette, f"{PHOTOS}/thumb/red~2Epng{query}")
        assert thumbnail.status_code == 200
    for query in (
        "_add=red.png&q=red",
        "_like=red.png",
        "_like=&_pick=red.png",
        "q=red&_subtract=green.png",
    ):
        assert (
            await get(datasette, f"{PHOTOS}?{query}", follow_redirects=True)
        ).status_code == 200
    form = "_filter=material%3Dclay&_filter_column=title&_filter_op=notblank&_filter_value="
    pressed = await get(datasette, f"{PHOTOS}?{form}", follow_redirects=True)
    assert pressed.status_code == 200
