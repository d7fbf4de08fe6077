"""Checkpoints in archives: packed here, unpacked there, and what strangers send."""

import io
import json
import os
import re
import shutil
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from llm_glam.formats import archive_reader, archive_writer, file_lock
from llm_glam.models import loading, local_store, packing, registry

from .. import tiny
from ..checkpoints.test_checkpoints import png
from ..killed import killed_at

LAYOUTS = {
    "plain": shutil.copytree,
    "bin": tiny.as_bin,
    "new": tiny.as_sentence_transformer,
    "legacy": tiny.as_legacy,
}
SUFFIXES = ("zip", "tar", "tar.gz", "tgz", "tar.xz", "tar.bz2")


def vectors(name):
    model = loading.encoder(name)
    texts = model.encode_texts(["a raccoon", "a ship " * 100])
    import PIL.Image

    picture = PIL.Image.open(io.BytesIO(PICTURE)).convert("RGB")
    return np.vstack([texts, model.encode_prepared([model.prepare(picture)])])


PICTURE = png()


def names_in(path):
    if path.suffix == ".zip":
        return zipfile.ZipFile(path).namelist()
    with tarfile.open(path) as archive:
        return archive.getnames()


def archive(folder, path, inside=""):
    """A folder as people pack it, by the ending of the name."""
    files = [f for f in sorted(folder.rglob("*")) if f.is_file()]
    named = [(f, inside + f.relative_to(folder).as_posix()) for f in files]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            for file, name in named:
                out.write(file, name)
        return path
    ending = path.name.partition(".")[2].replace("tgz", "tar.gz").partition(".")[2]
    with tarfile.open(path, f"w:{ending}") as out:
        for file, name in named:
            out.add(file, name)
    return path


def left_behind(user_path):
    folder = user_path / "glam" / "checkpoints"
    return sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("inside", ["", "my checkpoint/", "a/b/"])
def test_adds_archives(tiny_clip, tmp_path, llm, user_path, suffix, inside):
    reference = loading.add("reference", str(tiny_clip)).fingerprint
    path = archive(tiny_clip, tmp_path / f"my clip.{suffix}", inside)
    llm("glam", "models", "add", "mine", path)
    path.unlink()
    entry = registry.get("mine")
    assert entry.fingerprint == reference
    assert entry.source == str(user_path / "glam" / "checkpoints" / "mine")
    assert left_behind(user_path) == ["mine"]
    loading._loaded.clear()
    assert vectors("mine").shape == (3, 16)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_a_packed_checkpoint_is_the_same_elsewhere(
    tiny_clip, tmp_path, llm, user_path, monkeypatch, layout, suffix
):
    from sentence_transformers import SentenceTransformer

    folder = tmp_path / layout
    LAYOUTS[layout](tiny_clip, folder)
    before = llm_add(llm, "mine", folder)
    expected = vectors("mine")
    path = tmp_path / f"given.{suffix}"
    packed = llm("glam", "models", "pack", "mine", path)
    assert packed.stdout == ""
    assert f"fingerprint {before}" in packed.stderr
    forget(folder, user_path)
    assert llm_add(llm, "theirs", path) == before
    path.unlink()
    assert np.abs(vectors("theirs") - expected).max() < 1e-6
    library = SentenceTransformer(registry.get("theirs").source)
    theirs = library.encode(["a raccoon", "a ship " * 100])
    assert np.abs(theirs - expected[:2]).max() < 1e-5


def llm_add(llm, name, source, *options):
    llm("glam", "models", "add", name, source, *options)
    return registry.get(name).fingerprint


def forget(folder, user_path):
    """Another computer: nothing of the checkpoint is left."""
    shutil.rmtree(folder)
    shutil.rmtree(user_path / "glam")
    loading._loaded.clear()


