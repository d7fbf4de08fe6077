"""A hub id: resolved to a commit, downloaded once with notice, then never asked for again."""

import hashlib
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llm_glam.checkpoints import hub

from .. import forked

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "someone/clip"


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as its own client asks for."""

    files: dict[str, bytes] = {}

    def do_GET(self):
        self.answer(with_body=True)

    def do_HEAD(self):
        self.answer(with_body=False)

    def answer(self, with_body):
        data = self.content(self.path.split("?")[0])
        self.send_response(200 if data is not None else 404)
        data = data or b""
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
        if data is not None and not data:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if with_body:
            self.wfile.write(data)

    def content(self, path):
        if path == f"/api/models/{REPOSITORY}/tree/{COMMIT}":
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": "0" * 40}
                for name, data in self.files.items()
            ]
            return json.dumps(tree).encode()
        if path.startswith(f"/api/models/{REPOSITORY}"):
            siblings = [{"rfilename": k, "size": len(v)} for k, v in self.files.items()]
            info = {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings, "tags": []}
            return json.dumps({**info, "private": False, "downloads": 0}).encode()
        return self.files.get(path.removeprefix(f"/{REPOSITORY}/resolve/{COMMIT}/"))

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tiny_clip):
    Hub.files = {path.name: path.read_bytes() for path in tiny_clip.iterdir()}
    Hub.files["onnx/model.onnx"] = b"not wanted"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def llm(server, tmp_path, monkeypatch):
    """LLM in a new process for each command, since the hub's client reads its settings once."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_ENDPOINT", server)
    return forked.llm


@pytest.fixture
def unplug(monkeypatch):
    """From now on there is no network."""
    return lambda: monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.mark.slow
def test_a_hub_id(llm, unplug, tmp_path):
    added = llm("glam", "models", "add", "mine", REPOSITORY)
    assert added.returncode == 0, added.stderr
    assert f"Downloading the checkpoint {REPOSITORY}" in added.stderr
    assert f"once, to {tmp_path / 'hf'}" in added.stderr
    assert "Without a network" in added.stderr
    assert not list(tmp_path.rglob("model.onnx"))
    shown = json.loads(llm("glam", "models", "show", "mine").stdout)
    assert (shown["source"], shown["revision"]) == (REPOSITORY, COMMIT)
    unplug()
    again = llm("embed", "-m", "glam-clip/mine", "-c", "ship")
    assert again.returncode == 0, again.stderr
    assert again.stderr == ""
    missing = llm("glam", "models", "add", "other", "no/such")
    assert missing.returncode == 1
    assert "the hub cannot be reached" in missing.stderr
    assert missing.stderr.count("\n") == 1


def test_a_hub_id_that_is_not_there(llm):
    missing = llm("glam", "models", "add", "other", "no/such")
    assert missing.returncode == 1
    assert (
        "Error: 'no/such' is neither a local folder nor a checkpoint" in missing.stderr
    )


def test_a_hub_id_for_open_clip_alone(llm):
    Hub.files = {
        "open_clip_config.json": b"{}",
        "open_clip_model.safetensors": b"x",
        "tokenizer.json": b"{}",
        "config.json": b"{}",
    }
    failed = llm("glam", "models", "add", "mine", REPOSITORY)
    assert failed.returncode == 1
    assert failed.stderr.startswith(
        "Error: someone/clip on the hub has only open_clip's files"
    )
    assert failed.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_hub_id_for_open_clip_and_transformers(llm, tmp_path):
    Hub.files["open_clip_config.json"] = b"{}"
    Hub.files["open_clip_model.safetensors"] = b"not wanted"
    Hub.files["open_clip_pytorch_model.bin"] = b"not wanted"
    as_open_clip_spells_it = f"hf-hub:{REPOSITORY}"
    added = llm("glam", "models", "add", "mine", as_open_clip_spells_it)
    assert added.returncode == 0, added.stderr
    assert not list(tmp_path.rglob("open_clip*"))
    packed = llm("glam", "models", "pack", "mine", tmp_path / "x.zip")
    assert packed.returncode == 0, packed.stderr
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        card = archive.read("README.md").decode()
    assert f"from the hub, {REPOSITORY} at {COMMIT}: 16 dimensions" in card


def test_what_is_wanted_of_a_repository():
    files = {
        "0_CLIPModel/model.safetensors": 600,
        "0_CLIPModel/pytorch_model.bin": 600,
        "0_CLIPModel/config.json": 1,
        "modules.json": 1,
        "onnx/model.onnx": 9,
        "onnx/config.json": 9,
        "README.md": 2,
        "merges.txt": 3,
    }
    assert hub.wanted(files) == {
        "0_CLIPModel/model.safetensors": 600,
        "0_CLIPModel/config.json": 1,
        "modules.json": 1,
        "merges.txt": 3,
    }
    del files["0_CLIPModel/model.safetensors"]
    assert "0_CLIPModel/pytorch_model.bin" in hub.wanted(files)
    files["open_clip_model.safetensors"] = (
        600  # no reason to leave pytorch_model.bin out
    )
    files["open_clip_pytorch_model.bin"] = 600
    assert "0_CLIPModel/pytorch_model.bin" in hub.wanted(files)
    assert not [name for name in hub.wanted(files) if name.startswith("open_clip")]
