"""reembed killed in the middle and repeated: the same rows as of a run left alone."""

import numpy as np
import pytest

from .. import finds, tiny
from ..killed import killed_at

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("where", "times", "done"),
    [
        ("llm_glam.ingest.write_batch:_write_vector", 40, (0, 39)),
        ("llm_glam.ingest.pipeline:write_batch", 2, (1, 59)),
        ("llm_glam.ingest.reembed:write_results", 1, (0, 0)),
    ],
)
def test_reembed(where, times, done, llm, tiny_clip, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    llm("glam", "models", "add", "tiny", tiny_clip)
    llm("glam", "models", "add", "other", tiny.make(tmp_path / "other", seed=3))
    finds.make(tmp_path / "many")
    llm("glam", "embed", "photos", "many", "-m", "tiny")
    llm("glam", "reembed", "photos", "whole", "-m", "other")
    killed_at(where, "glam", "reembed", "photos", "second", "-m", "other", times=times)
    kept = llm.vectors("second")
    assert done[0] <= len(kept) <= done[1]
    result = llm("glam", "reembed", "photos", "second", "-m", "other")
    assert f"{60 - len(kept)} embedded" in result.stderr
    second, whole = llm.vectors("second"), llm.vectors("whole")
    assert second.keys() == whole.keys()
    np.testing.assert_allclose([*second.values()], [*whole.values()], atol=1e-5)
    assert llm.rows("pragma integrity_check") == [{"integrity_check": "ok"}]
