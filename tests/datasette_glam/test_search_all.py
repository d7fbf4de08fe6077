"""*Search in all* collections of one checkpoint on the site, and who finds what there."""

import sqlite3

import pytest
from datasette.app import Datasette
from datasette.database import Database

from datasette_glam.pages import search_all

from ..conftest import made, register_fake
from ..fakes import BLUE, GREEN, RED, Colours, picture
from ..prepared import copy
from ..site import GLAM, change, found, get, links, site

YELLOW, WHITE = (255, 255, 0), (255, 255, 255)
FINDS = {"red.png": RED, "yellow.png": YELLOW, "green.png": GREEN}
MET = {"red.png": RED, "white.png": WHITE, "blue.png": BLUE}
ALL = "/embeddings/-/glam-search"
# Cosines with red, by hand: yellow is (1, 1, 0), white (1, 1, 1).
BY_RED = [
    ("finds", "red.png", 1),
    ("met", "red.png", 1),
    ("finds", "yellow.png", 2**-0.5),
    ("met", "white.png", 3**-0.5),
    ("finds", "green.png", 0),
    ("met", "blue.png", 0),
]

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]


def embed_two(llm, folder):
    for name, pictures in (("finds", FINDS), ("met", MET)):
        for file, colour in pictures.items():
            picture(folder / name / file, colour)
        llm("glam", "embed", name, name)


@pytest.fixture(scope="session")
def two_once(tmp_path_factory):
    return made(embed_two, tmp_path_factory.mktemp("two"))


@pytest.fixture
def two(two_once, llm, colours, tmp_path):
    copy(two_once, tmp_path)
    return llm


def placed(data):
    return [(item["collection"], item["id"]) for item in data["items"]]


def closed_to_visitors(table):
    return {"databases": {"embeddings": {"tables": {table: {"allow": {"id": "root"}}}}}}


async def test_one_ranking(two):
    data = await found(site(two), f"{ALL}.json?q=red")
    assert [(i["collection"], i["id"], i["score"]) for i in data["items"]] == [
        (name, item_id, pytest.approx(score, abs=1e-9))
        for name, item_id, score in BY_RED
    ]
    assert [i["bar"] for i in data["items"]] == [1, 1, 0.707, 0.577, 0, 0]
    first = data["items"][1]
    assert first["url"] == f"{GLAM}/met/item/red~2Epng"
    assert first["collection_url"] == f"{GLAM}/met"
    assert first["similar_url"] == f"{ALL}?id=red.png&collection=met"
    assert data["searched"][0]["title"] == "finds"
    assert data["checkpoints"] == [
        {"key": "c0c0", "model": "glam-clip/colours", "collections": 2}
    ]


async def test_scores_equal_the_command_line(two):
    lines = two.json("glam", "search", "finds", "a ship", "--also", "met")
    data = await found(site(two), f"{ALL}.json?q=a+ship")
    assert [
        (i["collection"], i["id"], round(i["score"], 6)) for i in data["items"]
    ] == [(line["collection"], line["id"], line["score"]) for line in lines]


async def test_sums_and_the_least_score(two):
    data = await found(site(two), f"{ALL}.json?q=red+%2Bgreen&_min_score=0.8")
    # (1, 1, 0): yellow 1, white 2/√6 = .816, the others .707 or 0
    assert placed(data) == [("finds", "yellow.png"), ("met", "white.png")]


async def test_similar_to_a_picture_of_one_collection(two):
    data = await found(site(two), f"{ALL}.json?id=red.png&collection=met")
    assert placed(data) == [
        (name, item_id)
        for name, item_id, _ in BY_RED
        if (name, item_id) != BY_RED[1][:2]
    ]
    assert (data["id"], data["collection"]) == ("red.png", "met")
    assert [one["search_url"] for one in data["searched"]] == [
        None,
        f"{GLAM}/met?id=red.png",
    ]
    page = (await get(site(two), f"{ALL}?id=red.png&collection=met")).text
    assert 'Similar to <a href="glam/met/item/red~2Epng">red.png</a>' in page
    assert '<input type="hidden" name="collection" value="met">' in page
    words = (await get(site(two), f"{ALL}?q=red&collection=met")).text
    assert 'name="collection"' not in words  # which only pictures in the query need
    response = await get(site(two), f"{ALL}.json?id=red.png")
    assert response.status_code == 400
    assert "collection=NAME" in response.json()["error"]
    for gone in ("id=white.png&collection=finds", "q=red&collection=nobody"):
        assert (await get(site(two), f"{ALL}.json?{gone}")).status_code == 404


