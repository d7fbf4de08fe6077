"""The workflow that tests on three systems once the project is hosted."""

import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8")


@pytest.fixture
def job():
    jobs = yaml.safe_load(TEXT)["jobs"]
    assert list(jobs) == ["test"]
    return jobs["test"]


@pytest.fixture
def commands(job):
    return [
        line
        for step in job["steps"]
        for line in step.get("run", "").splitlines()
        if line.strip()
    ]


def test_it_runs_on_three_systems_with_the_first_and_the_last_python(job):
    matrix = job["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["system"]] == [
        *("ubuntu", "macos", "windows")
    ]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == f">={matrix['python'][0]}"
    assert len(matrix["python"]) == 2
    assert job["runs-on"] == "${{ matrix.system }}"


def test_its_commands_exist_on_every_system(commands):
    """There is no make on Windows; each command is a module of Python."""
    assert len(commands) >= 5
    ours = {"pip", "pytest", "ruff", "black", "mypy"}
    for command in commands:
        name = re.match(r"python -m (\w+)( |$)", command)[1]
        assert name in ours
        assert find_spec(name), command


def test_it_installs_what_make_installs(commands):
    made = (ROOT / "Makefile").read_text("utf-8")
    for line in re.findall(r"-m pip install --quiet (.*)", made):
        rest = line.replace("$(BIN)/", "")
        assert any(
            all(word in command for word in rest.split()) for command in commands
        ), line
    installs = [one for one in commands if "pip install" in one]
    assert all("--constraint constraints.txt" in one for one in installs)


def test_actions_have_a_major_version_and_nothing_names_a_registry(job):
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", one) for one in used)
    assert "://" not in TEXT
    assert not re.search(r"pypi|pytorch\.org|index\.", TEXT, re.I)


def test_it_may_change_nothing():
    assert yaml.safe_load(TEXT)["permissions"] == {"contents": "read"}


def test_contributors_are_told():
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert ".github/workflows/test.yml" in page
