"""The same collection in Datasette, 0.65 and 1.0 alike."""

import json
import re
import shlex
import sqlite3

import llm as library
import pytest
from datasette.app import Datasette
from sqlite_utils import Database

from llm_glam.db import items

from .. import finds

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
    ("call", "message"),
    [
        (
            "glam_nearest('no such', 'red', 5)",
            "glam_nearest(): There is no picture collection 'no such' in this database (it has: "
            "photos).",
        ),
        ("glam_nearest('photos', '/etc/passwd', 5)", "glam_nearest()"),
        ("glam_nearest('photos', 'http://127.0.0.1/', 5)", "glam_nearest()"),
        (
            "glam_nearest('photos', 'id:none', 5)",
            "There is no 'none' in the collection",
        ),
        ("glam_nearest('photos', 'red', 'many')", "must be a number, not 'many'"),
        ("glam_embed('photos', '')", "glam_embed(): the query is empty"),
        ("glam_nearest('photos', 'red -red', 5)", "glam_nearest()"),
        ("glam_nearest('photos', 'red', 5, 'no json')", "must be a JSON array"),
        (
            "glam_nearest('photos', 'red', 5, '{\"red.png\": 1}')",
            "must be a JSON array",
        ),
        ("glam_nearest('photos', 'red', 5, '\"red.png\"')", "must be a JSON array"),
        ("glam_similarity('a', 'b')", "glam_similarity() compares vectors"),
        ("glam_similarity(zeroblob(8), zeroblob(12))", "of the same length"),
        ("glam_similarity(zeroblob(7), zeroblob(7))", "of the same length"),
        ("glam_similarity(zeroblob(262148), zeroblob(262148))", "at most 65,536"),
    ],
)
async def test_what_cannot_be_asked_in_sql_is_an_error(site, call, message):
    status, data = await query(site, f"select {call}")
    assert status == 400
    assert message in data["error"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
async def test_errors_of_sql_are_not_mixed_up(site):
    """One that was noted before is not the reason of the next."""
    await query(site, "select glam_nearest('no such', 'red', 5)")
    status, data = await query(site, "select llm_embed('3-small', 'on your key') as v")
    assert "no such" not in data["error"]
    status, data = await query(site, "select a column")
    assert data["error"] == "no such column: a"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.asyncio
async def test_what_is_wrong_with_the_server_is_for_its_log(
    llm, colours, photos, caplog
):
    llm(*EMBED)
    llm.encoders.clear()
    status, data = await query(
        Datasette([str(llm.database)]), "select glam_nearest('photos', 'red', 5)"
    )
    assert status == 400
    assert "cannot answer here" in data["error"]
    assert str(llm.database.parent) not in data["error"]
    assert "glam_nearest(): " in caplog.text


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


def columns_of(html):
    return re.findall(r'<th[^>]*data-column="([^"]*)"', html)


def cells_of(html):
    """The class of each cell of the first row, which has the name of its column."""
    row = re.search(r"<tbody>\s*<tr[^>]*>(.*?)</tr>", html, re.S)[1]
    return re.findall(r'<td class="col-(\S+)', row)


@pytest.mark.asyncio
async def test_the_table_of_pictures_begins_with_what_people_wrote(site):
    html = (await site.client.get("/embeddings/photos")).text
    columns = columns_of(html)
    assert columns[:4] == ["id", "file", "title", "material"]
    ours = {*items.OUR_COLUMNS, "file_name"} - {"id", "file", "title"}
    assert set(columns[4:]) == ours
    assert columns[4:6] == ["caption", "rights"]
    assert cells_of(html) == columns
    # What a phone shows beside the values, of which the last rule counts.
    labels = dict(
        re.findall(r'nth-of-type\((\d+)\):before { content: "(.*?)"; }', html)
    )
    assert list(labels.values()) == columns
    chosen = (await site.client.get("/embeddings/photos?_col=caption&_col=title")).text
    assert columns_of(chosen) == ["id", "caption", "title"]


@pytest.mark.asyncio
async def test_other_tables_are_shown_as_they_are(site, llm):
    names = [row["name"] for row in llm.rows("pragma table_info(collections)")]
    html = (await site.client.get("/embeddings/collections")).text
    assert columns_of(html) == names
    empty = (await site.client.get("/embeddings/photos?id=none")).text
    assert "0 records" in empty


@pytest.mark.asyncio
async def test_facets_are_suggested_for_what_people_wrote(llm, colours, tmp_path):
    finds.make(tmp_path / "many")
    llm("glam", "embed", "photos", "many")
    html = (await Datasette([str(llm.database)]).client.get("/embeddings/photos")).text
    suggested = re.search(r'<p class="suggested-facets">(.*?)</p>', html, re.S)[1]
    assert "_facet=material" in suggested
    assert "image_" not in suggested


@pytest.mark.asyncio
async def test_a_collection_made_in_python_says_how_to_show_it(llm, colours, photos):
    llm.database.parent.mkdir(parents=True, exist_ok=True)
    names = ["red.png", "green.png"]
    made = library.Collection(
        "my pictures", Database(llm.database), model_id="glam-clip"
    )
    made.embed_multi((name, (photos / name).read_bytes()) for name in names)
    datasette = Datasette([str(llm.database)])
    data = (await datasette.client.get("/embeddings/-/glam.json")).json()
    assert data["collections"] == []
    (one,) = data["without_records"]
    assert (one["name"], one["vectors"]) == ("my pictures", 2)
    html = (await datasette.client.get("/embeddings/-/glam")).text
    assert "llm glam adopt &#39;my pictures&#39; -m glam-clip/colours" in html
    gallery = await datasette.client.get("/embeddings/-/glam/my+pictures.json")
    assert gallery.status_code == 404
    assert gallery.json()["error"] == one["message"]
    closed = Datasette([str(llm.database)], settings={"default_allow_sql": False})
    answer = await closed.client.get("/embeddings/-/glam.json")
    assert "my pictures" not in answer.text
    answer = await closed.client.get("/embeddings/-/glam/my+pictures.json")
    assert "llm glam adopt" not in answer.text
    command = shlex.split(one["message"].rpartition("with: llm ")[2])
    llm(*(str(photos) if word == "FOLDER" else word for word in command))
    data = (await datasette.client.get("/embeddings/-/glam.json")).json()
    assert data["collections"][0]["pictures"] == 2


@pytest.mark.asyncio
async def test_datasette_lists_our_own_tables_as_hidden(site):
    data = (await site.client.get("/embeddings.json")).json()
    hidden = {table["name"]: table["hidden"] for table in data["tables"]}
    assert [name for name, is_hidden in sorted(hidden.items()) if not is_hidden] == [
        "collections",
        "embeddings",
        "photos",
    ]
    assert {"_sqlite_migrations", "glam_collections", "photos_fts"} <= set(hidden)
    assert (await site.client.get("/embeddings/glam_collections")).status_code == 200