async def test_pages_are_of_the_whole_ranking(two, monkeypatch):
    monkeypatch.setattr(search_all, "PAGE", 4)
    datasette = site(two)
    first = await found(datasette, f"{ALL}.json?q=red")
    assert first["next"] == f"{ALL}.json?q=red&page=2"
    second = await found(datasette, first["next"])
    assert placed(first) + placed(second) == [one[:2] for one in BY_RED]
    assert second["next"] is None
    page = (await get(datasette, f"{ALL}?id=red.png&collection=met")).text
    assert "?id=red.png&page=2&collection=met" in links(page)
    monkeypatch.setattr(search_all, "DEEPEST", 5)
    cut = await found(datasette, f"{ALL}.json?q=red&page=2")
    assert (placed(cut), cut["next"]) == ([BY_RED[4][:2]], None)
    assert (await get(datasette, f"{ALL}.json?q=red&page=3")).status_code == 400


async def test_the_page_says_where_each_picture_is_from(two):
    config = {"databases": {"embeddings": {"tables": {"met": {"title": "The <Met>"}}}}}
    datasette = Datasette([str(two.database)], metadata=config)
    page = (await get(datasette, f"{ALL}?q=red")).text
    assert "Nearest to “red”" in page
    assert "<small>The &lt;Met&gt;</small>" in page
    assert {
        "glam/finds?q=red",
        "glam/met/item/red~2Epng",
        "?id=red.png&collection=met",
    } <= {*links(page)}


async def test_the_list_has_the_box_where_two_can_be_searched_together(two):
    page = (await get(site(two), GLAM)).text
    assert 'action="glam-search"' in page
    assert 'name="checkpoint"' not in page
    only_finds = {"plugins": {"datasette-glam": {"collections": ["finds"]}}}
    assert "glam-search" not in (await get(site(two, only_finds), GLAM)).text
    change(two, "update glam_collections set precision = 'int8' where name = 'met'")
    assert "glam-search" not in (await get(site(two), GLAM)).text


async def test_pictures_lead_to_similar_ones_in_all_collections(two):
    link = "Similar in all collections"
    item = f"{GLAM}/met/item/red~2Epng"
    page = (await get(site(two), item)).text
    assert link in page
    assert f"{ALL}?id=red.png&collection=met" in links(page)
    assert link not in (await get(site(two, closed_to_visitors("finds")), item)).text
    change(two, "update glam_collections set fingerprint = 'x' where name = 'finds'")
    assert link not in (await get(site(two), item)).text


async def test_one_checkpoint_at_a_time(two, monkeypatch):
    register_fake(two, monkeypatch, "other", Colours("0dd0"))
    two("glam", "reembed", "met", "met2", "-m", "other")
    datasette = site(two)
    data = await found(datasette, f"{ALL}.json?q=red")
    assert {one["collection"] for one in data["items"]} == {"finds", "met"}
    assert [(c["key"], c["collections"]) for c in data["checkpoints"]] == [
        ("c0c0", 2),
        ("0dd0", 1),
    ]
    other = await found(datasette, f"{ALL}.json?q=red&checkpoint=0dd0")
    assert {one["collection"] for one in other["items"]} == {"met2"}
    of_id = await found(datasette, f"{ALL}.json?id=red.png&collection=met2")
    assert {one["collection"] for one in of_id["items"]} == {"met2"}
    page = (await get(datasette, f"{ALL}?q=red&checkpoint=0dd0")).text
    assert '<option value="0dd0" selected>met2 (glam-clip/other)</option>' in page
    assert '<option value="c0c0">finds, met (glam-clip/colours)</option>' in page
    response = await get(datasette, f"{ALL}.json?q=red&checkpoint=nothing")
    assert response.status_code == 404


async def test_visitors_find_only_what_they_may_see(two):
    datasette = site(two, closed_to_visitors("met"))
    await datasette.invoke_startup()
    root = {"ds_actor": datasette.sign({"a": {"id": "root"}}, "actor")}
    for start in (ALL, "/-/glam-search"):
        data = await found(datasette, f"{start}.json?q=red")
        assert {one["collection"] for one in data["items"]} == {"finds"}
        page = (await get(datasette, f"{start}?q=red")).text
        assert "glam/met" not in page
        asked = f"{start}.json?id=red.png&collection=met"
        assert (await get(datasette, asked)).status_code == 404
        response = await get(datasette, f"{start}.json?q=red", cookies=root)
        assert {one["collection"] for one in response.json()["items"]} == {
            "finds",
            "met",
        }


