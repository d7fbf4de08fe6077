"""The registered checkpoints and the default one: ``user_dir()/glam/models.json``.

Reading never imports anything heavy, so that ``llm --version`` stays fast. A name, once used,
belongs to its weights for good: removed checkpoints leave their fingerprint behind.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import llm

from .. import platforms
from ..errors import NameTaken, RegistryError, UnknownCheckpoint, is_disk_full
from ..formats import atomic, file_lock

STOCK = "clip-ViT-B-32"
STOCK_SOURCE = "sentence-transformers/clip-ViT-B-32"
DEMO = "demo"
OWN = "llm-glam"  # the source of checkpoints that come with this package
DRAWN = "Drawn by llm-glam"  # found at the beginning of the demo's picture files
BUILT_IN: dict[str, dict[str, Any]] = {
    STOCK: {"source": STOCK_SOURCE},
    DEMO: {
        "source": OWN,
        "notes": "knows only the drawings of: llm glam demo",
        "warning": (
            "the checkpoint glam-clip/demo knows only the drawings of 'llm glam demo': for these "
            "pictures its vectors are meaningless. Use clip-ViT-B-32 (llm glam models default "
            "clip-ViT-B-32), or a checkpoint of your own"
        ),
        "mark": DRAWN,
    },
}
PREFIX = "glam-clip"
TEXTS = (
    *("source", "revision", "fingerprint", "base", "notes", "added", "removed"),
    *("warning", "mark"),
)
# The keys an entry may have, and their types; null means absent.
KINDS = {**dict.fromkeys(TEXTS, str), "dimensions": int, "stamps": list}
LOOKED_AT = 20  # pictures, for a checkpoint's warning
BEGINNING = 1024  # bytes of a picture's file
WAIT_S = (
    30  # for other processes that change the list, each of which takes milliseconds
)
NAME = re.compile(r"[\w][\w.+-]*(/[\w][\w.+-]*)*")


@dataclass(frozen=True)
class Checkpoint:
    """A registered checkpoint.

    ``source`` is a directory, a hub id (then ``revision`` is the commit it resolved to), or OWN.
    ``stamps`` are path, size in bytes and modification time in nanoseconds of its files when
    ``fingerprint`` was computed. A ``removed`` one only keeps its name from being reused. A
    ``warning`` is given for pictures other than those it is for, whose files begin with ``mark``.
    """

    name: str
    source: str
    revision: str | None = None
    fingerprint: str | None = None
    dimensions: int | None = None
    base: str | None = None
    notes: str | None = None
    added: str | None = None
    removed: str | None = None
    warning: str | None = None
    mark: str | None = None
    stamps: list[list[Any]] = field(default_factory=list)

    @property
    def model_id(self) -> str:
        """The name under which LLM knows it, ``glam-clip/NAME``."""
        return f"{PREFIX}/{self.name}"

    @property
    def is_local(self) -> bool:
        """Whether it is a directory that a user registered."""
        return os.path.isabs(self.source)

    @property
    def is_own(self) -> bool:
        """Whether it comes with llm-glam."""
        return self.source == OWN

    def warning_about(self, paths: Iterable[Path]) -> str | None:
        """Return the checkpoint's warning if one of the first picture files is of another kind."""
        if self.warning is None:
            return None
        some = islice(paths, LOOKED_AT)
        return None if all(self._is_for(path) for path in some) else self.warning

    def _is_for(self, path: Path) -> bool:
        try:
            with path.open("rb") as file:
                return (self.mark or "").encode() in file.read(BEGINNING)
        except OSError:
            return True

    @property
    def is_on_hub(self) -> bool:
        """Whether its source is an id on the Hugging Face hub."""
        return not (self.is_local or self.is_own)


def directory() -> Path:
    """Return the folder of everything llm-glam stores outside databases."""
    return llm.user_dir() / "glam"


def path() -> Path:
    """Return the path of ``models.json``."""
    return directory() / "models.json"


