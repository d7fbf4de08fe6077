"""Did a checkpoint's files hold all weights of its model? What lacks is made up without a word.

transformers gives weights whose names it does not find random values, and says so in a log that
nobody reads. A file saved by somebody's training program under names of its own would pass every
other test, and search at random.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..checkpoints import completion, layout
from ..errors import BadCheckpoint


def check(model: Any, directory: Path) -> None:
    """Refuse a checkpoint with made-up weights, or with more words than its model has rows for.

    :param model: as SentenceTransformer loaded it
    :param directory: to name it
    :raises BadCheckpoint: says what lacks
    """
    from transformers import PreTrainedModel

    inner = next((m for m in model.modules() if isinstance(m, PreTrainedModel)), None)
    if inner is None:
        return
    _check_words(inner, model.tokenizer, directory)
    folder = completion.model_folder(directory)
    lacking = _lacking(inner, folder)
    if lacking:
        there = next(iter(_names(folder)), "none")
        raise BadCheckpoint(
            f"{directory} is missing {len(lacking):,} weights of its model, such as {lacking[0]} "
            f"(its files use names such as {there}); they would be initialised at random. Save it "
            "again from the program that trained it, with model.save_pretrained(FOLDER)."
        )


def _check_words(inner: Any, tokenizer: Any, directory: Path) -> None:
    text = getattr(inner.config, "text_config", None)
    rows = getattr(text, "vocab_size", None)
    highest = max(tokenizer.get_vocab().values(), default=0)
    if rows is not None and highest >= rows:
        raise BadCheckpoint(
            f"{directory} has the tokenizer of another checkpoint: the tokenizer has "
            f"{highest + 1:,} tokens, the model has {rows:,}. Use the tokenizer of the checkpoint "
            "it was fine-tuned from."
        )


def _lacking(inner: Any, folder: Path) -> list[str]:
    there = set(_names(folder))
    if all(name in there for name, _ in inner.named_parameters()):
        return []
    # Names that this version of transformers knows under others are not lacking: it has to say.
    told = type(inner).from_pretrained(
        folder, output_loading_info=True, local_files_only=True
    )[1]
    mismatched = (name for name, *_ in told["mismatched_keys"])
    return sorted({*told["missing_keys"], *mismatched})


def _names(folder: Path) -> Iterator[str]:
    """The names in the files of weights."""
    import torch
    from safetensors import safe_open

    for file in layout.weights(folder):
        if file.suffix == ".safetensors":
            with safe_open(file, "pt") as opened:
                yield from opened.keys()
        else:
            yield from torch.load(file, map_location="meta", weights_only=True)
