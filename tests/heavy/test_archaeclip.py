"""The archaeCLIP log at full size: a bare checkpoint, three commands, and the right vectors."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from llm_glam.checkpoints.fingerprint import fingerprint
from llm_glam.demo import catalogue
from llm_glam.engine.torch import quiet
from llm_glam.models import registry

from .. import tiny

pytestmark = pytest.mark.heavy
PICTURES = 24


@pytest.fixture(scope="module")
def full_size(tmp_path_factory):
    """A ViT-B/32 in the layout that the stock checkpoint still has."""
    folder = tmp_path_factory.mktemp("full-size")
    return tiny.as_legacy(tiny.full_size(folder / "plain"), folder / "stock")


@pytest.fixture
def bare(full_size, tmp_path):
    return tiny.as_bare(full_size / "0_CLIPModel", tmp_path / "bare")


def digests(folder):
    return {
        file.relative_to(folder): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_three_commands(full_size, bare, llm, tmp_path, monkeypatch):
    from sentence_transformers import SentenceTransformer

    monkeypatch.delenv("LLM_GLAM_ENGINE")
    list(catalogue.write(tmp_path / "photos", catalogue.catalogue(PICTURES), size=240))
    before = digests(bare), digests(full_size)

    llm("glam", "models", "add", "archaeclip", bare, "--base", full_size)
    model = "glam-clip/archaeclip"
    llm("embed-multi", "photos", "--files", "photos/", "*.jpg", "-m", model)
    found = llm.json("similar", "photos", "-c", "raccoon")

    assert (digests(bare), digests(full_size)) == before
    ids, ours = zip(*sorted(llm.vectors().items()), strict=True)
    with quiet():
        library = SentenceTransformer(str(full_size), device="cpu")
        pictures = library.encode([Image.open(tmp_path / "photos" / id) for id in ids])
        raccoon = library.encode("raccoon")
    assert len(ids) == PICTURES
    assert np.abs(np.array(ours) - pictures).max() < 1e-4
    scores = cosines(pictures, raccoon)
    assert [row["id"] for row in found] == [ids[i] for i in np.argsort(-scores)[:10]]
    assert registry.get("archaeclip").fingerprint == fingerprint(library)


def cosines(pictures, vector):
    lengths = np.linalg.norm(pictures, axis=1) * np.linalg.norm(vector)
    return pictures @ vector / lengths


def test_a_wrong_base(bare, tiny_clip, llm):
    message = llm.fails("glam", "models", "add", "mine", bare, "--base", tiny_clip)

    assert "its vectors have 512 dimensions, the base's 16" in message
