"""Check by settings alone whether a model can have been fine-tuned from a base.

A wrong tokenizer need not fail: a vocabulary that is too small, or an end token that the model does
not know, gives plausible vectors, and searches that find nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadCheckpoint

CLIP = "clip"
# The defaults of transformers where a CLIP's config.json is silent.
ROWS, LONGEST, DIMENSIONS, END = 49408, 77, 512, 49407
HIGHEST = (
    2  # as an end of text: the highest number there is, in configurations before 2023
)
END_WORD = "<|endoftext|>"


@dataclass(frozen=True)
class Shape:
    """What a model must have in common with a tokenizer, or with another model of its family."""

    kind: str
    vocabulary: int | None
    longest: int | None
    dimensions: int | None
    end: int | None


def check(model: Path, base: Path) -> None:
    """Refuse a base whose tokenizer cannot be the one that a model was trained with.

    :param model: the folder with the model's config.json
    :param base: the folder with config.json and tokenizer of the base
    :raises BadCheckpoint: names the differences
    """
    ours = _shape(model)
    found = _other_shapes(ours, _shape(base)) or _other_words(ours, base)
    if found:
        raise BadCheckpoint(
            f"{model} was not fine-tuned from {base}: {'; '.join(found)}. Name the checkpoint it "
            "was fine-tuned from: --base NAME_OR_FOLDER"
        )


def _other_shapes(ours: Shape, bases: Shape) -> list[str]:
    if ours.kind != bases.kind:
        return [f"it is a '{ours.kind}' model, the base is a '{bases.kind}' model"]
    compared = (
        ("its vocabulary has {:,} tokens", ours.vocabulary, bases.vocabulary),
        ("its vectors have {:,} dimensions", ours.dimensions, bases.dimensions),
        ("it reads up to {:,} tokens of a text", ours.longest, bases.longest),
    )
    return [
        f"{words.format(one)}, the base's {other:,}"
        for words, one, other in compared
        if one and other and one != other
    ]


def _other_words(ours: Shape, base: Path) -> list[str]:
    words = vocabulary(base)
    if not words or ours.kind != CLIP or ours.vocabulary is None:
        return []
    rows, end = max(words.values()) + 1, words.get(END_WORD)
    if rows != ours.vocabulary:
        return [
            f"its vocabulary has {ours.vocabulary:,} tokens, the base's tokenizer has {rows:,}"
        ]
    expected = rows - 1 if ours.end == HIGHEST else ours.end
    if end is not None and end != expected:
        return [
            f"its texts end with token {expected}, those of the base's tokenizer with {end}"
        ]
    return []


def vocabulary(folder: Path) -> dict[str, int]:
    """Return a tokenizer's tokens with their ids; empty if its files are of an unknown kind."""
    whole = json_object(folder / "tokenizer.json")
    if whole:
        words = (whole.get("model") or {}).get("vocab")
        added = {
            one["content"]: one["id"]
            for one in whole.get("added_tokens") or []
            if isinstance(one, dict) and {"content", "id"} <= one.keys()
        }
        return {**words, **added} if isinstance(words, dict) else {}
    known = json_object(folder / "vocab.json") | json_object(
        folder / "added_tokens.json"
    )
    return {word: number for word, number in known.items() if isinstance(number, int)}


def _shape(folder: Path) -> Shape:
    config = json_object(folder / "config.json")
    text: dict[str, Any] = {}
    for name in ("text_config", "text_config_dict"):
        part = config.get(name)
        text |= part if isinstance(part, dict) else {}
    kind = str(config.get("model_type", CLIP))
    usual = (ROWS, LONGEST, DIMENSIONS, END) if kind == CLIP else (None,) * 4
    return Shape(
        kind,
        _number(text.get("vocab_size"), usual[0]),
        _number(text.get("max_position_embeddings"), usual[1]),
        _number(config.get("projection_dim"), usual[2]),
        _number(text.get("eos_token_id"), usual[3]),
    )


def _number(value: Any, usual: int | None) -> int | None:
    return value if isinstance(value, int) else usual


def only_modality(config: dict[str, Any]) -> str | None:
    """Return ``text`` or ``pictures`` if a config.json is that of a model for nothing else.

    Models for both describe their towers separately, as ``vision_config`` and ``text_config``.
    """
    if any("vision" in name or "text_config" in name for name in config):
        return None
    sees, reads = (
        "image_size" in config or "num_channels" in config
    ), "vocab_size" in config
    if sees == reads:
        return None
    return "text" if reads else "pictures"


def json_object(path: Path) -> dict[str, Any]:
    """Return a JSON object, empty if the file is missing or invalid: loading reports the reason."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
