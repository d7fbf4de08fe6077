"""Write folders that appear complete or not at all, and overwrite none but our own."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from ...errors import CannotExport
from ...formats import atomic
from ...models import registry
from ...platforms import SYSTEM_NAMES

MARK = ".glam-export.json"  # what says that a folder is ours, and what is in it
LISTED = "metadata.jsonl"
CARD = "README.md"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Provide an empty folder to write to, beside ``path``; after the block it becomes ``path``.

    If the block raises an error, ``path`` stays as it was.
    """
    work = path.with_name(f".{path.name}-{uuid4().hex[:8]}")
    work.mkdir()
    try:
        yield work
        _swap(work, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _swap(work: Path, path: Path) -> None:
    """Give a folder its name, and remove the one that had it."""
    if not path.exists():
        os.rename(work, path)
        return
    old = work.with_name(f"{work.name}-old")
    os.rename(path, old)
    try:
        os.rename(work, path)
    except OSError:
        os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def mark(folder: Path, format_: str) -> None:
    """Record in a folder that it is ours, and what was written to its tables and texts."""
    written = {name: _md5(folder / name) for name in (LISTED, CARD)}
    described = {"format": format_, "created": registry.now(), "md5": written}
    atomic.write_text(folder / MARK, json.dumps(described, indent=2) + "\n")


def check(path: Path, *, may_replace: bool) -> None:
    """Check that a folder is empty, or that nothing is lost when it is replaced.

    :raises CannotExport: something in it was not written by an export, or was changed since
    """
    if not path.is_dir() or not any(path.iterdir()):
        return
    if not (path / MARK).is_file():
        raise CannotExport(
            f"The folder {path} is not empty, and was not written by llm glam export; choose "
            "another name."
        )
    if not may_replace:
        raise CannotExport(
            f"The folder {path} exists already; choose another name, or add --replace to "
            "overwrite it."
        )
    if changed := list(_changed(path)):
        raise CannotExport(
            f"{path / changed[0]} was added or changed since the folder was exported, and would "
            "be lost; move it elsewhere, or choose another name."
        )


def _changed(path: Path) -> Iterator[str]:
    """Yield the files of an exported folder that are not as they were written there."""
    try:
        written = json.loads((path / MARK).read_text("utf-8"))["md5"]
        for name, md5 in written.items():
            if (path / name).is_file() and _md5(path / name) != md5:
                yield name
        with (path / LISTED).open(encoding="utf-8") as lines:
            known = {MARK, LISTED, CARD, *(json.loads(li)["file_name"] for li in lines)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        yield MARK
        return
    for folder, _folders, files in os.walk(path):
        for file in files:
            name = Path(folder, file).relative_to(path).as_posix()
            is_apple = file == ".DS_Store" or file.startswith("._")
            if name not in known and not is_apple and file.lower() not in SYSTEM_NAMES:
                yield name


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
