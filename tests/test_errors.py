"""What people can put right is one sentence, exit 1, and nothing is lost."""

import errno
import os
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from llm_glam.errors import LEFT_OUT, MissingPackage, missing_explained
from llm_glam.models import loading

from .fakes import BLUE, picture

EMBED = ("embed-multi", "photos", "--files", "photos", "*.png", "-m", "glam-clip")
COMMANDS = {
    "embed-multi": EMBED,
    "embed": ("embed", "photos", "x", "-c", "red", "-m", "glam-clip"),
    "glam embed": ("glam", "embed", "photos", "photos"),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_locked_database(llm, colours, photos, command, monkeypatch):
    monkeypatch.setattr("llm_glam.db.connection.TIMEOUT_SECONDS", 0.1)
    # The connections of LLM itself, which wait for five seconds
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, timeout=0.1))
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


@pytest.mark.parametrize("command", [["status", "photos"], ["search", "photos", "red"]])
def test_a_table_that_is_gone(llm, colours, photos, command):
    llm(*EMBED)
    connection = sqlite3.connect(llm.database)
    connection.execute("alter table photos rename to elsewhere")
    connection.close()
    message = llm.fails("glam", *command)
    assert message.startswith(
        f"The database {llm.database} has been changed since llm-glam wrote"
    )
    assert "(no such table: photos); restore a backup" in message


@pytest.mark.skipif(os.name == "nt", reason="permissions work otherwise there")
def test_a_read_only_database(llm, colours, photos):
    llm(*EMBED)
    database = Path("read-only.db").resolve()
    database.write_bytes(llm.database.read_bytes())
    # Permissions do not bind root: SQLite is told instead.
    uri = f"{database.as_uri()}?mode=ro"
    from sqlite_utils import Database

    from llm_glam.db import connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            connection,
            "connect",
            lambda path, readonly=False: Database(sqlite3.connect(uri, uri=True)),
        )
        picture(photos / "new.png", BLUE)
        message = llm.fails(*EMBED, "-d", database)
        assert "cannot be written to; check its permissions" in message
        assert llm.json("similar", "photos", "-c", "red", "-d", str(database))


def test_a_full_disk_loses_nothing(llm, colours, tmp_path, monkeypatch):
    from llm_glam.db import connection

    for number in range(60):
        picture(
            tmp_path / "photos" / f"{number:02}.png", (number, 9, 9), size=(200, 200)
        )
    real = connection.connect

    def small_disk(path, readonly=False):
        database = real(path, readonly=readonly)
        database.execute("pragma max_page_count = 60")
        return database

    monkeypatch.setattr(connection, "connect", small_disk)
    message = llm.fails(*EMBED, "--batch-size", "10")
    assert "could not be extended because the disk is full" in message
    written = llm.ids()
    assert 0 < len(written) < 60
    monkeypatch.setattr(connection, "connect", real)
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
    assert f"Database {llm.database} does not exist" in llm.fails("glam", "status")
    assert f"Database {llm.database} does not exist" in llm.fails(
        "glam", "reembed", "a", "b", "-m", "glam-clip"
    )
    assert f"Database {llm.database} does not exist" in llm.fails("glam", "adopt", "a")
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


@pytest.mark.slow
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


def test_what_lies_in_folders_and_is_no_file(llm, colours, photos):
    os.mkfifo(photos / "pipe.png")
    (photos / "broken.png").symlink_to(photos / "gone.png")
    (photos / "loop.png").symlink_to(photos / "loop.png")
    (photos / "folder.png").mkdir()
    result = llm("glam", "embed", "photos", "photos")
    assert "broken.png: it is a broken link" in result.stderr
    assert "loop.png: it is a broken link" in result.stderr
    assert "3 embedded, 0 unchanged, 0 copies, 2 problems" in result.stderr


@pytest.mark.parametrize(
    "record",
    [
        {"rank": "species", "rowid": "x", "photos_fts": "y"},
        {"big": 2**70, "sequence": "12r", "bad\0name": "a\ud800b"},
        {"sequence": 99999999999999999999, "nested": {"a": [1]}, "nan": float("nan")},
    ],
)
def test_odd_records(llm, colours, photos, record):
    import json

    line = json.dumps({"file_name": "red.png", **record})
    (photos / "metadata.jsonl").write_text(line)
    for _ in range(2):
        llm(*EMBED)
    (row,) = llm.rows("select * from photos where id = 'red.png'")
    assert row["file_name"] == "red.png"
    if "rank" in record:
        assert (row["rank_source"], row["rowid_source"]) == ("species", "x")
        assert row["photos_fts_source"] == "y"
        found = llm.rows(
            "select count(*) as c from photos_fts where photos_fts match 'species'"
        )
        assert found == [{"c": 1}]
    if record.get("sequence") == "12r":
        assert (row["sequence"], row["sequence_source"]) == (None, "12r")


