"""Answers: errors in words for visitors, what stays in the log, headers, other sites."""

import base64
import hashlib
import re
import types
from contextlib import contextmanager

import pytest
from datasette import Response, hookimpl
from datasette.plugins import pm
from datasette.utils import StartupError

from datasette_glam.web import errors, headers

from ..site import GLAM, PHOTOS, change, found, get, links, raw, site

RED_ITEM = f"{PHOTOS}/item/red~2Epng"

pytestmark = pytest.mark.both_versions


@pytest.fixture(autouse=True)
def nothing_noted():
    errors._logged.clear()


NOWHERE = [
    "/a/b/c/d",
    "/a/b/c/d/e/f",
    "/none",
    f"{PHOTOS}/item",
    f"{PHOTOS}/item/a/b",
    f"{PHOTOS}/items/red~2Epng",
    f"{PHOTOS}/thumb/none",
    f"{PHOTOS}/image/red~2Epng",
    "/embeddings/-/galm/photos",
    f"{GLAM}/none/item/red~2Epng",
    "/none/-/glam/photos",
    f"{GLAM}/" + "x" * 6000,
    f"{PHOTOS}/item/" + "~7E" * 2000,
    f"{PHOTOS}/item/~00",
    f"{PHOTOS}/item/~ZZ",
    f"{PHOTOS}/item/~",
    f"{GLAM}/~FF~FE",
    "/-/glam-models/none",
    "/-/glam-models/..~2F..~2Fetc",
    "/-/none",
]


@pytest.mark.asyncio
@pytest.mark.parametrize("wanted", ["", ".json"])
async def test_what_is_not_there_is_said_quickly_and_quietly(
    embedded, capfd, caplog, wanted
):
    app = site(embedded).app()
    for path in NOWHERE:
        status, body = await raw(app, f"{path}{wanted}".encode())
        assert status == 404, path
        if not wanted:
            assert "<h1>Nothing here</h1>" in body, path
            assert 'role="search"' in body or "/-/glam" in body or "home" in body, path
            assert f'action="{PHOTOS}"' in body or "none" in path or "models" in path
    assert (capfd.readouterr(), caplog.text) == (("", ""), "")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "path", ["%00", "a%20b", "%E2%82", "%zz", "%", "%2e%2e%2f", "a%25"]
)
async def test_percent_signs_end_as_404(embedded, path):
    datasette = site(embedded)
    for start in (f"{GLAM}/", f"{PHOTOS}/item/", "/none/"):
        app, address = datasette.app(), f"{start}{path}".encode()
        status, _ = await raw(app, address)
        assert status == 302
        again = address.replace(b"~", b"~7E").replace(b"%", b"~").replace(b".", b"~2E")
        assert (await raw(app, again))[0] == 404, again


@pytest.mark.asyncio
async def test_ways_on_lead_where_the_visitor_may_go(embedded):
    embedded("glam", "embed", "others", "photos")
    page = (await get(site(embedded), f"{GLAM}/photso")).text
    assert [url for url in links(page) if "glam" in url] == [
        f"{GLAM}/others",
        PHOTOS,
        GLAM,
    ]
    page = (await get(site(embedded), f"{PHOTOS}/item/none")).text
    assert f'action="{PHOTOS}"' in page
    closed = {"others": {"allow": {"id": "root"}}}
    some = site(embedded, {"databases": {"embeddings": {"tables": closed}}})
    for path in ("/none", "/embeddings/none", f"{GLAM}/none", f"{PHOTOS}/item/none"):
        page = (await get(some, path)).text
        assert "others" not in page, path
        assert f'action="{PHOTOS}"' in page, path
    nothing = site(embedded, {"allow": {"id": "root"}})
    for path in ("/none", f"{GLAM}/none", PHOTOS, "/embeddings/photos"):
        page = (await get(nothing, path)).text
        assert f'"{PHOTOS}"' not in page, path


@pytest.mark.asyncio
async def test_who_may_not_enter_is_told_so(embedded):
    datasette = site(embedded, {"allow": {"id": "root"}})
    for path in ("/", GLAM, PHOTOS, RED_ITEM, f"{PHOTOS}/thumb/red~2Epng"):
        page = await get(datasette, path)
        assert page.status_code == 403
        assert "<h1>Not open to everyone</h1>" in page.text, path
        assert errors.FORBIDDEN in page.text, path
        assert "view-" not in page.text, path
    for path in (f"{GLAM}.json", f"{PHOTOS}.json", f"{PHOTOS}.csv", f"{RED_ITEM}.json"):
        answer = await get(datasette, path)
        assert (answer.status_code, answer.json()["ok"]) == (403, False)
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.asyncio
async def test_the_owners_own_page_of_an_error(embedded, tmp_path):
    (tmp_path / "404.html").write_text("Gone fishing: {{ error }}")
    datasette = site(embedded, template_dir=str(tmp_path))
    for path in ("/none", f"{PHOTOS}/item/none"):
        answer = await get(datasette, path)
        assert answer.status_code == 404
        assert answer.text.startswith("Gone fishing: There is no")


