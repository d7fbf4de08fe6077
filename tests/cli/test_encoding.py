"""Output to a terminal or a pipe whose encoding has few characters, as on Windows."""

import csv
import io
import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ..fakes import RED, picture

TITLE = "Κρατήρ “blé” 陶器 🏺"
FEW = ["cp1252", "cp437", "ascii", "latin-1", "cp932"]
SEARCH = ("glam", "search", "photos", "--filter", "title__notblank=1")


@pytest.fixture
def titled(llm, colours, photos):
    """A collection with such a title, in a column with such a name."""
    picture(photos / "blé.png", RED)
    row = {"file_name": "blé.png", "title": TITLE, "caption": [TITLE]}
    (photos / "metadata.jsonl").write_text(json.dumps(row), "utf-8")
    llm("glam", "embed", "photos", "photos")
    return llm


def printed(encoding, *args):
    from llm.cli import cli

    result = CliRunner(charset=encoding).invoke(cli, [str(arg) for arg in args])
    assert result.exit_code == 0, result.output
    assert result.exception is None
    return result.stdout_bytes, result.stderr


def shown(text, encoding):
    return text.encode(encoding, "replace").decode(encoding)


@pytest.mark.parametrize("encoding", [*FEW, "utf-8"])
def test_json_stays_valid_and_complete(titled, encoding):
    out, err = printed(encoding, *SEARCH)
    (row,) = map(json.loads, out.decode("utf-8").splitlines())
    assert (row["id"], row["title"]) == ("blé.png", TITLE)
    assert err == ""
    assert ("陶器" in out.decode("utf-8")) == (encoding == "utf-8")


@pytest.mark.parametrize("encoding", FEW)
@pytest.mark.parametrize("format_", ["--csv", "--tsv", "-t"])
def test_tables_replace_what_cannot_be_shown_and_say_so(titled, encoding, format_):
    out, err = printed(encoding, *SEARCH, format_)
    if (encoding, format_) == ("ascii", "-t"):  # click takes this for a mistake
        assert TITLE in out.decode("utf-8")
        return
    text = out.decode(encoding)
    assert err.splitlines() == [
        f"Characters that the encoding {encoding} does not have are shown as ?. To keep them, set "
        "the environment variable PYTHONUTF8 to 1."
    ]
    if format_ == "-t":
        assert shown(TITLE, encoding) in text
    else:
        delimiter = {"--csv": ",", "--tsv": "\t"}[format_]
        (row,) = csv.DictReader(io.StringIO(text), delimiter=delimiter)
        assert row["title"] == shown(TITLE, encoding)


@pytest.mark.parametrize("format_", ["--csv", "--tsv", "-t"])
def test_utf_8_is_left_alone(titled, format_):
    out, err = printed("utf-8", *SEARCH, format_)
    assert TITLE in out.decode("utf-8").replace('""', '"')
    assert err == ""


@pytest.mark.parametrize("encoding", FEW)
def test_what_can_be_shown_is_shown_without_a_word(titled, encoding):
    out, err = printed(encoding, "glam", "search", "photos", "--filter", "id=red.png")
    assert b"red.png" in out
    assert err == ""


@pytest.mark.parametrize("encoding", FEW)
@pytest.mark.parametrize("more", [(), ("-p",)])
def test_llm_s_own_command(titled, encoding, more):
    out, err = printed(encoding, "similar", "photos", "-c", "red", *more)
    assert ("are shown as ?" in err) == (b"bl?.png" in out)
    if not more:
        assert {json.loads(line)["id"] for line in out.splitlines()} >= {"blé.png"}


def test_text_that_is_not_valid_is_still_said(titled):
    from llm.cli import cli

    args = ["glam", "search", "photos", "\udcff"]
    for encoding in ("cp1252", "utf-8"):
        result = CliRunner(charset=encoding).invoke(cli, args)
        assert result.exit_code == 1
        assert "is not valid text" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["cp1252", "cp437"])
def test_a_real_process_with_a_pipe(titled, photos, encoding):
    picture(photos / "陶器.tif", RED).write_bytes(b"damaged")
    picture(photos / "red.png", RED, size=(9, 9))
    code = "import sys; from llm.cli import cli; cli(sys.argv[1:])"

    def run(*args):
        return subprocess.run(
            [sys.executable, "-P", "-c", code, *args],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        )

    done = run(*SEARCH, "-t")
    assert done.returncode == 0
    assert shown(TITLE, encoding) in done.stdout.decode(encoding)
    # The checkpoint is a fake of this process, so that embedding ends in a sentence there.
    done = run("glam", "embed", "陶器", "photos")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "is_block"), [("cp1252", False), ("utf-8", True)])
def test_a_progress_bar_has_no_blocks_where_there_are_none(encoding, is_block):
    code = (
        "import sys\n"
        "from llm_glam.cli import output\n"
        "sys.stderr.isatty = lambda: True\n"
        "with output.ProgressBar() as bar:\n"
        "    bar.begin(3)\n"
        "    bar.advance(2)\n"
        "    bar._bar.refresh()\n"
        "    bar.say('陶器.png: it is damaged')\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )
    text = done.stderr.decode(encoding)
    assert done.returncode == 0, text
    assert "67%" in text
    assert ("█" in text) == is_block
    assert ("######" in text) != is_block
    assert ("陶器.png" in text) or ("\\u9676\\u5668.png" in text)
