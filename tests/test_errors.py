"""What people can put right is one sentence, exit 1, and nothing is lost."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from .fakes import BLUE, picture

EMBED = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")
COMMANDS = {
    "embed-multi": EMBED,
    "embed": ("embed", "photos", "x", "-c", "red", "-m", "glam-clip"),
    "glam embed": ("glam", "embed", "photos", "photos"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_locked_database(llm, colours, photos, command, monkeypatch):
    monkeypatch.setattr("llm_glam.store.TIMEOUT_SECONDS", 0.1)
    llm(*EMBED)
    picture(photos / "new.png", BLUE)
    other = sqlite3.connect(llm.database, isolation_level=None)
    other.execute("begin exclusive")
    message = llm.fails(*COMMANDS[command])
    other.execute("rollback")
    assert message == (
        f"The database {llm.database} is in use by another program; close that program "
        "(or wait for it) and repeat the command."
    )
    llm(*COMMANDS[command])


@pytest.mark.parametrize("command", [*COMMANDS, "similar", "status"])
@pytest.mark.parametrize("content", [b"this is a letter, no database" * 50, None])
def test_a_file_that_is_no_database_or_damaged(llm, colours, photos, command, content):
    commands = {
        **COMMANDS,
        "similar": ("similar", "photos", "-c", "red"),
        "status": ("glam", "status"),
    }
    llm(*EMBED)
    if content is None:
        data = bytearray(llm.database.read_bytes())
        data[100:] = b"\xab" * (len(data) - 100)
        content = bytes(data)
    llm.database.write_bytes(content)
    message = llm.fails(*commands[command])
    assert f"The database {llm.database} is " in message
    assert "not an SQLite database" in message or "is damaged" in message
    assert llm.database.read_bytes() == content


@pytest.mark.skipif(os.name == "nt", reason="permissions work otherwise there")
def test_a_read_only_database(llm, colours, photos):
    llm(*EMBED)
    database = Path("read-only.db").resolve()
    database.write_bytes(llm.database.read_bytes())
    script = (
        "import sqlite3, sys; from unittest import mock; real = sqlite3.connect\n"
        "from llm_glam import store\n"
    )
    assert script  # permissions do not bind root: SQLite is told instead
    uri = f"{database.as_uri()}?mode=ro"
    from sqlite_utils import Database

    from llm_glam import store

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            store,
            "connect",
            lambda path, readonly=False: Database(sqlite3.connect(uri, uri=True)),
        )
        picture(photos / "new.png", BLUE)
        message = llm.fails(*EMBED, "-d", database)
        assert "cannot be written to; check its permissions" in message
        assert llm.json("similar", "photos", "-c", "red", "-d", str(database))


def test_a_full_disk_loses_nothing(llm, colours, tmp_path, monkeypatch):
    from llm_glam import store

    for number in range(60):
        picture(
            tmp_path / "photos" / f"{number:02}.png", (number, 9, 9), size=(200, 200)
        )
    real = store.connect

    def small_disk(path, readonly=False):
        database = real(path, readonly=readonly)
        database.execute("pragma max_page_count = 60")
        return database

    monkeypatch.setattr(store, "connect", small_disk)
    message = llm.fails(*EMBED, "--batch-size", "10")
    assert "could not be extended because the disk is full" in message
    written = llm.ids()
    assert 0 < len(written) < 60
    monkeypatch.setattr(store, "connect", real)
    result = llm(*EMBED)
    assert f"{60 - len(written)} embedded, {len(written)} unchanged" in result.stderr
    assert len(llm.ids()) == 60


def test_a_folder_that_is_not_there(llm, colours):
    assert llm.fails("glam", "embed", "photos", "nowhere") == "nowhere: no such folder."
    message = llm.fails(*EMBED)
    assert message == "photos: no such folder."


def test_models_nobody_knows(llm, colours, photos):
    for command in (
        ("glam", "embed", "photos", "photos", "-m", "nobody"),
        ("glam", "embed", "photos", "photos", "-m", "glam-clip/nobody"),
        (
            "embed-multi",
            "photos",
            "--files",
            "photos",
            "*.png",
            "-m",
            "glam-clip/nobody",
        ),
        ("embed", "-c", "x", "-m", "glam-clip/nobody"),
        ("glam", "adopt", "photos", "-m", "nobody"),
        ("glam", "models", "default", "nobody"),
    ):
        assert "No checkpoint is registered as 'nobody'" in llm.fails(*command)
    message = llm.fails("glam", "embed", "photos", "photos", "-m", "3-small")
    assert "'3-small' is not a glam-clip model" in message
    assert not llm.database.exists()


def test_databases_and_collections_that_are_not_there(llm, colours):
    assert "There is no database" in llm.fails("glam", "status")
    assert "There is no database" in llm.fails(
        "glam", "reembed", "a", "b", "-m", "glam-clip"
    )
    assert "There is no database" in llm.fails("glam", "adopt", "a")
    assert not llm.database.exists()


def test_a_database_in_a_folder_that_is_not_there(llm, colours, photos):
    message = llm.fails(*EMBED, "-d", "no/such/folder/my.db")
    assert "cannot be opened; check that its folder exists" in message


def test_interrupted_by_ctrl_c_and_continued(llm, colours, tmp_path):
    for number in range(40):
        picture(tmp_path / "photos" / f"{number:02}.png", (number, 0, 0))
    real = colours.encode_prepared
    calls = []

    def interrupted(prepared):
        calls.append(len(prepared))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(prepared)

    colours.encode_prepared = interrupted
    result = llm(*EMBED, "--batch-size", "10", ok=False)
    assert result.exit_code == 1
    assert "20 embedded; repeat the command to continue from there." in result.stderr
    assert "Aborted!" in result.stderr
    assert len(llm.ids()) == 20
    assert "20 embedded, 20 unchanged" in llm(*EMBED).stderr


def test_no_traceback_in_a_real_process(tiny_clip, user_path, tmp_path):
    """Once through the real program, its exit status and both its streams."""
    picture(tmp_path / "photos" / "a.png")

    def llm(*args):
        return subprocess.run(
            [sys.executable, "-m", "llm", *map(str, args)],
            capture_output=True,
            text=True,
        )

    assert llm("glam", "models", "add", "tiny", tiny_clip).returncode == 0
    assert llm("glam", "models", "default", "tiny").returncode == 0
    done = llm(*EMBED)
    assert (done.returncode, done.stdout) == (0, "")
    assert (
        done.stderr
        == "photos (glam-clip/tiny): 1 embedded, 0 unchanged, 0 copies, 0 problems\n"
    )
    (tmp_path / "user" / "embeddings.db").write_bytes(b"junk" * 1000)
    failed = llm(*EMBED)
    assert failed.returncode == 1
    assert failed.stderr.count("\n") == 1
    assert failed.stderr.startswith("Error: The database")


@pytest.mark.parametrize("command", ["similar", "embed-multi", "status"])
def test_after_a_kill_the_journal_is_taken_back(llm, colours, photos, command):
    """A killed run leaves a journal that must be rolled back before anything can be read."""
    commands = {
        "similar": ("similar", "photos", "-c", "red"),
        "embed-multi": EMBED,
        "status": ("glam", "status"),
    }
    llm(*EMBED)
    script = (
        "import os, sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('pragma cache_size = 1'); c.execute('begin')\n"
        "c.execute('update embeddings set embedding = zeroblob(20000)')\n"
        "c.execute('create table x as select zeroblob(900000) as y')\n"
        "os._exit(9)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(llm.database)])
    assert Path(f"{llm.database}-journal").stat().st_size > 0
    llm(*commands[command])
    assert llm.vectors() == {"green.png": (0, 1, 0), "red.png": (1, 0, 0)}
