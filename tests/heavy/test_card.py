"""The figures on the demo checkpoint's card are those it has."""

import pytest

from llm_glam.engine.torch import TorchEncoder
from llm_glam.models import loading
from tools.demo_checkpoint import card

pytestmark = pytest.mark.heavy
NEEDED = {"kind": 0.8, "material+kind": 0.8, "damage": 0.6}


def test_the_card_s_figures():
    scores = card.figures(TorchEncoder(loading.OWN_CHECKPOINT))

    assert card.table(scores) in (loading.OWN_CHECKPOINT / "README.md").read_text(
        "utf-8"
    )
    for score in scores:
        assert score.precision >= NEEDED.get(score.group, score.chance)
