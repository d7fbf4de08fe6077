"""The site: what a visitor sees, who sees nothing, and what strangers try."""

import asyncio
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
import tracemalloc
from html import unescape
from pathlib import Path
from urllib.parse import quote, urljoin

import pytest
from datasette.utils import tilde_encode
from PIL import Image

from datasette_glam import compat, routes
from datasette_glam.media import decoder, originals
from datasette_glam.pages.gallery import record_filters
from datasette_glam.web import search_pool
from llm_glam.db import embeddings
from llm_glam.db.privacy import authorizer
from llm_glam.errors import GlamError, UnknownItem
from llm_glam.search import exact

from .. import prepared
from ..conftest import EMBED, made
from ..fakes import BLUE, GREEN, RED, Colours, picture
from ..site import GLAM, PHOTOS, change, found, get, ids, png, site, upload

ODD_NAMES = [
    "a b",
    "[x]",
    "é/ü",
    "100%",
    "why?",
    "🏺",
    "quo'te\"s",
    "~2F",
    "a.json",
    "x&y=#z",
]
SCRIPT = "<script>alert('x')</script>"

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]


@pytest.fixture
def odd(llm, colours, tmp_path):
    for number, name in enumerate(ODD_NAMES):
        path = tmp_path / "photos" / f"{name}.png"
        picture(path, (255 - number, number, 0))
    llm(*EMBED)
    return llm


async def test_collections(embedded):
    data = await found(site(embedded), GLAM + ".json")
    (collection,) = data["collections"]
    assert (collection["name"], collection["pictures"]) == ("photos", 3)
    assert collection["model"] == "glam-clip/colours"
    assert collection["url"] == PHOTOS
    page = await get(site(embedded), GLAM)
    assert "3 pictures</p>" in page.text


async def test_a_random_sample_is_the_same_for_its_seed(llm, colours, tmp_path):
    for number in range(150):
        picture(tmp_path / "photos" / f"{number:03}.png", (number, 0, 9))
    llm(*EMBED)
    datasette = site(llm)
    first = await found(datasette, PHOTOS + ".json?seed=1")
    assert ids(first) == ids(await found(datasette, PHOTOS + ".json?seed=1"))
    assert ids(first) != ids(await found(datasette, PHOTOS + ".json?seed=2"))
    unseeded = await found(datasette, PHOTOS + ".json")
    assert ids(unseeded) == ids(
        await found(datasette, f"{PHOTOS}.json?seed={unseeded['seed']}")
    )
    seen = []
    path = PHOTOS + ".json?seed=1"
    while path:
        page = await found(datasette, path)
        seen += ids(page)
        path = page["next"]
    assert len(seen) == 150
    assert len(set(seen)) == 150


async def test_words(embedded):
    data = await found(site(embedded), PHOTOS + ".json?q=green")
    assert ids(data)[0] == "green.png"
    first = data["items"][0]
    assert (first["score"], first["bar"], first["title"]) == (1, 1, "a green one")
    page = await get(site(embedded), PHOTOS + "?q=green")
    assert "Nearest to “green”" in page.text
    assert 'alt="a green one"' in page.text


async def test_scores_equal_the_command_line(embedded):
    data = await found(site(embedded), PHOTOS + ".json?q=a+ship")
    lines = embedded.json("similar", "photos", "-c", "a ship")
    assert [(i["id"], pytest.approx(i["score"])) for i in data["items"]] == [
        (line["id"], line["score"]) for line in lines
    ]


async def test_similar_to_one(embedded):
    data = await found(site(embedded), PHOTOS + ".json?id=red.png")
    assert set(ids(data)) == {"green.png", "sub folder/blé.png"}
    response = await get(site(embedded), PHOTOS + "?id=nobody")
    assert response.status_code == 404
    assert "There is no ‘nobody’" in response.text or "nobody" in response.text


async def test_search_results_go_on(llm, colours, tmp_path):
    for number in range(130):
        picture(tmp_path / "photos" / f"{number:03}.png", (255, number, 0))
    llm(*EMBED)
    datasette, seen = site(llm), []
    path = PHOTOS + ".json?q=red"
    while path:
        page = await found(datasette, path)
        seen += page["items"]
        path = page["next"]
    assert [item["id"] for item in seen] == [f"{n:03}.png" for n in range(130)]
    scores = [item["score"] for item in seen]
    assert scores == sorted(scores, reverse=True)


async def test_an_item_s_labels_of_local_contexts(embedded):
    with sqlite3.connect(embedded.database) as db:
        db.execute('alter table photos add column "TK Labels" text')
        db.execute("update photos set \"TK Labels\" = 'TK A; <i>ours</i>'")
    path = f"{PHOTOS}/item/{tilde_encode('red.png')}"
    address = "https://localcontexts.org/label/tk-attribution/"
    assert (await found(site(embedded), path + ".json"))["item"]["local_contexts"] == [
        {"name": "TK Attribution (TK A)", "address": address},
        {"name": "<i>ours</i>", "address": None},
    ]
    page = (await get(site(embedded), path)).text
    assert f'<li><a href="{address}">TK Attribution (TK A)</a></li>' in page
    assert "<li>&lt;i&gt;ours&lt;/i&gt;</li>" in page


