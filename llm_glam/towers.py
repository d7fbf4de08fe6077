"""Checkpoints without their projections, and with others in their place.

With frozen towers, all that training changes are the projections of pictures and texts into the
space they share, and the temperature.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import BadCheckpoint
from .projections import Projections

if TYPE_CHECKING:
    from torch import nn


def read(directory: Path) -> Projections:
    """The projections of a checkpoint.

    :raises BadCheckpoint: it is no CLIP, or its projections are followed by other layers
    """
    model = _opened(directory)
    clip = _clip(model, directory)
    pictures, texts = (one.weight.detach().numpy().copy() for one in _both(clip))
    return Projections(pictures, texts, math.exp(clip.logit_scale.item()))


def too_long(directory: Path, texts: Sequence[str]) -> tuple[int, list[int]]:
    """Which texts have more tokens than a checkpoint reads.

    :return: how many it reads, and the positions of the longer texts
    :raises BadCheckpoint: as in :func:`read`
    """
    from .engine.torch import quiet

    model = _opened(directory)
    most = int(_clip(model, directory).config.text_config.max_position_embeddings)
    with quiet():
        tokens = model.tokenizer(list(texts), truncation=False)["input_ids"]
    return most, [place for place, one in enumerate(tokens) if len(one) > most]


def without(directory: Path, target: Path) -> tuple[int, int]:
    """Save a copy of a checkpoint whose vectors are what enters the projections.

    In place of a projection stands one that changes nothing and adds zeros, so that pictures and
    texts have vectors of one length and every engine runs the copy as it runs a CLIP.

    :return: how many numbers of a picture's vector and of a text's are no such zeros
    :raises BadCheckpoint: as in :func:`read`
    """
    import torch
    from sentence_transformers import SentenceTransformer

    model = _opened(directory)
    clip = _clip(model, directory)
    pictures, texts = (one.in_features for one in _both(clip))
    width = max(pictures, texts)
    for one in _both(clip):
        one.weight = torch.nn.Parameter(torch.eye(width, one.in_features))
        one.out_features = width
    clip.config.projection_dim = width
    save(SentenceTransformer(modules=[model[0]]), target)  # not normalised
    return pictures, texts


def replaced(directory: Path, target: Path, others: Projections) -> None:
    """Save a copy of a checkpoint with other projections, in sentence-transformers' layout.

    :raises BadCheckpoint: as in :func:`read`
    """
    import torch

    model = _opened(directory)
    clip = _clip(model, directory)
    with torch.no_grad():
        for one, weights in zip(
            _both(clip), (others.picture, others.text), strict=True
        ):
            one.weight.copy_(torch.from_numpy(weights))
        clip.logit_scale.fill_(math.log(others.scale))
    save(model, target)


def save(model: Any, target: Path) -> None:
    """Save a SentenceTransformer, without a card, readable by others."""
    from .engine.torch import quiet

    with quiet():
        model.save_pretrained(str(target), create_model_card=False)
    for file in target.rglob("*.safetensors"):
        file.chmod(0o644)  # safetensors writes it for its owner only


def _opened(directory: Path) -> Any:
    from .engine.torch import load, quiet

    with quiet():
        return load(directory, "cpu").float().eval()


def _both(clip: Any) -> "tuple[nn.Linear, nn.Linear]":
    return clip.visual_projection, clip.text_projection


def _clip(model: Any, directory: Path) -> Any:
    """The CLIP inside a SentenceTransformer."""
    names = ("visual_projection", "text_projection", "logit_scale")
    found = [m for m in model.modules() if all(hasattr(m, name) for name in names)]
    others = [type(one).__name__ for one in list(model)[1:]]
    if not found:
        raise BadCheckpoint(
            f"{directory} has no projections that could be trained: it is no CLIP "
            "(a SigLIP, for instance, has none)."
        )
    if set(others) - {"Normalize"}:
        raise BadCheckpoint(
            f"The projections of {directory} are followed by other layers "
            f"({', '.join(others)}), which would have to learn with them."
        )
    return found[0]
