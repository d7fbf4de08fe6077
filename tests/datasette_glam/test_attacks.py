"""What somebody tries on a public site who knows how we and Datasette work."""

import shutil
import sqlite3
import threading

import pytest
from datasette.utils import StartupError, tilde_encode

from datasette_glam.access import restrictions, settings

from ..site import PHOTOS, change, get, site

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
HIDDEN, UNKNOWN = "green.png", "gretn.png"


def public(llm, **settings):
    return site(llm, {"plugins": {"datasette-glam": {"public": True, **settings}}})


@pytest.mark.parametrize(
    "path",
    [
        *("item/{}", "item/{}.json", "thumb/{}", "thumb/{}?v=1", "image/{}"),
        "tile/{}/0/0_0.jpg",
        *(".json?id={}", ".json?q=id:{}", "?q=red+-id:{}", ".csv?id=red.png&id={}"),
    ],
)
async def test_an_absent_picture_is_answered_as_one_that_never_was(embedded, path):
    change(embedded, f"update photos set sensitive = 1 where id = '{HIDDEN}'")
    datasette = public(embedded)
    answers = set()
    for name in (HIDDEN, UNKNOWN):
        code = name if "?" in path and "v=" not in path else tilde_encode(name)
        asked = path.format(code)
        response = await get(
            datasette, f"{PHOTOS}{'' if asked[0] in '.?' else '/'}{asked}"
        )
        answers.add((response.status_code, response.text.replace(name, "…")))
    ((status, _),) = answers
    assert status == 404


async def posted(datasette, path, body):
    """The answer to a request of the owner, who may do everything in Datasette 1.0."""
    datasette.root_enabled = True
    await datasette.invoke_startup()
    cookie = datasette.sign({"a": {"id": "root"}}, "actor")
    path = f"/embeddings/{path}"
    return await datasette.client.post(path, json=body, cookies={"ds_actor": cookie})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("photos/-/upsert", {"rows": [{"id": HIDDEN}], "return": True}),
        ("photos/-/insert", {"rows": [{"id": HIDDEN}], "ignore": True, "return": True}),
        ("photos/green~2Epng/-/update", {"update": {"rights": "x"}, "return": True}),
        ("photos/green~2Epng/-/delete", {}),
        ("photos/-/drop", {}),
        ("-/create", {"table": "mine", "row": {"a": 1}}),
        ("-/execute-write", {"sql": "update photos set rights = title"}),
    ],
)
async def test_nobody_writes_to_a_public_site(embedded, path, body):
    change(embedded, f"update photos set sensitive = 1 where id = '{HIDDEN}'")
    response = await posted(public(embedded), path, body)
    assert response.status_code in (403, 404, 405), response.text
    if response.status_code == 403:
        assert "permission" in response.text.lower() or "content-type" in response.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("-/execute-write", {"sql": "update glam_columns set private = 0"}),
        ("-/execute-write", {"sql": "alter table photos rename to mine"}),
        (
            "-/execute-write",
            {"sql": "create table mine as with photos_ai as (select material from photos) "
             "select material from photos_ai"},
        ),
        ("glam_columns/-/drop", {"confirm": True}),
        (
            "photos/-/alter",
            {"operations": [{"op": "rename_column", "args": {"name": "material", "to": "m"}}]},
        ),
        ("photos/-/alter", {"operations": [{"op": "rename_table", "args": {"to": "mine"}}]}),
        ("photos/-/upsert", {"rows": [{"id": "red.png", "rights": "x"}], "return": True}),
    ],
)  # fmt: skip
async def test_who_may_write_cannot_open_what_is_private(embedded, path, body):
    embedded("glam", "mark", "photos", "--private", "material")
    datasette = site(embedded)
    response = await posted(datasette, path, body)
    assert "clay" not in response.text
    for table in ("photos", "mine"):
        response = await get(datasette, f"/embeddings/{table}.json?_shape=array")
        assert "clay" not in response.text
    rows = sqlite3.connect(embedded.database).execute("select material from photos")
    assert ("clay",) in rows.fetchall()


