"""Files that appear whole or not at all, and what killed processes leave of them."""

import os

import pytest

from llm_glam.formats import atomic


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_removed_later(tmp_path):
    """But not what another process may be writing now, nor what only looks like it."""
    old = [".state-0123abcd.json", ".state-89abcdef.json"]
    kept = [".state-old.json", ".other-0123abcd.json", "state-0123abcd.json"]
    for name in (*old, *kept):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / ".state-fedcba98.json").write_text("in work")
    atomic.write_text(tmp_path / "state.json", "new")
    assert names(tmp_path) == sorted([".state-fedcba98.json", "state.json", *kept])


def test_names_with_brackets(tmp_path):
    (tmp_path / ".a[b]-0123abcd.json").write_text("")
    os.utime(tmp_path / ".a[b]-0123abcd.json", (1, 1))
    atomic.write_text(tmp_path / "a[b].json", "new")
    assert names(tmp_path) == ["a[b].json"]


def fail_after(path):
    with atomic.replacing(path) as work:
        work.write_text("half")
        raise RuntimeError


def test_an_error_leaves_the_old_file(tmp_path):
    atomic.write_text(tmp_path / "a.json", "old")
    with pytest.raises(RuntimeError):
        fail_after(tmp_path / "a.json")
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"
