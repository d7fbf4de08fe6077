"""The same collection in Datasette, 0.65 and 1.0 alike."""

import json
import sqlite3

import pytest
from datasette.app import Datasette
from sqlite_utils import Database

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
