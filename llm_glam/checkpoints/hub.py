"""Checkpoints from the Hugging Face hub: resolved to a commit, announced, and downloaded once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BadCheckpoint, GlamError, HubUnreachable
from . import completion, layout

KEEP_SUFFIXES = (".json", ".txt", ".model")
SKIP_FOLDERS = ("onnx/", "openvino/", "coreml/", "flax/", "tf/", "runs/")
WEIGHTS = (".safetensors", "pytorch_model.bin")
OPEN_CLIP = "hf-hub:"  # the prefix of ids in open_clip and its model cards


def locate(repository: str, revision: str | None, *, download: bool = True) -> Path:
    """Return the local folder of a hub checkpoint, downloading it first if necessary.

    :param repository: hub id such as ``sentence-transformers/clip-ViT-B-32``
    :param revision: a commit, branch or tag; None for the repository's main branch
    :param download: False to look on this computer only
    :raises HubUnreachable: it must be downloaded and cannot be
    :raises BadCheckpoint: there is no such repository, or it has no weights
    """
    with _explained(repository):
        found = _local(repository, revision)
        if found is None and not download:
            raise HubUnreachable(
                f"The checkpoint {repository} has not been downloaded to this computer."
            )
        return found or _download(repository, revision)


def commit(folder: Path) -> str:
    """Return the commit of a downloaded checkpoint, taken from the name of its snapshot folder."""
    return folder.name


def _local(repository: str, revision: str | None) -> Path | None:
    """Return the folder in the hub's cache, if everything needed for loading is there.

    The hub's own check would also demand files that are never downloaded, such as ONNX files.
    """
    from huggingface_hub import try_to_load_from_cache

    for name in ("modules.json", "config.json"):
        found = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(found, str) and not completion.lacks(Path(found).parent):
            return Path(found).parent
    return None


def _download(repository: str, revision: str | None) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download

    info = HfApi().model_info(repository, revision=revision, files_metadata=True)
    sizes = {f.rfilename: f.size or 0 for f in info.siblings or []}
    if layout.is_open_clip_only(sizes):
        raise BadCheckpoint(layout.open_clip_advice(f"{repository} on the hub"))
    files = wanted(sizes)
    if not any(name.endswith(WEIGHTS) for name in files):
        raise BadCheckpoint(
            f"{repository} on the hub has no weights (model.safetensors or pytorch_model.bin); "
            "give another hub id or a folder."
        )
    _announce(repository, sum(files.values()), constants.HF_HUB_CACHE)
    return Path(
        snapshot_download(repository, revision=info.sha, allow_patterns=list(files))
    )


def wanted(sizes: dict[str, int]) -> dict[str, int]:
    """Select the files (path: bytes) of a repository that loading needs, preferring safetensors."""
    files = {
        name: size
        for name, size in sizes.items()
        if not name.startswith(SKIP_FOLDERS)
        and not layout.is_open_clip(name.rpartition("/")[2])
    }
    safe = any(name.endswith(".safetensors") for name in files)
    weights = ".safetensors" if safe else "pytorch_model.bin"
    return {k: v for k, v in files.items() if k.endswith((*KEEP_SUFFIXES, weights))}


def _announce(repository: str, size: int, cache: str) -> None:
    print(
        f"Downloading the checkpoint {repository} ({size / 1e6:,.0f} MB) once, to {cache}.\n"
        "Without a network: download it on another computer, copy the folder here, and run: "
        f"llm glam models add {_name(repository)} FOLDER",
        file=sys.stderr,
    )


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    from huggingface_hub import errors

    try:
        yield
    except GlamError:
        raise
    except (
        errors.RepositoryNotFoundError,
        errors.RevisionNotFoundError,
        errors.HFValidationError,
    ) as error:
        raise BadCheckpoint(
            f"'{repository}' is neither a local folder nor a checkpoint on the hub "
            f"({_first_line(error)}). Check the spelling, or log in with: hf auth login"
        ) from error
    # The hub client's HTTP library, and so its errors, depends on its version.
    except Exception as error:
        raise HubUnreachable(
            f"The checkpoint {repository} is not on this computer and the hub cannot be reached "
            f"({_first_line(error)}). Try again when you are online, or copy the checkpoint's "
            f"folder from another computer and run: llm glam models add {_name(repository)} FOLDER"
        ) from error


def _name(repository: str) -> str:
    """Return the name under which a checkpoint from this repository is registered."""
    return repository.rpartition("/")[2]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rsplit("?blobs=true: ")[-1].rstrip(".")
