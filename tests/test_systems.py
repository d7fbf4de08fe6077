"""The code works where the modules, functions and defaults of Linux are missing."""

import ast
import re
import sqlite3
import subprocess
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

import llm_glam
from datasette_glam.media import decoder_process
from llm_glam.db import connection

ROOT = Path(llm_glam.__file__).parents[1]
PACKAGES = ("llm_glam", "datasette_glam")
# What Windows, and partly macOS, does not have.
MODULES = (
    "fcntl",
    "resource",
    "pwd",
    "grp",
    "termios",
    "tty",
    "pty",
    "posix",
    "syslog",
)
FUNCTIONS = [
    *("fork", "forkpty", "getuid", "geteuid", "getgid", "chown", "mkfifo", "killpg"),
    *("sched_getaffinity", "sched_setaffinity", "posix_fallocate", "posix_fadvise"),
    *("O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "O_NONBLOCK", "statvfs", "pread"),
    *("nice", "getloadavg", "sysconf", "wait3", "setsid", "getpgid", "memfd_create"),
]
SIGNALS = ("SIGKILL", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE")
WITHOUT = f"""
import importlib, os, pkgutil, signal, sys
import llm, sqlite_utils, datasette, datasette.app, click, tqdm, psutil, openpyxl, yaml
import multiprocessing, subprocess, asyncio, tempfile, socketserver, PIL.Image
import numpy, torch, transformers, sentence_transformers, onnxruntime, httpcore

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name in {MODULES!r}:
            raise ModuleNotFoundError(name, name=name)

ours = [n for n in sys.modules if n.partition(".")[0] in {PACKAGES!r}]
for name in ours:
    del sys.modules[name]
for name in {MODULES!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Refuse())
for name in {FUNCTIONS!r}:
    if hasattr(os, name):
        delattr(os, name)
for name in {SIGNALS!r}:
    delattr(signal, name)
"""
IMPORT_ALL = WITHOUT + f"""
count = 0
for package in {PACKAGES!r}:
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, package + "."):
        importlib.import_module(module.name)
        count += 1
print(count)
"""
USE = """
from llm_glam.engine import onnx
from llm_glam.search import vector_file
from datasette_glam.media import decoder_process
from llm_glam.db import network_drive
import numpy as np, pathlib

assert onnx.cores() >= 1
decoder_process.limit()
path = pathlib.Path(sys.argv[1], "a.vectors")
zeros = [np.zeros(3, kind) for kind in ("<i8", "<u8")]
rows = vector_file.Rows.of(["a", "b", "c"], *zeros)

def fill(stored):
    stored.vectors[...] = 7

vector_file.write(path, rows, 5, fill)
assert (vector_file.load(path).vectors == 7).all()
"""


def run(code, *args):
    command = [sys.executable, "-P", "-W", "ignore", "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8")


def modules():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, ast.parse(path.read_text("utf-8"))


@pytest.mark.slow
def test_all_modules_work_without_what_only_unix_has(tmp_path):
    """They are imported, and functions that have a way without it take that."""
    done = run(IMPORT_ALL + USE, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    written = sum(path.name != "__main__.py" for path, _ in modules()) - len(PACKAGES)
    assert int(done.stdout.split()[-1]) == written


def test_unix_is_only_used_where_that_is_checked():
    """By a look whether the function is there, or by catching the ImportError."""
    guarded = {
        ("engine/onnx.py", "sched_getaffinity"),
        ("search/vector_file.py", "posix_fallocate"),
        ("media/decoder_process.py", "resource"),
        ("media/tile_process.py", "resource"),
    }
    used = set()
    for path, tree in modules():
        name = "/".join(path.parts[-2:])
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id == "os" and node.attr in FUNCTIONS:
                    used.add((name, node.attr))
                assert not (node.value.id == "signal" and node.attr in SIGNALS), path
            if isinstance(node, ast.Import):
                used |= {(name, a.name) for a in node.names if a.name in MODULES}
            assert getattr(node, "module", None) not in MODULES, path
    assert used == guarded


def test_processes_are_spawned():
    """Windows and macOS have no other way, and threads do not survive a fork."""
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("multiprocessing.Process", "multiprocessing.Pool")
                if called == "multiprocessing.get_context":
                    assert ast.unparse(node.args[0]) == "'spawn'", path
                if called == "ProcessPoolExecutor":
                    assert value(node, 1, "mp_context") == "workers", path


def test_a_mac_that_limits_no_memory_decodes_uploads(monkeypatch):
    """There, setrlimit refuses RLIMIT_AS with a ValueError."""
    import resource

    def refuse(which, limits):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    decoder_process.limit()


def calls(tree, *names):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", None))
            if name in names:
                yield name, node


def value(node, position, keyword):
    """The text of an argument, or None."""
    given = {k.arg: ast.unparse(k.value) for k in node.keywords}
    if keyword not in given and len(node.args) > position:
        return ast.unparse(node.args[position])
    return given.get(keyword)


# Their objects are no paths: an encoding means nothing to these.
OTHER_OPENERS = re.compile(
    r"^(os|tarfile|gzip|bz2|lzma|Image|webbrowser|archive|file|self\.)"
)


@pytest.mark.parametrize("folder", [*PACKAGES, "tools", "benchmarks", "docs"])
def test_text_is_read_and_written_in_utf_8(folder):
    """Windows would take the encoding of the country."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name, node in calls(
            ast.parse(path.read_text("utf-8")), "read_text", "write_text", "open"
        ):
            where = f"{path}:{node.lineno}: {ast.unparse(node)}"
            called = ast.unparse(node.func)
            if called.startswith(("atomic.", "self.read_text")):
                continue
            if name != "open":
                position = 0 if name == "read_text" else 1
                assert value(node, position, "encoding"), where
            elif not OTHER_OPENERS.match(called):
                mode = value(node, 1 if called == "open" else 0, "mode") or "'r'"
                is_binary = "b" in mode or not mode.startswith(("'", '"'))
                assert is_binary or value(node, 9, "encoding"), where


def test_written_lines_end_alike_on_every_system():
    """What is compared or hashed must not depend on where it was written."""
    for path, tree in modules():
        for name, node in calls(tree, "write_text", "open"):
            where = f"{path}:{node.lineno}: {ast.unparse(node)}"
            called = ast.unparse(node.func)
            if called.startswith("atomic.") or OTHER_OPENERS.match(called):
                continue
            mode = value(node, 0, "mode") or "'r'"
            writes = name == "write_text" or mode in ("'w'", "'a'", "'x'")
            assert not writes or value(node, 9, "newline") is not None, where


def test_the_output_of_processes_is_decoded_in_a_given_encoding():
    for path, tree in modules():
        for _, node in calls(tree, "run", "Popen", "check_output"):
            if value(node, 99, "text"):
                assert value(node, 99, "encoding"), f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "name", ["a b.db", "100%.db", "what?.db", "a#b.db", "é 陶.db", "a&mode=memory.db"]
)
def test_a_database_with_any_name_is_opened_for_reading(tmp_path, name):
    path = tmp_path / name
    connection.connect(path)["t"].insert({"a": 1})
    db = connection.connect(path, readonly=True)
    assert db.execute("select a from t").fetchone() == (1,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("insert into t values (2)")
    assert [one.name for one in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"C:\photos\a b.db", "file:///C:/photos/a%20b.db?mode=rw"),
        (r"c:\100%\a#b.db", "file:///c:/100%25/a%23b.db?mode=rw"),
        (r"\\server\share\a.db", "file:////server/share/a.db?mode=rw"),
        (r"\\server\share\a b\é.db", "file:////server/share/a%20b/%C3%A9.db?mode=rw"),
        ("//wsl$/Debian/a.db", "file:////wsl%24/Debian/a.db?mode=rw"),
    ],
)
def test_the_address_of_a_database_on_windows(path, expected):
    """SQLite refuses one with a server's name in the place of the host."""
    found = connection.uri_of(PureWindowsPath(path))
    assert found.replace("wsl$", "wsl%24") == expected
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        sqlite3.connect(found, uri=True)


def test_the_address_of_a_database_elsewhere():
    expected = "file:///a%3Fb/c.db?mode=rw"
    assert connection.uri_of(PurePosixPath("/a?b/c.db")) == expected
