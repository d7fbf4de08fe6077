"""Refuse what looks like a checkpoint and is none: adapters, single towers, git-LFS pointers."""

from pathlib import Path

from ..errors import BadCheckpoint
from . import base_compatibility, layout


def check_adapter(folder: Path) -> None:
    """Refuse the folder of an adapter, such as a LoRA.

    :raises BadCheckpoint: says how to merge it with its checkpoint
    """
    if (folder / layout.ADAPTER_CONFIG).is_file():
        raise BadCheckpoint(_adapter_advice(folder))


def check_towers(directory: Path, folder: Path) -> None:
    """Refuse what no base can complete: one tower without the other.

    :raises BadCheckpoint: says which tower it is
    """
    config = base_compatibility.json_object(folder / layout.CONFIG)
    only = base_compatibility.only_modality(config)
    if only:
        raise BadCheckpoint(
            f"{directory} is not a CLIP model: it understands only {only} (its config.json "
            f"describes a '{config.get('model_type')}' model), and no --base can add the other "
            "half. Use a checkpoint for both text and pictures."
        )


def check_files(directory: Path) -> None:
    """Refuse a clone of a repository whose large files git LFS has not fetched.

    :raises BadCheckpoint: names the first of them
    """
    pointer = layout.lfs_pointer(directory)
    if pointer:
        raise BadCheckpoint(
            f"{pointer} is not the file itself but a git-LFS pointer to it. Fetch the files with "
            "'git lfs pull' in the cloned repository (install git LFS first), then try again."
        )


def _adapter_advice(folder: Path) -> str:
    if layout.has_whole_weights(folder):
        return (
            f"{folder} has the weights of a model and an adapter to them (such as a LoRA). If the "
            "two are merged in these weights, move adapter_config.json and adapter_model.* to "
            "another folder; if not, merge them with PeftModel.merge_and_unload() first."
        )
    base = base_compatibility.json_object(folder / layout.ADAPTER_CONFIG).get(
        "base_model_name_or_path"
    )
    named = base if isinstance(base, str) and base.isprintable() and base else "BASE"
    return (
        f"{folder} is an adapter (such as a LoRA), which has only the changes to the weights of "
        "another checkpoint. Merge the two in Python, with AutoModel from transformers and "
        f"PeftModel from peft: PeftModel.from_pretrained(AutoModel.from_pretrained({named!r}), "
        "'FOLDER').merge_and_unload().save_pretrained('MERGED'); then register the result, with "
        "the tokenizer of the other checkpoint: llm glam models add NAME MERGED --base "
        "NAME_OR_FOLDER"
    )
