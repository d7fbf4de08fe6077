"""Load encoders by checkpoint name, and register checkpoints under names.

Loaded encoders are shared within a process, because LLM makes a new model object at every look-up.
"""

import os.path
import threading
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..checkpoints import completion, fingerprint, hub
from ..engine import FP32, INT8
from ..errors import (
    BadCheckpoint,
    BadDevice,
    CheckpointChanged,
    GlamError,
    NameTaken,
    RegistryError,
    missing_explained,
)
from ..progress import Say
from . import engine_choice, local_store, pack_manifest, registry
from .engine_choice import EngineOptions
from .registry import Checkpoint

if TYPE_CHECKING:
    from ..engine import Encoder

OWN_CHECKPOINT = Path(__file__).parents[1] / "demo" / "checkpoint"

_lock = threading.RLock()
_loaded: dict[tuple[str, str, str | None], "Encoder"] = (
    {}
)  # by name, precision and device


def encoder(
    name: str,
    engine_options: EngineOptions | None = None,
    *,
    download: bool = True,
) -> "Encoder":
    """Return the encoder of a registered checkpoint, loaded on first use and then shared.

    :param name: as registered, without ``glam-clip/``
    :param engine_options: None for a query in fp32; a query also falls back to fp32 if int8 was not
        exported
    :param download: whether a hub checkpoint that is not on this computer may be downloaded
    :raises UnknownCheckpoint: no such name
    :raises BadCheckpoint: its files are missing or damaged
    :raises CheckpointChanged: its files are no longer those that were registered
    :raises HubUnreachable: it must be downloaded and cannot be
    :raises BadDevice: this computer does not have the device, or it cannot run int8
    :raises MissingPackage: it needs torch, which is not installed
    """
    engine_options = engine_options or EngineOptions()
    if engine_options.precision == INT8 and engine_options.device not in (None, "cpu"):
        raise BadDevice(
            f"--precision int8 runs on the CPU, not on '{engine_options.device}'. Leave out one "
            "of the two options."
        )
    with _lock, missing_explained():
        exact = _in_fp32(name, download, engine_options)
        if engine_options.precision != INT8:
            return exact
        return _in_int8(name, exact, engine_options)


def _in_fp32(name: str, download: bool, engine_options: EngineOptions) -> "Encoder":
    entry = registry.get(name)
    if not (engine_choice.has_torch() or engine_options.on_torch):
        # Its own files may be on another computer; the export has their fingerprint.
        fast = _exported(entry.fingerprint, FP32, engine_options.device)
        if fast:
            return fast
    directory = locate(entry, download=download)
    known = fingerprint.if_unchanged(entry.fingerprint, entry.stamps, directory)
    key = FP32, engine_options.device
    if known and (known, *key) in _loaded:
        return _loaded[known, *key]
    found = opened(directory, known, engine_options)
    check_unchanged(entry, directory, found.fingerprint)
    if known is None:
        with suppress(RegistryError):  # remembering the fingerprint only saves time
            registry.remember(entry, _described(entry, directory, found))
    return _loaded.setdefault((found.fingerprint, *key), found)


def _exported(
    fingerprint: str | None, precision: str, device: str | None
) -> "Encoder | None":
    """Return the encoder of an export that exists, opened on first use and then shared."""
    key = fingerprint or "", precision, device
    if key not in _loaded:
        fast = engine_choice.exported(fingerprint, precision)
        if fast is None:
            return None
        _loaded[key] = fast
    return _loaded[key]


def check_unchanged(entry: Checkpoint, directory: Path, fingerprint: str) -> None:
    """Refuse files that differ from those that were registered.

    :raises CheckpointChanged: says what to do
    """
    if entry.fingerprint and fingerprint != entry.fingerprint:
        raise CheckpointChanged(
            f"The files of the checkpoint '{entry.name}' in {directory} have changed: their "
            f"fingerprint is {fingerprint}, but it was {entry.fingerprint} when the checkpoint "
            "was registered. Restore the old files, or register the new ones under another name: "
            f"llm glam models add {entry.name}-2 {directory}"
        )


def _in_int8(name: str, exact: "Encoder", engine_options: EngineOptions) -> "Encoder":
    """Return the int8 encoder; for a query fall back to fp32 if only that was exported."""
    fast = _exported(exact.fingerprint, INT8, engine_options.device)
    if fast is None and engine_options.say:
        directory = locate(registry.get(name))
        fast = engine_choice.export(
            directory, exact.fingerprint, engine_options.say, INT8
        )
        if fast is None:
            raise BadCheckpoint(
                f"The checkpoint '{name}' cannot be used with --precision int8, which needs the "
                "fast engine (LLM_GLAM_ENGINE=torch turns it off). Leave out the option."
            )
    key = exact.fingerprint, INT8, engine_options.device
    return _loaded.setdefault(key, fast) if fast else exact


