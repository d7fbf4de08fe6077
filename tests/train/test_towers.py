"""Towers that learn: gradients in small memory, what stays frozen, kills, and what cannot be."""

import json
import math
import os
import shutil
import signal
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from llm_glam.errors import TrainingFailed
from llm_glam.evaluate.pairs import from_table
from llm_glam.evaluate.pairs.from_table import Columns
from llm_glam.models import registry
from llm_glam.train import memory, presets
from llm_glam.train.cache import pixel_cache
from llm_glam.train.clip import checkpoint_weights, contrastive_loss
from llm_glam.train.learn.learner import Pass, Stopped

from .. import forked, tiny
from ..conftest import Llm
from ..windows import refuse_open_files
from .test_train import draw, recall

ALL = ("--tune", "all", "--learning-rate", "0.002", "--batch", "128")
WORDS = [f"{colour} thing {i}" for i, colour in enumerate("red blue grey".split() * 4)]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """Pictures with captions, and a small checkpoint that knows nothing."""
    folder = tmp_path_factory.mktemp("school")
    draw(folder / "data", 500)
    return folder, tiny.make(folder / "clip", width=64)


@pytest.fixture
def learner(school, llm):
    """LLM with that checkpoint as ``tiny``."""
    llm("glam", "models", "add", "tiny", school[1])
    return llm


def train(llm, school, *args, name="ours", **options):
    data = school[0] / "data" / "captions.csv"
    return llm(
        "glam", "train", data, "--base", "tiny", "--name", name, *args, **options
    )


@pytest.fixture(scope="module")
def trained(school, tmp_path_factory):
    """One training of all weights to its end, looked at by several tests."""
    user = tmp_path_factory.mktemp("trained")
    with Llm.shared(user) as llm:
        llm("glam", "models", "add", "tiny", school[1])
        yield train(llm, school, *ALL, "--epochs", "4"), user / "glam"


# Gradients


def towers_of(school, dropout=0.0):
    from llm_glam.train.learn.hf.caching import TwoTowers

    model = checkpoint_weights.opened(school[1])
    clip = checkpoint_weights.clip_of(model, school[1])
    for part in clip.modules():
        if hasattr(part, "dropout") and isinstance(part.dropout, float):
            part.dropout = dropout
    linear = ([1 / 128] * 3, [-1.0] * 3)
    return TwoTowers(model, clip.logit_scale, linear).train()


def batch_of(model):
    import torch

    made = model.preprocess(WORDS)
    chance = np.random.default_rng(1)
    pixels = torch.from_numpy(
        chance.integers(0, 256, (len(WORDS), 32, 32, 3), np.uint8)
    )
    fits = torch.eye(len(WORDS), dtype=torch.bool)
    fits[0, 3] = fits[3, 0] = fits[5, 11] = True
    texts = {"input_ids": made["input_ids"], "attention_mask": made["attention_mask"]}
    return [{"pixel_values": pixels}, texts], fits


def gradients(both, at_once):
    from llm_glam.train.learn.hf.caching import CachedLoss

    both.zero_grad()
    caching = CachedLoss(both, at_once)
    told = []
    caching.tell = lambda loss, fits: told.append((loss, fits.sum()))
    found = caching(*batch_of(both.model))
    found.backward()
    assert told == [(found.item(), len(WORDS) + 3)]
    each = {name: one.grad.clone() for name, one in both.named_parameters()}
    return found.item(), each, caching


@pytest.fixture(scope="module")
def plain(school):
    """The loss over the whole batch, and its gradients, as torch gives them."""
    both = towers_of(school)
    (pictures, texts), fits = batch_of(both.model)
    vectors = (
        both.texts(texts["input_ids"], texts["attention_mask"]),
        both.pictures(pictures["pixel_values"]),
    )
    scores = both.log_scale.exp() * vectors[0] @ vectors[1].T
    found = contrastive_loss.loss(scores, fits)
    found.backward()
    return found.item(), {name: one.grad for name, one in both.named_parameters()}


