"""A crawler that asks a site for everything, and secret words that it must not find."""

import json
import re
from html import unescape
from itertools import product
from urllib.parse import quote_plus

import pytest
from datasette.utils import tilde_encode
from PIL import Image

from ..conftest import EMBED
from ..fakes import BLUE, GREEN, RED, picture
from ..site import GLAM, PHOTOS, change, get, site

pytestmark = [pytest.mark.asyncio, pytest.mark.both_versions]
MARKED, CONFIGURED, UNDECIDED = "hushmarked", "hushconfigured", "hushundecided"
SENSITIVE, PATH, PLACE = "hushsensitive", "hushfolder", "hushplace"
EVERYBODYS = (MARKED, CONFIGURED, UNDECIDED, PATH, PLACE)  # secrets, whoever asks
GPS_INFO, AREA = 0x8825, 28
ITEMS = ("red.png", "green.png", "sub folder/blé.png")
OURS = (
    *("problems", "thumbnails", "labels", "columns", "sources", "kept_records"),
    *("runs", "folders", "collections"),
)
TABLES = (
    *("photos", "photos_fts", "photos_fts_data", "photos_fts_docsize", "embeddings"),
    *("collections", "_sqlite_migrations", "seen", *(f"glam_{one}" for one in OURS)),
)
QUERIES = (
    *("", "_facet=Note", "_facet=Hidden", "_sort=Note", "Note__notblank=1"),
    *("_sort_desc=Note&_next=hushz,x", "note__in=a,b", "_stream=1"),
    *("_shape=array&_nl=on", "_col=Note", "_labels=on", "_sensitive=1", "_size=max"),
)
SQL = (
    "select * from photos",
    "select Note, hidden from photos order by Note",
    "select json_group_array(json_object('n', p.Note)) from photos p",
    "with photos_ai as (select Note from photos) select * from photos_ai",
    "select * from photos natural join seen where Note > ''",
    "select * from photos_fts",
    "select snippet(photos_fts, -1, '', '', '', 9) from photos_fts('hush*')",
    "select * from glam_sources",
    "select group_concat(path) from glam_folders",
    "select arguments from glam_runs",
    "select glam_nearest('photos', 'id:red.png', 9)",
    "select glam_nearest('photos', 'id:green.png', 9)",
    "select hex(content) from glam_thumbnails",
    "select * from sqlite_master",
    "explain select Note from photos where Note = 'x'",
)
INSTANCE = (
    *("databases", "metadata", "config", "settings", "plugins", "versions", "threads"),
    *("actor", "tables", "schema", "permissions", "allow-debug", "logout", "jump"),
)


@pytest.fixture
def secrets(llm, colours, tmp_path):
    """Pictures with a word in each place that is not for everybody."""
    folder = tmp_path / PATH
    for name, colour in zip(ITEMS, (RED, GREEN, BLUE), strict=True):
        picture(folder / name, colour)
    _tag(folder / "red.png")
    common = {"Note": MARKED, "Hidden": CONFIGURED, "Store": UNDECIDED, "kind": "thing"}
    rows = [
        {"file_name": ITEMS[0], "title": "Red thing", **common},
        {"file_name": ITEMS[1], "title": f"A {SENSITIVE}", "sensitive": 1, **common},
        {"file_name": ITEMS[2], "title": "Blue thing", **common},
    ]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    llm(
        *(
            str(folder) if part == "photos" and n == 3 else part
            for n, part in enumerate(EMBED)
        )
    )
    (tmp_path / "more.csv").write_text(
        f"Nr,Note,Store,kind\nred,{MARKED},{UNDECIDED},one\nred,{MARKED} too,{UNDECIDED},two\n"
    )
    llm("glam", "records", "photos", "more.csv", "--key", "Nr", "--yes")
    llm("glam", "mark", "photos", "--private", "note")
    change(llm, "create view seen as select Note as harmless, kind from photos")
    return llm


def _tag(path):
    with Image.open(path) as image:
        exif = image.getexif()
        exif.get_ifd(GPS_INFO)[AREA] = PLACE
        image.save(path, exif=exif)


def configured(**settings):
    """A site whose configuration calls a further column private, with canned queries."""
    return {
        "plugins": {"datasette-glam": {"private_columns": {"photos": ["hidden"]}, "image_folders": True, **settings}},
        "databases": {
            "embeddings": {
                "queries": {
                    "notes": {"sql": "select id, Note, Hidden, kind from photos"},
                    "found": {"sql": "select * from photos_fts where photos_fts match :q"},
                }
            }
        },
    }  # fmt: skip


def addresses():
    """What somebody might ask for who knows how we and Datasette work."""
    for table, format_ in product(TABLES, ("", ".json", ".csv")):
        yield f"/embeddings/{table}{format_}"
    for table, query in product(("photos", "seen"), QUERIES[1:]):
        yield f"/embeddings/{table}.json?{query}"
    for item in ITEMS:
        code = tilde_encode(item)
        for format_ in ("", ".json"):
            yield f"/embeddings/photos/{code}{format_}"
            yield f"{PHOTOS}/item/{code}{format_}?_sensitive=1"
            yield f"{PHOTOS}{format_}?id={quote_plus(item)}&_sensitive=1"
            yield f"{GLAM}-search{format_}?id={quote_plus(item)}&collection=photos"
        yield f"/embeddings/photos/{code}.blob?_blob_column=Note"
        yield f"{PHOTOS}/thumb/{code}"
        yield f"{PHOTOS}/image/{code}"
        yield f"{PHOTOS}/tile/{code}/0/0_0.jpg"
        yield f"{PHOTOS}/item/{code}?q=hush&Note=x"
    for format_, query in product(("", ".json", ".csv", ".html"), QUERIES):
        yield f"{PHOTOS}{format_}?{query}"
    for format_, start in product(("", ".json"), (f"{GLAM}-search", "/-/glam-search")):
        yield f"{start}{format_}?q=red"
    yield f"{PHOTOS}.csv?kind=thing&_where=Note+like+'hush%25'"
    for sql in SQL:
        for page in ("/embeddings.json", "/embeddings/-/query.json"):
            yield f"{page}?sql={quote_plus(sql)}"
    for name, format_ in product(INSTANCE, ("", ".json")):
        yield f"/-/{name}{format_}"
    for query in ("notes", "found"):
        yield f"/embeddings/{query}.json?q=hush*"
    yield from ("/embeddings.db", "/embeddings/-/schema", "/embeddings/-/glam.json")
    yield from (
        f"{PHOTOS}/item/nothing",
        f"{PHOTOS}?q=%22",
        "/a/b/c/d",
        f"{PHOTOS}/about",
    )