def add(
    name: str,
    source: str,
    *,
    base: str | None = None,
    revision: str | None = None,
    notes: str | None = None,
    say: Say | None = None,
) -> Checkpoint:
    """Register a checkpoint under a name, completing it from ``base`` if necessary.

    :param source: a folder, a zip or tar archive, or a hub id such as
        ``openai/clip-vit-base-patch32``
    :param base: a registered name or a folder that provides what an incomplete checkpoint is
        missing
    :raises NameTaken: the name belongs to other weights
    :raises BadCheckpoint: something is missing, or it cannot be loaded
    :raises BadArchive: the archive is damaged, or not safe to unpack
    :raises CheckpointChanged: it was packed by ``models pack`` and is not what was packed
    """
    registry.check_name(name, None)
    if name == registry.DEMO:
        raise NameTaken(
            "'demo' is the checkpoint of llm glam demo. Choose another name."
        )
    source = source.removeprefix(hub.OPEN_CLIP)
    given = _given(source, revision)
    with local_store.usable(name, given, partial(_base_folder, base)) as usable:
        found = opened(usable, None, EngineOptions(say))
        pack_manifest.check(usable, found.fingerprint, given)
        registry.check_name(name, found.fingerprint)
        is_remote = usable == given and not _is_path(source)
        entry = Checkpoint(
            name=name,
            source=source if is_remote else str(usable),
            base=base,
            notes=notes,
        )
        entry = _described(entry, usable, found)
        registry.put(entry)
    with _lock:
        _loaded.setdefault((found.fingerprint, FP32, None), found)
    return entry


def _given(source: str, revision: str | None) -> Path:
    """Return the local folder or archive of a source, downloaded if necessary."""
    path = Path(os.path.expanduser(source))
    return path.resolve() if _is_path(source) else hub.locate(source, revision)


def _is_path(source: str) -> bool:
    """Return whether a source is, or is meant to be, a path and not a hub id."""
    path = Path(os.path.expanduser(source))
    is_meant = path.is_absolute() or source.startswith((".", "~"))
    return is_meant or path.exists() or local_store.is_archive_name(path.name)


def locate(entry: Checkpoint, *, download: bool = True) -> Path:
    """Return the local folder of a checkpoint; a hub checkpoint is downloaded if necessary.

    :raises BadCheckpoint: its folder is missing
    :raises HubUnreachable: it must be downloaded and cannot be
    """
    if entry.is_own:
        return OWN_CHECKPOINT
    if entry.is_on_hub:
        return hub.locate(entry.source, entry.revision, download=download)
    directory = Path(entry.source)
    if not directory.is_dir():
        raise BadCheckpoint(
            f"The checkpoint '{entry.name}' cannot be found: the folder {directory} does not "
            f"exist. Move it back, or register its new location: llm glam models add {entry.name} "
            "FOLDER"
        )
    return directory


def opened(
    directory: Path, known: str | None, engine_options: EngineOptions
) -> "Encoder":
    """Return the encoder for a folder, on the fast engine if available.

    For pictures, torch is used if it has a GPU.

    :param known: its fingerprint, if that is known to be still valid
    :raises BadCheckpoint: it cannot be loaded
    """
    completion.check_complete(directory)
    fast = engine_choice.exported(known)
    if fast is None and engine_options.say:
        fast = engine_choice.export(directory, known, engine_options.say)
    if fast is None or engine_options.on_torch:
        return _load(directory, known, engine_options.device)
    return fast


def _load(directory: Path, known: str | None, device: str | None) -> "Encoder":
    from ..engine.torch import TorchEncoder

    return TorchEncoder(directory, known, device=device)


def _described(entry: Checkpoint, directory: Path, found: "Encoder") -> Checkpoint:
    return replace(
        entry,
        fingerprint=found.fingerprint,
        dimensions=found.dimensions,
        revision=hub.commit(directory) if entry.is_on_hub else None,
        added=entry.added or registry.now(),
        stamps=fingerprint.stamps(directory),
    )


def _base_folder(base: str | None, needed: bool) -> Path | None:
    """Return the folder of the tokenizer: the given one or, if needed, the stock checkpoint's."""
    if not (base or needed):
        return None
    folder = Path(os.path.expanduser(base or ""))
    if base and folder.is_dir():
        return folder
    try:
        return locate(registry.get(registry.bare(base or registry.STOCK)))
    except GlamError:
        if base:
            raise
        return None