def check_alike(found, expected):
    assert found.keys() == expected.keys()
    for name, one in expected.items():
        noise = 1e-4 * float(one.abs().max()) + 1e-6
        np.testing.assert_allclose(found[name], one, rtol=0, atol=noise)


@pytest.mark.parametrize("at_once", [1, 5, 12, 64])
def test_gradients_do_not_depend_on_how_many_pairs_go_through_at_once(
    school, plain, at_once
):
    lost, found, _ = gradients(towers_of(school), at_once)
    assert lost == pytest.approx(plain[0], rel=1e-5)
    check_alike(found, plain[1])
    assert found["log_scale"].abs() > 1e-3


def test_what_is_dropped_by_chance_is_dropped_in_both_passes(school, monkeypatch):
    import torch

    both = towers_of(school, dropout=0.5)
    real, seen = both.both, []
    monkeypatch.setattr(both, "both", lambda part: seen.append(real(part)) or seen[-1])
    torch.manual_seed(3)
    gradients(both, 5)
    assert len(seen) == 6
    for first, again in zip(seen[:3], seen[3:], strict=True):
        for one, other in zip(first, again, strict=True):
            assert torch.equal(one, other)
    assert not torch.equal(seen[0][1], real(batch_part(both))[1])


def batch_part(both):
    from llm_glam.train.learn.hf.caching import Halves

    (pictures, texts), _ = batch_of(both.model)
    inputs = (pictures["pixel_values"], texts["input_ids"], texts["attention_mask"])
    return Halves(*inputs).part(slice(0, 5))


@pytest.mark.parametrize("fitting", [3, 1])
def test_too_little_memory_halves_what_goes_through_at_once(
    school, plain, monkeypatch, fitting
):
    import torch

    both = towers_of(school)
    real = both.both

    def limited(part):
        # With a graph less fits than without.
        if len(part.pixels) > (fitting if torch.is_grad_enabled() else 2 * fitting):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(part)

    monkeypatch.setattr(both, "both", limited)
    _, found, caching = gradients(both, 12)
    assert caching.at_once == fitting
    check_alike(found, plain[1])


def test_memory_for_not_even_one_pair_is_one_sentence(school, monkeypatch):
    import torch

    both = towers_of(school)

    def never(part):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(both, "both", never)
    with pytest.raises(TrainingFailed, match="enough memory for a single picture"):
        gradients(both, 12)


def test_the_scale_learns_and_stays_at_100():
    import torch

    from llm_glam.train.learn.hf.epoch import optimizer_of

    scale = torch.nn.Parameter(torch.tensor(math.log(99.9)))
    zeros = {"logit_scale": (np.zeros((), np.float32), np.zeros((), np.float32))}
    optimizer = optimizer_of({"logit_scale": scale}, zeros, 0, 0.05)
    optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = 0.1
    for slope, expected in ((-1.0, 100.0), (1.0, 100 * math.exp(-0.1))):
        optimizer.state.clear()
        scale.grad = torch.tensor(slope)
        optimizer.step()
        assert scale.exp().item() == pytest.approx(expected, rel=1e-3)


# Trainings


def test_all_weights_learn_what_they_did_not_know(trained):
    result, glam = trained
    found = recall(result)
    assert found["glam-clip/ours"] > found["glam-clip/tiny"] + 0.1
    assert "What is trained, as requested: all weights" in result.stderr
    assert "Decoded pictures are cached in" in result.stderr
    card = (glam / "checkpoints" / "ours" / "README.md").read_text("utf-8")
    assert "all weights of both towers, projections and temperature" in card
    assert "accelerate" in card
    left = {path.name for path in (glam / "train" / "ours").iterdir()}
    assert left == {"README.md", "curves.svg", "log.jsonl"}


def test_the_temperature_is_the_checkpoints_own_and_learns(trained, school):
    _, glam = trained
    before, after = (
        checkpoint_weights.read(path).scale
        for path in (school[1], glam / "checkpoints" / "ours")
    )
    assert before == pytest.approx(math.exp(2.6592), rel=1e-4)
    assert 0 < abs(after - before) < before


