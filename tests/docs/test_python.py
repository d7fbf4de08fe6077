"""Every Python block of the documentation runs, and the public names are those it lists."""

import importlib
import re
import shutil
from pathlib import Path

import pytest

import llm_glam
import llm_glam.models
from llm_glam.demo import catalogue

ROOT = Path(llm_glam.__file__).resolve().parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
# This block downloads pictures; tests/docs/test_docs.py runs it with a web of its own.
DOWNLOADS = "urllib.request"
PACKAGES = ("ingest", "search", "exporters", "models", "evaluate", "train")


def blocks(page):
    found = BLOCK.findall((ROOT / page).read_text("utf-8"))
    return [block for block in found if DOWNLOADS not in block]


PAGES = [
    page.relative_to(ROOT).as_posix()
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    if blocks(page.relative_to(ROOT))
]


@pytest.fixture(scope="module")
def finds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python") / "photos"
    list(catalogue.write(folder, catalogue.catalogue(80), 64))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_run(page, finds, tiny_clip, tmp_path, capsys):
    shutil.copytree(finds, "photos")
    picture = min(finds.glob("*.jpg"))
    for folder, name in (
        ("held-out", picture.name),
        ("artifacts/training", "dt-28.jpg"),
    ):
        Path(folder).mkdir(parents=True)
        shutil.copy(picture, Path(folder, name))
    held_out = [f"{picture.name},a find,Roman", f"{picture.name},another find,Roman"]
    text = "\n".join(["file_name,caption,period", *held_out])
    Path("held-out/captions.csv").write_text(text)
    for folder in ("archaeclip", "checkpoints/archaeclip"):
        shutil.copytree(tiny_clip, folder)
    if page == "docs/evaluate.md":
        llm_glam.models.add("archaeclip", "archaeclip")
    names = {}
    for block in blocks(page):
        exec(compile(block, page, "exec"), names)
    assert capsys.readouterr().out


def test_the_python_page_lists_the_public_names():
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    for package in ("", *PACKAGES):
        module = importlib.import_module(f"llm_glam.{package}".rstrip("."))
        row = re.search(rf"^\| `{module.__name__}` \| (.*) \|$", page, re.MULTILINE)
        assert sorted(re.findall(r"`(\w+)`", row[1])) == sorted(module.__all__)


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_there_and_no_others(package):
    module = importlib.import_module(f"llm_glam.{package}")
    for name in module.__all__:
        value = getattr(module, name)
        assert value.__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        module.nothing  # noqa: B018


def test_the_version():
    from importlib.metadata import version

    assert llm_glam.__version__ == version("llm-glam")


def test_the_version_on_the_command_line(llm):
    assert llm_glam.__version__ in llm("glam", "--version").stdout
