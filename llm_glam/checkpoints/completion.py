"""Make any CLIP directory loadable, or say what is missing from it.

Three layouts occur: sentence-transformers as saved today (everything in one folder, with
``modules.json``), its legacy form (``modules.json`` and ``0_CLIPModel/``), and a plain
transformers ``CLIPModel`` folder, which after fine-tuning is often a bare ``config.json`` and
``pytorch_model.bin`` without tokenizer and preprocessing.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from ..errors import BadCheckpoint
from . import base_compatibility, layout, unsupported

TOKENIZERS = (("tokenizer.json",), ("vocab.json", "merges.txt"), ("spiece.model",))
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "spiece.model",
)
PREPROCESSING = ("preprocessor_config.json", "processor_config.json")
CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
BICUBIC = 3
MOST_LAYERS = 500


def model_folder(directory: Path) -> Path:
    """Return the folder with config.json and weights: the directory itself or ``0_CLIPModel``.

    :raises BadCheckpoint: the directory is not a checkpoint
    """
    if not directory.is_dir():
        raise BadCheckpoint(
            f"The folder {directory} does not exist. Move the checkpoint back there, or register "
            "its new location: llm glam models add NAME FOLDER"
        )
    folder = directory
    if (directory / layout.MODULES).is_file():
        folder = directory / _first_module(directory / layout.MODULES)
    elif layout.is_open_clip_only(file.name for file in directory.iterdir()):
        raise BadCheckpoint(layout.open_clip_advice(str(directory)))
    unsupported.check_adapter(folder)
    if not (folder / layout.CONFIG).is_file():
        raise BadCheckpoint(
            f"{directory} is not a checkpoint: it has neither modules.json nor config.json. Give "
            "the folder that contains these files."
        )
    return folder


def lacks(directory: Path) -> list[str]:
    """Return which of weights, tokenizer and preprocessing are missing from a checkpoint's folder.

    :raises BadCheckpoint: the directory is not a checkpoint at all, or only half of one
    """
    folder = model_folder(directory)
    unsupported.check_files(directory)
    unsupported.check_towers(directory, folder)
    present = {
        "weights": bool(layout.weights(folder)),
        "tokenizer": any(
            all((folder / f).is_file() for f in files) for files in TOKENIZERS
        ),
        "preprocessing": any((folder / name).is_file() for name in PREPROCESSING),
    }
    return [part for part, there in present.items() if not there]


def check_complete(directory: Path) -> None:
    """Raise an error unless the checkpoint is complete.

    :raises BadCheckpoint: names what is missing and how to complete it
    """
    missing = lacks(directory)
    if "weights" in missing:
        raise BadCheckpoint(
            f"{directory} has no weights (model.safetensors or pytorch_model.bin). Get the "
            "checkpoint again, or give the folder that contains them."
        )
    if missing:
        raise BadCheckpoint(
            f"{directory} is missing its {' and '.join(missing)}. If it was fine-tuned from "
            "another checkpoint, use that one's: llm glam models add NAME FOLDER --base "
            "NAME_OR_FOLDER"
        )
    _check_layers(model_folder(directory) / layout.CONFIG)


def _check_layers(config: Path) -> None:
    """Refuse a config that would build a model for hours, or a tower without layers."""
    try:
        found = json.loads(config.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return  # explained by what loads the checkpoint
    towers = [found, *found.values()] if isinstance(found, dict) else []
    counts = [one.get("num_hidden_layers") for one in towers if isinstance(one, dict)]
    for count in counts:
        if isinstance(count, int) and not 1 <= count <= MOST_LAYERS:
            raise BadCheckpoint(
                f"{config} names {count:,} layers, 1 to {MOST_LAYERS:,} can be loaded; get the "
                "checkpoint again."
            )


def complete(directory: Path, base: Path | None, target: Path) -> list[str]:
    """Copy an incomplete checkpoint to ``target``, an empty folder, and add what is missing.

    The tokenizer comes from ``base``. So does preprocessing, if the base is of the same kind
    and picture size; otherwise it is CLIP's default for the picture size in config.json.

    :return: the parts that were added
    :raises BadCheckpoint: there are no weights, no base for the tokenizer, or no base for the
        preprocessing of a model that is not a CLIP; or it was not fine-tuned from this base
    """
    missing = lacks(directory)
    if "weights" in missing or ("tokenizer" in missing and base is None):
        check_complete(directory)
    source = model_folder(directory)
    if base is not None:
        unsupported.check_files(base)
    if "tokenizer" in missing and base is not None:
        base_compatibility.check(source, model_folder(base))
    for file in source.iterdir():
        if file.is_file():
            shutil.copy2(file, target / file.name)
    if "tokenizer" in missing and base is not None:
        _copy_tokenizer(model_folder(base), target)
    if "preprocessing" in missing:
        _add_preprocessing(source, base, target)
    return missing


def _first_module(modules: Path) -> str:
    try:
        paths = [str(m["path"]) for m in json.loads(modules.read_text("utf-8"))]
        first = paths[0]
    except (ValueError, LookupError, TypeError) as error:
        raise _damaged(modules) from error
    if any(Path(path).is_absolute() or ".." in Path(path).parts for path in paths):
        raise BadCheckpoint(
            f"{modules} points outside its own folder. Get the checkpoint again from a source you "
            "trust."
        )
    return first


def _damaged(path: Path) -> BadCheckpoint:
    return BadCheckpoint(f"{path} is damaged; get the checkpoint again.")


def _copy_tokenizer(base: Path, target: Path) -> None:
    for name in TOKENIZER_FILES:
        if (base / name).is_file():
            shutil.copy2(base / name, target / name)


def _add_preprocessing(source: Path, base: Path | None, target: Path) -> None:
    kind, size = _kind_and_size(source / layout.CONFIG)
    folder = model_folder(base) if base is not None else None
    if folder and _kind_and_size(folder / layout.CONFIG) == (kind, size):
        found = [folder / name for name in PREPROCESSING if (folder / name).is_file()]
        for file in found:
            shutil.copy2(file, target / file.name)
        if found:
            return
    if kind != "clip":
        raise BadCheckpoint(
            f"{source} is missing its preprocessing, and a '{kind}' model for {size}-pixel "
            "pictures does not use CLIP's. Name the checkpoint of the same kind and size that it "
            "was fine-tuned from: --base NAME_OR_FOLDER"
        )
    text = json.dumps(_clip_preprocessing(size), indent=2)
    (target / "preprocessor_config.json").write_text(text, "utf-8", newline="\n")


def _kind_and_size(config: Path) -> tuple[str, int]:
    """Return a model's type, and the side length in pixels of the pictures it takes."""
    try:
        known = json.loads(config.read_text("utf-8"))
        vision = known.get("vision_config") or {}
        return known.get("model_type", "clip"), int(vision.get("image_size", 224))
    except (ValueError, TypeError, AttributeError) as error:
        raise _damaged(config) from error


def _clip_preprocessing(size: int) -> dict[str, Any]:
    """Return CLIP's own preprocessing (Radford et al. 2021) for pictures of ``size`` pixels."""
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": BICUBIC,
        "do_center_crop": True,
        "crop_size": {"height": size, "width": size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
    }
