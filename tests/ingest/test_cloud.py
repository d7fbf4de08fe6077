"""Pictures that OneDrive or iCloud keeps elsewhere are counted, and not downloaded."""

import builtins
import io
import os

import pytest

from llm_glam import platforms
from llm_glam.evaluate.pairs import from_table
from llm_glam.evaluate.pairs.from_table import Columns

from ..conftest import EMBED
from ..fakes import BLUE, picture

GLAM_EMBED = ("glam", "embed", "photos", "photos")
ADVICE = (
    "To embed them, let OneDrive, iCloud or Dropbox keep this folder on the computer, and repeat "
    "the command"
)
STATES = {
    "offline on Windows": {"st_file_attributes": 0x1020},
    "recalled when opened": {"st_file_attributes": 0x40000},
    "recalled when read": {"st_file_attributes": 0x400020},
    "without data on macOS": {"st_flags": 0x40000040},
}


class Status:
    """A status with attributes that this system does not have."""

    def __init__(self, real, more):
        self._real = real
        self.__dict__.update(more)

    def __getattr__(self, name):
        return getattr(self._real, name)


class Cloud:
    """Files that are only in the cloud; reading one downloads it."""

    def __init__(self, monkeypatch, more):
        self.names, self.downloaded, self.more = set(), [], more
        self._stat, self._open = os.stat, io.open
        monkeypatch.setattr(os, "stat", self.stat)
        monkeypatch.setattr(io, "open", self.open)
        monkeypatch.setattr(builtins, "open", self.open)

    def stat(self, path, *args, **options):
        status = self._stat(path, *args, **options)
        is_path = isinstance(path, str | os.PathLike)
        if is_path and os.path.basename(path) in self.names:
            return Status(status, self.more)
        return status

    def open(self, path, *args, **options):
        is_path = isinstance(path, str | os.PathLike)
        if is_path and os.path.basename(path) in self.names:
            self.downloaded.append(path)
        return self._open(path, *args, **options)


@pytest.fixture(params=STATES)
def cloud(request, monkeypatch, photos):
    return Cloud(monkeypatch, STATES[request.param])


def problems(llm):
    return {r["id"]: r["reason"] for r in llm.rows("select * from glam_problems")}


@pytest.mark.parametrize("command", [EMBED, GLAM_EMBED])
def test_placeholders_are_counted_and_not_downloaded(llm, colours, cloud, command):
    cloud.names = {"red.png", "blé.png"}
    done = llm(*command)
    said = "2 pictures are only in the cloud: red.png, sub folder/blé.png. " + ADVICE
    assert said in done.stderr.splitlines()
    assert "1 embedded, 0 unchanged, 0 copies, 2 problems" in done.stderr
    assert problems(llm) == dict.fromkeys(
        ["red.png", "sub folder/blé.png"], platforms.IN_CLOUD
    )
    assert not cloud.downloaded

    cloud.names = set()
    assert "2 embedded, 1 unchanged" in llm(*command).stderr
    assert not problems(llm)


def test_pictures_that_were_embedded_before_are_unchanged(llm, colours, cloud):
    llm(*GLAM_EMBED)
    cloud.names = {"red.png", "green.png", "blé.png"}
    done = llm(*GLAM_EMBED, "--prune")
    assert "0 embedded, 3 unchanged, 0 copies, 0 problems" in done.stderr
    assert "0 pictures removed" in done.stderr
    assert not cloud.downloaded


def test_all_in_the_cloud(llm, colours, cloud):
    cloud.names = {"red.png", "green.png", "blé.png"}
    assert "Nothing could be embedded (3 tried)" in llm.fails(*GLAM_EMBED)
    assert not cloud.downloaded


def test_files_that_may_be_pictures_are_not_downloaded_to_tell(
    llm, colours, photos, cloud
):
    (photos / "notes").write_bytes((photos / "red.png").read_bytes())
    cloud.names = {"notes"}
    assert "Skipped 1 file that is not a picture" in llm(*GLAM_EMBED).stderr
    assert not cloud.downloaded


def test_a_table_of_pairs(photos, cloud):
    table = photos / "pairs.csv"
    table.write_text("image,caption\nred.png,red\ngreen.png,green\n")
    cloud.names = {"red.png"}
    read = from_table.read(str(table), Columns())
    assert read.refused == [("red.png", platforms.IN_CLOUD)]
    assert [pair.id for pair in read.pairs] == ["green.png"]
    assert not cloud.downloaded


def stub(path):
    path.rename(path.with_name(f".{path.name}.icloud"))


@pytest.mark.parametrize("command", [EMBED, GLAM_EMBED])
def test_stubs_of_older_versions_of_macos(llm, colours, photos, monkeypatch, command):
    monkeypatch.setattr(platforms, "HAS_STUBS", True)
    stub(photos / "red.png")
    done = llm(*command)
    assert "1 picture is only in the cloud: red.png. " + ADVICE in done.stderr
    assert "2 embedded, 0 unchanged, 0 copies, 1 problem" in done.stderr
    assert problems(llm) == {"red.png": platforms.IN_CLOUD}


def test_a_stub_is_not_a_picture_whose_file_is_gone(llm, colours, photos):
    picture(photos / "gone.png", BLUE)
    llm(*GLAM_EMBED)
    stub(photos / "red.png")
    (photos / "gone.png").unlink()
    assert "1 pictures removed" in llm(*GLAM_EMBED, "--prune").stderr
    assert "red.png" in llm.ids()


def test_a_stub_of_a_text_is_left_out(llm, colours, photos):
    (photos / ".notes.txt.icloud").write_bytes(b"bplist00")
    assert "3 embedded" in llm(*GLAM_EMBED).stderr


def test_records_that_are_only_in_the_cloud(llm, colours, photos):
    (photos / ".metadata.csv.icloud").write_bytes(b"bplist00")
    assert llm.fails(*GLAM_EMBED) == (
        f"{photos / 'metadata.csv'} is only in the cloud; download it, and repeat the command."
    )


def test_a_stub_in_a_table_of_pairs(photos):
    table = photos / "pairs.csv"
    table.write_text("image,caption\nred.png,red\ngreen.png,green\n")
    stub(photos / "red.png")
    read = from_table.read(str(table), Columns())
    assert read.refused == [("red.png", platforms.IN_CLOUD)]
    assert [pair.id for pair in read.pairs] == ["green.png"]
