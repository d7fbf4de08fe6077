"""Files appear whole or not at all, also where Windows refuses to replace one that is open."""

import os

import pytest

from llm_glam import platforms
from llm_glam.formats import atomic
from llm_glam.models import registry

from ..windows import opened_elsewhere, refused


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    waits = []
    monkeypatch.setattr(atomic.time, "sleep", waits.append)
    return waits


@pytest.mark.parametrize("code", [5, 32, 33])
def test_a_file_that_is_open_for_a_moment_is_replaced(
    tmp_path, monkeypatch, slept, code
):
    path = tmp_path / "models.json"
    path.write_text("old")
    opened_elsewhere(monkeypatch, code, times=3)
    atomic.write_text(path, "new")
    assert path.read_text() == "new"
    assert slept == list(platforms.RETRY_SECONDS[:3])
    assert os.listdir(tmp_path) == ["models.json"]


@pytest.mark.parametrize("code", [5, 32, 33])
def test_a_file_that_stays_open_is_named_and_stays_as_it_was(
    tmp_path, monkeypatch, slept, code
):
    path = tmp_path / "models.json"
    path.write_text("old")
    opened_elsewhere(monkeypatch, code)
    with pytest.raises(OSError, match="models.json") as caught:
        atomic.write_text(path, "new")
    assert caught.value.filename == str(path)
    assert "another program has it open" in platforms.reason(caught.value)
    assert path.read_text() == "old"
    assert sum(slept) < 2
    assert os.listdir(tmp_path) == ["models.json"]


def test_other_problems_are_not_tried_again(tmp_path, monkeypatch, slept):
    def full(work, target):
        raise OSError(28, "No space left on device", str(work), None, str(target))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_text(tmp_path / "a.txt", "new")
    assert not slept


def test_the_list_of_checkpoints(llm, colours, monkeypatch):
    before = registry.path().read_bytes()
    opened_elsewhere(monkeypatch)
    message = llm.fails("glam", "models", "default", "clip-ViT-B-32")
    assert message == (
        f"The list of checkpoints {registry.path()} cannot be written: another program has it open; "
        "close it there and repeat the command."
    )
    assert registry.path().read_bytes() == before


def test_a_page_that_compares_two_collections(embedded, tmp_path, monkeypatch):
    embedded("glam", "reembed", "photos", "again", "-m", "colours")
    page = tmp_path / "page.html"
    page.write_text("old")
    opened_elsewhere(monkeypatch)
    args = ("glam", "compare", "photos", "again", "-c", "red", "--html", page)
    message = embedded.fails(*args, "--force")
    assert message.startswith(f"{page}: another program has it open; close it there")
    assert page.read_text() == "old"


def test_a_folder_is_renamed_like_a_file(tmp_path, monkeypatch, slept):
    (tmp_path / "work").mkdir()
    opened_elsewhere(monkeypatch, times=1)
    atomic.rename(tmp_path / "work", tmp_path / "there")
    assert (tmp_path / "there").is_dir()
    assert refused(32, "a").errno == 13


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
