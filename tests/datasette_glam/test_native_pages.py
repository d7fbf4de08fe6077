"""The same collection in Datasette, 0.65 and 1.0 alike."""

import json
import sqlite3

import pytest
from datasette.app import Datasette
from sqlite_utils import Database

pytestmark = pytest.mark.both_versions
EMBED = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")


async def query(datasette, sql):
    response = await datasette.client.get(
        "/embeddings.json",
        params={"sql": sql, "_shape": "objects"},
        follow_redirects=True,
    )
    return response.status_code, response.json()


@pytest.fixture
def site(llm, colours, photos):
    (photos / "metadata.jsonl").write_text(
        json.dumps({"file_name": "red.png", "title": "Çatal fork", "material": "iron"})
    )
    llm(*EMBED)
    return Datasette([str(llm.database)])


@pytest.mark.asyncio
async def test_items_can_be_searched_and_faceted(site):
    response = await site.client.get(
        "/embeddings/photos.json?_search=catal&_facet=material&_shape=objects"
        "&_extra=facet_results"
    )
    data = response.json()
    assert [row["id"] for row in data["rows"]] == ["red.png"]
    assert "iron" in json.dumps(data["facet_results"])


@pytest.mark.asyncio
async def test_llm_embed_works_for_our_models(site):
    sql = "select llm_embed_decode(llm_embed('glam-clip', 'red')) as vector"
    status, data = await query(site, sql)
    assert (status, data["rows"]) == (200, [{"vector": "[1.0, 0.0, 0.0]"}])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
async def test_llm_embed_is_closed_for_other_models(site, monkeypatch):
    status, data = await query(site, "select llm_embed('3-small', 'on your key') as v")
    assert status == 400
    assert "user-defined function raised exception" in json.dumps(data)


@pytest.mark.asyncio
async def test_the_owner_may_open_it(llm, colours, photos):
    llm(*EMBED)
    config = {"plugins": {"datasette-glam": {"llm_embed_any_model": True}}}
    try:
        datasette = Datasette([str(llm.database)], config=config)
    except TypeError:
        datasette = Datasette([str(llm.database)], metadata=config)
    status, data = await query(datasette, "select llm_embed('no-such-model', 'x') as v")
    assert status == 200
    assert "Unknown model" in json.dumps(data)


def test_triggers_and_columns_of_llms_tables_are_llms_own(llm, colours, photos):
    from llm.embeddings_migrations import embeddings_migrations

    llm(*EMBED)
    own = Database(memory=True)
    embeddings_migrations.apply(own)
    sql = "select name, sql from sqlite_master where tbl_name in ('collections', 'embeddings')"
    connection = sqlite3.connect(llm.database)
    assert sorted(connection.execute(sql)) == sorted(own.execute(sql).fetchall())
    connection.close()


def closed(llm, **settings):
    """A site with settings of ours."""
    config = {"plugins": {"datasette-glam": settings}}
    try:
        return Datasette([str(llm.database)], config=config)
    except TypeError:
        return Datasette([str(llm.database)], metadata=config)


@pytest.mark.asyncio
async def test_the_nearest_pictures_in_sql(site):
    sql = """
        select photos.id, title, round(value, 3) as score
        from json_each(glam_nearest('photos', 'red', 20))
        join photos on photos.id = key order by value desc
    """
    status, data = await query(site, sql)
    assert status == 200, data
    assert data["rows"] == [
        {"id": "red.png", "title": "Çatal fork", "score": 1.0},
        {"id": "green.png", "title": None, "score": 0.0},
    ]
    nearest = "select glam_nearest('photos', 'id:red.png', 1) as found"
    status, data = await query(site, nearest)
    assert data["rows"] == [{"found": '{"green.png": 0.0}'}]


@pytest.mark.asyncio
async def test_sums_and_some_pictures_in_sql(site):
    sums = "select glam_nearest('photos', 'green -0.5:red', 5) as found"
    status, data = await query(site, sums)
    assert status == 200, data
    scores = json.loads(data["rows"][0]["found"])
    assert list(scores) == ["green.png", "red.png"]
    assert scores["red.png"] == pytest.approx(-0.5 / 1.25**0.5)
    among = """
        select glam_nearest('photos', 'red', 5, (
            select json_group_array(id) from photos where material is null
        )) as found
    """
    status, data = await query(site, among)
    assert data["rows"] == [{"found": '{"green.png": 0.0}'}]
    quoted = (
        "select glam_nearest('photos', 'id:' || json_quote(id), 1) as found from photos"
    )
    status, data = await query(site, quoted)
    assert [row["found"] for row in data["rows"]] == [
        '{"red.png": 0.0}',
        '{"green.png": 0.0}',
    ]


@pytest.mark.asyncio
async def test_vectors_in_sql(site):
    sql = """
        select id, glam_similarity(embedding, glam_embed('photos', 'green')) as score
        from embeddings order by score desc
    """
    status, data = await query(site, sql)
    assert (status, data["rows"][0]) == (200, {"id": "green.png", "score": 1.0})
    status, data = await query(site, "select glam_similarity(null, x'00') as unknown")
    assert data["rows"] == [{"unknown": None}]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
@pytest.mark.parametrize(
    "call",
    [
        "glam_nearest('no such', 'red', 5)",
        "glam_nearest('photos', '/etc/passwd', 5)",
        "glam_nearest('photos', 'http://127.0.0.1/', 5)",
        "glam_nearest('photos', 'id:no such', 5)",
        "glam_nearest('photos', 'red', 'many')",
        "glam_embed('photos', '')",
        "glam_nearest('photos', 'red -red', 5)",
        "glam_nearest('photos', 'red', 5, 'no json')",
        "glam_nearest('photos', 'red', 5, '{\"red.png\": 1}')",
        "glam_nearest('photos', 'red', 5, '\"red.png\"')",
        "glam_similarity('a', 'b')",
        "glam_similarity(zeroblob(8), zeroblob(12))",
        "glam_similarity(zeroblob(7), zeroblob(7))",
        "glam_similarity(zeroblob(262148), zeroblob(262148))",
    ],
)
async def test_what_cannot_be_asked_in_sql_is_an_error(site, call):
    status, data = await query(site, f"select {call}")
    assert status == 400
    assert "user-defined function raised exception" in json.dumps(data)


@pytest.mark.asyncio
@pytest.mark.parametrize("function", ["glam_similarity", "length"])
async def test_values_of_a_gigabyte_are_refused_before_they_are_made(site, function):
    size = 999_999_996
    blobs = ", ".join([f"zeroblob({size})"] * (2 if "glam" in function else 1))
    status, data = await query(site, f"select {function}({blobs})")
    assert status == 400
    assert "too big" in json.dumps(data)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
async def test_the_owner_may_keep_models_out_of_sql(llm, colours, photos):
    llm(*EMBED)
    datasette = closed(llm, sql_models=False)
    by_id = "select glam_nearest('photos', 'id:red.png', 1) as found"
    assert (await query(datasette, by_id))[0] == 200
    for call in ("glam_nearest('photos', 'red', 1)", "glam_embed('photos', 'red')"):
        assert (await query(datasette, f"select {call}"))[0] == 400