@pytest.mark.parametrize("name", ["public", "open_data", "show_sensitive"])
@pytest.mark.parametrize("value", ["off", "false", "true", "", 2, []])
async def test_settings_that_are_neither_true_nor_false_open_nothing(
    embedded, name, value
):
    """As of ``datasette -s plugins.datasette-glam.open_data off``, which is a text."""
    config = {"public": True, "open_data": name == "show_sensitive", name: value}
    change(embedded, f"update photos set sensitive = 1 where id = '{HIDDEN}'")
    datasette = public(embedded, **config)
    with pytest.raises(StartupError, match=f"{name} .* must be true or false"):
        await datasette.invoke_startup()
    assert restrictions.is_closed(datasette, "embeddings")
    assert not settings.of(datasette).show_sensitive


@pytest.mark.parametrize("table", ["photos", "Photos"])
async def test_private_columns_are_named_in_any_case(embedded, table):
    config = {"private_columns": {table: ["MATERIAL"]}}
    datasette = site(embedded, {"plugins": {"datasette-glam": config}})
    response = await get(datasette, "/embeddings/photos.json?_shape=array")
    assert response.status_code == 200
    assert "clay" not in response.text


@pytest.mark.parametrize("lost", ["select 1", "drop trigger photos_au"])
async def test_words_of_hidden_columns_are_not_searched_here(embedded, lost):
    """Not in an index without its triggers, either, nor by Datasette's own search."""
    change(embedded, lost)
    config = {"private_columns": ["material"]}
    datasette = site(embedded, {"plugins": {"datasette-glam": config}})
    response = await get(datasette, f"{PHOTOS}.json?_search=clay")
    assert response.status_code == 400
    assert "cannot be searched" in response.text
    for path in ("photos.json", "photos", "photos_fts.json", "photos.csv"):
        response = await get(datasette, f"/embeddings/{path}?_search=clay")
        assert response.status_code == 403, path


async def test_the_column_that_hides_pictures_is_not_hidden(embedded):
    change(embedded, f"update photos set sensitive = 1 where id = '{HIDDEN}'")
    embedded("glam", "mark", "photos", "--private", "sensitive")
    config = {"public": True, "private_columns": ["Sensitive"]}
    datasette = site(embedded, {"plugins": {"datasette-glam": config}})
    for path in (f"{PHOTOS}.json", f"{PHOTOS}.csv", f"{PHOTOS}/item/red~2Epng.json"):
        response = await get(datasette, path)
        assert response.status_code == 200
        assert HIDDEN not in response.text
    path = f"{PHOTOS}/thumb/{tilde_encode(HIDDEN)}"
    assert (await get(datasette, path)).status_code == 404


async def test_private_columns_of_a_table_that_lacks_one_of_ours(embedded):
    embedded("glam", "mark", "photos", "--private", "material")
    change(embedded, "alter table photos drop column sequence")
    config = {"private_columns": ["file"], "public": True, "open_data": True}
    datasette = site(embedded, {"plugins": {"datasette-glam": config}})
    path = "/embeddings/photos.json?_shape=array&id=red.png"
    (row,) = (await get(datasette, path)).json()
    assert (row["title"], row["material"], row["file"]) == ("Red thing", None, None)


@pytest.mark.parametrize("marked_in", ["first", "second"])
async def test_a_database_that_takes_the_place_of_another(
    embedded, tmp_path, marked_in
):
    """Each of Datasette's threads has opened the first file or opens the second one."""
    second = tmp_path / "second.db"
    shutil.copy(embedded.database, second)
    files = {"first": embedded.database, "second": second}
    mark = ("glam", "mark", "photos", "--private", "material", "--database")
    embedded(*mark, str(files[marked_in]))
    datasette = site(embedded)
    path = "/embeddings/photos.json?_shape=array"
    before = await get(datasette, path)
    assert ("clay" in before.text) == (marked_in == "second")
    second.replace(embedded.database)
    for _ in range(12):
        assert "clay" not in (await get(datasette, path)).text


async def test_queries_that_were_asked_before_are_checked_again(embedded):
    """A statement is prepared once, and may be kept while another program writes a mark."""
    for mark in ("--private", "--public"):
        embedded("glam", "mark", "photos", mark, "material")
    datasette = site(embedded)
    for mark in (0, 1):
        change(embedded, f"update glam_columns set private = {mark}")
        for _ in range(6):
            response = await get(datasette, "/embeddings/photos.json?_shape=array")
            assert ("clay" in response.text) == (not mark)


