"""A checkpoint of hostile sizes is refused in a sentence, before anything large is made."""

import json
import re
import resource
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm_glam.errors import BadCheckpoint
from llm_glam.models import loading
from tests import tiny

GIGABYTE = 2**30
TOWER = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    "projection_dim",
)
FIELDS = {
    "config.json": [
        ("projection_dim",),
        *(("vision_config", name) for name in TOWER),
        *(("vision_config", name) for name in ("image_size", "patch_size")),
        ("vision_config", "num_channels"),
        *(("text_config", name) for name in TOWER),
        *(("text_config", name) for name in ("vocab_size", "max_position_embeddings")),
    ],
    "processor_config.json": [
        ("image_processor", "size", "shortest_edge"),
        ("image_processor", "crop_size", "height"),
        ("image_processor", "crop_size", "width"),
        ("image_processor", "crop_size"),
    ],
    "tokenizer_config.json": [("model_max_length",)],
}
EVERY_FIELD = [(file, at) for file, places in FIELDS.items() for at in places]
VALUES = (
    *(0, -1, 3, 500, 10**6, 10**9, 2**40, 2**70, -(2**40), 1.5, 1e300),
    *(float("nan"), float("inf"), True, None, "12", "x", [], {}, [10**9, 10**9]),
    {"height": 10**9, "width": 10**9},
)
pytestmark = pytest.mark.slow


@contextmanager
def little_memory():
    """Have at most two gigabytes more than there is."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * GIGABYTE, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(scope="session")
def checkpoints(tiny_clip, tmp_path_factory):
    """A CLIP and a SigLIP, whose settings have different names in part."""
    return {
        "clip": tiny_clip,
        "siglip": tiny.siglip(tmp_path_factory.mktemp("sizes") / "siglip"),
    }


def changed(plain, folder, file, at, value):
    """A copy of a checkpoint with one setting changed."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(plain, folder)
    settings = json.loads((folder / file).read_text("utf-8"))
    inner = settings
    for key in at[:-1]:
        inner = inner.setdefault(key, {})
    inner[at[-1]] = value
    (folder / file).write_text(json.dumps(settings), "utf-8")
    return folder


def outcome(folder):
    """None if it is a usable checkpoint, else why not; with little memory."""
    with little_memory():
        try:
            return loading.add("hostile", str(folder)) and None
        except BadCheckpoint as error:
            return error.message
        finally:
            shutil.rmtree(loading.registry.directory(), ignore_errors=True)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux")
@given(
    kind=st.sampled_from(["clip", "siglip"]),
    field=st.sampled_from(EVERY_FIELD),
    value=st.sampled_from(VALUES),
)
@example("clip", ("config.json", ("vision_config", "num_channels")), 10**6)
@example("siglip", ("config.json", ("vision_config", "num_channels")), 10**6)
@example("clip", ("config.json", ("text_config", "vocab_size")), 2**40)
@example("clip", ("config.json", ("vision_config", "image_size")), 10**9)
@example("clip", ("config.json", ("vision_config", "num_hidden_layers")), 0)
@example("clip", ("config.json", ("vision_config", "num_hidden_layers")), -1)
@example("siglip", ("tokenizer_config.json", ("model_max_length",)), -1)
@example("siglip", ("tokenizer_config.json", ("model_max_length",)), "x")
@example("clip", EVERY_FIELD[-4], 10**9)
@example("clip", EVERY_FIELD[-3], 10**6)
@example("clip", EVERY_FIELD[-5], 10**9)
def test_hostile_sizes_end_in_a_sentence(
    checkpoints, tmp_path_factory, kind, field, value
):
    folder = tmp_path_factory.getbasetemp() / "hostile"
    message = outcome(changed(checkpoints[kind], folder, *field, value))
    if message is None:
        return
    assert str(folder) in message
    assert "\n" not in message
    assert not re.search("memory|allocate", message), message


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (
            ("config.json", ("vision_config", "num_channels")),
            1_000_000,
            "config.json describes a model of 2,048,0",
        ),
        (
            ("config.json", ("text_config", "vocab_size")),
            2**40,
            "config.json describes a model of 35,18",
        ),
        (
            ("config.json", ("vision_config", "num_hidden_layers")),
            0,
            "config.json names 0 layers, 1 to 500 can be loaded; get the checkpoint again.",
        ),
        (
            ("processor_config.json", ("image_processor", "crop_size", "width")),
            1_000_000,
            "has preprocessing for pictures with a side of 1,000,000 pixels, 1 to 4,096 can be "
            "used. Get the checkpoint again.",
        ),
        (
            ("processor_config.json", ("image_processor", "size", "shortest_edge")),
            0,
            "has preprocessing for pictures with a side of 0 pixels",
        ),
    ],
)
def test_what_is_said(checkpoints, tmp_path, llm, field, value, expected):
    folder = changed(checkpoints["clip"], tmp_path / "hostile", *field, value)
    assert expected in llm.fails("glam", "models", "add", "hostile", folder)


def test_a_checkpoint_in_16_bits_is_not_too_large(checkpoints, tmp_path, llm):
    """Its files have two bytes for each weight; those of quantised ones one."""
    import torch
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(checkpoints["clip"], tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    half = {name: one.to(torch.float16) for name, one in weights.items()}
    save_file(half, folder / "model.safetensors", {"format": "pt"})
    llm("glam", "models", "add", "half", folder)