async def test_an_item(embedded):
    path = f"{PHOTOS}/item/{tilde_encode('red.png')}"
    data = await found(site(embedded), path + ".json")
    item = data["item"]
    assert (item["title"], item["rights"]) == ("Red thing", "CC0")
    assert item["record"] == {"material": "clay"}
    assert len(data["items"]) == 2
    page = (await get(site(embedded), path)).text
    for text in (
        ">Red thing</h1>",
        "<dt>Material</dt><dd><a",
        ">clay</a></dd>",
        "CC0",
    ):
        assert text in page
    row = await get(site(embedded), item["row_url"])
    assert row.status_code == 200


async def test_the_record_is_shown_as_in_its_sheet(embedded, tmp_path):
    """In its order, with its headings, and with the further records of the picture."""
    sheet = "Nr,Place found,MATERIAL\nred,Trench 2,fired clay\nred,<b>Trench 3</b>,\n"
    (tmp_path / "sheet.csv").write_text(sheet)
    embedded("glam", "records", "photos", "sheet.csv", "--yes")
    path = f"{PHOTOS}/item/{tilde_encode('red.png')}"
    item = (await found(site(embedded), path + ".json"))["item"]
    shown = {"Nr": "red", "Place found": "Trench 2", "MATERIAL": "fired clay"}
    assert list(item["record"].items()) == list(shown.items())
    assert item["further_records"] == [{"Nr": "red", "Place found": "<b>Trench 3</b>"}]
    page = (await get(site(embedded), path)).text
    assert "<dt>Another record</dt><dd>Nr: red; Place found: &lt;b&gt;Trench 3" in page


async def test_labels_on_the_item_page(embedded):
    connection = sqlite3.connect(embedded.database)
    md5 = connection.execute(
        "select image_md5 from photos where id='red.png'"
    ).fetchone()[0]
    sql = "insert into glam_labels values ('photos', 'red.png', ?, ?, ?, ?, null)"
    connection.execute(sql, ["fruit", None, "human", md5])
    connection.execute(sql, ["stone", 0.4, "model:x", "0" * 32])
    connection.commit()
    connection.close()
    path = f"{PHOTOS}/item/{tilde_encode('red.png')}"
    labels = (await found(site(embedded), path + ".json"))["item"]["labels"]
    assert [(label["label"], label["stale"]) for label in labels] == [
        ("fruit", False),
        ("stone", True),
    ]
    assert "of an earlier picture" in (await get(site(embedded), path)).text


async def test_thumbnails(embedded):
    datasette = site(embedded)
    item = (await found(datasette, PHOTOS + ".json?id=red.png"))["items"][0]
    response = await get(datasette, item["thumbnail_url"])
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert Image.open(io.BytesIO(response.content)).size == (
        item["width"],
        item["height"],
    )
    again = await get(
        datasette,
        item["thumbnail_url"],
        headers={"if-none-match": response.headers["etag"]},
    )
    assert (again.status_code, again.content) == (304, b"")
    unversioned = await get(datasette, item["thumbnail_url"].partition("?")[0])
    assert unversioned.headers["cache-control"] == "public, max-age=60"


async def test_server_timing(embedded):
    response = await get(site(embedded), PHOTOS + "?q=red")
    assert re.fullmatch(
        r"db;dur=[\d.]+, model;dur=[\d.]+, index;dur=[\d.]+",
        response.headers["server-timing"],
    )


async def test_searches_at_once_are_answered_together(embedded, monkeypatch):
    together = []
    real = exact.nearest_to_each

    def counted(db, collection, queries, watcher=None):
        together.append(len(queries))
        time.sleep(0.2)
        return real(db, collection, queries, watcher)

    monkeypatch.setattr(exact, "nearest_to_each", counted)
    datasette = site(embedded)
    colours = ["red", "green", "blue"] * 4

    answers = await asyncio.gather(
        *(
            get(datasette, f"{PHOTOS}.json?q={colour}&_match=picture")
            for colour in colours
        )
    )

    first = [answer.json()["items"][0]["id"] for answer in answers]
    assert first == ["red.png", "green.png", "sub folder/blé.png"] * 4
    assert sum(together) == 12
    assert len(together) <= 4


async def test_those_on_their_way_are_waited_for(embedded, monkeypatch):
    together = []
    real = exact.nearest_to_each

    def counted(db, collection, queries, watcher=None):
        together.append(len(queries))
        return real(db, collection, queries, watcher)

    monkeypatch.setattr(exact, "nearest_to_each", counted)
    monkeypatch.setattr(search_pool, "BATCH_WINDOW_S", 60)
    datasette = site(embedded)
    paths = [f"{PHOTOS}?id=red.png", f"{PHOTOS}.json?id=green.png"] * 6
    answers = await asyncio.gather(*(get(datasette, path) for path in paths))
    assert {answer.status_code for answer in answers} == {200}
    assert together == [12]