def test_a_completed_checkpoint_can_be_packed(tiny_clip, tmp_path, llm, user_path):
    llm("glam", "models", "add", "base", tiny.as_legacy(tiny_clip, tmp_path / "legacy"))
    bare = tiny.as_bare(tiny_clip, tmp_path / "bare")
    before = llm_add(llm, "mine", bare, "--base", "base")
    expected = vectors("mine")
    packed = llm("glam", "models", "pack", "mine", "mine.zip")
    assert "weights unchanged (pytorch_model.bin)" in packed.stderr
    assert "pickle" in packed.stderr
    forget(bare, user_path)
    assert llm_add(llm, "mine", "mine.zip") == before
    assert np.abs(vectors("mine") - expected).max() < 1e-6
    said = json.loads(zipfile.ZipFile("mine.zip").read("glam.json"))
    assert said == {
        "name": "mine",
        "fingerprint": before,
        "base": "base",
        "llm_glam": "0.1",
    }
    card = zipfile.ZipFile("mine.zip").read("README.md").decode()
    assert "fine-tuned from base: 16 dimensions" in card
    assert "llm glam models add mine mine.zip" in card


def test_a_bare_checkpoint_in_an_archive_is_completed(
    tiny_clip, tmp_path, llm, user_path
):
    base = llm_add(llm, "base", tiny_clip)
    bare = archive(tiny.as_bare(tiny_clip, tmp_path / "bare"), tmp_path / "bare.zip")
    message = llm.fails("glam", "models", "add", "mine", bare)
    assert "is missing its tokenizer and preprocessing" in message
    assert left_behind(user_path) == []
    assert llm_add(llm, "mine", bare, "--base", "base") == base
    assert left_behind(user_path) == ["mine"]


