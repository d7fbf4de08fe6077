"""Recognise a checkpoint's files by name: in a folder, an archive or a repository."""

from collections.abc import Iterable
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from ..errors import BadCheckpoint

MODULES = "modules.json"
CONFIG = "config.json"
CARD = "README.md"
MANIFEST = "glam.json"  # what `llm glam models pack` records about a checkpoint
SAFE = "*.safetensors"
PICKLED = "pytorch_model*.bin"
SETTINGS = (
    *("config.json", "generation_config.json", "chat_template.json", "*.index.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "*.model"),
    *(
        "preprocessor_config.json",
        "processor_config.json",
        "image_processor_config.json",
    ),
    *("config_sentence_transformers.json", "sentence_*_config.json"),
)
CITATION = "CITATION.cff"
ABOUT = (CARD, CITATION, "LICENSE*", "LICENCE*")
OPEN_CLIP_CONFIG = "open_clip_config.json"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.*"
# Files that explain why there is nothing to load.
EXPLAINING = (OPEN_CLIP_CONFIG, ADAPTER_CONFIG)
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
LARGEST_POINTER = 1024  # bytes, by git LFS's specification
LEGACY = "0_CLIPModel"


def is_part(path: PurePosixPath) -> bool:
    """Return whether a file can be a checkpoint's: not hidden, training state or code."""
    if any(part.startswith(".") or part == "__MACOSX" for part in path.parts):
        return False
    if is_open_clip(path.name) or path.name == ADAPTER_CONFIG:
        return path.name in EXPLAINING
    patterns = (MODULES, MANIFEST, *ABOUT, *SETTINGS, SAFE, PICKLED)
    return any(fnmatchcase(path.name, pattern) for pattern in patterns)


def is_about(name: str) -> bool:
    """Return whether this is the name of a model card, a licence or a citation."""
    return any(fnmatchcase(name, pattern) for pattern in ABOUT)


def parts(folder: Path) -> list[Path]:
    """Return the files directly in a folder that loading needs, with only one format of weights."""
    is_setting = [
        file
        for file in _visible(folder)
        if file.is_file() and any(fnmatchcase(file.name, p) for p in SETTINGS)
    ]
    kind = ".bin" if is_pickled(folder) else ".safetensors"
    indexes = [f for f in is_setting if not f.match("*.index.json") or kind in f.name]
    return [*indexes, *weights(folder)]


def weights(folder: Path) -> list[Path]:
    """Return the weight files in a folder that transformers loads."""
    files = [file for file in _visible(folder) if not is_open_clip(file.name)]
    safe = [file for file in files if fnmatchcase(file.name, SAFE)]
    return safe or [file for file in files if fnmatchcase(file.name, PICKLED)]


def _visible(folder: Path) -> list[Path]:
    """Return what is in a folder, without files such as ``._model.safetensors`` of a Mac."""
    return sorted(f for f in folder.iterdir() if not f.name.startswith("."))


def is_pickled(folder: Path) -> bool:
    """Return whether a weight file is a pickle, the format used before safetensors."""
    return any(file.suffix == ".bin" for file in weights(folder))


def is_open_clip(name: str) -> bool:
    """Return whether this is the name of a file that only open_clip reads."""
    return name.startswith("open_clip")


def is_open_clip_only(names: Iterable[str]) -> bool:
    """Return whether there are weights for open_clip, but none that transformers loads."""
    known = [name.rpartition("/")[2] for name in names]
    if not any(is_open_clip(name) for name in known):
        return False
    return not any(
        fnmatchcase(name, pattern) and not is_open_clip(name)
        for name in known
        for pattern in (SAFE, PICKLED)
    )


def has_whole_weights(folder: Path) -> bool:
    """Return whether there are weights of a model, not only those of an adapter (such as a LoRA)."""
    return not all(fnmatchcase(file.name, ADAPTER_WEIGHTS) for file in weights(folder))


def lfs_pointer(directory: Path) -> Path | None:
    """Return a file that git LFS has left a pointer in place of, None if there is none.

    Cloning a repository without git LFS leaves one for each large file.
    """
    for file in sorted(directory.rglob("*")):
        if not is_part(PurePosixPath(file.relative_to(directory))):
            continue
        with suppress(OSError):  # loading the file reports it
            if file.is_file() and file.stat().st_size <= LARGEST_POINTER:
                if file.read_bytes().startswith(LFS_POINTER):
                    return file
    return None


def open_clip_advice(where: str) -> str:
    """Return the advice for a checkpoint that only open_clip can load."""
    return (
        f"{where} has only open_clip's files, which llm-glam cannot load. The same weights are "
        "often on the hub in transformers' format as well, with config.json and "
        "model.safetensors next to open_clip's files, as in "
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K. Give that hub id instead."
    )


def find(directory: Path, archive: Path) -> Path:
    """Return the only checkpoint in an unpacked archive: at its root, or in one of its folders.

    :param archive: for error messages
    :raises BadCheckpoint: there is none, or there are several
    """
    found = _topmost(directory)
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadCheckpoint(
            f"{archive} does not contain a checkpoint: it has neither modules.json nor "
            "config.json. Pack the folder that contains these files."
        )
    names = ", ".join(folder.relative_to(directory).as_posix() for folder in found)
    raise BadCheckpoint(
        f"{archive} contains several checkpoints ({names}). Unpack it, and register the folder "
        "you want: llm glam models add NAME FOLDER"
    )


def _topmost(directory: Path) -> list[Path]:
    if any((directory / name).is_file() for name in (MODULES, CONFIG, *EXPLAINING)):
        return [directory]
    folders = sorted(folder for folder in directory.iterdir() if folder.is_dir())
    return [found for folder in folders for found in _topmost(folder)]


def kind(directory: Path) -> str:
    """Return the layout of a checkpoint's folder, in words."""
    if not (directory / MODULES).is_file():
        return "transformers"
    is_legacy = (directory / LEGACY).is_dir()
    return "sentence-transformers" + (", legacy" if is_legacy else "")
