"""``models add`` killed where something could be lost: repeated, it gives the same."""

from pathlib import Path

import pytest

from llm_glam.models import registry

from ..killed import killed_at

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "where",
    [
        "llm_glam.formats.archive_reader:_write",
        "llm_glam.models.local_store:_moved",
        "llm_glam.models.local_store:_proved",
        "llm_glam.models.registry:put",
        "llm_glam.formats.atomic:os.replace",
        "llm_glam.models.local_store:_forget_former",
    ],
)
def test_an_archive(where, llm, tiny_clip):
    llm("glam", "models", "add", "other", tiny_clip)
    llm("glam", "models", "pack", "other", "x.zip")
    known = registry.get("other")
    add = ("glam", "models", "add", "mine", "x.zip")
    killed_at(where, *add)
    assert registry.get("other") == known
    llm(*add)
    entry = registry.get("mine")
    assert entry.fingerprint == known.fingerprint
    assert Path(entry.source, "model.safetensors").is_file()
    (row,) = llm.json("glam", "models", "show", "mine", "--no-speed")
    assert row["self_test"] == "passed"