@pytest.mark.parametrize(("private", "status"), [([], 200), (["material"], 403)])
async def test_a_database_with_private_columns_is_not_downloaded(
    embedded, private, status
):
    config = {"plugins": {"datasette-glam": {"private_columns": private}}}
    datasette = site(embedded, config, immutables=[str(embedded.database)])
    assert (await get(datasette, "/embeddings.db")).status_code == status


async def test_records_of_absent_pictures_are_not_counted(embedded):
    def records(page):
        return [source["records"] for source in page.json()["sources"]]

    before = records(await get(site(embedded), f"{PHOTOS}/about.json"))
    change(embedded, f"update photos set sensitive = 1 where id = '{HIDDEN}'")
    after = records(await get(public(embedded), f"{PHOTOS}/about.json"))
    assert sum(after) == sum(before) - 1
    assert records(await get(site(embedded), f"{PHOTOS}/about.json")) == before


@pytest.mark.parametrize("open_data", [False, True])
@pytest.mark.parametrize("only", [["photos"], []])
async def test_the_page_of_an_error_names_no_gallery_without_pages(
    embedded, only, open_data
):
    datasette = public(embedded, collections=only, open_data=open_data)
    response = await get(datasette, "/embeddings/-/glam/phtoos")
    assert response.status_code == 404
    assert (f'href="{PHOTOS}"' in response.text) == bool(only)


async def test_a_site_that_starts_while_another_program_writes(embedded):
    """It waits, as Datasette does, before it knows what is closed."""
    datasette = site(embedded)
    other = sqlite3.connect(
        embedded.database, isolation_level=None, check_same_thread=False
    )
    other.execute("begin exclusive")
    ended = threading.Timer(0.5, other.rollback)
    ended.start()
    response = await get(datasette, PHOTOS)
    ended.join()
    other.close()
    assert response.status_code == 200


async def test_a_database_that_cannot_be_read_yet_is_no_reason_not_to_start(
    embedded, monkeypatch, caplog
):
    monkeypatch.setattr(restrictions, "FIRST_WAIT_S", 0.01)
    datasette = site(embedded)
    other = sqlite3.connect(embedded.database, isolation_level=None)
    other.execute("begin exclusive")
    restrictions.note_unknown_columns(datasette)  # when the site starts
    other.close()
    assert "embeddings cannot be read yet: database is locked" in caplog.text
    assert (await get(datasette, PHOTOS)).status_code == 200


@pytest.mark.parametrize(
    "conditions",
    ["title__not=1", "_except=title%3D{}", "_where=1", "material__contains={}"],
)
async def test_an_address_has_no_more_conditions_than_a_page_can_link(
    letters, conditions
):
    """Each has a link without it, so that the page of 1,000 had 24 MB, and took seconds."""
    datasette = site(letters)
    for number, status in ((100, 200), (101, 400)):
        query = "&".join(conditions.format(n) for n in range(number))
        for path in (f"{PHOTOS}.json", f"{PHOTOS}.csv"):
            response = await get(datasette, f"{path}?q=red&{query}")
            assert response.status_code == status, response.text[:500]
        assert len(response.content) < 1_000_000
    assert "At most 100 conditions" in response.json()["error"]
    page = await get(datasette, f"{PHOTOS}/item/a1~2Epng?q=red&{query}")
    assert page.status_code == 200


async def test_a_facet_that_is_asked_for_often_is_in_a_link_once(letters):
    query = "&".join(["_facet=material"] * 500)
    response = await get(site(letters), f"{PHOTOS}.json?q=red&{query}")
    assert response.json()["csv_url"] == f"{PHOTOS}.csv?q=red&_facet=material"


async def test_spaces_after_a_number_take_no_time_to_speak_of(letters):
    """They kept the site from answering anybody: 60,000 of them in an address for a minute."""
    change(
        letters, "update photos set material = '1' || printf('%1000000s', 'x')"
    )  # spaces before the x
    datasette = site(letters)
    page = await get(datasette, f"{PHOTOS}.json?_facet=material")
    assert page.json()["facets"][0]["values"][0]["count"] == 5
    page = await get(datasette, f"{PHOTOS}.json?title__gte=1{'+' * 60_000}x")
    assert page.json()["fitting"] == 5  # as texts: all begin with a letter
