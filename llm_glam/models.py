"""A checkpoint's name to a loaded encoder, and the life of the names.

Loaded encoders are shared within a process: LLM makes a new model object at every look-up.
"""

import shutil
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from . import checkpoints, hub, registry
from .errors import BadCheckpoint, CheckpointChanged, GlamError
from .registry import Checkpoint

if TYPE_CHECKING:
    from .engine import Encoder

_lock = threading.RLock()
_loaded: dict[str, "Encoder"] = {}


def encoder(name: str, *, download: bool = True) -> "Encoder":
    """The encoder of a registered checkpoint, loaded on first use and shared afterwards.

    :param name: as registered, without ``glam-clip/``
    :param download: whether a hub checkpoint that is not on this computer may be fetched
    :raises UnknownCheckpoint: no such name
    :raises BadCheckpoint: its files are gone or broken
    :raises CheckpointChanged: its files are no longer those that were registered
    :raises HubUnreachable: it has to be downloaded and cannot be
    """
    with _lock:
        entry = registry.get(name)
        directory = locate(entry, download=download)
        stamps = checkpoints.stamps(directory)
        known = entry.fingerprint if stamps == entry.stamps else None
        if known in _loaded:
            return _loaded[known]
        found = _load(directory, known)
        if entry.fingerprint and found.fingerprint != entry.fingerprint:
            raise CheckpointChanged(
                f"The files of the checkpoint '{name}' in {directory} have changed: their "
                f"fingerprint is {found.fingerprint}, it was {entry.fingerprint} when it was "
                "registered. Put the old files back, or register the new ones under a name of "
                f"their own: llm glam models add {name}-2 {directory}"
            )
        if known is None:
            with suppress(OSError):  # it only saves time to remember the fingerprint
                registry.put(_described(entry, directory, found))
        return _loaded.setdefault(found.fingerprint, found)


def add(
    name: str,
    source: str,
    *,
    base: str | None = None,
    revision: str | None = None,
    notes: str | None = None,
) -> Checkpoint:
    """Register a checkpoint under a name, completing a bare one from ``base``.

    :param source: a folder, or a hub id such as ``openai/clip-vit-base-patch32``
    :param base: a registered name or a folder whose tokenizer a bare checkpoint gets
    :raises NameTaken: the name belongs to other weights
    :raises BadCheckpoint: what lacks, or why it cannot be loaded
    """
    registry.check_name(name, None)
    folder = Path(source).expanduser()
    local = folder.is_dir() or folder.is_absolute() or source.startswith((".", "~"))
    directory = folder.resolve() if local else hub.locate(source, revision)
    usable = _completed(name, directory, base)
    found = _load(usable, None)
    registry.check_name(name, found.fingerprint)
    entry = Checkpoint(
        name=name,
        source=str(usable) if local or usable != directory else source,
        base=base,
        notes=notes,
    )
    entry = _described(entry, usable, found)
    registry.put(entry)
    with _lock:
        _loaded.setdefault(found.fingerprint, found)
    return entry


def locate(entry: Checkpoint, *, download: bool = True) -> Path:
    """The folder of a checkpoint on this computer; a hub checkpoint is downloaded if need be.

    :raises BadCheckpoint: its folder is gone
    :raises HubUnreachable: it has to be downloaded and cannot be
    """
    if not entry.is_local:
        return hub.locate(entry.source, entry.revision, download=download)
    directory = Path(entry.source)
    if not directory.is_dir():
        raise BadCheckpoint(
            f"The checkpoint '{entry.name}' is gone: there is no folder {directory}. Put it back, "
            f"or say where it is now: llm glam models add {entry.name} FOLDER"
        )
    return directory


def _load(directory: Path, known_fingerprint: str | None) -> "Encoder":
    from .engine.torch import TorchEncoder

    checkpoints.check_complete(directory)
    return TorchEncoder(directory, known_fingerprint)


def _described(entry: Checkpoint, directory: Path, found: "Encoder") -> Checkpoint:
    return replace(
        entry,
        fingerprint=found.fingerprint,
        dimensions=found.dimensions,
        revision=None if entry.is_local else hub.commit(directory),
        added=entry.added or registry.now(),
        stamps=checkpoints.stamps(directory),
    )


def _completed(name: str, directory: Path, base: str | None) -> Path:
    """The directory itself, or a completed copy of it among our own files."""
    missing = checkpoints.lacks(directory)
    if not missing:
        return directory
    target = registry.directory() / "checkpoints" / name.replace("/", "--")
    base_folder = _base_folder(base) if "tokenizer" in missing else None
    try:
        checkpoints.complete(directory, base_folder, target)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    return target


def _base_folder(base: str | None) -> Path | None:
    """Where the tokenizer comes from: what was given, else the stock checkpoint if it is here."""
    if base and Path(base).expanduser().is_dir():
        return Path(base).expanduser()
    try:
        return locate(registry.get(registry.bare(base or registry.STOCK)))
    except GlamError:
        if base:
            raise
        return None
