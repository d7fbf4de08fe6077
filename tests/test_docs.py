"""What the documentation says is so, and it says it of everything."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

import llm_glam
from datasette_glam import queries
from llm_glam import errors
from llm_glam.cli import glam

ROOT = Path(llm_glam.__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *PAGES]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`|<!--.*?-->", re.DOTALL | re.MULTILINE)
THE_TWO_COMMANDS = """
llm embed-multi photos --files photos/ '*.jpg' -m glam-clip
llm similar photos -c raccoon
"""


def commands(command=glam, name="llm glam"):
    """All commands of ours by their full name, groups included."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for part in command.list_commands(context):
            yield from commands(command.get_command(context, part), f"{name} {part}")


COMMANDS = dict(commands())


def text(path):
    return path.read_text("utf-8")


def anchors(path):
    """The names GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", text(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_there_are_commands_to_look_at():
    assert {"llm glam embed", "llm glam models add"} <= COMMANDS.keys()
    assert len(PAGES) >= 6


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name):
    page = text(ROOT / "docs" / "commands.md")
    assert re.search(rf"^##+ {re.escape(name)}$", page, re.MULTILINE)
    assert f"Usage: {name} " in page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_an_example(name):
    command = COMMANDS[name]
    assert command.help
    if not isinstance(command, click.Group):
        example = command.help.partition("Example")[2]
        assert re.search(rf"^\s+{re.escape(name)}\b", example, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_help(name):
    options = [p for p in COMMANDS[name].params if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_generated_parts_are_up_to_date():
    names = [str(page) for page in PAGES]
    environment = {k: v for k, v in os.environ.items() if k != "LLM_LOAD_PLUGINS"}
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", *names],
        capture_output=True,
        text=True,
        env=environment | {"PYTHONUTF8": "1"},
    )
    assert done.returncode == 0, f"run: make docs\n{done.stdout}{done.stderr}"


def test_every_module_is_in_the_architecture():
    page = text(ROOT / "docs" / "architecture.md").replace("\\_", "_")
    for path in (ROOT / "llm_glam").rglob("*.py"):
        parts = path.relative_to(ROOT / "llm_glam").with_suffix("").parts
        name = ".".join(p for p in parts if p != "__init__") or "__init__"
        assert f"\n| {name} | " in page, path


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path):
    for link in LINK.findall(CODE.sub("", text(path))):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.is_relative_to(ROOT), link
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_readme_leads_to_every_page():
    links = LINK.findall(text(ROOT / "README.md"))
    assert {f"docs/{page.name}" for page in PAGES} <= set(links)


def test_readme_has_the_two_commands_as_typed():
    assert THE_TWO_COMMANDS in text(ROOT / "README.md")


def test_every_exception_is_in_the_tree():
    tree = re.findall(r"^\s*[│├└─ ]*(\w+)(?:  +\S.*)?$", errors.__doc__, re.MULTILINE)
    classes = [
        name
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if value.__module__ == errors.__name__
    ]
    assert "BadImage" in classes
    assert [name for name in classes if name not in tree] == []
    assert all(issubclass(getattr(errors, name), errors.GlamError) for name in classes)


def test_example_metadata_sets_what_is_there():
    metadata = yaml.safe_load(text(ROOT / "metadata.yml"))
    assert metadata["plugins"] == {queries.CONFIG: {queries.OPENED: False}}