def test_the_checkpoint_opens_elsewhere_with_the_same_vectors(trained, monkeypatch):
    from sentence_transformers import SentenceTransformer

    from llm_glam.engine.torch import TorchEncoder

    directory = trained[1] / "checkpoints" / "ours"
    elsewhere = SentenceTransformer(str(directory), device="cpu")
    ours = TorchEncoder(directory).encode_texts(["red over blue", "a thing"])
    found = elsewhere.encode(["red over blue", "a thing"])
    np.testing.assert_allclose(found, ours, atol=1e-6)
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert not [path for path in files if path.suffix in (".png", ".npy", ".csv")]
    every = b"".join(path.read_bytes() for path in files)
    assert b"over blue" not in every
    assert b"generated_from_trainer" not in every


@pytest.mark.slow
def test_what_is_frozen_stays_as_it_was_to_the_bit(learner, school):
    from safetensors.numpy import load_file

    last = ("--tune", "last-block", "--learning-rate", "0.003", "--epochs", "6")
    result = train(learner, school, *last, "--batch", "128")
    found = recall(result)
    assert found["glam-clip/ours"] > found["glam-clip/tiny"]
    old = load_file(school[1] / "model.safetensors")
    new = load_file(registry.directory() / "checkpoints" / "ours" / "model.safetensors")
    assert old.keys() == new.keys()
    same = {name for name in old if np.array_equal(old[name], new[name])}
    frozen = {name for name in old if "embeddings" in name or "pre_layrnorm" in name}
    assert same == frozen


def killed_in_the_third_epoch(*words):
    """Run a command until training is in the middle of that epoch."""
    import torch
    from llm.cli import cli

    real = Pass.tell

    def tell(self, loss, fits):
        real(self, loss, fits)
        if self.number == 3 and len(self.losses) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    Pass.tell = tell
    torch.set_num_threads(1)
    cli(words)


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_as_if_it_had_not_been(
    learner, school, trained
):
    data = school[0] / "data" / "captions.csv"
    words = ["glam", "train", str(data), "--base", "tiny", "--name", "ours"]
    options = [*ALL, "--epochs", "4"]
    done = forked.run(killed_in_the_third_epoch, *words, *options)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = registry.directory() / "train" / "ours"
    left = {path.name for path in folder.iterdir()}
    assert {"pixels.npy", "pixels.npz", "state.safetensors"} <= left

    other = learner.fails(*words, *options[:-1], "5", "--resume")
    resumed = train(learner, school, *options, "--resume")

    assert "made with other settings" in other
    assert "epoch 2/4" not in resumed.stderr
    assert "epoch 3/4" in resumed.stderr
    assert resumed.stdout == trained[0].stdout
    logs = [
        [
            {k: v for k, v in json.loads(line).items() if k != "seconds"}
            for line in (at / "train" / "ours" / "log.jsonl").read_text().splitlines()
        ]
        for at in (registry.directory(), trained[1])
    ]
    assert logs[0] == logs[1]
    both = [
        (at / "checkpoints" / "ours" / "model.safetensors").read_bytes()
        for at in (registry.directory(), trained[1])
    ]
    assert both[0] == both[1]


def cut_rows(path):
    np.save(path, np.load(path)[:-40])


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: path.write_bytes(b"rubbish" * 1000),
        cut_rows,
    ],
)
def test_pixels_that_were_kept_and_are_damaged_are_read_again(school, tmp_path, damage):
    model = checkpoint_weights.opened(school[1])
    preparation = checkpoint_weights.preparation(model, school[1])
    data = school[0] / "data" / "captions.csv"
    found = from_table.read(str(data), Columns()).pairs[:50]
    cache_file, report = tmp_path / "pixels.npy", SimpleNamespace(
        begin=print, advance=id
    )
    given = (preparation, "0", found, cache_file, print, report)
    before = np.array(pixel_cache.of(*given).pixels)
    damage(cache_file)
    after = pixel_cache.of(*given)
    np.testing.assert_array_equal(after.pixels, before)


