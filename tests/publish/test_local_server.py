"""``llm glam serve`` and the metadata file that comes with the project."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml

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
    assert "<h1>photos</h1>" in read(address)
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
    arguments = local_server.Site(Path("a.db")).arguments()
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