PRIVATE = "/home/curator/secret place/model.safetensors"


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["unexpected", "of ours"])
async def test_no_file_of_the_server_is_named(
    embedded, monkeypatch, capsys, caplog, kind
):
    from datasette_glam import items
    from llm_glam.errors import GlamError

    def fail(*args, **options):
        text = f"{PRIVATE} cannot be read. Register it with: llm glam models add x"
        raise GlamError(text) if kind == "of ours" else OSError(text)

    monkeypatch.setattr(items, "count", fail)
    datasette = site(embedded)
    status = 503 if kind == "of ours" else 500
    for path in (GLAM, PHOTOS, f"{GLAM}.json", f"{PHOTOS}.json?q=red", f"{PHOTOS}.csv"):
        answer = await get(datasette, path)
        assert answer.status_code == status
        for part in ("/home", "secret", "llm glam", "Traceback", "site-packages"):
            assert part not in answer.text, path
        assert answer.headers["x-content-type-options"] == "nosniff"
    log = capsys.readouterr().err + caplog.text
    assert PRIVATE in log
    if kind == "of ours":
        assert log.count(PRIVATE) == 1


@pytest.mark.asyncio
async def test_datasettes_own_lists_name_no_folder(embedded):
    for path in ("/-/databases", "/-/databases.json", "/-/plugins.json", "/-/versions"):
        answer = await get(site(embedded), path)
        assert answer.status_code == 200
        assert str(embedded.database.parent) not in answer.text, path
        assert "site-packages" not in answer.text, path
        assert ("embeddings.db" in answer.text) == ("databases" in path)


@contextmanager
def plugin(**hooks):
    """Another plugin of Datasette's, with these hooks."""
    theirs = types.ModuleType("theirs")
    for name, function in hooks.items():
        setattr(theirs, name, hookimpl(function, specname=name))
    pm.register(theirs)
    try:
        yield
    finally:
        pm.unregister(theirs)


@pytest.mark.asyncio
async def test_unexpected_errors_of_datasettes_pages_name_no_file(embedded, capsys):
    def fail(template):
        if template == "table.html":
            raise OSError(PRIVATE)
        return {}

    with plugin(extra_template_vars=fail):
        answer = await get(site(embedded), "/embeddings/photos")
    assert answer.status_code == 500
    assert "<h1>Something went wrong</h1>" in answer.text
    assert PRIVATE not in answer.text
    log = capsys.readouterr().err
    assert PRIVATE in log
    assert len(log) < 5000


@pytest.mark.asyncio
async def test_other_plugins_may_answer_errors(embedded):
    def answer(exception):
        return Response.text("theirs", status=418)

    with plugin(handle_exception=answer):
        assert (await get(site(embedded), "/none")).text == "theirs"


def test_notes_are_short_and_few(caplog):
    for number in range(1000):
        errors.note(f"kind {number}\n" + "x" * 5000)
        errors.note("again and again")
    lines = [record.getMessage() for record in caplog.records]
    assert lines.count("again and again") == 1
    assert all(len(line) <= 2000 and "\n" not in line for line in lines)
    assert len(errors._logged) == 100


@pytest.mark.parametrize(
    ("message", "is_told"),
    [
        ("There is no checkpoint 'glam-clip/archae-2.1' here.", True),
        ("The vector of 'a.png' is damaged.", True),
        (f"{PRIVATE} is missing.", False),
        (r"C:\Users\me\model is missing.", False),
        ("checkpoints/mine is missing.", False),
        ("~/mine is missing.", False),
    ],
)
def test_what_programs_are_told(message, is_told):
    assert (errors.disclosed(message) == message) == is_told


SCRIPT = re.compile(r"<script(?![^>]*src=)(?![^>]*json)[^>]*>(.*?)</script>", re.DOTALL)


def policy_of(response):
    parts = response.headers["content-security-policy"].split("; ")
    return {name: values for name, *values in (part.split(" ") for part in parts)}


@pytest.mark.asyncio
async def test_the_scripts_in_pages_are_those_that_browsers_may_run(embedded):
    datasette = site(embedded)
    for path in (
        GLAM,
        PHOTOS,
        f"{PHOTOS}?q=red",
        RED_ITEM,
        "/-/glam-models/colours",
        "/none",
    ):
        page = await get(datasette, path)
        policy = policy_of(page)
        scripts = SCRIPT.findall(page.text)
        digests = [hashlib.sha256(text.encode()).digest() for text in scripts]
        hashes = {f"'sha256-{base64.b64encode(one).decode()}'" for one in digests}
        assert hashes
        assert set(policy["script-src"]) == {"'self'", *hashes}, path
        assert policy["img-src"] == ["'self'", "data:"]
        assert " on" not in "".join(re.findall(r"<\w+( on\w+=)", page.text))