def test_windows_deletes_no_pixels_that_are_in_use(school, tmp_path, monkeypatch):
    model = checkpoint_weights.opened(school[1])
    preparation = checkpoint_weights.preparation(model, school[1])
    found = from_table.read(str(school[0] / "data" / "captions.csv"), Columns()).pairs
    progress = SimpleNamespace(begin=print, advance=id)
    refuse_open_files(monkeypatch)

    def cached(number, file):
        given = found[:number], tmp_path / file, print, progress
        return pixel_cache.of(preparation, "0", *given)

    kept = cached(20, "pixels.npy")
    (tmp_path / "pixels.npz").write_bytes(b"of other pictures")
    pixel_cache.forget(tmp_path / "pixels.npy")
    assert (tmp_path / "pixels.npy").exists()  # until the next run
    del kept
    assert len(cached(20, "pixels.npy").pixels) == 20
    assert sorted(os.listdir(tmp_path)) == ["pixels.npy", "pixels.npz"]


@pytest.mark.slow
def test_time_that_is_up_within_an_epoch_leaves_the_one_before(
    learner, school, monkeypatch
):
    real = Pass.check_time

    def up(self):
        if self.number == 4 and len(self.losses) == 2:
            raise Stopped("seconds")
        real(self)

    monkeypatch.setattr(Pass, "check_time", up)
    only = replace(presets.PRESETS["all"], alphas=(1.0,))
    monkeypatch.setitem(presets.PRESETS, "all", only)
    result = train(learner, school, *ALL, "--epochs", "4")
    assert (
        "Stopped at the time limit. Using 100% new and 0% old weights" in result.stderr
    )
    assert "epoch 3/4" in result.stderr
    assert "epoch 4/4" not in result.stderr
    assert "Registered glam-clip/ours" in result.stderr  # with the vectors measured


@pytest.mark.slow
def test_a_run_made_to_collapse_registers_nothing(learner, school, monkeypatch):
    wild = ("--tune", "all", "--learning-rate", "1", "--epochs", "2")
    result = train(learner, school, *wild, ok=False)
    assert result.exit_code == 1
    assert "Error: Nothing was registered. " in result.stderr
    assert "lower the learning rate" in result.stderr.lower() or (
        "which can be chance" in result.stderr
    )
    assert not (registry.directory() / "checkpoints" / "ours").exists()
    assert "ours" not in [one.name for one in registry.checkpoints()]
    monkeypatch.setattr(pixel_cache, "prefetch", None)  # pictures are not read again
    again = train(
        learner, school, *ALL, "--epochs", "1", "--max-minutes", "1e-9", ok=False
    )
    assert "Stopped at the time limit" in again.stderr


# What cannot be


@pytest.mark.parametrize("free", [1_000, 500_000])
def test_too_little_memory_is_said_before(learner, school, monkeypatch, free):
    monkeypatch.setattr(memory, "free", lambda device: free)
    data = school[0] / "data" / "captions.csv"
    message = learner.fails(
        *("glam", "train", data, "--base", "tiny", "--name", "x", "--tune", "all")
    )
    assert "--tune all needs about 0.0 GB of memory" in message
    assert "Use --tune last-block" in message


def test_too_little_disk_is_said_before(learner, school, monkeypatch):
    usage = type("Usage", (), {"free": 1_000})
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda folder: usage)
    data = school[0] / "data" / "captions.csv"
    message = learner.fails(
        *("glam", "train", data, "--base", "tiny", "--name", "x", "--tune", "all")
    )
    assert "The decoded pictures would take 2 MB in" in message
    assert "--tune projections" in message


def test_pictures_that_are_prepared_in_another_way(llm, school, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(school[1], other)
    path = other / "processor_config.json"
    settings = json.loads(path.read_text())
    settings["image_processor"] = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": 32, "width": 32},
    }
    path.write_text(json.dumps(settings))
    llm("glam", "models", "add", "tiny", other)
    data = school[0] / "data" / "captions.csv"
    message = llm.fails(
        *("glam", "train", data, "--base", "tiny", "--name", "ours", *ALL)
    )
    assert "preprocesses pictures differently from CLIP (ViTImagePro" in message
    assert message.endswith("Use --tune projections.")