async def test_a_slow_visitor_does_not_keep_the_others(embedded, monkeypatch):
    real, entered, seen = record_filters.ids, asyncio.Event(), asyncio.Event()

    async def slow(page_request, wanted):
        if wanted.filters:
            entered.set()
            await asyncio.wait_for(seen.wait(), 60)
        return await real(page_request, wanted)

    monkeypatch.setattr(record_filters, "ids", slow)
    datasette = site(embedded)
    waiting = asyncio.create_task(get(datasette, PHOTOS + "?id=red.png&file=red.png"))
    await entered.wait()
    assert (await get(datasette, PHOTOS + "?id=green.png")).status_code == 200
    assert not waiting.done()
    seen.set()
    assert (await waiting).status_code == 200


async def test_searches_that_fail_are_told_to_each(embedded, monkeypatch):
    def failing(*args):
        time.sleep(0.1)
        raise GlamError("The vectors are of different lengths.")

    real = exact.nearest_to_each
    monkeypatch.setattr(exact, "nearest_to_each", failing)
    datasette = site(embedded)

    answers = await asyncio.gather(
        *(get(datasette, f"{PHOTOS}.json?q={word}") for word in ("red", "blue"))
    )

    assert [answer.status_code for answer in answers] == [503, 503]
    assert "different lengths" in answers[0].json()["error"]
    monkeypatch.setattr(exact, "nearest_to_each", real)
    assert (await get(datasette, PHOTOS + ".json?q=red")).status_code == 200


async def test_too_many_queries_at_once(embedded, colours):
    real = colours.encode_texts
    colours.encode_texts = lambda texts: time.sleep(0.05) or real(texts)
    datasette = site(embedded)
    paths = [f"{PHOTOS}.json?q=word{number}" for number in range(60)]
    responses = await asyncio.gather(*(get(datasette, path) for path in paths))
    statuses = [response.status_code for response in responses]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) >= search_pool.AT_ONCE + search_pool.WAITING


async def test_vectors_of_words_are_cached(embedded, colours):
    datasette = site(embedded)
    for _ in range(3):
        await found(datasette, PHOTOS + ".json?q=red")
    assert colours.texts_encoded == 1


async def test_the_checkpoint_is_not_on_this_computer(embedded):
    from llm_glam.models import registry

    registry.path().unlink()
    datasette = site(embedded)
    response = await get(datasette, PHOTOS + "?q=purple")
    assert response.status_code == 503
    assert "Words and pictures cannot be searched here" in response.text
    assert "llm glam models add" not in response.text
    reason = (await get(datasette, PHOTOS + ".json?q=purple")).json()["error"]
    assert "No checkpoint is registered as" in reason
    assert len(ids(await found(datasette, PHOTOS + ".json?id=red.png"))) == 2
    assert (await get(datasette, PHOTOS)).status_code == 200


async def test_a_query_that_is_too_long(embedded):
    response = await get(site(embedded), PHOTOS + ".json?q=" + "x" * 2001)
    assert response.status_code == 400
    assert "at most 2,000 are allowed" in response.json()["error"]


async def test_sensitive_pictures(llm, colours, photos):
    (photos / "metadata.jsonl").write_text(
        json.dumps({"file_name": "red.png", "sensitive": True, "title": "Grave"})
    )
    llm(*EMBED)
    datasette = site(llm)
    for seed in range(5):
        assert "red.png" not in ids(
            await found(datasette, f"{PHOTOS}.json?seed={seed}")
        )
    assert "red.png" not in ids(await found(datasette, PHOTOS + ".json?q=red"))
    answer = await found(datasette, PHOTOS + ".json?q=red&_sensitive=1")
    assert ids(answer)[0] == "red.png"
    page = (await get(datasette, PHOTOS + "?q=red&_sensitive=1&_match=picture")).text
    item = (await get(datasette, answer["items"][0]["url"])).text
    for text in (page, item):
        thumbnail = answer["items"][0]["thumbnail_url"]
        closed, shown = re.findall(f'<img src="{re.escape(thumbnail)}"[^>]*>', text)
        assert 'alt="Sensitive picture"' in closed
        assert 'style="filter: blur(3rem)"' in closed
        assert 'alt="Grave"' in shown
        summaries = re.findall("<summary>.*?</summary>", text, re.DOTALL)
        (summary,) = (one for one in summaries if "show it" in one)
        assert closed in summary
        assert shown not in summary
    assert "red.png" not in json.dumps(
        (await found(datasette, GLAM + ".json"))["collections"]
    )