def test_what_is_packed_and_what_is_not(tiny_clip, tmp_path, llm):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "mine"))
    (folder / "README.md").write_text("# My own card")
    (folder / "LICENSE").write_text("CC0")
    for name in ("optimizer.pt", "training_args.bin", "trainer_state.json", "x.py"):
        (folder / name).write_text("{}")
    for name in (
        ".git/config",
        "checkpoint-5/config.json",
        "checkpoint-5/optimizer.pt",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights once more")
    config = json.loads((folder / "config.json").read_text())
    config["_name_or_path"] = "/home/anna/clip"
    (folder / "config.json").write_text(json.dumps(config))
    llm("glam", "models", "add", "mine", folder)
    llm("glam", "models", "pack", "mine", "mine.zip")
    with zipfile.ZipFile("mine.zip") as packed:
        assert packed.namelist() == [
            *("LICENSE", "README.md", "config.json"),
            *("config_sentence_transformers.json", "glam.json", "merges.txt"),
            *("model.safetensors", "modules.json", "processor_config.json"),
            *("tokenizer.json", "tokenizer_config.json", "vocab.json"),
        ]
        assert packed.read("README.md") == b"# My own card"
        weights = (folder / "model.safetensors").read_bytes()
        assert packed.read("model.safetensors") == weights
        assert b"anna" not in packed.read("config.json")


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_the_same_checkpoint_gives_the_same_archive(tiny_clip, tmp_path, llm, suffix):
    other = Path(shutil.copytree(tiny_clip, tmp_path / "elsewhere"))
    for file in other.iterdir():
        os.utime(file, (1, 1))
        file.chmod(0o600)
    llm("glam", "models", "add", "mine", tiny_clip)
    llm("glam", "models", "pack", "mine", f"x.{suffix}")
    first = Path(f"x.{suffix}").read_bytes()
    llm("glam", "models", "add", "mine", other)
    llm("glam", "models", "pack", "mine", f"x.{suffix}", "--force")
    assert Path(f"x.{suffix}").read_bytes() == first
    assert Path(f"x.{suffix}").stat().st_size > 100_000


def test_packing_replaces_nothing_unasked(tiny_clip, llm, tmp_path):
    llm("glam", "models", "add", "mine", tiny_clip)
    Path("x.zip").write_text("precious")
    message = llm.fails("glam", "models", "pack", "mine", "x.zip")
    assert message == (
        "x.zip already exists. Choose another name, or replace it with --force."
    )
    assert Path("x.zip").read_text() == "precious"
    assert "must end with .zip or .tar.gz" in llm.fails(
        "glam", "models", "pack", "mine", "x.rar"
    )
    assert "The folder no does not exist" in llm.fails(
        "glam", "models", "pack", "mine", "no/x.zip"
    )
    Path("y.zip").mkdir()
    assert "y.zip is a folder" in llm.fails("glam", "models", "pack", "mine", "y.zip")
    assert "No checkpoint is registered as 'nobody'" in llm.fails(
        "glam", "models", "pack", "nobody", "z.zip"
    )


def test_a_full_disk_leaves_the_old_archive(tiny_clip, llm, tmp_path, monkeypatch):
    llm("glam", "models", "add", "mine", tiny_clip)
    Path("x.zip").write_text("precious")
    before = sorted(p.name for p in tmp_path.iterdir())

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive_writer, "pack", full)
    message = llm.fails("glam", "models", "pack", "mine", "x.zip", "--force")
    assert "x.zip was not written: the disk is full" in message
    assert Path("x.zip").read_text() == "precious"
    assert sorted(p.name for p in tmp_path.iterdir()) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "is_new"),
    [
        ("llm_glam.formats.archive_writer:pack", False),
        ("llm_glam.formats.archive_reader:unpack", False),
        ("os:replace", False),
        ("llm_glam.models.packing:Packed", True),
    ],
)
def test_killed_while_packing(tiny_clip, llm, tmp_path, where, is_new):
    """The target is the old archive or the new one, and packing again removes what was left."""
    llm("glam", "models", "add", "mine", tiny_clip)
    Path("whole").mkdir()
    llm("glam", "models", "pack", "mine", "whole/x.zip")
    Path("x.zip").write_text("precious")
    before = sorted(p.name for p in tmp_path.iterdir())
    pack = ("glam", "models", "pack", "mine", "x.zip", "--force")
    killed_at(where, *pack)
    new = Path("whole/x.zip").read_bytes()
    assert Path("x.zip").read_bytes() == (new if is_new else b"precious")
    llm(*pack)
    assert Path("x.zip").read_bytes() == new
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_packing_leaves_the_work_of_others_alone(tiny_clip, llm, tmp_path):
    """Another process may be packing, and not every hidden folder is one of ours."""
    llm("glam", "models", "add", "mine", tiny_clip)
    others, left, own = (tmp_path / f".x.zip-{name}" for name in "abc")
    for folder in (others, left, own):
        folder.mkdir()
    (left / packing.LOCK).touch()
    (own / "notes.txt").touch()
    with file_lock.locked(others / packing.LOCK, wait_s=0):
        llm("glam", "models", "pack", "mine", "x.zip")
    assert [path.exists() for path in (others, left, own)] == [True, False, True]


def test_an_archive_that_gives_something_else_is_not_written(
    tiny_clip, llm, tmp_path, monkeypatch
):
    from llm_glam.models import packing

    llm("glam", "models", "add", "mine", tiny_clip)
    other = tiny.make(tmp_path / "other", seed=3)
    files = {file.name: file for file in other.iterdir()}
    monkeypatch.setattr(packing, "arranged", lambda *_: files)
    message = llm.fails("glam", "models", "pack", "mine", "x.zip")
    assert "was not written: when unpacked again, it had the fingerprint" in message
    assert not Path("x.zip").exists()


def test_changed_weights_are_not_packed(tiny_clip, llm, tmp_path):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "mine"))
    llm("glam", "models", "add", "mine", folder)
    other = tiny.make(tmp_path / "other", seed=5)
    shutil.copy(other / "model.safetensors", folder / "model.safetensors")
    assert "have changed" in llm.fails("glam", "models", "pack", "mine", "x.zip")
    assert not Path("x.zip").exists()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            b'{"fingerprint": "0123456789abcdef"}',
            "is not what was packed: its glam.json",
        ),
        (b'{"fingerprint": 5}', "glam.json is damaged"),
        (b"[]", "glam.json is damaged"),
        (b"{", "glam.json is damaged"),
        (b"\xff", "glam.json is damaged"),
    ],
)
def test_a_wrong_promise_is_refused(
    tiny_clip, tmp_path, llm, user_path, said, sentence
):
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "wrong"))
    (folder / "glam.json").write_bytes(said)
    path = archive(folder, tmp_path / "wrong.zip")
    for source in (path, folder):
        assert sentence in llm.fails("glam", "models", "add", "mine", source)
        assert "mine" not in [entry.name for entry in registry.checkpoints()]
        assert left_behind(user_path) == []


