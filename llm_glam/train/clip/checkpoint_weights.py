"""Read the weights of a checkpoint, and save copies without projections or with other weights."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...engine.preprocess import Preprocessing
from ...errors import BadCheckpoint
from .contrastive_loss import LARGEST_SCALE, NamedArrays
from .projection_head import Projections

if TYPE_CHECKING:
    from torch import nn

# The names of the parts of Projections in a CLIP.
NAMES = {
    "picture": "visual_projection.weight",
    "text": "text_projection.weight",
    "log_scale": "logit_scale",
}


def read(directory: Path) -> Projections:
    """Return the projections of a checkpoint.

    :raises BadCheckpoint: it is not a CLIP, or its projections are followed by other layers
    """
    model = opened(directory)
    clip = clip_of(model, directory)
    pictures, texts = (one.weight.detach().numpy().copy() for one in _both(clip))
    return Projections(pictures, texts, math.exp(clip.logit_scale.item()))


def without(directory: Path, target: Path) -> tuple[int, int]:
    """Save a copy of a checkpoint whose vectors are the inputs of the projections.

    Each projection is replaced by an identity padded with zeros, so that pictures and
    texts have vectors of the same length and every engine can run the copy like any CLIP.

    :return: how many values of a picture's vector and of a text's are not padding
    :raises BadCheckpoint: as in :func:`read`
    """
    import torch
    from sentence_transformers import SentenceTransformer

    model = opened(directory)
    clip = clip_of(model, directory)
    pictures, texts = (one.in_features for one in _both(clip))
    width = max(pictures, texts)
    for one in _both(clip):
        one.weight = torch.nn.Parameter(torch.eye(width, one.in_features))
        one.out_features = width
    clip.config.projection_dim = width
    save(SentenceTransformer(modules=[model[0]]), target)  # not normalised
    return pictures, texts


def replaced(directory: Path, target: Path, others: NamedArrays) -> None:
    """Save a copy of a checkpoint with other weights, in sentence-transformers' layout.

    :param others: by their names in the CLIP; all others stay as they are
    :raises BadCheckpoint: as in :func:`read`
    """
    model = opened(directory)
    put(dict(clip_of(model, directory).named_parameters()), others)
    save(model, target)


def put(own: Mapping[str, Any], others: NamedArrays) -> None:
    """Set weights by name; the scale is clamped to at most 100."""
    import torch

    with torch.no_grad():
        for name, values in others.items():
            own[name].copy_(torch.tensor(values))
        if NAMES["log_scale"] in others:
            own[NAMES["log_scale"]].clamp_(max=math.log(LARGEST_SCALE))


def save(model: Any, target: Path) -> None:
    """Save a SentenceTransformer without a card, readable by other users."""
    from ...engine.torch import quiet

    with quiet():
        model.save_pretrained(str(target), create_model_card=False)
    for file in target.rglob("*.safetensors"):
        file.chmod(0o644)  # safetensors makes it readable by its owner only


def opened(directory: Path, device: str | None = "cpu") -> Any:
    """Load a checkpoint as a SentenceTransformer in single precision."""
    from ...engine.torch import load, quiet

    with quiet():
        return load(directory, device).float().eval()


def _both(clip: Any) -> "tuple[nn.Linear, nn.Linear]":
    return clip.visual_projection, clip.text_projection


def preparation(model: Any, directory: Path) -> Preprocessing:
    """Return how pictures are preprocessed for a model.

    :raises BadCheckpoint: the preprocessing is not CLIP's, or its output size varies
    """
    from ...engine.torch import processor_settings

    settings = processor_settings(model)
    found = Preprocessing.of(settings)
    if found is None or found.shape is None:
        raise BadCheckpoint(
            f"{directory} preprocesses pictures differently from CLIP "
            f"({settings.get('image_processor_type')}), so they cannot be cached for its towers. "
            "Use --tune projections."
        )
    return found


def learning(clip: Any, is_last: bool, directory: Path) -> dict[str, Any]:
    """Return the weights to train, by name.

    :param is_last: only the last block of each tower and what follows it
    :raises BadCheckpoint: the towers are not built like CLIP's
    """
    own = dict(clip.named_parameters())
    if not is_last:
        return own
    try:
        parts = [
            clip.vision_model.encoder.layers[-1],
            clip.vision_model.post_layernorm,
            clip.text_model.encoder.layers[-1],
            clip.text_model.final_layer_norm,
            *_both(clip),
        ]
    except (AttributeError, IndexError) as error:
        raise BadCheckpoint(
            f"The last blocks of {directory} cannot be identified: its towers are not built like "
            "CLIP's. Use --tune projections or --tune all."
        ) from error
    last = {id(weights) for part in parts for weights in part.parameters()}
    last.add(id(clip.logit_scale))
    return {name: weights for name, weights in own.items() if id(weights) in last}


def clip_of(model: Any, directory: Path) -> Any:
    """Return the CLIP inside a SentenceTransformer.

    :raises BadCheckpoint: there is none, or its projections are followed by other layers
    """
    names = ("visual_projection", "text_projection", "logit_scale")
    found = [m for m in model.modules() if all(hasattr(m, name) for name in names)]
    others = [type(one).__name__ for one in list(model)[1:]]
    if not found:
        raise BadCheckpoint(
            f"{directory} has no projections to train: it is not a CLIP model (a SigLIP, for "
            "instance, has none). Use another --base."
        )
    if set(others) - {"Normalize"}:
        raise BadCheckpoint(
            f"The projections of {directory} are followed by other layers ({', '.join(others)}), "
            "which would have to be trained with them. Use another --base."
        )
    return found[0]