@pytest.mark.both_versions
async def test_a_sensitive_picture_is_on_no_route_that_was_not_asked_for_it(
    llm, colours, photos
):
    """Samples, searches of every kind, neighbours, facets, CSV, and the list of collections."""
    rows = [
        {
            "file_name": "red.png",
            "sensitive": True,
            "title": "Grave",
            "material": "bone",
        },
        {"file_name": "green.png", "title": "Grave goods", "material": "clay"},
    ]
    (photos / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    llm(*EMBED)
    datasette = site(llm)
    queries = (
        *(
            "",
            "seed=1",
            "seed=2",
            "q=red",
            "q=red+-green",
            "q=red+%2Bgreen",
            "id=green.png",
        ),
        *("id=red.png", "_search=Grave", "material=bone", "q=red&material=bone"),
        *(
            "q=red&_min_score=0",
            "_facet=material",
            "q=red&_facet=material",
            "q=id:green.png",
        ),
    )
    for query in queries:
        data = await found(datasette, f"{PHOTOS}.json?{query}")
        assert "red.png" not in ids(data), query
        table = await get(datasette, f"{PHOTOS}.csv?{query}")
        assert "red.png" not in table.text, query
        page = re.sub(
            r"<form.*?</form>", "", (await get(datasette, f"{PHOTOS}?{query}")).text
        )
        assert f"{PHOTOS}/thumb/red~2Epng" not in page or "id=red" in query, query
    for name in ("green.png", "sub folder/blé.png"):
        item = await found(datasette, f"{PHOTOS}/item/{tilde_encode(name)}.json")
        assert "red.png" not in ids(item)
    assert "red.png" not in ids((await upload(datasette, png(RED))).json())
    assert "red.png" not in json.dumps(await found(datasette, GLAM + ".json"))


async def test_odd_ids_lead_everywhere(odd):
    datasette = site(odd)
    data = await found(datasette, PHOTOS + ".json?q=red")
    assert sorted(ids(data)) == sorted(f"{name}.png" for name in ODD_NAMES)
    page = (await get(datasette, PHOTOS + "?q=red")).text
    linked = {
        urljoin(PHOTOS, unescape(address))
        for address in re.findall(r'(?:href|src)="([^"]+)"', page)
    }
    for item in data["items"]:
        for url in (item["url"], item["thumbnail_url"], item["similar_url"]):
            assert (await get(datasette, url)).status_code == 200, url
            assert {url, f"{url}?q=red"} & linked
        twin = await found(datasette, item["url"] + ".json")
        assert twin["item"]["id"] == item["id"]
        row = await get(datasette, twin["item"]["row_url"], follow_redirects=True)
        assert row.status_code == 200, twin["item"]["row_url"]


@pytest.mark.parametrize("name", [*ODD_NAMES, SCRIPT])
async def test_odd_collections(llm, colours, photos, name):
    llm("embed-multi", name, "--files", photos, "*.png", "-m", "glam-clip")
    datasette = site(llm)
    (collection,) = (await found(datasette, GLAM + ".json"))["collections"]
    assert collection["name"] == name
    for url in (
        collection["url"],
        collection["url"] + "?q=red",
        collection["items"][0]["url"],
    ):
        response = await get(datasette, url)
        assert response.status_code == 200, url
        assert "<script>alert" not in response.text
    gallery = (await get(datasette, collection["url"])).text
    (table,) = re.findall(r'href="([^"]+)">All records as a table', gallery)
    assert (await get(datasette, table)).status_code == 200


async def test_stored_scripts_stay_text(llm, colours, tmp_path, monkeypatch):
    from ..conftest import register_fake

    folder = tmp_path / "photos"
    picture(folder / "a.png")
    picture(folder / f"{SCRIPT.replace('/', '')}.png", GREEN)
    record = {key: SCRIPT for key in ("title", "caption", "rights", "page_url", SCRIPT)}
    record |= {"file_name": "a.png", "image_url": "javascript:alert(1)"}
    (folder / "metadata.jsonl").write_text(json.dumps(record))
    register_fake(llm, monkeypatch, "x", Colours("beef"))
    llm(*EMBED)
    datasette = site(llm)
    item = f"{PHOTOS}/item/{tilde_encode('a.png')}"
    pages = [GLAM, PHOTOS, PHOTOS + "?q=" + quote(SCRIPT), PHOTOS + "?id=a.png", item]
    pages += ["/embeddings/photos", PHOTOS + "?id=" + quote(SCRIPT)]
    for path in pages:
        text = (await get(datasette, path)).text
        assert "<script>alert" not in text, path
        assert 'href="javascript:' not in text, path
    assert "&lt;script&gt;alert" in (await get(datasette, item)).text


@pytest.mark.parametrize(
    "item",
    [
        "../../../etc/passwd",
        "/etc/passwd",
        "..",
        "a\0b",
        "x' or '1'='1",
        '"; drop table',
    ],
)
async def test_ids_that_lead_elsewhere(embedded, item):
    datasette = site(embedded)
    for kind in ("item", "thumb"):
        response = await get(datasette, f"{PHOTOS}/{kind}/{tilde_encode(item)}")
        assert response.status_code == 404
    assert len(embedded.ids()) == 3


def addresses_of_all_routes():
    """An address for each registered route and each of its formats."""
    values = {"database": "embeddings", "collection": "photos", "item": "red~2Epng"}
    values["name"] = "colours"  # the checkpoint
    values |= dict.fromkeys(("level", "column", "row"), "0")
    for pattern, _ in routes.ROUTES:
        address = re.sub(
            r"\(\?P<(\w+)>[^)]*\)", lambda m: values.get(m[1], ""), pattern
        )
        address = address.replace("?$", "").replace("\\.", ".").rstrip("$")
        yield address
        formats = re.search(r"\(\?P<format>([^)]*)\)", pattern)
        for suffix in formats[1].split("|") if formats else ():
            yield address + suffix.replace("\\", "")


@pytest.mark.parametrize(
    "closed",
    [
        {"allow": {"id": "root"}},
        {"databases": {"embeddings": {"allow": {"id": "root"}}}},
        {
            "databases": {
                "embeddings": {"tables": {"embeddings": {"allow": {"id": "root"}}}}
            }
        },
        {
            "databases": {
                "embeddings": {"tables": {"photos": {"allow": {"id": "root"}}}}
            }
        },
    ],
)
async def test_who_may_not_view_the_tables_sees_nothing(embedded, closed, photos):
    plugins = {"datasette-glam": {"image_root": str(photos)}}
    datasette = site(embedded, {**closed, "plugins": plugins})
    await datasette.invoke_startup()
    cookies = {"ds_actor": datasette.sign({"a": {"id": "root"}}, "actor")}
    addresses = list(addresses_of_all_routes())
    assert len(addresses) == 20
    only_items = "photos" in closed.get("databases", {}).get("embeddings", {}).get(
        "tables", {}
    )
    for address in addresses:
        assert (
            await get(datasette, address, cookies=cookies)
        ).status_code == 200, address
        response = await get(datasette, address)
        if address.startswith("/-/glam-") and "databases" in closed:
            assert response.status_code == 200
            assert "photos" not in response.text
        elif only_items and address.startswith(GLAM) and "photos" not in address:
            assert response.status_code == 200
            assert "red.png" not in response.text
            assert "colours" not in response.text
        else:
            assert response.status_code == 403, address
    if only_items:
        response = await datasette.client.post(PHOTOS, content=png())
        assert response.status_code == 403


async def test_pages_that_cannot_be_shown_are_not_printed(embedded, capsys):
    """Datasette prints what is raised with all local variables, where the package rich is there."""
    datasette = site(embedded)
    missing = f"{PHOTOS}/item/none"
    for path in (missing, f"{missing}.json", f"{GLAM}/none", "/-/glam-models/none"):
        assert (await get(datasette, path)).status_code == 404
    datasettes = ("/none", "/embeddings/none", f"{GLAM}/", "/embeddings/photos/none")
    for path in (*datasettes, "/none.json", "/embeddings/photos?_size=x"):
        assert (await get(datasette, path)).status_code in (302, 400, 404), path
    change(embedded, "update embeddings set embedding = null")
    assert (await get(datasette, f"{PHOTOS}/item/red~2Epng")).status_code == 503
    assert capsys.readouterr() == ("", "")


async def test_browsers_are_told_what_they_may_do(embedded):
    nothing, less = "default-src 'none'", "default-src 'self'; script-src 'self' 'sha"
    item = f"{PHOTOS}/item/red~2Epng"
    for path, policy in {
        **{f"{path}.json": nothing for path in (GLAM, PHOTOS, item, f"{item}x")},
        **dict.fromkeys((GLAM, PHOTOS, item, f"{item}x"), less),
        f"{PHOTOS}.csv": nothing,
        f"{PHOTOS}.html": nothing,
    }.items():
        headers = (await get(site(embedded), path)).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["content-security-policy"].startswith(policy), path


async def test_what_is_not_there(embedded):
    datasette = site(embedded)
    for path in (GLAM + "/nobody", "/nowhere/-/glam", PHOTOS + "/item/nobody"):
        assert (await get(datasette, path)).status_code == 404, path


async def test_base_url(embedded):
    datasette = site(embedded, settings={"base_url": "/museum/"})
    page = (await get(datasette, PHOTOS + "?q=red")).text
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', page)
    assert len(links) > 10
    assert [link for link in links if not link.startswith("/museum/")] == []


async def test_new_pictures_appear_while_the_site_runs(embedded, photos):
    connection = sqlite3.connect(embedded.database)
    connection.execute("pragma journal_mode = wal")
    connection.close()
    datasette = site(embedded)
    assert len(ids(await found(datasette, PHOTOS + ".json?q=red"))) == 3
    picture(photos / "new.png", (200, 0, 0))
    embedded(*EMBED)
    assert "new.png" in ids(await found(datasette, PHOTOS + ".json?q=red"))


async def test_what_a_killed_program_left_half_written(embedded):
    """Datasette's own connections are for reading only, and cannot roll it back."""
    datasette = site(embedded)
    before = ids(await found(datasette, f"{PHOTOS}.json?q=red"))
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('pragma cache_size = 1'); c.execute('begin')\n"
        "c.execute('update embeddings set embedding = zeroblob(20000)')\n"
        "c.execute('create table x as select zeroblob(900000) as y')\n"
        "os._exit(9)\n"
    )
    red = tilde_encode("red.png")
    for path in (".json?q=red", "?id=red.png", f"/item/{red}", f"/thumb/{red}"):
        subprocess.run([sys.executable, "-c", script, str(embedded.database)])
        assert os.stat(f"{embedded.database}-journal").st_size > 0
        assert (await get(datasette, f"{PHOTOS}{path}")).status_code == 200
    assert ids(await found(datasette, f"{PHOTOS}.json?q=red")) == before