def now() -> str:
    """Return the current time as it is stored: ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def checkpoints() -> list[Checkpoint]:
    """Return all registered checkpoints by name, the built-in ones first.

    :raises RegistryError: models.json is damaged
    """
    known = _load()["checkpoints"]
    rest = sorted(known.keys() - BUILT_IN.keys())
    entries = [_entry(name, known) for name in [*BUILT_IN, *rest]]
    return [entry for entry in entries if not entry.removed]


def get(name: str) -> Checkpoint:
    """Return the checkpoint registered as ``name``.

    :raises UnknownCheckpoint: there is none; the message lists the registered ones
    :raises RegistryError: models.json is damaged
    """
    known = _load()["checkpoints"]
    if name in BUILT_IN or (name in known and not known[name].get("removed")):
        return _entry(name, known)
    names = ", ".join(entry.name for entry in checkpoints())
    raise UnknownCheckpoint(
        f"No checkpoint is registered as '{name}' on this computer (registered: {names}). "
        f"Register its folder with: llm glam models add {name} FOLDER"
    )


def former(name: str) -> Checkpoint | None:
    """Return the checkpoint that has or had this name, removed ones included."""
    known = _load()["checkpoints"]
    return _entry(name, known) if name in known else None


def sources() -> set[str]:
    """Return the sources of all checkpoints, removed ones included."""
    return {entry["source"] for entry in _load()["checkpoints"].values()}


def default_name() -> str:
    """Return the checkpoint that bare ``glam-clip`` means.

    ``LLM_GLAM_MODEL`` first, then ``llm glam models default``, then the stock checkpoint. The
    name is not checked here: an unknown one is reported when it is used.
    """
    chosen = os.environ.get("LLM_GLAM_MODEL") or _load().get("default") or STOCK
    return bare(str(chosen))


def bare(model_id: str) -> str:
    """Strip the prefix from ``glam-clip/NAME``; other names stay as they are."""
    return model_id.removeprefix(PREFIX + "/")


def file_name(name: str) -> str:
    """Return a checkpoint's name as that of a file."""
    return name.replace("/", "--")


def is_ours(model_id: str) -> bool:
    """Return whether this is the id of one of our models, registered here or not."""
    return model_id == PREFIX or model_id.startswith(PREFIX + "/")


def set_default(name: str) -> None:
    """Make bare ``glam-clip`` mean this checkpoint.

    :raises UnknownCheckpoint: there is none with this name
    :raises RegistryError: the list cannot be written
    """
    with _changing() as data:
        get(name)
        data["default"] = name


def put(checkpoint: Checkpoint) -> None:
    """Write a checkpoint's entry.

    :raises NameTaken: the name belongs, or once belonged, to other weights
    :raises RegistryError: the list cannot be written
    """
    with _changing() as data:
        check_name(checkpoint.name, checkpoint.fingerprint)
        data["checkpoints"][checkpoint.name] = _stored(checkpoint)


def remember(read: Checkpoint, found: Checkpoint) -> None:
    """Write what was found out about a checkpoint, unless its entry has been changed meanwhile.

    :param read: the entry as it was read before
    :raises RegistryError: the list cannot be written
    """
    with _changing() as data:
        known = data["checkpoints"]
        if read.name not in known or _entry(read.name, known) == read:
            known[read.name] = _stored(found)


def remove(name: str) -> Checkpoint:
    """Remove a checkpoint from the list; its files stay, and its name stays taken.

    :raises UnknownCheckpoint: there is none with this name
    :raises RegistryError: the list cannot be written
    """
    with _changing() as data:
        entry = get(name)
        if name in BUILT_IN:
            raise NameTaken(f"'{name}' comes with llm-glam and is always available.")
        data["checkpoints"][name] = _stored(replace(entry, removed=now(), stamps=[]))
        if data.get("default") == name:
            del data["default"]
    return entry