async def crawled(datasette, **options):
    """The content of every page that is linked or guessed, by its address."""
    waiting, pages = ["/", *addresses()], {}
    while waiting:
        address = waiting.pop(0)  # what is guessed comes before what is linked
        if address in pages or len(pages) > 450:
            continue
        response = await get(datasette, address, **options)
        pages[address] = response.content.decode("utf-8", "replace")
        if len(waiting) < 1500 and "html" in response.headers.get("content-type", ""):
            waiting += _links(pages[address])
    return pages


def _links(html):
    found = {
        unescape(one).split("#")[0] for one in re.findall(r'href="(/[^"]*)"', html)
    }
    return [one for one in found if "_facet_size" not in one and "/-/static" not in one]


def leaks(pages, words):
    """The addresses on whose pages there is a word that their visitor did not bring."""
    return [
        (address, word)
        for address, page in pages.items()
        for word in words
        if word in page.lower() and word not in address
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("settings", "actor", "words"),
    [
        ({}, None, (MARKED, CONFIGURED, PATH, PLACE)),
        ({"public": True}, "root", (*EVERYBODYS, SENSITIVE)),
        ({"public": True, "open_data": True}, None, (*EVERYBODYS, SENSITIVE)),
        (
            {"public": True, "open_data": True, "show_sensitive": True},
            "root",
            EVERYBODYS,
        ),
    ],
    ids=["loopback", "public", "open-data", "open-data-and-sensitive"],
)
async def test_secrets_are_found_nowhere(secrets, settings, actor, words):
    """Datasette forgets to await what it has begun where a page fails, hence the filter."""
    datasette = site(secrets, configured(**settings))
    await datasette.invoke_startup()
    signed = datasette.sign({"a": {"id": actor}}, "actor")
    pages = await crawled(datasette, cookies={"ds_actor": signed} if actor else {})
    assert leaks(pages, words) == []
    assert len(pages) > 200
    # so that a site that answers nothing does not pass:
    assert any("red thing" in page.lower() for page in pages.values())


async def test_a_public_site_leads_nowhere_that_is_closed(secrets):
    secrets("glam", "embed", "other", f"{PATH}", "--no-embedded")
    datasette = site(secrets, configured(public=True, collections=["photos"]))
    for address, leads_to in (("/", PHOTOS), ("/embeddings", GLAM)):
        response = await get(datasette, address)
        assert (response.status_code, response.headers["location"]) == (302, leads_to)
    for address in (
        PHOTOS,
        f"{PHOTOS}/item/red~2Epng",
        f"{PHOTOS}/about",
        "/nothing/here",
    ):
        page = (await get(datasette, address)).text
        assert f'href="{PHOTOS}"' in page
        assert "/embeddings/photos" not in page
        assert "other" not in _links(page)
    item = (await get(datasette, f"{PHOTOS}/item/red~2Epng.json")).json()["item"]
    assert item["row_url"] is None
    for hidden in (
        "/embeddings/-/glam/other",
        f"{PHOTOS}/item/green~2Epng",
        f"{PHOTOS}/thumb/green~2Epng",
    ):
        assert (await get(datasette, hidden)).status_code == 404
    assert (await get(datasette, f"{PHOTOS}.json")).json()["pictures"] == 2


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_functions_do_not_know_of_absent_pictures(secrets):
    """Also where a canned query of the owner's asks them."""
    config = configured(public=True)
    sql = "select glam_nearest('photos', :q, 9) as found, length(glam_embed('photos', :q)) as n"
    config["databases"]["embeddings"]["queries"] = {"near": {"sql": sql}}
    datasette = site(secrets, config)
    near = await get(datasette, "/embeddings/near.json?q=id:red.png&_shape=objects")
    assert list(json.loads(near.json()["rows"][0]["found"])) == [ITEMS[2]]
    absent = await get(datasette, "/embeddings/near.json?q=id:green.png")
    assert absent.status_code == 400
    assert "no picture 'green.png'" in absent.text
    shown = {
        **config,
        "plugins": {"datasette-glam": {"public": True, "show_sensitive": True}},
    }
    near = await get(site(secrets, shown), "/embeddings/near.json?q=id:red.png")
    assert "green.png" in near.text


async def test_private_columns_that_do_not_exist_are_noted(secrets, caplog):
    """A misspelt name would otherwise publish the column without a word."""
    config = configured()
    config["plugins"]["datasette-glam"]["private_columns"] = ["hidden", "Locaton"]
    await site(secrets, config).invoke_startup()
    assert "no set in embeddings has a column 'Locaton'" in caplog.text
    assert "hidden" not in caplog.text