@pytest.mark.asyncio
async def test_scripts_of_other_plugins_and_of_the_owner_run(embedded):
    def script(database):
        return f"let theirs = '{database}';\r\n"

    def urls():
        return ["https://cdn.example:8080/a.js", "/own.js"]

    def css():
        return ["https://styles.example/a.css"]

    with plugin(extra_body_script=script, extra_js_urls=urls, extra_css_urls=css):
        policy = policy_of(await get(site(embedded), PHOTOS))
    text = b"let theirs = 'embeddings';\n"
    digest = base64.b64encode(hashlib.sha256(text).digest()).decode()
    assert f"'sha256-{digest}'" in policy["script-src"]
    assert "https://cdn.example:8080" in policy["script-src"]
    assert "https://styles.example" in policy["style-src"]
    assert "https://styles.example" not in policy["script-src"]


def with_hosts(*hosts):
    return {"plugins": {"datasette-glam": {"picture_hosts": list(hosts)}}}


@pytest.mark.asyncio
async def test_pictures_from_elsewhere_only_from_hosts_that_the_owner_lists(embedded):
    there = "https://images.museum.example/iiif/red.jpg"
    change(
        embedded,
        "delete from glam_thumbnails where id = 'red.png'",
        f"update photos set image_url = '{there}'",
    )
    shown = f'<img src="{there}"'
    for hosts in (["images.museum.example"], ["*.museum.example"]):
        datasette = site(embedded, with_hosts(*hosts))
        page = await get(datasette, RED_ITEM)
        assert shown in page.text
        assert policy_of(page)["img-src"] == ["'self'", "data:", *hosts]
        item = (await found(datasette, f"{RED_ITEM}.json"))["item"]
        assert item["larger_url"] == there
        assert shown not in (await get(datasette, f"{PHOTOS}/item/green~2Epng")).text
    for hosts in ([], ["museum.example"], ["images.museum.example:8080"]):
        page = await get(site(embedded, with_hosts(*hosts)), RED_ITEM)
        assert shown not in page.text


@pytest.mark.parametrize(
    "url",
    [
        "javascript://a.example/x",
        "//a.example/x",
        "https://a.example:x/",
        "",
        None,
        5,
        "http://[/",
    ],
)
def test_what_is_no_picture_elsewhere(embedded, url):
    assert not headers.is_on_picture_host(site(embedded, with_hosts("a.example")), url)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "hosts",
    [["https://a.example"], ["a.example/x"], ["a; script-src *"], ["*"], [5], {"a": 1}],
)
async def test_a_picture_host_that_is_none_is_refused_at_the_start(embedded, hosts):
    settings = {"plugins": {"datasette-glam": {"picture_hosts": hosts}}}
    with pytest.raises(
        StartupError, match="picture_hosts in the settings of datasette-g"
    ):
        await site(embedded, settings).invoke_startup()


OF_DATA = {
    f"{GLAM}.json": 200,
    f"{PHOTOS}.json": 200,
    f"{PHOTOS}.csv": 200,
    f"{RED_ITEM}.json": 200,
    "/-/glam-models/colours.json": 200,
    f"{PHOTOS}.json?nothing=1": 400,
    f"{PHOTOS}.csv?nothing=1": 400,
    f"{PHOTOS}/item/none.json": 404,
    f"{GLAM}.json?x=1": 400,
}


@pytest.mark.asyncio
@pytest.mark.parametrize("cors", [True, False])
async def test_other_sites_may_read_json_where_datasette_lets_them(embedded, cors):
    datasette = site(embedded, cors=cors)
    table = await get(datasette, "/embeddings/photos.json")
    names = [name for name in table.headers if name.startswith("access-control")]
    assert bool(names) == cors
    for path, status in OF_DATA.items():
        answer = await get(datasette, path)
        assert answer.status_code == status, path
        assert answer.headers["content-security-policy"] == "default-src 'none'"
        allowed = {n: v for n, v in answer.headers.items() if n.startswith("access-")}
        assert allowed == {name: table.headers[name] for name in names}, path
    closed = site(embedded, {"allow": {"id": "root"}}, cors=cors)
    refused = await get(closed, f"{PHOTOS}.json")
    assert ("access-control-allow-origin" in refused.headers) == cors
    for path in (PHOTOS, f"{PHOTOS}/thumb/red~2Epng"):
        assert "access-control-allow-origin" not in (await get(datasette, path)).headers