def zipped(path, *files, **attributes):
    with zipfile.ZipFile(path, "w") as out:
        for name, content in (("config.json", "{}"), *files):
            info = zipfile.ZipInfo(name)
            for key, value in attributes.items():
                setattr(info, key, value)
            out.writestr(info, content)
    return path


def tarred(path, *members, mode="w"):
    with tarfile.open(path, mode) as out:
        for name, kind, content in (("config.json", tarfile.REGTYPE, b"{}"), *members):
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content)
            info.linkname = "/etc/passwd"
            out.addfile(info, io.BytesIO(content))
    return path


OUTSIDE = ("../vocab.json", "/vocab.json", "a/../../vocab.json", "C:/vocab.json")
WINDOWS = ("..\\vocab.json", "\\\\server\\vocab.json", "c:vocab.json")


@pytest.mark.parametrize("name", [*OUTSIDE, *WINDOWS])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_names_that_lead_outside(tmp_path, llm, user_path, name, kind):
    if kind == "zip":
        path = zipped(tmp_path / "x.zip", (name, "evil"))
    else:
        path = tarred(tmp_path / "x.tar", (name, tarfile.REGTYPE, b"evil"))
    message = llm.fails("glam", "models", "add", "mine", path)
    assert (
        "would be unpacked outside the target folder. Nothing was unpacked" in message
    )
    assert not list(tmp_path.rglob("vocab.json"))
    assert left_behind(user_path) == []


@pytest.mark.parametrize(
    "kind",
    [
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE),
        *(tarfile.BLKTYPE, tarfile.FIFOTYPE),
    ],
)
def test_links_and_devices_in_tar(tmp_path, llm, user_path, kind):
    path = tarred(tmp_path / "x.tar.gz", ("vocab.json", kind, b""), mode="w:gz")
    message = llm.fails("glam", "models", "add", "mine", path)
    assert "contains a link or device, 'vocab.json'" in message
    assert left_behind(user_path) == []


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_zip(tmp_path, llm, user_path, kind):
    path = tmp_path / "x.zip"
    zipped(path, create_system=3, external_attr=(kind | 0o777) << 16)
    assert "contains a link or device" in llm.fails(
        "glam", "models", "add", "mine", path
    )
    assert left_behind(user_path) == []


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["vocab.json", "VOCAB.JSON"], None),  # only the first is a checkpoint's file
        (["vocab.json", "./vocab.json"], "contains 'vocab.json' twice"),
        (["A/vocab.json", "a/vocab.json"], "contains 'a/vocab.json' twice"),
        (["é/vocab.json", "e\u0301/vocab.json"], "twice"),
        (["con/vocab.json"], "name cannot be used"),
        (["LPT1.x/vocab.json"], "name cannot be used"),
        (["a./vocab.json"], "name cannot be used"),
        (["ab:c/vocab.json"], "name cannot be used"),
        (["a\u202e/vocab.json"], "name cannot be used: 'a\\u202e/vocab.json'"),
    ],
)
def test_names_that_are_one_file_or_none(tmp_path, names, sentence):
    path = zipped(tmp_path / "x.zip", *[(name, "{}") for name in names])
    target = tmp_path / "out"
    target.mkdir()
    if sentence is None:
        archive_reader.unpack(path, target, local_store.layout.is_part)
        assert sorted(os.listdir(target)) == ["config.json", "vocab.json"]
        return
    with pytest.raises(archive_reader.BadArchive) as raised:
        archive_reader.unpack(path, target, local_store.layout.is_part)
    assert sentence in raised.value.message


