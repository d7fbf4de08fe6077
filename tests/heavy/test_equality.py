"""How equal is equal: a checkpoint of full size and a trained one, in every layout people have."""

import shutil

import numpy as np
import pytest

from llm_glam.demo.catalogue import catalogue
from llm_glam.demo.drawing import draw
from llm_glam.engine.export import TEXTS, export
from llm_glam.engine.onnx import OnnxEncoder
from llm_glam.engine.torch import TorchEncoder, quiet
from llm_glam.models import loading
from llm_glam.vectors import paired_cosines

from .. import tiny

pytestmark = pytest.mark.heavy
LAYOUTS = {
    "plain": shutil.copytree,
    "bin": tiny.as_bin,
    "new": tiny.as_sentence_transformer,
    "legacy": tiny.as_legacy,
}


@pytest.fixture(scope="module")
def pictures():
    sizes = [(320, 240 + 7 * number) for number in range(24)]
    finds = (find for find, _ in catalogue(len(sizes)))
    return [
        draw(find, 240).resize(size) for find, size in zip(finds, sizes, strict=True)
    ]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A ViT-B/32 with random weights, and the demo's, which is trained."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return {
        "full-size": tiny.full_size(folder / "full-size"),
        "demo": loading.OWN_CHECKPOINT,
    }


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["full-size", "demo"])
def test_layouts_are_equal(checkpoints, pictures, tmp_path, name, layout):
    """So one export is enough: the fingerprint by which it is found is the same."""
    from sentence_transformers import SentenceTransformer

    folder = LAYOUTS[layout](checkpoints[name], tmp_path / "checkpoint")
    ours = TorchEncoder(folder, device="cpu")
    with quiet():
        # The demo's weights are stored in half precision; we compute in single precision.
        library = SentenceTransformer(str(folder), device="cpu").float()
        theirs = library.encode(pictures), library.encode(list(TEXTS))

    assert ours.fingerprint == TorchEncoder(checkpoints[name]).fingerprint
    for library_s, torch_s in zip(theirs, vectors(ours, pictures), strict=True):
        assert np.abs(torch_s - library_s).max() < 1e-5


def vectors(encoder, pictures):
    prepared = [encoder.prepare(one) for one in pictures]
    return encoder.encode_prepared(prepared), encoder.encode_texts(TEXTS)


@pytest.mark.parametrize("name", ["full-size", "demo"])
def test_engines_are_equal(checkpoints, pictures, tmp_path, name):
    reference = TorchEncoder(checkpoints[name], device="cpu")
    export(reference, tmp_path / "engine")
    fast = OnnxEncoder(tmp_path / "engine")

    exact, ours = vectors(reference, pictures), vectors(fast, pictures)
    for torch_s, engine_s in zip(exact, ours, strict=True):
        mean = torch_s.mean(0)
        assert paired_cosines(engine_s, torch_s).min() >= 0.9999
        assert paired_cosines(engine_s - mean, torch_s - mean).min() >= 0.999
        apart = np.linalg.norm(engine_s[:, None] - torch_s[None], axis=2)
        assert apart.argmin(1).tolist() == list(range(len(apart)))
