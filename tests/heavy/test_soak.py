"""Several commands and the site on one database at once, killed at random, for some seconds.

``python -m benchmarks soak --minutes 10`` does the same with an index file and for longer.
"""

import os

import pytest

from benchmarks import soak

pytestmark = pytest.mark.heavy


def test_nothing_is_lost_or_mixed_up(tmp_path, monkeypatch):
    monkeypatch.delenv("LLM_GLAM_ENGINE")  # the fast engine starts without torch
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    outcome = soak.soak(tmp_path / "soak", 0.5, 300, int(os.environ.get("SEED", "0")))
    print(sorted(outcome.tally.items()))
    assert outcome.faults == []
    assert outcome.tally["site: 200"] > 20
    assert sum(n for kind, n in outcome.tally.items() if kind.endswith(": killed")) > 3
