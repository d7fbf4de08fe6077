"""Identify a checkpoint by its weights, tokenizer and preprocessing.

The fingerprint is computed from the loaded model rather than from files, so that the same weights
in another layout, file format or library version have the same fingerprint.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROBES = (
    "a photograph of a raccoon",
    "bronze brooch, 6th century BCE",
    "Çatalhöyük: figurine féminine (№ 3)",
    "word " * 100,
)
PREPROCESSING = (
    "do_resize",
    "size",
    "resample",
    "do_center_crop",
    "crop_size",
    "do_rescale",
    "rescale_factor",
    "do_normalize",
    "image_mean",
    "image_std",
)


def fingerprint(model: Any) -> str:
    """Return the fingerprint of a loaded SentenceTransformer: 16 hexadecimal digits.

    Each tensor contributes its shape and its values as float32, whatever its name; integer
    buffers (position ids, which some file formats leave out) do not.
    """
    digest = hashlib.blake2b(digest_size=8)
    for tensor in sorted(
        {_tensor(t) for t in model.state_dict().values() if t.is_floating_point()}
    ):
        digest.update(tensor)
    digest.update(_canonical(_tokenizer(model.tokenizer)))
    digest.update(_canonical(_preprocessing(model.processor)))
    return digest.hexdigest()


def stamps(directory: Path) -> list[list[Any]]:
    """Return path, size in bytes and modification time in nanoseconds of a checkpoint's files."""
    found = []
    for file in sorted(directory.rglob("*")):
        if file.is_file() and not file.name.startswith(".") and file.suffix != ".md":
            status = file.stat()
            name = file.relative_to(directory).as_posix()
            found.append([name, status.st_size, status.st_mtime_ns])
    return found


def if_unchanged(
    fingerprint: str | None, stamped: Sequence[Sequence[Any]] | None, directory: Path
) -> str | None:
    """Return the fingerprint of a checkpoint's files without loading them, if they are the same.

    :param stamped: their :func:`stamps` when the fingerprint was computed
    :return: None if a file has changed since, so that the fingerprint must be computed again
    """
    return fingerprint if stamps(directory) == stamped else None


def _tensor(tensor: Any) -> bytes:
    values = tensor.detach().cpu().float().contiguous().numpy()
    digest = hashlib.blake2b(repr(tuple(values.shape)).encode(), digest_size=16)
    digest.update(memoryview(values).cast("B"))
    return digest.digest()


def _tokenizer(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocabulary": sorted(tokenizer.get_vocab().items()),
        "longest": tokenizer.model_max_length,
        "probes": [tokenizer(text, truncation=True)["input_ids"] for text in PROBES],
    }


def _preprocessing(processor: Any) -> dict[str, Any]:
    settings = getattr(processor, "image_processor", processor).to_dict()
    return {key: settings.get(key) for key in PREPROCESSING}


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, default=str).encode()
