"""The commands of the README and the tutorial, executed one after the other.

What installs, and what needs a network, is left out by name; everything else has to run.
"""

import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

import llm_glam
from llm_glam.demo import catalogue
from llm_glam.models import loading
from llm_glam.publish import local_server

from ..sheets import save

ROOT = Path(llm_glam.__file__).resolve().parent.parent
FENCE = re.compile(r"^```(bash|bat|powershell)\n(.*?)^```", re.DOTALL | re.MULTILINE)
INSTALLING = (
    "python3 -m venv",
    "source ",
    "pip install",
    "uv tool",
    "pipx ",
    "llm install",
)
INSTALLING += ("py -m venv", "glam\\Scripts", "#", "hf download", "make ")
INSTALLING += ("llm glam models add clip-ViT-B-32",)
PICTURES = 400


def commands(page):
    """Shell and command line of each command of a page."""
    for shell, block in FENCE.findall(page.read_text("utf-8")):
        for line in block.splitlines():
            command = line.split("  #")[0].strip()
            if command and not command.startswith(INSTALLING):
                yield shell, command


def words_of(shell, command):
    """As the shell hands them on: cmd.exe knows double quotes only."""
    if shell == "bat":
        return [
            word.replace('"', "")
            for word in re.findall(r'(?:"[^"]*"|[^\s"])+', command)
        ]
    return [os.path.expanduser(word) for word in shlex.split(command)]


@pytest.fixture(scope="module")
def museum(tmp_path_factory):
    """What ``llm glam demo`` writes, but smaller pictures."""
    folder = tmp_path_factory.mktemp("museum") / "photos"
    list(catalogue.write(folder, catalogue.catalogue(PICTURES), 72))
    return folder


@pytest.fixture
def at_home(llm, museum, tiny_clip, monkeypatch, tmp_path):
    """A home folder with photos, a fine-tuned checkpoint, and the demo's as the default."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LLM_GLAM_MODEL", "demo")
    monkeypatch.setattr(local_server, "run", lambda site, ready: ready() or 0)
    monkeypatch.setattr("webbrowser.open", lambda address: True)

    def copied(folder, finds, size):
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(museum, folder, dirs_exist_ok=True)
        return iter([folder] * len(finds))

    monkeypatch.setattr(catalogue, "write", copied)
    copied(tmp_path / "photos", [], 0)
    shutil.copy(museum / "0032-bronze-coin.jpg", "found.jpg")
    shutil.copy(museum / "0032-bronze-coin.jpg", "photos/0042.jpg")
    rows = [("Inv. No.", "Shelf"), ("0032", "A 4"), ("0042", "B 1")]
    save(tmp_path / "catalogue.xlsx", rows)
    shutil.copytree(tiny_clip, tmp_path / "checkpoints" / "archaeclip")
    return llm


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_every_command_runs(at_home, monkeypatch, page):
    start, done = Path.cwd(), 0
    for shell, command in commands(ROOT / page):
        program, *arguments = words_of(shell, command)
        if program == "cd":
            monkeypatch.chdir(arguments[0])
            continue
        assert program == "llm", command
        result = at_home(*arguments, ok=False)
        assert result.exit_code == 0, f"{command}\n{result.output}"
        done += 1
        if command.startswith("llm glam serve"):
            monkeypatch.chdir(start)
    assert done >= 15


def test_there_are_commands_in_both_spellings():
    shells = [shell for shell, _ in commands(ROOT / "README.md")]

    assert shells.count("bash") >= 12
    assert shells.count("bat") >= 3
    assert words_of("bat", "llm similar 'a b' \"c d\"") == [
        "llm",
        "similar",
        "'a",
        "b'",
        "c d",
    ]


def test_the_demo_prints_what_the_readme_says(llm, monkeypatch):
    monkeypatch.setattr(catalogue, "write", lambda folder, finds, size: iter(()))
    printed = llm("glam", "demo").stdout.splitlines()

    assert printed == [line for _, line in commands(ROOT / "README.md")][1:6]


def test_pictures_of_the_pages_are_there():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).stat().st_size < 400_000, target
    assert loading.OWN_CHECKPOINT.is_dir()