def test_only_what_a_checkpoint_has_is_unpacked(tmp_path):
    hidden = (".git/config.json", "__MACOSX/config.json", "._config.json")
    others = ("a.py", "optimizer.pt", "open_clip_pytorch_model.bin", "a.zip")
    path = zipped(tmp_path / "x.zip", *[(name, "x") for name in (*hidden, *others)])
    (tmp_path / "out").mkdir()
    archive_reader.unpack(path, tmp_path / "out", local_store.layout.is_part)
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["config.json"]


@pytest.mark.parametrize("suffix", ["zip", "tar.gz", "tar.xz", "tar.bz2"])
def test_bombs(tmp_path, llm, user_path, suffix):
    path = tmp_path / f"x.{suffix}"
    zeros = bytes(archive_reader.ALWAYS_FINE_BYTES + 1)
    if suffix == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("config.json", zeros)
    else:
        member = "model.safetensors", tarfile.REGTYPE, zeros
        tarred(path, member, mode="w:" + suffix[4:])
    message = llm.fails("glam", "models", "add", "mine", path)
    assert "would unpack to more than 0.05 GB" in message
    assert left_behind(user_path) == []


def test_a_bomb_that_lies_about_its_size(tmp_path, llm):
    path = zipped(tmp_path / "x.zip", ("vocab.json", "x" * 1000))
    data = path.read_bytes()
    path.write_bytes(data.replace((1000).to_bytes(4, "little"), b"\x05\0\0\0"))
    assert "is damaged" in llm.fails("glam", "models", "add", "mine", path)


def test_a_header_of_many_megabytes(tmp_path, llm):
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz") as out:
        info = tarfile.TarInfo("config.json")
        info.pax_headers = {"comment": "x" * (archive_reader.LARGEST_READ + 1)}
        out.addfile(info, io.BytesIO(b""))
    message = llm.fails("glam", "models", "add", "mine", path)
    assert "has a header of many megabytes" in message


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_too_many_files(tmp_path, llm, kind):
    many = archive_reader.MAX_FILES
    if kind == "zip":
        path = zipped(tmp_path / "x.zip", *[(f"{i}.txt", "") for i in range(many)])
    else:
        members = [(f"{i}", tarfile.DIRTYPE, b"") for i in range(many + 1)]
        path = tarred(tmp_path / "x.tar", *members)
    message = llm.fails("glam", "models", "add", "mine", path)
    assert "contains more than 2,000 files" in message


def test_an_encrypted_zip(tmp_path, llm):
    path = zipped(tmp_path / "x.zip")
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    message = llm.fails("glam", "models", "add", "mine", path)
    assert "is encrypted; pack it without a password" in message


def test_a_compression_nobody_knows(tmp_path, llm):
    path = zipped(tmp_path / "x.zip")
    data = bytearray(path.read_bytes())
    data[8] = data[data.index(b"PK\x01\x02") + 10] = 9  # Deflate64
    path.write_bytes(data)
    message = llm.fails("glam", "models", "add", "mine", path)
    assert "is compressed by a method that is not supported here" in message


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("at", [0.3, 0.6, 0.9])
def test_damaged_archives(tiny_clip, tmp_path, llm, user_path, suffix, at):
    whole = archive(tiny_clip, tmp_path / f"whole.{suffix}").read_bytes()
    cut = int(len(whole) * at)
    (tmp_path / f"cut.{suffix}").write_bytes(whole[:cut])
    changed = bytearray(whole)
    changed[cut : cut + 64] = (byte ^ 255 for byte in whole[cut : cut + 64])
    (tmp_path / f"changed.{suffix}").write_bytes(changed)
    assert llm.fails("glam", "models", "add", "mine", f"cut.{suffix}")
    result = llm("glam", "models", "add", "mine", f"changed.{suffix}", ok=False)
    # A plain tar has no checksums of contents: other weights are other weights.
    assert result.exit_code == 1 or suffix == "tar", result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert left_behind(user_path) in ([], ["mine"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is not an archive that can be opened"),
        (b"just text", "is not an archive that can be opened"),
        (b"PK\x03\x04", "is damaged"),
        (b"\x1f\x8b junk", "is damaged"),
        (b"BZh junk", "cannot be unpacked"),
        (b"\xfd7zXZ\x00 junk", "is damaged"),
    ],
)
def test_what_is_no_archive(tmp_path, llm, user_path, content, sentence):
    Path("x.zip").write_bytes(content)
    assert sentence in llm.fails("glam", "models", "add", "mine", "x.zip")
    assert left_behind(user_path) == []


