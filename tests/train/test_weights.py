"""What enters a CLIP's projections, and checkpoints with others in their place."""

import numpy as np
import pytest
from PIL import Image

from llm_glam.engine.torch import TorchEncoder
from llm_glam.errors import BadCheckpoint
from llm_glam.models import engine_choice
from llm_glam.train.clip import caption_tokens, checkpoint_weights

from .. import tiny

WORDS = ["a red square", "an owl", "bronze brooch, broken"]


def vectors(encoder):
    pictures = [Image.new("RGB", (50, 40), c) for c in ("red", "teal", "white")]
    prepared = [encoder.prepare(one) for one in pictures]
    return encoder.encode_prepared(prepared), encoder.encode_texts(WORDS)


@pytest.mark.parametrize("layout", ["plain", "as_sentence_transformer", "as_legacy"])
def test_what_enters_them_gives_the_vectors(tiny_clip, tmp_path, layout):
    directory = tiny_clip
    if layout != "plain":
        directory = getattr(tiny, layout)(tiny_clip, tmp_path / layout)
    read = checkpoint_weights.read(directory)
    both = read.picture, read.text

    checkpoint_weights.without(directory, tmp_path / "without")

    inputs = vectors(TorchEncoder(tmp_path / "without"))
    real = vectors(TorchEncoder(directory))
    for features, weights, expected in zip(inputs, both, real, strict=True):
        found = features[:, : weights.shape[1]] @ weights.T
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert read.scale == pytest.approx(np.exp(2.6592), rel=1e-4)


@pytest.mark.slow
def test_the_fast_engine_runs_it(tiny_clip, tmp_path, monkeypatch):
    monkeypatch.delenv("LLM_GLAM_ENGINE")
    checkpoint_weights.without(tiny_clip, tmp_path / "without")
    fast = engine_choice.export(tmp_path / "without", None, print)
    slow = TorchEncoder(tmp_path / "without")
    assert fast.dimensions == slow.dimensions
    for found, expected in zip(vectors(fast), vectors(slow), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_others_in_their_place(tiny_clip, tmp_path):
    old = checkpoint_weights.read(tiny_clip)
    other = np.random.default_rng(1).normal(size=old.picture.shape).astype("f4")

    others = {
        "visual_projection.weight": other,
        "text_projection.weight": 2 * old.text,
        "logit_scale": np.log(np.float32(50)),
    }
    checkpoint_weights.replaced(tiny_clip, tmp_path / "new", others)

    before, after = TorchEncoder(tiny_clip), TorchEncoder(tmp_path / "new")
    np.testing.assert_allclose(
        after.encode_texts(WORDS), 2 * before.encode_texts(WORDS), rtol=1e-4
    )
    read = checkpoint_weights.read(tmp_path / "new")
    np.testing.assert_array_equal(read.picture, other)
    assert read.scale == pytest.approx(50)
    assert old.scale != pytest.approx(50)
    assert before.fingerprint != after.fingerprint
    files = {file.name for file in (tmp_path / "new").rglob("*") if file.is_file()}
    assert "README.md" not in files
    assert {"modules.json", "model.safetensors"} <= files


def test_a_checkpoint_without_projections(tmp_path):
    directory = tiny.siglip(tmp_path / "siglip")
    with pytest.raises(BadCheckpoint, match="no projections to train"):
        checkpoint_weights.read(directory)


def test_texts_that_are_longer_than_a_checkpoint_reads(tiny_clip):
    look = caption_tokens.look(tiny_clip, ["owl", "owl " * 300, "a red square"])
    assert look.reads == 77
    assert look.too_long == [1]
    assert look.unknown == []
    assert look.weights == 46_145


def test_texts_with_characters_that_end_them(tiny_clip, tmp_path):
    directory = tiny.without_tokens(tiny_clip, tmp_path / "clip", ",</w>", "2</w>")
    texts = ["owl, red", "owl", "owl 2", "", "2", "owl. Red"]
    assert caption_tokens.look(tiny_clip, texts).unknown == []
    assert caption_tokens.look(directory, texts).unknown == [0, 2, 4]


def test_the_last_block_is_one_of_each_tower_and_what_stands_behind(tiny_clip):
    clip = checkpoint_weights.clip_of(checkpoint_weights.opened(tiny_clip), tiny_clip)
    learning = checkpoint_weights.learning(clip, True, tiny_clip)
    left = {name for name, _ in clip.named_parameters()} - set(learning)
    assert {name.partition(".")[2].partition(".")[0] for name in left} == {
        "embeddings",
        "pre_layrnorm",
    }
    assert "logit_scale" in learning
    assert len(checkpoint_weights.learning(clip, False, tiny_clip)) == len(
        learning
    ) + len(left)
