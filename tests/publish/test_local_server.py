"""``llm glam serve`` and the metadata file that comes with the project."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import yaml
from sqlite_utils import Database

from llm_glam.publish import local_server

pytestmark = pytest.mark.both_versions
EMBED = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")
METADATA = Path(__file__).parent.parent.parent / "metadata.yml"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def served(llm, colours, photos):
    llm(*EMBED)
    port = free_port()
    command = ["-m", "llm", "glam", "serve", "photos", "--no-browser", "-p", str(port)]
    process = subprocess.Popen(
        [sys.executable, *command, "--metadata", str(METADATA)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process, f"http://127.0.0.1:{port}"
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def read(url):
    with urllib.request.urlopen(url, timeout=20) as response:
        return response.read().decode()


@pytest.mark.slow
def test_the_site_is_served(served, llm):
    process, base = served
    address = process.stdout.readline().strip()
    assert address == f"{base}/embeddings/-/glam/photos"
    assert '">photos</a></h1>' in read(address)
    rows = json.loads(read(f"{base}/embeddings/pictures_by_size.json?_shape=array"))
    assert [row["id"] for row in rows] == ["green.png", "red.png"]
    near = f"{base}/embeddings/nearest_to_picture.json?id=red.png&_shape=array"
    assert [row["id"] for row in json.loads(read(near))] == ["green.png"]
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0
    printed = process.stderr.read().splitlines()[0]
    assert printed.startswith(f"Equivalent command: datasette {llm.database} --host")
    time.sleep(0.2)
    with pytest.raises(OSError, match="refused"):
        read(base)


@pytest.mark.slow
def test_a_terminated_server_has_not_failed(served):
    process, base = served
    process.stdout.readline()
    process.terminate()
    assert process.wait(20) == 0
    with pytest.raises(OSError, match="refused"):
        read(base)


def test_the_database_cannot_be_downloaded():
    arguments = local_server.Site(Path("a.db")).arguments(configuration="-")
    assert "--setting allow_download off" in " ".join(arguments)


def test_what_cannot_be_served(llm, colours, photos):
    assert "does not exist; use -d" in llm.fails("glam", "serve")
    llm(*EMBED)
    assert "There is no collection 'x'" in llm.fails("glam", "serve", "x")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        message = llm.fails("glam", "serve", "photos", "--no-browser", "-p", port)
    assert f"The site cannot be served on 127.0.0.1:{port}" in message


def test_addresses_are_those_of_datasette():
    from datasette.utils import tilde_encode

    for name in (
        "photos",
        "a b",
        "[x]",
        "é/ü",
        "100%",
        "why?",
        "🏺",
        "a.b",
        "~",
        "a+b",
    ):
        assert local_server.tilde_encoded(name) == tilde_encode(name)


def test_the_words_query_of_the_metadata_file(llm, colours, photos):
    import asyncio

    from datasette.app import Datasette

    llm(*EMBED)
    query = yaml.safe_load(METADATA.read_text("utf-8"))["databases"]["embeddings"]
    sql = query["queries"]["nearest_to_words"]["sql"]

    async def rows():
        datasette = Datasette([str(llm.database)])
        params = {"sql": sql, "words": "green", "_shape": "array"}
        response = await datasette.client.get(
            "/embeddings.json", params=params, follow_redirects=True
        )
        return response.json()

    assert [row["id"] for row in asyncio.run(rows())] == ["green.png", "red.png"]


@pytest.fixture
def started(llm, colours, photos, monkeypatch):
    """What ``serve`` would have run: the site, and what the command printed."""
    llm(*EMBED)
    sites = []
    monkeypatch.setattr(
        local_server, "run", lambda site, ready: sites.append(site) or ready()
    )

    def start(*options):
        printed = llm("glam", "serve", "--no-browser", *options)
        return sites[-1], printed

    return start


def settings_of(site):
    return yaml.safe_load(site.configuration())["plugins"]["datasette-glam"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {}),
        (["--host", "localhost"], {}),
        (["--host", "127.0.0.5"], {}),
        (["--host", "::1"], {}),
        (["--public"], {"public": True}),
        (["--host", "0.0.0.0"], {"public": True}),
        (["--host", "::"], {"public": True}),
        (["--host", "192.168.7.7"], {"public": True}),
        (["--host", "museum.local"], {"public": True}),
        (["photos", "--public"], {"public": True, "collections": ["photos"]}),
        (
            ["--public", "--open-data", "--show-sensitive"],
            {"public": True, "open_data": True, "show_sensitive": True},
        ),
    ],
)
def test_what_others_may_do(started, options, expected):
    site, _ = started(*options)
    assert settings_of(site) == {"image_folders": True, **expected}


def test_owners_are_told_what_others_see(started, llm):
    db = Database(llm.database)
    for column in ("Note", "Store", "Donor"):
        db["photos"].add_column(column, str)
    db["photos"].update("red.png", {"sensitive": 1})
    llm("glam", "mark", "photos", "--private", "Note", "--public", "Donor")
    _, printed = started("photos", "--host", "0.0.0.0", "-p", "8123")
    for words in (
        "Others see: photos, 1 picture with records and file names.",
        "Absent: 1 picture marked as sensitive (--show-sensitive",
        "Hidden, since private: Note.",
        "Hidden until you decide: Store.",
        "llm glam mark photos --private COLUMN or --public COLUMN",
        "Closed: tables, SQL, downloads",
        "plugins:\n  datasette-glam:\n    image_folders: true\n    public: true",
    ):
        assert words in printed.stderr
    addresses = printed.stdout.split()
    assert all(one.endswith(":8123/embeddings/-/glam/photos") for one in addresses)
    assert not any("0.0.0.0" in one for one in addresses)
    _, printed = started("--public", "--open-data")
    assert "Closed in spite of --open-data: tables and SQL" in printed.stderr
    assert printed.stdout == "http://127.0.0.1:8001/embeddings/-/glam\n"


def test_openness_is_for_others(llm, colours, photos):
    llm(*EMBED)
    message = llm.fails("glam", "serve", "--open-data", exit_code=2)
    assert "give --host or --public" in message


def test_settings_go_beside_those_of_the_metadata_file(started, tmp_path):
    file = tmp_path / "metadata.yml"
    file.write_text(
        "title: Museum\nplugins: {datasette-glam: {public: false, image_folders: false}}\n"
    )
    site, printed = started("--public", "--metadata", str(file))
    assert yaml.safe_load(site.configuration()) == {
        "title": "Museum",
        "plugins": {"datasette-glam": {"public": True, "image_folders": False}},
    }
    assert f"with, in {file}:" in printed.stderr
    assert "-" in site.arguments(configuration="-")


@pytest.mark.parametrize("content", ["a: [", "- a list", "just words"])
def test_a_metadata_file_that_is_none(llm, colours, photos, tmp_path, content):
    llm(*EMBED)
    (tmp_path / "m.yml").write_text(content)
    message = llm.fails("glam", "serve", "--public", "--metadata", "m.yml")
    assert message.startswith("m.yml ")


@pytest.mark.slow
def test_a_public_site_has_our_pages_only(llm, colours, photos, tmp_path):
    llm(*EMBED)
    port = free_port()
    command = ["-m", "llm", "glam", "serve", "photos", "--public", "--no-browser"]
    process = subprocess.Popen(
        [sys.executable, *command, "-p", str(port), "--metadata", str(METADATA)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        address = process.stdout.readline().strip()
        assert '">photos</a></h1>' in read(f"http://127.0.0.1:{port}/")  # leads there
        assert '">photos</a></h1>' in read(address)
        for path in ("embeddings", "photos", "glam_runs", "collections"):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                read(f"http://127.0.0.1:{port}/embeddings/{path}.json")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