async def test_an_immutable_database(embedded):
    datasette = site(embedded, immutables=[str(embedded.database)])
    assert len(ids(await found(datasette, PHOTOS + ".json?q=red"))) == 3


async def test_datasettes_own_pages(embedded):
    datasette = site(embedded)
    table = (await get(datasette, "/embeddings/photos")).text
    assert f'href="{PHOTOS}/item/red~2Epng"' in table
    assert f'src="{PHOTOS}/thumb/red~2Epng"' in table
    assert f'<a href="{PHOTOS}">Similar images' in table or f'href="{PHOTOS}"' in table
    database = (await get(datasette, "/embeddings")).text
    assert f'href="{GLAM}"' in database
    other = (await get(datasette, "/embeddings/glam_problems")).text
    assert "/-/glam/" not in other


CLOSED_ITEMS = {
    "databases": {"embeddings": {"tables": {"photos": {"allow": {"id": "root"}}}}}
}
OURS = (
    *("thumbnails", "labels", "problems", "folders", "kept_records", "runs"),
    *("sources", "columns"),
)
FULL_TEXT = ("", "_data", "_idx", "_docsize", "_config")
PARTS = [f"glam_{name}" for name in (*OURS, "withdrawn", "evaluations")] + [
    f"photos_fts{part}" for part in FULL_TEXT
]


