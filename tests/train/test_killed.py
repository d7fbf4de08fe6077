"""A training killed at any point is resumed, and gives the weights of one left alone."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file

from llm_glam.models import registry
from llm_glam.train import training_run

from .. import tiny
from ..conftest import Llm
from ..killed import killed_at
from .test_train import draw

pytestmark = pytest.mark.slow
TRAIN = ("--base", "tiny", "--tune", "projections", "--epochs", "30")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("killed") / "data"
    draw(folder, 300)
    return folder / "captions.csv"


def train(data, name, *more):
    rate = ("--learning-rate", "0.02")
    return ("glam", "train", data, "--name", name, *TRAIN, *rate, *more)


@pytest.fixture(scope="module")
def user(data, tmp_path_factory):
    """LLM's folder with a base, and a checkpoint whose training was left alone."""
    folder = tmp_path_factory.mktemp("killed-user")
    with Llm.shared(folder) as llm:
        llm("glam", "models", "add", "tiny", tiny.make(folder / "clip", width=64))
        llm(*train(data, "whole"))
    return folder


def weights(name):
    found = load_file(Path(registry.get(name).source, "model.safetensors"))
    return {key: found[key].tobytes() for key in sorted(found)}


@pytest.mark.parametrize(
    ("where", "times"),
    [
        ("llm_glam.train.cache.npz:atomic.replacing", 1),
        ("llm_glam.train.learn.state:State.write", 9),
        ("llm_glam.train.clip.checkpoint_weights:replaced", 1),
        ("llm_glam.models.registry:put", 1),
    ],
)
def test_killed_and_resumed(user, data, where, times, monkeypatch):
    monkeypatch.setenv("LLM_USER_PATH", str(user))
    llm = Llm(user / "embeddings.db")
    name = where.split(":")[1].lower().replace(".", "-")
    killed_at(where, *train(data, name), times=times)
    assert name not in [one.name for one in registry.checkpoints()]
    assert training_run.lock_of(name).exists()  # and is free
    resume = ["--resume"] if "cache" not in where else []
    llm(*train(data, name, *resume))
    assert weights(name) == weights("whole")
    folders = registry.directory() / "checkpoints"
    assert len([one for one in folders.iterdir() if one.name.startswith(name)]) == 1