def test_too_many_columns(llm, colours, photos):
    (photos / "metadata.csv").write_text(
        "file_name," + ",".join(f"c{n}" for n in range(3000)) + "\nred.png\n"
    )
    assert "3,001 columns; at most 1,500 can be stored" in llm.fails(*EMBED)


def test_records_that_match_nothing_are_mentioned(llm, colours, photos):
    (photos / "metadata.csv").write_text("File_Name,title\nRED.PNG,x\nred.png,y\n")
    assert (
        "1 of 2 records do not match any picture of this run: RED.PNG"
        in llm(*EMBED).stderr
    )
    assert llm.rows("select title from photos where id = 'red.png'") == [{"title": "y"}]


@pytest.mark.parametrize(
    "text", ["[1, 2]", '[{"id": 1, "t": "x"}, 5]', "[{}]", "[" * 5000]
)
def test_json_that_is_no_list_of_objects(llm, colours, text):
    Path("odd.json").write_text(text)
    args = ("embed-multi", "w", "odd.json", "--format", "json", "-m", "glam-clip")
    assert "odd.json cannot be read" in llm.fails(*args)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_texts_that_are_no_text(llm, colours):
    Path("odd.json").write_text(
        '[{"id": "a", "t": "x\\ud800"}, {"id": "b", "t": "red"}]'
    )
    result = llm("embed-multi", "w", "odd.json", "-m", "glam-clip")
    assert "a: it is not valid text" in result.stderr
    assert llm.vectors("w") == {"b": (1, 0, 0)}


def test_sql_and_attached_databases_that_do_not_work(llm, colours):
    args = ("embed-multi", "w", "-m", "glam-clip")
    assert "Could not run the --sql query: no such table: x" in llm.fails(
        *args, "--sql", "select * from x"
    )
    llm(*args, "--sql", "select 1 as id, 'red' as t -- all of them")
    assert llm.vectors("w") == {"1": (1, 0, 0)}
    Path("letter.txt").write_bytes(b"dear sir or madam " * 99)
    message = llm.fails(*args, "--attach", "b", "letter.txt", "--sql", "select 1, 2")
    assert "letter.txt is not an SQLite database" in message


def test_two_writers_wait_for_each_other(llm, colours, tmp_path):
    import threading

    for number in range(60):
        picture(tmp_path / "photos" / f"{number:02}.png", (number, 1, 1))
    llm("embed", "photos", "first", "-c", "red", "-m", "glam-clip")
    results = []

    def other_writer():
        from sqlite_utils import Database

        from llm_glam.db import connection

        for number in range(40):
            db = Database(sqlite3.connect(llm.database, timeout=30))
            with connection.writing(db):
                db.execute("update collections set name = name")
                db.execute("select count(*) from embeddings").fetchone()
            results.append(number)

    thread = threading.Thread(target=other_writer)
    thread.start()
    result = llm(*EMBED, "--batch-size", "2")
    thread.join()
    assert "60 embedded" in result.stderr
    assert len(results) == 40


def test_errors_of_the_engine_are_no_problems_of_pictures(llm, colours, photos):
    def broken(picture):
        raise RuntimeError("CUDA out of memory")

    colours.prepare = broken
    result = llm(*EMBED, ok=False)
    assert isinstance(result.exception, RuntimeError)
    assert llm.rows("select * from glam_problems") == []


def test_embed_replaces_an_id(llm, colours, photos, tmp_path):
    other = picture(tmp_path / "other" / "z.png", BLUE)
    args = ("embed", "photos", "hero", "-m", "glam-clip", "-i")
    llm(*args, "photos/red.png")
    llm(*args, other)
    assert llm.vectors() == {"hero": (0, 0, 1)}
    assert llm.rows("select file from photos") == [{"file": "z.png"}]


