"""Several processes change the list of checkpoints; one of them is killed, or may not write."""

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from llm_glam.errors import RegistryError
from llm_glam.formats import file_lock
from llm_glam.models import loading, local_store, registry
from llm_glam.models.registry import Checkpoint
from tests import tiny

HOLD = """
import sys
from pathlib import Path
from llm_glam.formats import file_lock
with file_lock.locked(Path(sys.argv[1]), wait_s=0):
    print("locked", flush=True)
    sys.stdin.read()
"""
ADD = """
import sys
from llm_glam.models import registry
sys.stdin.readline()
for number in range(15):
    registry.put(registry.Checkpoint(f"{sys.argv[1]}-{number}", "/nowhere", fingerprint="f"))
"""


def child(code, *args):
    """A process that has got as far as its first lines."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def hold():
    """Have another process hold a lock; returns that process."""
    held = []

    def start(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        held.append(child(HOLD, path))
        assert held[-1].stdout.readline() == "locked\n"
        return held[-1]

    yield start
    for process in held:
        process.communicate("")


def entry(name, **facts):
    return Checkpoint(name, "/nowhere", **facts)


def names():
    return {one.name for one in registry.checkpoints()} - registry.BUILT_IN.keys()


@pytest.mark.slow
def test_processes_that_add_at_once_lose_no_entry():
    adding = [child(ADD, who) for who in "abc"]
    for process in adding:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in adding:
        process.communicate("")
        assert process.returncode == 0
    assert names() == {f"{who}-{number}" for who in "abc" for number in range(15)}


def test_threads_that_add_at_once_lose_no_entry():
    """As those of a site, which remembers fingerprints."""
    threads = [
        threading.Thread(target=registry.put, args=(entry(f"t{n}"),)) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names() == {f"t{number}" for number in range(8)}


def interleaved(monkeypatch, meanwhile):
    """Have ``meanwhile`` want to write after the next change has read the list."""
    real, waiting = registry._load, []

    def load():
        data = real()
        if not waiting and not threading.current_thread().daemon:
            waiting.append(threading.Thread(target=meanwhile, daemon=True))
            waiting[0].start()
            waiting[0].join(0.3)
        return data

    monkeypatch.setattr(registry, "_load", load)
    return waiting


@pytest.mark.parametrize("change", ["put", "default", "remove"])
def test_every_change_is_one_step(change, monkeypatch):
    registry.put(entry("old", fingerprint="f"))
    waiting = interleaved(monkeypatch, lambda: registry.put(entry("other")))
    if change == "put":
        registry.put(entry("new"))
    elif change == "default":
        registry.set_default("old")
    else:
        registry.remove("old")
    waiting[0].join()
    assert "other" in names()
    assert ("old" in names()) == (change != "remove")
    assert ("new" in names()) == (change == "put")
    assert registry.default_name() == ("old" if change == "default" else registry.STOCK)


def test_a_locked_list_is_waited_for_and_then_explained(hold, monkeypatch, llm):
    monkeypatch.setattr(registry, "WAIT_S", 0.1)
    registry.put(entry("old"))
    hold(registry.path().with_suffix(".lock"))
    assert llm.fails("glam", "models", "default", "old") == (
        f"The list of checkpoints {registry.path()} is in use by another program. Wait until it "
        "has finished, and repeat the command."
    )
    assert llm("glam", "models", "list").exit_code == 0  # reading needs no lock


def test_the_lock_of_a_killed_process_is_free(hold):
    process = hold(registry.path().with_suffix(".lock"))
    process.kill()
    process.wait()
    registry.put(entry("new"))
    assert names() == {"new"}


def test_a_lock_file_left_behind_holds_nothing_up():
    lock = registry.path().with_suffix(".lock")
    lock.parent.mkdir(parents=True)
    lock.write_text("left by something else")
    registry.put(entry("new"))
    assert names() == {"new"}


@pytest.mark.parametrize("what", ["file", "folder", "new folder"])
def test_a_list_that_cannot_be_written(what, monkeypatch, llm):
    if what != "new folder":
        registry.put(entry("old"))
    if what == "file":
        refused, path = "llm_glam.formats.atomic.write_text", registry.path()
    else:
        refused, path = "llm_glam.formats.file_lock.locked", registry.path()

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied", str(args[0]))

    monkeypatch.setattr(refused, refuse)
    assert llm.fails("glam", "models", "default", registry.DEMO) == (
        f"The list of checkpoints {path} cannot be written: Permission denied. Check the "
        "permissions of its folder, or set LLM_USER_PATH to a folder of your own."
    )


def test_a_full_disk_keeps_the_list(monkeypatch, llm):
    registry.put(entry("old"))
    before = registry.path().read_bytes()

    def full(path, text):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(registry.atomic, "write_text", full)
    assert "cannot be written: the disk is full" in llm.fails(
        "glam", "models", "default", "old"
    )
    assert registry.path().read_bytes() == before


def test_a_list_that_cannot_be_written_is_no_obstacle_to_searching(
    llm, colours, monkeypatch, tiny_clip
):
    """The fingerprint is only remembered to save time."""
    registry.put(Checkpoint("unknown", str(tiny_clip)))

    def refuse(*args, **options):
        raise PermissionError(13, "Permission denied", "models.lock")

    monkeypatch.setattr(file_lock, "locked", refuse)
    assert loading.encoder("unknown").dimensions == 16
    with pytest.raises(RegistryError):
        registry.put(entry("another"))


def test_remembering_a_fingerprint_does_not_undo_what_others_did_meanwhile(tiny_clip):
    read = Checkpoint("mine", str(tiny_clip))
    registry.put(read)
    registry.remove("mine")
    registry.remember(read, replace(read, fingerprint="f"))
    assert names() == set()
    registry.put(replace(read, notes="moved"))
    registry.remember(read, replace(read, fingerprint="f"))
    assert registry.get("mine").fingerprint is None
    assert registry.get("mine").notes == "moved"


def test_one_archive_at_a_time_is_added_under_a_name(llm, hold, tiny_clip, tmp_path):
    """Otherwise the first to finish would remove the copy of the other, which has no entry yet."""
    hold(registry.directory() / "locks" / "mine.lock")
    bare = tiny.as_bare(tiny_clip, tmp_path / "bare")
    add = ("glam", "models", "add", "mine", bare, "--base", tiny_clip)
    assert llm.fails(*add) == (
        "Another command is just adding a checkpoint as 'mine'. Wait until it has finished, or "
        "choose another name."
    )
    assert not local_store.directory().exists()
    llm(*(word if word != "mine" else "yours" for word in add))


def test_the_list_is_whole_json_after_any_change(user_path):
    registry.put(entry("one"))
    registry.remove("one")
    assert set(json.loads(registry.path().read_text("utf-8"))) == {"checkpoints"}
    assert sorted(os.listdir(user_path / "glam")) == ["models.json", "models.lock"]
