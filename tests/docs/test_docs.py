"""What the documentation says is so, and it says it of everything."""

import csv
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import yaml

import llm_glam
from datasette_glam import items, routes, sql_functions
from datasette_glam.access import llm_embed_guard, settings
from datasette_glam.access.context import DEFAULTS as SITE_DEFAULTS
from datasette_glam.media import (
    decoder,
    decoder_process,
    originals,
    tile_process,
    tiles,
    uploads,
)
from datasette_glam.pages import record, views
from datasette_glam.pages.gallery import facets, finding
from datasette_glam.web import card_text, search_pool
from llm_glam import errors
from llm_glam.cli import glam
from llm_glam.formats import archive_reader
from llm_glam.images.metadata_files import METADATA_ENDINGS
from llm_glam.net import fetch
from llm_glam.search import terms

from ..fakes import RED, picture

ROOT = Path(llm_glam.__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *PAGES]
NOTEBOOK = ROOT / "docs" / "train-your-own.ipynb"
FENCE = re.compile(r"^```bash\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`|<!--.*?-->", re.DOTALL | re.MULTILINE)
SETTINGS = [
    *SITE_DEFAULTS,
    *("public", "open_data", "show_sensitive", "collections", settings.PRIVATE),
    "image_folders",
    "image_root",
    "picture_hosts",
    llm_embed_guard.OPENED,
    sql_functions.SWITCH,
]
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


@pytest.mark.slow
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


@pytest.mark.parametrize("package", ["llm_glam", "datasette_glam"])
def test_every_module_is_in_the_architecture(package):
    page = text(ROOT / "docs" / "architecture.md")
    for folder in (path.parent for path in (ROOT / package).rglob("__init__.py")):
        name = folder.relative_to(ROOT).as_posix()
        section = page.partition(f"**{name}/** ")[2].partition("\n**")[0]
        for path in folder.glob("[!_]*.py"):
            assert f"\n| {path.stem} | " in section, path


def test_the_places_of_changes_exist():
    rows = re.findall(
        r"^\| .* \| `(\S+)` \| `(\S+)` \|$",
        text(ROOT / "docs" / "where.md"),
        re.MULTILINE,
    )
    assert len(rows) >= 20
    for module, name in rows:
        assert re.search(
            rf"^(def |async def |class )?{name}\b", text(ROOT / module), re.M
        )


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


def typed(block):
    """The commands of ours in a block of a shell, as words."""
    for line in block.splitlines():
        command = re.match(r"(?:test .* \|\| )?llm (.*)", line)
        if command:
            yield shlex.split(command[1].partition("  #")[0])


def check_that_it_is_understood(words):
    """click knows the command and each of its options."""
    from llm.cli import cli

    command, context = cli, click.Context(cli, info_name="llm")
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(context, name)
        assert command, name
        context = click.Context(command, context, info_name=name)
    command.make_parser(context).parse_args(args=list(words))


@pytest.mark.parametrize("page", TEXTS, ids=lambda path: path.name)
def test_commands_of_the_pages_are_understood(page):
    for block in FENCE.findall(text(page)):
        for words in typed(block):
            check_that_it_is_understood(words)


