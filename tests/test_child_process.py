"""Python files in the current folder are never run, whatever module they are named after."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from importlib.metadata import packages_distributions

import pytest

from datasette_glam.media import decoder
from llm_glam import child_process
from llm_glam.demo import catalogue
from llm_glam.models import engine_choice

from .site import free_port, png

MARK = "import os; open(os.environ['PLANTED'], 'a').write(__name__ + '\\n')\n"
OURS = ("llm_glam", "datasette_glam")


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """The current folder has a module of each name that can be imported here; those that ran."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    names = {*sys.stdlib_module_names, *packages_distributions(), *OURS}
    names = {name for name in names if name.isidentifier()}
    for name in {*names, "sitecustomize", "usercustomize"}:
        (folder / f"{name}.py").write_text(MARK)
    monkeypatch.setenv("PLANTED", str(tmp_path / "ran.txt"))
    monkeypatch.chdir(folder)
    monkeypatch.delenv(child_process.SAFE_PATH, raising=False)

    def read():
        path = tmp_path / "ran.txt"
        return path.read_text().split() if path.exists() else []

    return read


def test_without_protection_they_would_be_run(ran):
    subprocess.run([sys.executable, "-m", "json.tool", "-h"], capture_output=True)
    assert ran()


def test_in_the_decoder(ran):
    async def decoded():
        decoders = decoder.Decoders()
        try:
            return await decoders.decode(png(), 100)
        finally:
            decoders.release()

    assert asyncio.run(decoded()).content.startswith(b"P6\n40 30")
    assert ran() == []


def test_in_what_a_child_starts(ran):
    code = (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import json'])"
    )
    environment = child_process.environment()
    subprocess.run([sys.executable, "-P", "-c", code], env=environment, check=True)
    assert ran() == []


@pytest.mark.slow
def test_in_the_processes_that_draw(ran, tmp_path):
    number = catalogue.TOGETHER + 1
    drawn = catalogue.write(tmp_path / "drawn", catalogue.catalogue(number), 64)
    assert len(list(drawn)) == number
    assert ran() == []
    assert child_process.SAFE_PATH not in os.environ


@pytest.mark.slow
def test_in_the_exporter(ran, monkeypatch, tiny_clip, real_exporter):
    monkeypatch.delenv("LLM_GLAM_ENGINE")
    monkeypatch.setattr(engine_choice, "run_exporter", real_exporter)
    said = []
    assert engine_choice.export(tiny_clip, None, said.append), said
    assert ran() == []


@pytest.mark.slow
@pytest.mark.both_versions
def test_in_the_server(embedded, ran):
    command = ["-P", "-m", "llm", "glam", "serve", "--no-browser", "-p", free_port()]
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    address = process.stdout.readline().strip()
    page = urllib.request.urlopen(address).read() if address else b""
    os.killpg(process.pid, signal.SIGINT)
    assert b"<h1>" in page, process.communicate()
    process.communicate()
    assert ran() == []
