"""Find captions that a checkpoint's tokenizer cannot read to their ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .checkpoint_weights import clip_of, opened


@dataclass(frozen=True)
class Look:
    """A checkpoint as it was examined before training.

    ``reads`` is how many tokens of a text it reads, ``too_long`` the positions of longer texts,
    ``unknown`` those of texts with characters that its tokenizer replaces by the end token, so
    that nothing after them is read. ``weights`` is the number of its weights.
    """

    reads: int
    too_long: list[int]
    unknown: list[int]
    weights: int


def look(directory: Path, texts: Sequence[str]) -> Look:
    """Find texts that a checkpoint cannot read completely, and count its weights.

    :raises BadCheckpoint: as in :func:`llm_glam.train.clip.checkpoint_weights.read`
    """
    from ...engine.torch import quiet

    model = opened(directory)
    clip = clip_of(model, directory)
    most = int(clip.config.text_config.max_position_embeddings)
    with quiet():
        tokens = model.tokenizer(list(texts), truncation=False)["input_ids"]
    too_long = [place for place, one in enumerate(tokens) if len(one) > most]
    weights = sum(one.numel() for one in clip.parameters())
    return Look(most, too_long, _ended_early(model.tokenizer, tokens), weights)


def _ended_early(tokenizer: Any, tokens: Sequence[Sequence[int]]) -> list[int]:
    """Return the texts with an inner end token, if that also stands for unknown characters."""
    end = tokenizer.eos_token_id
    if end is None or end != tokenizer.unk_token_id:
        return []
    return [place for place, one in enumerate(tokens) if end in one[1:-1]]