def test_an_archive_that_is_not_there_is_not_looked_up_on_the_hub(llm):
    message = llm.fails("glam", "models", "add", "mine", "no.tar.gz")
    assert "There is no folder or archive" in message


def test_archives_with_no_checkpoint_or_several(tiny_clip, tmp_path, llm, user_path):
    both = tmp_path / "both"
    for name in ("b best", "a last"):
        shutil.copytree(tiny_clip, both / "runs" / name)
    message = llm.fails(
        "glam", "models", "add", "mine", archive(both, tmp_path / "both.zip")
    )
    assert (
        "contains several checkpoints (runs/a last, runs/b best). Unpack it" in message
    )
    empty = tmp_path / "empty.zip"
    zipfile.ZipFile(empty, "w").close()
    assert "does not contain a checkpoint" in llm.fails(
        "glam", "models", "add", "mine", empty
    )
    assert left_behind(user_path) == []


def test_a_full_disk_while_unpacking(tiny_clip, tmp_path, llm, user_path, monkeypatch):
    path = archive(tiny_clip, tmp_path / "x.zip")
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 9)
    )
    message = llm.fails("glam", "models", "add", "mine", path)
    assert "There is not enough space on the disk" in message
    assert left_behind(user_path) == []


def without(name):
    return lambda folder: (folder / name).unlink()


def written(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def changed_config(old, new):
    def change(folder):
        text = (folder / "config.json").read_text("utf-8")
        (folder / "config.json").write_text(re.sub(old, new, text), "utf-8")

    return change


DEFECTS = {
    "no config": without("config.json"),
    "no weights": without("model.safetensors"),
    "damaged config": written("config.json", b"{"),
    "layers": changed_config('"num_hidden_layers": [0-9]+', '"num_hidden_layers": 0'),
    "half of the weights": written("model.safetensors", b"x" * 1000),
    "other sizes": changed_config('"projection_dim": [0-9]+', '"projection_dim": 7'),
    "damaged tokenizer": written("tokenizer.json", b"{}"),
    "modules": written("modules.json", b'[{"path": "../x"}]'),
}


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("kind", ["archive", "bare folder"])
def test_messages_name_what_was_given(
    tiny_clip, tmp_path, llm, user_path, defect, kind
):
    """Not the folders that it is unpacked and completed in, which are gone by then."""
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "given"))
    if kind == "bare folder":
        for name in ("tokenizer.json", "processor_config.json"):
            (folder / name).unlink(missing_ok=True)
        (folder / "vocab.json").unlink()
    DEFECTS[defect](folder)
    given = folder
    if kind == "archive":
        given = Path(shutil.make_archive(str(tmp_path / "given"), "zip", folder))
    message = llm.fails("glam", "models", "add", "mine", given, "--base", tiny_clip)
    assert str(given) in message
    assert str(user_path) not in message
    assert ".adding-" not in message


def test_messages_of_packing_name_the_archive(tiny_clip, llm, tmp_path, monkeypatch):
    llm("glam", "models", "add", "mine", tiny_clip)
    monkeypatch.setattr(archive_reader, "_check_room", full_disk)
    message = llm.fails("glam", "models", "pack", "mine", tmp_path / "x.zip")
    assert message == (
        f"There is not enough space on the disk of {tmp_path} to unpack {tmp_path / 'x.zip'}. Free "
        "some space and repeat the command."
    )


def full_disk(*args):
    raise OSError(28, "No space left on device")