async def test_sensitive_pictures_are_absent(two):
    change(
        two,
        "update met set sensitive = 1 where id = 'white.png'",
        "update finds set sensitive = 1 where id = 'red.png'",
    )
    public = {"plugins": {"datasette-glam": {"public": True}}}
    data = await found(site(two), f"{ALL}.json?q=red")
    assert placed(data) == [
        ("met", "red.png"),
        ("finds", "yellow.png"),
        ("finds", "green.png"),
        ("met", "blue.png"),
    ]
    asked = f"{ALL}.json?id=white.png&collection=met"
    assert (await get(site(two), asked)).status_code == 200
    assert (await get(site(two, public), asked)).status_code == 404


async def test_the_same_names_in_two_databases(two, tmp_path):
    other = tmp_path / "other.db"
    with sqlite3.connect(two.database) as source, sqlite3.connect(other) as target:
        source.backup(target)
    datasette = site(two)
    datasette.add_database(Database(datasette, path=str(other)), name="other")
    data = await found(datasette, "/-/glam-search.json?q=red")
    assert [(i["database"], i["collection"]) for i in data["items"][:4]] == [
        ("embeddings", "finds"),
        ("embeddings", "met"),
        ("other", "finds"),
        ("other", "met"),
    ]
    path = data["items"][3]["similar_url"]
    assert path == "/-/glam-search?id=red.png&collection=met&database=other"
    similar = await found(datasette, path.replace("?", ".json?"))
    assert [(i["database"], i["collection"]) for i in similar["items"][:3]] == [
        ("embeddings", "finds"),
        ("embeddings", "met"),
        ("other", "finds"),
    ]
    assert len(similar["items"]) == 11
    public = {"plugins": {"datasette-glam": {"public": True}}}
    datasette = site(two, public)
    datasette.add_database(Database(datasette, path=str(other)), name="other")
    assert 'action="-/glam-search"' in (await get(datasette, "/")).text


async def test_private_columns_are_absent(two):
    """A title is null where it is private, so that cards show the id."""
    change(two, "update finds set title = 'hush'", "update met set title = 'told'")
    private = {"plugins": {"datasette-glam": {"private_columns": {"finds": ["title"]}}}}
    for path in (f"{ALL}.json?q=red", f"{ALL}?id=red.png&collection=finds"):
        page = (await get(site(two, private), path)).text
        assert "hush" not in page
        assert "told" in page


async def test_what_is_not_asked_rightly(two):
    datasette = site(two)
    page = await get(datasette, f"{ALL}?material=clay&utm_source=x")
    assert page.status_code == 200
    assert "“material”, which was left out" in page.text
    for query in ("material=clay", "q=red&_min_score=x", "q=red+-red", "q=%22%22"):
        response = await get(datasette, f"{ALL}.json?{query}")
        assert (response.status_code, response.json()["items"]) == (400, []), query
    script = "<script>alert(1)</script>"
    page = (await get(datasette, f"{ALL}?q={script}&collection={script}")).text
    assert script not in page
    nothing = await get(datasette, f"{ALL}.json?q=red&_min_score=1&page=2")
    assert nothing.json()["message"] == search_all.ENDED


async def test_where_no_collection_can_be_seen(two):
    nobody = {"plugins": {"datasette-glam": {"collections": []}}}
    page = await get(site(two, nobody), f"{ALL}?q=red")
    assert page.status_code == 200
    assert search_all.NOTHING in page.text


async def test_a_checkpoint_that_is_not_here(two):
    change(two, "update glam_collections set fingerprint = 'gone'")
    response = await get(site(two), f"{ALL}.json?q=red")
    assert response.status_code == 503
    similar = await found(site(two), f"{ALL}.json?id=red.png&collection=met")
    assert len(similar["items"]) == 5


async def test_below_a_path(two):
    datasette = site(two, settings={"base_url": "/museum/"})
    for path in (GLAM, f"{ALL}?q=red", f"{GLAM}/met/item/red~2Epng"):
        page = (await get(datasette, path)).text
        outside = [url for url in links(page) if url.startswith("/")]
        assert [url for url in outside if not url.startswith("/museum/")] == []
    data = await found(datasette, f"{ALL}.json?q=red")
    assert data["items"][0]["url"] == f"/museum{GLAM}/finds/item/red~2Epng"