def test_without_the_packages_there_is_one_sentence(learner, school, monkeypatch):
    monkeypatch.setattr(presets, "find_spec", lambda name: None)
    data = school[0] / "data" / "captions.csv"
    message = learner.fails(
        *("glam", "train", data, "--base", "tiny", "--name", "x", "--tune", "all")
    )
    assert message == (
        "--tune all needs packages that are not installed. Install them with: "
        "llm install 'llm-glam[train]'"
    )


@pytest.mark.parametrize(
    ("weights", "pictures", "has_card", "expected", "why"),
    [
        (151_000_000, 20_000, False, "projections", "no GPU"),
        (151_000_000, 20_000, True, "all", "there are 20,000 pictures"),
        (151_000_000, 4_000, True, "last-block", "fewer than 5,000"),
        (2_300_000, 4_000, False, "last-block", "2 million weights"),
        (2_300_000, 9_000, False, "all", "2 million weights"),
        (151_000_000, 400, True, "projections", "400 pictures are too few"),
    ],
)
def test_what_learns_is_chosen_by_hardware_and_data(
    weights, pictures, has_card, expected, why
):
    found = presets.choose(None, weights=weights, pictures=pictures, has_card=has_card)
    assert found.tune == expected
    assert why in found.why


@pytest.mark.parametrize(
    ("tune", "pictures", "epochs", "expected"),
    [
        ("projections", 420, None, (200, 50)),
        ("projections", 1_400, None, (67, 16)),
        ("projections", 77_000, None, (20, 5)),
        ("projections", 420, 3, (3, 5)),
        ("all", 420, None, (20, 5)),
    ],
)
def test_few_pictures_are_learnt_from_more_often(tune, pictures, epochs, expected):
    given = {"epochs": epochs, "batch": None, "learning_rate": None}
    found = presets.settings(tune, 10**6, pictures, **given)
    assert (found.epochs, found.patience) == expected


def test_without_the_packages_projections_are_chosen(monkeypatch):
    monkeypatch.setattr(presets, "find_spec", lambda name: None)
    found = presets.choose(None, weights=10**6, pictures=9_000, has_card=True)
    assert found.tune == "projections"
    assert "llm install 'llm-glam[train]'" in found.why


@pytest.mark.parametrize(
    ("batch", "device", "free", "expected"),
    [
        (256, "cpu", 2**40, 13),
        (256, "cuda", 2**40, 109),
        (256, "cuda", 2**31, 6),
        (8, "cpu", 2**40, 8),
        (256, "cpu", 1, 1),
    ],
)
def test_as_many_pairs_at_once_as_memory_bears(batch, device, free, expected):
    sizes = memory.Sizes(151_000_000, 151_000_000, 79 * 10**6)
    found = memory.at_once(sizes, batch, device, free)
    assert found <= expected < 2 * found or found == batch == expected


# Texts that are not to be forgotten


def test_retained_captions_are_the_users_own(learner, school, tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("\n".join(f"red pot {i}" for i in range(30)))
    result = train(
        *(learner, school, "--tune", "projections", "--epochs", "1"),
        *("--retain", tmp_path / "mine.txt"),
        ok=False,
    )
    log = registry.directory() / "train" / "ours" / "log.jsonl"
    first = json.loads(log.read_text().splitlines()[0])
    assert first["retention"] == 1.0
    assert "before: held-out recall@10" in result.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00", "is not UTF-8 text"),
        (b"one\ntwo\n\nTWO\n", "has 2 different captions"),
    ],
)
def test_a_bad_file_of_captions(learner, school, tmp_path, content, message):
    if content is not None:
        (tmp_path / "mine.txt").write_bytes(content)
    data = school[0] / "data" / "captions.csv"
    said = learner.fails(
        *("glam", "train", data, "--base", "tiny", "--name", "x"),
        *("--retain", tmp_path / "mine.txt"),
    )
    assert message in said