def test_open_contexts_table_becomes_a_folder_with_records(llm, colours, tmp_path):
    page = text(ROOT / "docs" / "archaeclip.md")
    script = re.search(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[1]
    (tmp_path / "elsewhere").mkdir()
    rows = []
    for name in ("a", "b"):
        path = tmp_path / "elsewhere" / f"{name}.PNG"
        picture(path, RED)
        rows.append((path.as_uri(), f"https://opencontext.org/media/{name}-1"))
    rows.append(((tmp_path / "gone.jpg").as_uri(), "https://opencontext.org/media/c-1"))
    columns = ["image_file__uri", "media__uri", "subject__uri", "item__earliest"]
    columns += ["subject__item_class__label", "subject__project__label"]
    columns += ["item__latest", "context___2", "context___3"]
    columns += [
        "Consists of (Label) [https://erlangen-crm.org/current/P45_consists_of]"
    ]
    with open("artifact_images_w_descriptions.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for address, media in rows:
            table.writerow(
                [address, media, "https://opencontext.org/subjects/1", "-6500"]
                + ["Coin", "Domuztepe", "-5500", "Turkey", "Domuztepe", "copper alloy"]
            )
    for _ in range(2):  # it may be repeated
        done = subprocess.run([sys.executable, "-c", script], capture_output=True)
        assert done.returncode == 0, done.stderr
    assert b"gone.jpg: " in done.stdout

    llm("glam", "embed", "artifacts", "artifacts", "-m", "glam-clip")

    records = llm.rows("select id, caption, period, project, page_url from artifacts")
    assert records[0] == {
        "id": "a-1.png",
        "caption": "Coin, copper alloy, Domuztepe, Turkey",
        "period": "-6500 to -5500",
        "project": "Domuztepe",
        "page_url": "https://opencontext.org/media/a-1",
    }
    assert [record["id"] for record in records] == ["a-1.png", "b-1.png"]


def test_the_notebook_is_as_it_is_typed():
    import nbformat

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.id for cell in cells if cell.outputs or cell.execution_count] == []
    commands = [words for cell in cells for words in typed(cell.source)]
    assert len(commands) >= 8
    for words in commands:
        check_that_it_is_understood(words)
    for (
        cell
    ) in cells:  # where nothing but %%bash -e ends the notebook when a command fails
        is_shell = cell.source.startswith("%%bash -e")
        assert is_shell == any(
            line.startswith(("llm ", "test ")) for line in cell.source.splitlines()
        )


def test_readme_leads_to_every_page():
    links = LINK.findall(text(ROOT / "README.md"))
    assert {f"docs/{page.name}" for page in [*PAGES, NOTEBOOK]} <= set(links)


def test_readme_has_the_two_commands_as_typed():
    assert THE_TWO_COMMANDS in text(ROOT / "README.md")


def test_every_exception_is_in_the_tree():
    tree = re.findall(r"^\s*[│├└─ ]*(\w+)(?:  +\S.*)?$", errors.__doc__, re.MULTILINE)
    classes = [
        name
        for name, value in inspect.getmembers(errors, inspect.isclass)
        if value.__module__ == errors.__name__ and issubclass(value, Exception)
    ]
    assert "BadImage" in classes
    assert [name for name in classes if name not in tree] == []
    assert all(issubclass(getattr(errors, name), errors.GlamError) for name in classes)


def test_the_settings_are_those_the_site_reads():
    assert '"image_root"' in inspect.getsource(originals)
    read = set()
    for path in (ROOT / "datasette_glam").rglob("*.py"):
        read |= set(
            re.findall(r'(?:page_request\.setting|config\.get)\("(\w+)"', text(path))
        )
    named = {llm_embed_guard.OPENED, sql_functions.SWITCH, settings.PRIVATE}
    assert read | named == set(SETTINGS)


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_documented(setting):
    page = text(ROOT / "docs" / "site.md")
    assert re.search(rf"^\| `{setting}` \| ", page, re.MULTILINE)
    example = text(ROOT / "metadata.yml")
    assert re.search(rf"^ +(# )?{setting}: ", example, re.MULTILINE)


def test_every_setting_of_a_collection_is_documented():
    read = set(card_text.SETTINGS)
    for path in (ROOT / "datasette_glam").rglob("*.py"):
        read |= set(re.findall(r'metadata\.setting\(\w+, "(\w+)"\)', text(path)))
    page = text(ROOT / "docs" / "site.md")
    both = page.partition("can also be given for a database")[0].splitlines()[-1]
    example = text(ROOT / "metadata.yml")
    assert {"contact", "examples", "show_scores"} <= read
    for setting in read:
        assert re.search(rf"^\| `{setting}` \| ", page, re.MULTILINE), setting
        assert f"`{setting}`" in both, setting
        assert re.search(rf"^ +(# )?{setting}:", example, re.MULTILINE), setting


@pytest.mark.parametrize("setting", SITE_DEFAULTS)
def test_documented_defaults(setting):
    page = text(ROOT / "docs" / "site.md")
    assert f"| `{setting}` | {SITE_DEFAULTS[setting]} | " in page


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in routes.ROUTES])
def test_every_address_is_documented(pattern):
    names = {"database": "DB", "collection": "NAME", "item": "ID", "format": ""}
    names["name"] = "CHECKPOINT"
    names |= {part: part.upper() for part in ("level", "column", "row")}
    address = re.sub(r"\(\?P<(\w+)>[^)]*\)", lambda m: names[m[1]], pattern)
    address = address.replace("?$", "").replace("\\.", ".").rstrip("$")
    assert f"\n| `{address}` | " in text(ROOT / "docs" / "site.md")