def without_data(tables):
    """These tables but for those that we or Datasette 1.0 close to everybody."""
    closed = (*authorizer.CLOSED, *(FULL_TEXT[1:] if compat.IS_1 else ()))
    return [table for table in tables if not table.endswith(closed)]


async def statuses(datasette, tables, actor):
    await datasette.invoke_startup()
    cookies = {"ds_actor": datasette.sign({"a": {"id": actor}}, "actor")}
    addresses = [f"/embeddings/{tilde_encode(table)}.json" for table in tables]
    responses = [await get(datasette, one, cookies=cookies) for one in addresses]
    return {response.status_code for response in responses}


@pytest.mark.parametrize(
    "happened",
    [
        (),
        ("delete from collections",),
        ("delete from collections", "delete from glam_collections"),
        ("delete from collections", "alter table photos drop column rights"),
    ],
)
async def test_our_tables_follow_the_items_table(embedded, photos, happened):
    """Also when its collection is deleted, and others that anybody may see are there."""
    embedded("glam", "embed", "open", photos)
    triggers = [f"drop trigger photos_{one}" for one in ("ai", "ad", "au")]
    fewer = [*triggers, "drop table photos_fts"] if "alter" in str(happened) else []
    change(embedded, *fewer, *happened)
    parts = [part for part in PARTS if not fewer or part.startswith("glam_")]
    datasette = site(embedded, CLOSED_ITEMS)
    assert await statuses(datasette, without_data(parts), "root") == {200}
    assert await statuses(datasette, parts, "visitor") == {403}
    others = ["collections", "open", "open_fts"]
    assert await statuses(datasette, others, "visitor") == {200}


@pytest.mark.parametrize("others", [True, False])
async def test_rows_of_a_lost_items_table_are_closed(embedded, photos, others):
    if others:
        embedded("glam", "embed", "open", photos)
    change(embedded, "delete from collections where name = 'photos'")
    change(embedded, "drop table photos")
    for config in (CLOSED_ITEMS, None):
        for actor in ("root", "visitor"):
            assert await statuses(site(embedded, config), PARTS, actor) == {403}
    for name in (*OURS, "collections"):
        change(embedded, f"delete from glam_{name} where items_table = 'photos'")
    ours = without_data(f"glam_{name}" for name in OURS)
    assert await statuses(site(embedded), ours, "visitor") == {200}


@pytest.mark.parametrize(
    "query",
    [
        "_fts_table=photos_fts&_search=clay",
        "_fts_table=PHOTOS_fts&_search=clay",
        "_fts_table=photos_fts&_search_title=red",
        "_fts_table=photos_fts&_fts_pk=rowid&_search=clay&_searchmode=raw",
    ],
)
@pytest.mark.parametrize("table", ["embeddings", "collections", "open"])
async def test_closed_records_cannot_be_searched_from_other_tables(
    embedded, photos, query, table
):
    embedded("glam", "embed", "open", photos)
    address = f"/embeddings/{table}.json?{query}"
    datasette = site(embedded, CLOSED_ITEMS)
    assert (await get(datasette, address)).status_code in (400, 403)
    own = "/embeddings/open.json?_fts_table=open_fts&_search=clay"
    assert (await get(datasette, own)).status_code == 200


async def test_rows_of_no_items_table_are_closed(embedded):
    change(embedded, "insert into glam_labels (label) values ('x')")
    assert await statuses(site(embedded), ["glam_labels"], "visitor") == {403}


async def test_full_text_follows_tables_of_any_name(llm, colours, photos):
    names = ["St John's", 'a "b"', "a_b", "a_fts_b", "x\\%"]
    for name in names:
        llm("glam", "embed", name, photos)
    tables = {name: {"allow": {"id": "root"}} for name in names}
    config = {"databases": {"embeddings": {"tables": tables}}}
    parts = [f"{name}_fts{part}" for name in names for part in FULL_TEXT]
    assert await statuses(site(llm, config), without_data(parts), "root") == {200}
    assert await statuses(site(llm, config), parts, "visitor") == {403}


