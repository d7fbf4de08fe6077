"""`llm glam models show`: is a checkpoint whole, is it the same, is it any good?"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from llm_glam.engine import probes
from llm_glam.models import doctor, engine_choice, loading, registry

from .. import tiny

SHOW = ("glam", "models", "show")


@pytest.fixture
def mine(llm, tiny_clip, tmp_path):
    """A checkpoint registered from a folder of its own."""
    folder = Path(shutil.copytree(tiny_clip, tmp_path / "mine"))
    llm("glam", "models", "add", "mine", folder, "--notes", "a try")
    return folder


def shown(llm, *options, name="mine"):
    (row,) = llm.json(*SHOW, name, "--no-speed", *options)
    return row


def test_a_checkpoint_that_is_well(llm, mine):
    result = llm(*SHOW, "mine", "--no-speed")
    row = json.loads(result.stdout)
    entry = registry.get("mine")
    expected = {
        "name": "mine",
        "model": "glam-clip/mine",
        "default": False,
        "source": str(mine),
        "folder": str(mine),
        "layout": "transformers",
        "notes": "a try",
        "fingerprint": entry.fingerprint,
        "fingerprint_now": entry.fingerprint,
        "dimensions": 16,
        "longest_text": 77,
        "picture_size": {"height": 32, "width": 32},
        "logit_scale": 14.285,
        "self_test": "passed",
        "engine": "torch",
        "why_not_onnx": "LLM_GLAM_ENGINE=torch",
        "collections": [],
    }
    assert {key: row[key] for key in expected} == expected
    sizes = {file.name: file.stat().st_size for file in mine.iterdir()}
    assert row["files"] == sizes
    assert row["bytes"] == sum(sizes.values())
    assert row["parameters"] > 30_000
    assert "pictures_per_second" not in row
    assert "Loading and testing the checkpoint" in result.stderr
    assert "Warning" not in result.stderr


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (tiny.as_legacy, "sentence-transformers, legacy"),
        (tiny.as_sentence_transformer, "sentence-transformers"),
    ],
)
def test_layouts(llm, tiny_clip, tmp_path, layout, words):
    llm("glam", "models", "add", "mine", layout(tiny_clip, tmp_path / "mine"))
    assert shown(llm)["layout"] == words


def test_speed_is_measured(llm, mine, monkeypatch):
    monkeypatch.setattr(doctor, "SECONDS", 0.05)
    result = llm(*SHOW, "mine")
    row = json.loads(result.stdout)
    assert "Measuring its speed" in result.stderr
    assert row["pictures_per_second"] > 0
    assert row["texts_per_second"] > 0


def test_a_rate_is_things_by_seconds(monkeypatch):
    clock = iter([0.0, 0.2, 0.6, 1.1, 2.0])
    monkeypatch.setattr(doctor.time, "perf_counter", lambda: next(clock))
    calls = []
    assert doctor._rate(lambda: calls.append(1)) == round(2 * 8 / 1.1, 1)
    assert len(calls) == 3


def test_as_a_table(llm, mine):
    lines = llm(*SHOW, "mine", "--no-speed", "-t").stdout.splitlines()
    cells = [line.split() for line in lines]
    assert ["self_test", "passed"] in cells
    size = (mine / "model.safetensors").stat().st_size
    assert ["file", "model.safetensors", str(size)] in cells


def test_changed_weights(llm, mine, tmp_path):
    before = registry.get("mine").fingerprint
    other = tiny.make(tmp_path / "other", seed=5)
    shutil.copy(other / "model.safetensors", mine / "model.safetensors")
    result = llm(*SHOW, "mine", ok=False)
    assert result.exit_code == 1
    row = json.loads(result.stdout)
    assert row["fingerprint"] == before
    assert row["fingerprint_now"] not in (before, None)
    assert "have changed: their fingerprint is" in row["self_test"]
    assert result.stderr.count("Error: ") == 1


@pytest.mark.parametrize(
    ("break_", "sentence"),
    [
        (shutil.rmtree, "'mine' cannot be found"),
        (lambda d: (d / "config.json").unlink(), "is not a checkpoint"),
        (lambda d: (d / "model.safetensors").unlink(), "has no weights"),
        (lambda d: (d / "model.safetensors").write_bytes(b"x"), "cannot be loaded"),
        (lambda d: (d / "modules.json").write_text("{"), "modules.json is damaged"),
    ],
)
def test_a_broken_checkpoint(llm, mine, break_, sentence):
    break_(mine)
    result = llm(*SHOW, "mine", ok=False)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    row = json.loads(result.stdout)
    assert sentence in row["self_test"]
    assert sentence in result.stderr.partition("Error: ")[2]
    assert row["collections"] == []


def test_what_was_not_downloaded_stays_there(llm, monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    row = shown(llm, name="clip-ViT-B-32")
    assert "has not been downloaded to this computer" in row["self_test"]
    assert "files" not in row


def collapse(folder):
    """All pictures and all texts nearly the same, as after a training gone wrong."""
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    for name in ("vision_model.post_layernorm", "text_model.final_layer_norm"):
        tensors[f"{name}.weight"] *= 0.001
        tensors[f"{name}.bias"] += 1
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    return folder


def test_a_collapsed_checkpoint_is_warned_about(llm, tiny_clip, tmp_path):
    folder = collapse(Path(shutil.copytree(tiny_clip, tmp_path / "flat")))
    added = llm("glam", "models", "add", "flat", folder)
    assert added.stderr.count("Warning: 'flat' can hardly tell different") == 1
    result = llm(*SHOW, "flat", "--no-speed")
    row = json.loads(result.stdout)
    assert row["collapsed"] is True
    assert (row["alike_pictures"], row["alike_texts"]) == (1.0, 1.0)
    assert row["score_spread"] < 0.001
    assert (
        "Warning: 'flat' can hardly tell different things apart: 100%" in result.stderr
    )
    assert "nearly the same order for every query" in result.stderr


def test_the_demo_s_checkpoint_has_not_collapsed(llm):
    row = shown(llm, name="demo")
    assert row["collapsed"] is False
    assert row["score_spread"] > 0.1
    assert row["license"] == "cc0-1.0"
    assert row["picture_size"] == {"height": 72, "width": 72}  # it does not crop


class Fixed:
    """An encoder with given vectors."""

    dimensions = 2

    def __init__(self, pictures, texts):
        self.vectors = np.array(pictures, np.float32), np.array(texts, np.float32)

    def prepare(self, picture):
        return picture

    def encode_prepared(self, prepared):
        assert len(prepared) == len(self.vectors[0])
        return self.vectors[0]

    def encode_texts(self, texts):
        assert len(texts) == len(self.vectors[1])
        return self.vectors[1]


def test_spread_by_hand():
    halves = [(3, 0)] * 4 + [(0, 2)] * 4
    same = [(1, 1)] * 8
    found = probes.spread(Fixed(halves, same))
    assert found.alike_texts == 1
    assert found.alike_pictures == pytest.approx(12 / 28)
    assert found.score_spread == pytest.approx(0, abs=1e-6)
    assert found.is_collapsed
    fine = probes.spread(Fixed(halves, halves))
    assert fine.score_spread == pytest.approx(1)
    assert fine.scores == (0, 1)
    assert not fine.is_collapsed


def test_the_probes_are_different_and_always_the_same():
    once, again = probes.pictures(), probes.pictures()
    assert len(once) == len(probes.TEXTS) == 8
    assert [p.tobytes() for p in once] == [p.tobytes() for p in again]
    assert len({p.tobytes() for p in once}) == 8
    assert {(p.mode, p.size) for p in once} == {("RGB", (320, 240))}


def test_what_card_and_promise_say(llm, mine):
    card = "---\nlicense: cc-by-4.0\nbase_model: openai/clip-vit-base-patch32\n---\nHi"
    (mine / "README.md").write_text(card)
    row = shown(llm)
    assert row["license"] == "cc-by-4.0"
    assert row["base_model"] == "openai/clip-vit-base-patch32"
    odd = "---\nlicense: 2020-01-01\nbase_model:\n- one\n- two\n---\n"
    (mine / "README.md").write_text(odd)
    row = shown(llm)
    assert (row["license"], row["base_model"]) == ("2020-01-01", "one, two")
    (mine / "README.md").write_text("---\n: [\n---\n")
    said = {"fingerprint": row["fingerprint"], "base": "clip-ViT-B-32"}
    (mine / "glam.json").write_text(json.dumps(said))
    row = shown(llm)
    assert (row["license"], row["base_model"]) == (None, "clip-ViT-B-32")


def test_collections_made_with_it(llm, mine, photos):
    llm("glam", "embed", "pictures", photos, "-m", "mine")
    llm("embed", "words", "1", "-m", "glam-clip/mine", "-c", "a ship")
    assert shown(llm)["collections"] == ["pictures", "words"]
    from sqlite_utils import Database

    db = Database(llm.database)
    db.execute("update glam_collections set fingerprint = '0' where name = 'pictures'")
    db.conn.commit()
    db.close()
    assert shown(llm)["collections"] == ["pictures (other weights)", "words"]
    assert shown(llm, "-d", "nowhere.db")["collections"] == []
    assert not Path("nowhere.db").exists()


def test_nothing_is_written(llm, mine, user_path):
    before = registry.path().read_bytes()
    (mine / "config.json").touch()
    shown(llm)
    assert registry.path().read_bytes() == before


@pytest.mark.slow
def test_the_engine(llm, mine, monkeypatch):
    fingerprint = registry.get("mine").fingerprint
    monkeypatch.delenv("LLM_GLAM_ENGINE")
    assert shown(llm)["why_not_onnx"].startswith("not exported yet")
    engine_choice._remember(fingerprint, "fp32", "its preprocessing is not CLIP's")
    assert shown(llm)["why_not_onnx"] == "its preprocessing is not CLIP's"
    engine_choice._why_not(fingerprint, "fp32").unlink()
    assert engine_choice.export(mine, fingerprint, lambda _: None)
    row = shown(llm)
    assert (row["engine"], row["why_not_onnx"]) == ("onnx", None)
    monkeypatch.setattr(doctor, "SECONDS", 0.05)
    monkeypatch.setattr(loading, "encoder", None)  # not needed: nothing is downloaded
    assert llm.json(*SHOW, "mine")[0]["texts_per_second"] > 0