def check_name(name: str, fingerprint: str | None) -> None:
    """Refuse a name that is malformed or belongs to other weights.

    :raises NameTaken: says what to do instead
    """
    if not NAME.fullmatch(name):
        raise NameTaken(
            f"'{name}' is not a valid name: use letters, digits and . _ + - (and / between them)."
        )
    if any(map(platforms.is_reserved, name.split("/"))):
        raise NameTaken(
            f"'{name}' cannot be the name of a folder on Windows; choose another name."
        )
    old = former(name)
    if old and old.fingerprint and fingerprint and old.fingerprint != fingerprint:
        raise NameTaken(
            f"'{name}' was already used for other weights (fingerprint {old.fingerprint}, not "
            f"{fingerprint}), and collections may still refer to them. Choose another name, such "
            f"as {name}-2."
        )


def _entry(name: str, known: dict[str, Any]) -> Checkpoint:
    return Checkpoint(name=name, **BUILT_IN.get(name, {}) | (known.get(name) or {}))


def _check_entry(name: str, entry: Any) -> None:
    """Refuse an entry that does not describe a checkpoint.

    :raises RegistryError: what is wrong with it
    """
    if not isinstance(entry, dict):
        raise RegistryError(_damaged(f"the entry '{name}' is not an object"))
    if entry.get("source") is None:
        raise RegistryError(_damaged(f"the entry '{name}' has no source"))
    for key, value in entry.items():
        kind = KINDS.get(key)
        if kind is None or not (value is None or isinstance(value, kind)):
            what = f"the entry '{name}' has an invalid '{key}'"
            raise RegistryError(_damaged(what))


def _load() -> dict[str, Any]:
    try:
        text = path().read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RegistryError(_damaged("it is not UTF-8")) from error
    except FileNotFoundError:
        return {"checkpoints": {}}
    except OSError as error:
        why = platforms.reason(error)
        raise RegistryError(f"{path()} cannot be read: {why}.") from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise RegistryError(_damaged(str(error))) from error
    except RecursionError as error:
        raise RegistryError(_damaged("it is nested too deeply")) from error
    if not isinstance(data, dict) or not isinstance(
        data.setdefault("checkpoints", {}), dict
    ):
        raise RegistryError(_damaged("it is not a list of checkpoints"))
    if not isinstance(data.get("default"), str | None):
        raise RegistryError(_damaged("its default is not a name"))
    for name, entry in data["checkpoints"].items():
        _check_entry(name, entry)
    return data


def _damaged(reason: str) -> str:
    return (
        f"The list of checkpoints {path()} is damaged ({reason}). Repair it, or move it elsewhere "
        "and register your checkpoints again with: llm glam models add NAME FOLDER"
    )


def _stored(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return an entry as it is written: without its name, and what is empty or built in."""
    own = BUILT_IN.get(checkpoint.name, {})
    entry = {
        key: value
        for key, value in asdict(checkpoint).items()
        if value and not (key in ("warning", "mark") and value == own.get(key))
    }
    del entry["name"]
    return entry


@contextmanager
def _changing() -> Iterator[dict[str, Any]]:
    """Read the list, and write what the block has made of it; other processes wait.

    Readers see either the old or the new list, and need no lock.

    :raises RegistryError: it is damaged, in use for too long, or cannot be written
    """
    target = path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with file_lock.locked(target.with_suffix(".lock"), wait_s=WAIT_S):
            data = _load()
            yield data
            text = json.dumps(data, indent=2, ensure_ascii=False)
            atomic.write_text(target, f"{text}\n")
    except TimeoutError as error:
        raise RegistryError(
            f"The list of checkpoints {target} is in use by another program. Wait until it has "
            "finished, and repeat the command."
        ) from error
    except OSError as error:
        raise RegistryError(_unwritable(target, error)) from error


def _unwritable(target: Path, error: OSError) -> str:
    if is_disk_full(error):
        why = "the disk is full. Free some space, and repeat the command"
    elif platforms.may_pass(error):
        why = platforms.reason(error)
    else:
        why = (
            f"{error.strerror}. Check the permissions of its folder, or set LLM_USER_PATH to a "
            "folder of your own"
        )
    return f"The list of checkpoints {target} cannot be written: {why}."