def test_documented_numbers():
    site = text(ROOT / "docs" / "site.md")
    for words in (
        f"At first, {finding.PAGE} pictures",
        f"; {finding.PAGE} pictures each",
        f"the {views.NEIGHBOURS} pictures most similar",
        f"a strip of {items.STRIP} ",
        f"{terms.MAX_CHARACTERS:,} characters at most",
        f"up to {originals.SIDE:,} pixels",
        f"{tiles.JOBS} processes at once cut originals into tiles",
        f"for {tiles.SECONDS} seconds at most",
        f"Up to {tiles.MOST_BYTES // 10**6} MB of tiles",
        f"{tile_process.MOST_BYTES // 10**6} MB of one picture",
        f"up to {originals.DOWNLOAD_SIDE:,} pixels",
        f"A value of up to {record.LONGEST} characters",
        f"{search_pool.AT_ONCE} searches at once use the model, {search_pool.WAITING} more wait",
        f"The last {search_pool.CACHED:,} queries",
        f"{uploads.AT_ONCE} uploads at once are received or decoded",
        f"together {uploads.LARGEST_AT_ONCE} times `max_upload_mb`",
        f"within {uploads.STARTED_WITHIN} seconds and one more for each {uploads.LEAST_RATE // 1000} kB",
        f"after {uploads.RECEIVED_WITHIN} seconds",
        f"{decoder.AT_ONCE} processes at once decode uploads and larger pictures, {decoder.WAITING} more pictures wait",
        f"at most {decoder.WAIT_S} seconds",
        f"{decoder.IDLE_S // 60} minutes",
        f"{sql_functions.MOST:,} pictures at most",
        f"{terms.MAX_TERMS} terms at most",
        f"the first {finding.DEEPEST:,} results",
        f"{facets.MOST_VALUES} of its values",
    ):
        assert words in site
    security = text(ROOT / "docs" / "security.md")
    gigabytes = decoder_process.MEMORY_BYTES // 10**9
    limits = f"killed after {decoder.SECONDS} seconds and may have {gigabytes} GB"
    assert limits in security
    for words in (
        f"At most {archive_reader.MAX_FILES:,} files, and at most {archive_reader.MAX_BYTES / 1e9:g} GB",
        f"at most {archive_reader.MAX_RATIO} times as large as the archive",
        f"({archive_reader.ALWAYS_FINE_BYTES / 1e6:g} MB are always allowed)",
        f"at most {fetch.MAX_BYTES / 1e6:g} MB",
        f"{fetch.SECONDS} seconds for each step and {fetch.TOTAL_SECONDS} seconds for all",
        f"{fetch.MAX_REDIRECTS} redirects",
    ):
        assert words in security


def test_example_metadata_sets_what_is_there():
    metadata = yaml.safe_load(text(ROOT / "metadata.yml"))
    given = metadata["plugins"][settings.PLUGIN]
    assert given == {
        **SITE_DEFAULTS,
        llm_embed_guard.OPENED: False,
        sql_functions.SWITCH: True,
    }


def test_every_format_of_records_is_named(llm):
    texts = [
        (ROOT / "docs" / "data-model.md").read_text("utf-8"),
        llm("glam", "embed", "--help").output,
        llm("glam", "evaluate", "--help").output,
    ]
    for ending in METADATA_ENDINGS:
        assert all(re.search(rf"{re.escape(ending)}\b", text) for text in texts), ending
