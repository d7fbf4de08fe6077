"""Check that a checkpoint's files contain all weights of its model.

transformers initialises missing weights at random, and says so only in a log that
nobody reads. A file saved by a training script with its own weight names would pass every
other test, and search at random.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..checkpoints import completion, layout
from ..errors import BadCheckpoint

HARMLESS = 100_000_000  # weights that any computer has room for


def check(model: Any, directory: Path) -> None:
    """Refuse a checkpoint with randomly initialised weights, or with more tokens than embeddings.

    :param model: as SentenceTransformer loaded it
    :param directory: for error messages
    :raises BadCheckpoint: names what is missing
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


def check_size(directory: Path) -> None:
    """Refuse a config.json that describes a model larger than its files can be, before it is built.

    The model is built first without memory for its weights, each of which has at least one byte.

    :raises BadCheckpoint: says how much larger it is
    """
    folder = completion.model_folder(directory)
    described = _described(folder)
    there = sum(file.stat().st_size for file in layout.weights(folder))
    if described > max(there, HARMLESS):
        raise BadCheckpoint(
            f"{folder / layout.CONFIG} describes a model of {described:,} weights, but its files "
            f"have only {there:,} bytes. Get the checkpoint again."
        )


def _described(folder: Path) -> int:
    """Return how many weights the model of a config.json has; 0 if that is left to loading it."""
    import torch
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        with torch.device("meta"):
            model = AutoModel.from_config(config, trust_remote_code=False)
    # transformers and torch each raise their own errors, and again when the checkpoint is loaded.
    except Exception:
        return 0
    return sum(one.numel() for one in model.parameters())


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
    # transformers may know weights under other names, so only it can say which are missing.
    report = type(inner).from_pretrained(
        folder, output_loading_info=True, local_files_only=True
    )[1]
    mismatched = (name for name, *_ in report["mismatched_keys"])
    return sorted({*report["missing_keys"], *mismatched})


def _names(folder: Path) -> Iterator[str]:
    """Yield the names of the weights in the files."""
    import torch
    from safetensors import safe_open

    for file in layout.weights(folder):
        if file.suffix == ".safetensors":
            with safe_open(file, "pt") as opened:
                yield from opened.keys()
        else:
            yield from torch.load(file, map_location="meta", weights_only=True)