def embed_a_large_one(llm, folder):
    prepared.embed_three(llm, folder)
    blue = folder / "photos" / "sub folder" / "blé.png"
    picture(blue, BLUE, size=(3000, 2000))
    llm(*EMBED)


@pytest.fixture(scope="module")
def originals_once(tmp_path_factory):
    return made(embed_a_large_one, tmp_path_factory.mktemp("originals"))


@pytest.fixture
def with_originals(originals_once, llm, colours, photos, tmp_path):
    prepared.copy(originals_once, tmp_path)
    plugins = {"datasette-glam": {"image_root": str(photos)}}
    return site(llm, {"plugins": plugins})


async def test_larger_originals(with_originals):
    item = f"item/{tilde_encode('sub folder/blé.png')}"
    data = (await found(with_originals, f"{PHOTOS}/{item}.json"))["item"]
    response = await get(with_originals, data["larger_url"])
    assert response.headers["content-type"] == "image/jpeg"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(response.content)).size == (1800, 1200)
    page = (await get(with_originals, f"{PHOTOS}/{item}")).text
    assert f'src="{data["larger_url"]}"' in page
    tag = {"if-none-match": response.headers["etag"]}
    assert (
        await get(with_originals, data["larger_url"], headers=tag)
    ).status_code == 304


@pytest.mark.parametrize(
    "file",
    [
        "../secret.png",
        "/etc/passwd",
        "link.png",
        "sub folder",
        "gone.png",
        "a\0b",
        None,
        b"red.png",
        5,
        "x" * 5000,
        "loop.png",
        "~/secret.png",
    ],
)
async def test_nothing_outside_image_root(
    embedded, with_originals, photos, tmp_path, file
):
    picture(tmp_path / "secret.png")
    (photos / "link.png").symlink_to(tmp_path / "secret.png")
    (photos / "loop.png").symlink_to(photos / "loop.png")
    connection = sqlite3.connect(embedded.database)
    size = (tmp_path / "secret.png").stat().st_size
    sql = "update photos set file = ?, image_bytes = ? where id = 'red.png'"
    connection.execute(sql, [file, size])
    connection.commit()
    connection.close()
    red = tilde_encode("red.png")
    assert (await get(with_originals, f"{PHOTOS}/image/{red}")).status_code == 404
    data = await found(with_originals, f"{PHOTOS}/item/{red}.json")
    assert "larger_url" not in data["item"]


