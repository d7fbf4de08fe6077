"""Pack a registered checkpoint into one archive to share: complete, with card and fingerprint.

It has sentence-transformers' current layout, with everything in one folder. Weights are packed as
they are. Before the archive gets its name, it is unpacked and loaded, and its fingerprint compared.
"""

import glob
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path, PureWindowsPath
from typing import Any

from .. import platforms
from ..checkpoints import completion, layout
from ..errors import CannotPack, is_disk_full, naming
from ..formats import archive_reader, archive_writer, atomic, file_lock
from ..progress import Say
from . import card_header, citation, loading, pack_manifest, registry
from .registry import Checkpoint

Files = dict[str, Path | bytes]
LOCK = "packing.lock"  # in a temporary folder, held as long as its process lives
# Every version of sentence-transformers since 2.0 loads a CLIP by the first name; the current
# version loads everything else by the second.
CLIP_MODULE = "sentence_transformers.models.CLIPModel"
MODULE = "sentence_transformers.base.modules.transformer.Transformer"
MODULE_CONFIG = "sentence_bert_config.json"
ST_CONFIG = "config_sentence_transformers.json"
PATH_KEYS = (
    "_name_or_path",
    "name_or_path",
    "special_tokens_map_file",
    "tokenizer_file",
)
HEADER = {
    "library_name": "sentence-transformers",
    "tags": ["clip", "sentence-transformers", "feature-extraction"],
}
CARD = """\
{header}
# {name}

A CLIP checkpoint{base}: {dimensions} dimensions, fingerprint `{fingerprint}`. It was packed by
llm-glam {version}. Nothing else is
recorded about it: add here what it was trained on, how good it is, and who may use it; and whom to
cite, as `authors` in the lines at the top, from which `llm glam models pack` writes a CITATION.cff.

To use it with llm-glam:

    llm glam models add {name} {file}

Unpacked, it can be used with sentence-transformers:

    from sentence_transformers import SentenceTransformer
    model = SentenceTransformer("FOLDER")
"""


@dataclass(frozen=True)
class Packed:
    """What was packed; ``bytes`` is the size of the archive, ``weights`` names its weight files."""

    checkpoint: Checkpoint
    fingerprint: str
    files: list[str]
    weights: list[str]
    bytes: int


def pack(name: str, target: Path, *, force: bool = False, say: Say) -> Packed:
    """Write a registered checkpoint into an archive, atomically.

    :param target: ends with ``.zip``, ``.tar.gz`` or ``.tgz``
    :param force: replace an existing file
    :raises CannotPack: the file exists, its folder does not, the disk is full …
    :raises GlamError: the checkpoint cannot be used
    """
    _check_target(target, force)
    entry = registry.get(name)
    directory = loading.locate(entry)
    completion.check_complete(directory)
    say(f"Loading the checkpoint '{name}'")
    fingerprint, dimensions, described = _loaded(directory)
    loading.check_unchanged(entry, directory, fingerprint)
    files = arranged(directory, described)
    about = _About(entry, fingerprint, dimensions, target.name)
    files[layout.MANIFEST] = about.manifest_text()
    files.setdefault(layout.CARD, about.card())
    if layout.CITATION not in files:
        files |= about.citation(directory)
    with _explained(target):
        _write(files, target, fingerprint, say)
        size = target.stat().st_size
    heavy = [name for name in files if name.endswith(archive_writer.STORED)]
    return Packed(entry, fingerprint, sorted(files), heavy, size)


@dataclass(frozen=True)
class _About:
    """What is known about a checkpoint besides its files."""

    entry: Checkpoint
    fingerprint: str
    dimensions: int
    file: str

    def manifest_text(self) -> bytes:
        """Return the content of ``glam.json``."""
        return pack_manifest.text(
            self.entry.name, self.fingerprint, _base(self.entry), version("llm-glam")
        )

    def citation(self, directory: Path) -> Files:
        """Return a CITATION.cff by the head of the card; none where that names no author."""
        header = card_header.of_folder(directory)
        found = citation.of_card(header, self.entry.name, self.fingerprint)
        return {layout.CITATION: found.cff().encode()} if found else {}

    def card(self) -> bytes:
        """Return a card for a checkpoint that has none."""
        base = _base(self.entry)
        return CARD.format(
            header=card_header.write(HEADER, flow_lists=True),
            name=self.entry.name,
            base=f", fine-tuned from {base}" if base else _origin(self.entry),
            dimensions=self.dimensions,
            fingerprint=self.fingerprint,
            version=version("llm-glam"),
            file=self.file,
        ).encode()


def _base(entry: Checkpoint) -> str | None:
    """Return a base's registered name or hub id; local folders stay private."""
    known = {one.name for one in registry.checkpoints()}
    return entry.base if entry.base and registry.bare(entry.base) in known else None


def _origin(entry: Checkpoint) -> str:
    is_known = entry.is_on_hub and entry.revision
    return f" from the hub, {entry.source} at {entry.revision}" if is_known else ""