def test_an_interrupted_addition_leaves_nothing(
    tiny_clip, tmp_path, llm, user_path, monkeypatch
):
    path = archive(tiny_clip, tmp_path / "x.zip")

    def interrupted(*args, **options):
        raise KeyboardInterrupt

    for module, name in ((archive_reader, "_write"), (loading, "opened")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, interrupted)
            assert llm("glam", "models", "add", "mine", path, ok=False).exit_code == 1
        assert left_behind(user_path) == []
    llm("glam", "models", "add", "mine", path)


def test_a_killed_addition_is_tidied_up(tiny_clip, tmp_path, llm, user_path):
    folder = user_path / "glam" / "checkpoints"
    for name in (".adding-old", ".adding-new", "mine"):
        (folder / name).mkdir(parents=True)
    os.utime(folder / ".adding-old", (1, 1))
    path = archive(tiny_clip, tmp_path / "x.zip")
    llm("glam", "models", "add", "mine", path)
    assert left_behind(user_path) == [".adding-new", "mine.2"]


def test_other_weights_do_not_replace_a_copy(tiny_clip, tmp_path, llm, user_path):
    path = archive(tiny_clip, tmp_path / "x.zip")
    first = llm_add(llm, "mine", path)
    other = archive(tiny.make(tmp_path / "other", seed=5), tmp_path / "other.zip")
    message = llm.fails("glam", "models", "add", "mine", other)
    assert "was already used for other weights" in message
    loading._loaded.clear()
    assert loading.encoder("mine").fingerprint == first
    assert left_behind(user_path) == ["mine"]
    assert llm_add(llm, "mine", path) == first
    assert left_behind(user_path) == ["mine.2"]
    llm("glam", "models", "remove", "mine")
    assert left_behind(user_path) == ["mine.2"]


def test_a_pickle_in_an_archive_runs_no_code(tiny_clip, tmp_path, llm, user_path):
    import pickle

    from ..checkpoints.test_checkpoints import Evil

    folder = tiny.as_bin(tiny_clip, tmp_path / "evil")
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Evil()}))
    path = archive(folder, tmp_path / "evil.zip")
    assert "cannot be loaded" in llm.fails("glam", "models", "add", "mine", path)
    assert not Path("code-was-run").exists()
    assert left_behind(user_path) == []


OPEN_CLIP = {
    "open_clip_config.json": '{"model_cfg": {}}',
    "open_clip_model.safetensors": "x",
    "open_clip_pytorch_model.bin": "x",
}


def test_open_clip_alone_is_said_in_a_sentence(tiny_clip, tmp_path, llm, user_path):
    folder = tmp_path / "oc"
    folder.mkdir()
    for name, content in OPEN_CLIP.items():
        (folder / name).write_text(content)
    for source in (folder, archive(folder, tmp_path / "oc.zip", "oc/")):
        message = llm.fails("glam", "models", "add", "mine", source)
        assert "has only open_clip's files" in message
        assert "laion/CLIP-ViT-B-32-laion2B-s34B-b79K" in message
    for file in ("config.json", "tokenizer.json", "preprocessor_config.json"):
        (folder / file).write_text("{}")
    message = llm.fails("glam", "models", "add", "mine", folder)
    assert "has only open_clip's files" in message
    assert left_behind(user_path) == []


def test_open_clip_beside_transformers_loads(tiny_clip, tmp_path, llm):
    reference = llm_add(llm, "reference", tiny_clip)
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "both"))
    for name, content in OPEN_CLIP.items():
        (folder / name).write_text(content)
    assert llm_add(llm, "both", folder) == reference
    llm("glam", "models", "pack", "both", "both.zip")
    assert not [n for n in names_in(Path("both.zip")) if n.startswith("open_clip")]
    assert llm_add(llm, "again", "both.zip") == reference


@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_another_kind_of_model_is_packed_as_well(tmp_path, llm, user_path, suffix):
    folder = tiny.siglip(tmp_path / "siglip")
    before = llm_add(llm, "mine", folder)
    llm("glam", "models", "pack", "mine", f"x.{suffix}")
    forget(folder, user_path)
    assert llm_add(llm, "mine", f"x.{suffix}") == before
    assert all("/" not in name for name in names_in(Path(f"x.{suffix}")))