async def test_an_original_that_may_not_be_read(with_originals, photos, monkeypatch):
    real = Path.open

    def refused(path, *args, **options):
        if path.is_relative_to(photos):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "open", refused)
    response = await get(with_originals, f"{PHOTOS}/image/{tilde_encode('red.png')}")
    assert response.status_code == 404
    assert "cannot be shown: it cannot be read (Permission denied)" in response.text
    assert str(photos) not in response.text


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "JPEG"])
async def test_a_large_original_is_not_read_into_the_site_s_memory(
    embedded, photos, format_
):
    file = photos / f"large.{format_.lower()}"
    picture(file, BLUE, size=(600, 400), format=format_)
    with file.open("ab") as fp:
        fp.truncate(30_000_000)
    embedded("glam", "embed", "photos", photos)
    datasette = site(
        embedded, {"plugins": {"datasette-glam": {"image_root": str(photos)}}}
    )
    await get(datasette, PHOTOS)
    tracemalloc.start()
    try:
        response = await get(datasette, f"{PHOTOS}/image/{tilde_encode(file.name)}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert Image.open(io.BytesIO(response.content)).size == (600, 400)
    assert peak < 15_000_000


async def test_an_original_that_is_replaced_after_it_was_checked(
    with_originals, photos, monkeypatch
):
    real = originals.checked

    def checked(path, *args):
        fp = real(path, *args)
        picture(photos / "other.png", GREEN)
        (photos / "other.png").replace(path)
        return fp

    monkeypatch.setattr(originals, "checked", checked)
    response = await get(with_originals, f"{PHOTOS}/image/{tilde_encode('red.png')}")
    assert response.status_code == 404
    assert "its file has changed since it was embedded; embed it" in response.text


async def test_an_original_while_too_many_are_loaded(with_originals, monkeypatch):
    monkeypatch.setattr(decoder, "AT_ONCE", 1)
    monkeypatch.setattr(decoder, "WAITING", 0)
    address = f"{PHOTOS}/image/{tilde_encode('red.png')}"
    async with decoder.of(with_originals).place():
        response = await get(with_originals, address)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert (await get(with_originals, address)).status_code == 200


async def test_an_original_with_too_many_bytes(with_originals, monkeypatch):
    monkeypatch.setattr(originals, "MOST_BYTES", 0)
    response = await get(with_originals, f"{PHOTOS}/image/{tilde_encode('red.png')}")
    assert response.status_code == 404
    assert "cannot be shown: its file has more than 0 MB." in response.text


async def test_without_image_root_there_are_no_originals(embedded):
    response = await get(site(embedded), f"{PHOTOS}/image/{tilde_encode('red.png')}")
    assert response.status_code == 404


@pytest.mark.parametrize(
    "query", ["page=²", "page=0", "page=-1", "seed=²", "page=99999999999"]
)
async def test_odd_numbers_in_addresses(embedded, query):
    assert (await get(site(embedded), f"{PHOTOS}?{query}")).status_code == 200


async def test_a_page_after_the_last(embedded):
    data = await found(site(embedded), PHOTOS + ".json?q=red&page=9")
    assert (data["items"], data["message"]) == (
        [],
        "There are no more pictures. Go back to an earlier page.",
    )


async def test_only_what_went_wrong_is_an_error(embedded):
    datasette = site(embedded)
    good = [GLAM, PHOTOS, f"{PHOTOS}/item/red~2Epng"]
    for path in (f"{path}.json" for path in good):
        data = await found(datasette, path)
        assert (data["ok"], data["message"], "error" in data) == (True, None, False)
    empty = await found(datasette, PHOTOS + ".json?q=red&page=9")
    assert (empty["ok"], bool(empty["message"]), "error" in empty) == (
        True,
        True,
        False,
    )
    for path in (f"{PHOTOS}.json?id=nobody", f"{PHOTOS}/item/nobody.json"):
        data = (await get(datasette, path)).json()
        assert (data["ok"], bool(data["error"]), "message" in data) == (
            False,
            True,
            False,
        )


async def test_sensitive_pictures_are_asked_for_with_1_only(llm, colours, photos):
    record = {"file_name": "red.png", "sensitive": True}
    (photos / "metadata.jsonl").write_text(json.dumps(record))
    llm(*EMBED)
    for value in ("0", "", "no"):
        data = await found(site(llm), f"{PHOTOS}.json?q=red&_sensitive={value}")
        assert "red.png" not in ids(data)


async def test_originals_are_the_pictures_that_were_embedded(with_originals, photos):
    address = f"{PHOTOS}/image/{tilde_encode('green.png')}"
    assert (await get(with_originals, address)).status_code == 200
    size = (photos / "green.png").stat().st_size
    (photos / "green.png").write_bytes(png(RED).ljust(size, b"\0")[:size])
    assert (await get(with_originals, address)).status_code == 404


async def test_datasettes_table_does_not_show_sensitive_pictures(llm, colours, photos):
    record = {"file_name": "red.png", "sensitive": True}
    (photos / "metadata.jsonl").write_text(json.dumps(record))
    llm(*EMBED)
    table = (await get(site(llm), "/embeddings/photos")).text
    assert f'src="{PHOTOS}/thumb/green~2Epng"' in table
    assert f'src="{PHOTOS}/thumb/red~2Epng"' not in table
    assert f'href="{PHOTOS}/item/red~2Epng"' in table


LONG = "Fragment einer Terrakottafigur, vermutlich eine sitzende Göttin " * 5


@pytest.fixture
def long_titles(llm, colours, tmp_path):
    records = []
    for number in range(60):
        picture(tmp_path / "photos" / f"{number:03}.png", (255, number, 0))
        title = f"{number} {LONG}"[:300]
        records.append({"file_name": f"{number:03}.png", "title": title})
    (tmp_path / "photos" / "metadata.jsonl").write_text(
        "\n".join(map(json.dumps, records))
    )
    llm(*EMBED)
    return llm


async def test_long_titles_are_short_on_cards(long_titles):
    datasette = site(long_titles)
    data = await found(datasette, PHOTOS + ".json?q=red")
    assert len(data["items"]) == 36
    first = data["items"][0]
    assert (first["id"], len(first["title"])) == ("000.png", 300)
    short = "0 Fragment einer Terrakottafigur, vermutlich eine sitzende Göttin…"
    page = (await get(datasette, PHOTOS + "?q=red")).text
    assert f'alt="{short}"' in page
    assert f">{short}</span>" in page
    assert first["title"] not in page
    item = (await get(datasette, first["url"])).text
    assert f">{first['title']}</h1>" in item
    assert f'alt="{first["title"]}"' in item


async def test_the_weight_of_a_page_with_long_titles(long_titles):
    """Our HTML, styles and scripts before the pictures."""
    datasette = site(long_titles)
    page = (await get(datasette, PHOTOS + "?q=red")).text
    files = re.findall(r'(?:href|src)="([^"]*/llm-glam/[^"]*)"', page)
    weights = {"page": len(page.encode())}
    for path in files:
        weights[path] = len((await get(datasette, path)).content)
    assert len(weights) > 2
    assert sum(weights.values()) < 60_000, weights


async def test_a_picture_that_is_deleted_while_its_page_is_made(embedded, monkeypatch):
    """Its page is made of several reads; the soak found 503."""

    def gone(db, collection, item_id):
        raise UnknownItem(f"There is no picture '{item_id}'.")

    monkeypatch.setattr(embeddings, "stored_vector", gone)
    for path in ("", ".json"):
        response = await get(site(embedded), f"{PHOTOS}/item/red~2Epng{path}")
        assert response.status_code == 404
        assert "There is no picture" in response.text