def test_a_list_of_checkpoints_in_utf_16(llm, user_path):
    (user_path / "glam").mkdir(parents=True)
    (user_path / "glam" / "models.json").write_text("{}", "utf-16")
    assert "glam-clip" in llm("embed-models", "list").stdout
    assert "it is not UTF-8" in llm.fails("glam", "models", "list")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("format_", ["--nl", "--csv", "--tsv", "--table"])
def test_an_answer_that_cannot_be_written(embedded, format_):
    command = (*("-m", "llm", "glam", "search", "photos"), "--where", "1=1", format_)

    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, *command], stdout=full, stderr=subprocess.PIPE, text=True
        )

    sentence = "Error: The output cannot be written: No space left on device.\n"
    assert (done.returncode, done.stderr) == (1, sentence)


def test_a_reader_that_has_gone_is_no_error(embedded):
    command = (*("-m", "llm", "glam", "search", "photos"), "--where", "1=1")
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, *command], stdout=writing, stderr=subprocess.PIPE, text=True
    )

    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def without(monkeypatch, *packages):
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


def test_a_package_that_is_not_installed_is_one_sentence(llm, photos, monkeypatch):
    without(monkeypatch, *LEFT_OUT)
    monkeypatch.setenv("LLM_GLAM_ENGINE", "torch")
    expected = (
        "which is not installed here. Install all that llm-glam uses with: llm install"
    )
    commands = (
        ("glam", "embed", "photos", "photos", "-m", "demo"),
        ("embed", "-m", "glam-clip/demo", "-c", "red"),
        ("glam", "models", "show", "demo"),
    )
    for command in commands:
        assert expected in llm.fails(*command)
    with pytest.raises(MissingPackage, match=expected):
        loading.encoder("demo")


def test_another_import_that_fails_is_no_sentence(monkeypatch):
    without(monkeypatch, "no_such_package")
    with pytest.raises(ModuleNotFoundError), missing_explained():
        import no_such_package  # noqa: F401


@pytest.mark.parametrize(
    ("table", "column"),
    [("photos", "title"), ("embeddings", "id"), ("glam_collections", "items_table")],
)
def test_text_that_is_none(embedded, table, column):
    connection = sqlite3.connect(embedded.database)
    connection.execute(
        f"update {table} set {column} = cast(x'ff41' as text) where rowid = 1"
    )
    connection.commit()
    connection.close()
    message = embedded.fails("glam", "search", "photos", "red")
    assert message == (
        f"The database {embedded.database} has text that is not valid UTF-8 in the column "
        f"'{column}', which another program has written; correct it there, or restore a backup."
    )


SHORT = (
    "This computer has too little free memory for this. Close other programs, or raise the limit "
    "(ulimit -v), and repeat the command; what was written so far is kept."
)


def because(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        OSError(errno.ENOMEM, "Cannot allocate memory", "photos/a.png"),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError("[WinError 1455] The paging file is too small for this operation"),
        RuntimeError("can't start new thread"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 bytes"),
        RuntimeError("std::bad_alloc"),
        because(RuntimeError("Failed to import transformers"), MemoryError()),
    ],
    ids=str,
)
def test_too_little_memory_is_one_sentence(llm, colours, photos, monkeypatch, error):
    def encoder(*args, **options):
        raise error

    monkeypatch.setattr(loading, "encoder", encoder)
    assert llm.fails("glam", "embed", "photos", "photos") == SHORT
    assert llm.fails(*EMBED) == SHORT
    assert not llm.database.exists() or llm.rows("select * from sqlite_master") == []


def test_other_errors_keep_their_traceback(llm, colours, photos, monkeypatch):
    def encoder(*args, **options):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(loading, "encoder", encoder)
    assert (
        str(llm("glam", "embed", "photos", "photos", ok=False).exception) == "a mistake"
    )


def test_ctrl_c_while_libraries_are_imported(llm, photos, tmp_path, monkeypatch):
    """LLM's own commands end in the same way, with click's word and status."""

    class Interrupt:
        def find_spec(self, name, *rest):
            if name == "llm_glam.ingest.folder_run":
                raise KeyboardInterrupt

    for module in ("llm_glam.ingest.folder_run", "llm_glam.cli.embed"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Interrupt(), *sys.meta_path])
    result = llm("glam", "embed", "photos", "photos", ok=False)
    assert (result.exit_code, result.stderr.strip()) == (1, "Aborted!")