def arranged(directory: Path, described: Mapping[str, Any]) -> Files:
    """Arrange the files of a complete checkpoint in sentence-transformers' current layout.

    :param described: what sentence-transformers says of its first module
    :raises BadCheckpoint: the directory holds no checkpoint
    """
    folder = completion.model_folder(directory)
    files: Files = {file.name: _anonymous(file) for file in layout.parts(folder)}
    modules = _modules(directory, folder)
    for module in modules[1:]:
        inner = directory / module["path"]
        if module["path"] and inner.is_dir():
            for file in layout.parts(inner):
                files[f"{module['path']}/{file.name}"] = _anonymous(file)
    files[layout.MODULES] = _json(modules)
    if modules[0]["type"] == MODULE:
        files.setdefault(MODULE_CONFIG, _json(described))
    for file in sorted(directory.iterdir()):
        if file.name == ST_CONFIG or layout.is_about(file.name):
            files[file.name] = file
    files.setdefault(ST_CONFIG, _json({"similarity_fn_name": "cosine"}))
    return files


def _modules(directory: Path, folder: Path) -> list[dict[str, Any]]:
    """Return the content of modules.json, with its first module in the folder itself."""
    path = directory / layout.MODULES
    if path.is_file():
        first, *others = json.loads(path.read_text("utf-8"))
        return [{**first, "path": ""}, *others]
    config = json.loads((folder / layout.CONFIG).read_text("utf-8"))
    kind = CLIP_MODULE if config.get("model_type") == "clip" else MODULE
    return [{"idx": 0, "name": "0", "path": "", "type": kind}]


def _anonymous(file: Path) -> Path | bytes:
    """Return a settings file without the paths of the computer it was made on."""
    if file.suffix != ".json":
        return file
    try:
        known = json.loads(file.read_text("utf-8"))
    except ValueError:
        return file  # loading the archive will show whether that matters
    if not isinstance(known, dict):
        return file
    public = {k: v for k, v in known.items() if k not in PATH_KEYS or not _is_place(v)}
    return file if public == known else _json(public)


def _is_place(value: Any) -> bool:
    text = str(value)
    return text.startswith(("/", "~", ".")) or PureWindowsPath(text).is_absolute()


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def _check_target(target: Path, force: bool) -> None:
    if not target.name.lower().endswith(archive_writer.ENDINGS):
        raise CannotPack(
            f"'{target.name}' must end with .zip or .tar.gz, which selects the format."
        )
    if target.is_dir():
        raise CannotPack(f"{target} is a folder. Give the name of a file.")
    if target.exists() and not force:
        raise CannotPack(
            f"{target} already exists. Choose another name, or replace it with --force."
        )
    if not target.parent.is_dir():
        raise CannotPack(f"The folder {target.parent} does not exist. Create it first.")


def _write(
    files: Mapping[str, Path | bytes], target: Path, fingerprint: str, say: Say
) -> None:
    """Write to a temporary file, and move it into place only once its content is verified."""
    _forget_killed(target)
    with (
        tempfile.TemporaryDirectory(
            dir=target.parent, prefix=f".{target.name}-", ignore_cleanup_errors=True
        ) as work,
        file_lock.locked(Path(work, LOCK), wait_s=0),
    ):
        archive, unpacked = Path(work, target.name), Path(work, "unpacked")
        say(f"Packing {len(files)} files")
        archive_writer.pack(files, archive)
        say("Checking the archive")
        unpacked.mkdir()
        with naming({archive: target, unpacked: target, Path(work): target.parent}):
            archive_reader.unpack(archive, unpacked, layout.is_part)
            found, *_ = _loaded(unpacked)
        if found != fingerprint:
            raise CannotPack(
                f"{target} was not written: when unpacked again, it had the fingerprint {found} "
                f"instead of {fingerprint}. The checkpoint has files of a kind that llm-glam does "
                "not know; share its folder as it is."
            )
        atomic.rename(archive, target)


def _forget_killed(target: Path) -> None:
    """Remove the temporary folders of processes that were killed, whose locks are free.

    They are as large as two checkpoints, for which there may be no space a second time.
    """
    for left in target.parent.glob(f".{glob.escape(target.name)}-*/{LOCK}"):
        with suppress(OSError):
            with file_lock.locked(left, wait_s=0):
                pass
            shutil.rmtree(left.parent)


def _loaded(directory: Path) -> tuple[str, int, dict[str, Any]]:
    """Return fingerprint, dimensions and first module of a checkpoint that passes its self-test.

    The weights are freed again, because two checkpoints are loaded here one after the other.
    """
    from ..engine.torch import TorchEncoder

    encoder = TorchEncoder(directory, device="cpu")
    described = encoder.model[0].get_config_dict()
    return encoder.fingerprint, encoder.dimensions, described


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Explain in one sentence why an archive could not be written."""
    try:
        yield
    except OSError as error:
        reason = platforms.reason(error)
        if is_disk_full(error):
            reason = (
                "the disk is full (it needs space for the archive and for its contents)"
            )
        raise CannotPack(f"{target} was not written: {reason}.") from error
