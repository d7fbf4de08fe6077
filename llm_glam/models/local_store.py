"""Our own copies of checkpoints: what came in an archive, and what had to be completed.

They are in ``user_dir()/glam/checkpoints/``, whole or not at all: made beside and renamed. A copy
of a name that was registered before does not replace the old one until it has proved usable.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from ..checkpoints import completion, layout
from ..errors import BadArchive, BadCheckpoint
from ..formats import archive_reader
from . import registry

WORK = ".adding-"
HOURS_OF_AN_ADDITION = 6
Base = Callable[[bool], Path | None]  # told whether there has to be one


def directory() -> Path:
    """Where our copies are."""
    return (registry.directory() / "checkpoints").resolve()


def is_archive_name(name: str) -> bool:
    """Is it how people name archives? Hub ids end otherwise."""
    return name.lower().endswith(
        (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")
    )


@contextmanager
def usable(name: str, source: Path, base: Base) -> Iterator[Path]:
    """The folder to load a checkpoint from: ``source`` itself, or a copy of ours.

    The copy stays if the block ends well; then an older one that nothing refers to goes.

    :param source: a folder or an archive
    :param base: gives the folder from which a bare checkpoint gets what it lacks
    :raises BadCheckpoint: there is no checkpoint, or it lacks what cannot be completed
    :raises BadArchive: the archive is damaged, or not safe to unpack
    """
    if source.is_dir() and not completion.lacks(source):
        yield source
        return
    with _work() as work:
        folder = _unpacked(source, work) if not source.is_dir() else source
        if folder == source or completion.lacks(folder):
            folder = _completed(folder, base, work / "completed")
        copy = _moved(folder, name)
    with _proved(copy, name):
        yield copy


@contextmanager
def made(name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """A checkpoint of ours that ``make`` writes into a folder that does not exist yet.

    It stays if the block ends well.
    """
    with _work() as work:
        make(work / "made")
        copy = _moved(work / "made", name)
    with _proved(copy, name):
        yield copy


@contextmanager
def _proved(copy: Path, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    _forget_former(name, copy)


def _unpacked(archive: Path, work: Path) -> Path:
    if not archive.exists():
        raise BadCheckpoint(
            f"There is no folder or archive {archive}. Check the path, and put it in quotes if it "
            "contains spaces."
        )
    target = work / "unpacked"
    target.mkdir()
    archive_reader.unpack(archive, target, layout.is_part)
    return layout.find(target, archive)


def _completed(folder: Path, base: Base, target: Path) -> Path:
    target.mkdir()
    needs_base = "tokenizer" in completion.lacks(folder)
    completion.complete(folder, base(needs_base), target)
    return target


@contextmanager
def _work() -> Iterator[Path]:
    """A folder beside the copies to make one in; those of killed processes go."""
    try:
        directory().mkdir(parents=True, exist_ok=True)
        for left in directory().glob(f"{WORK}*"):
            if left.stat().st_mtime < time.time() - HOURS_OF_AN_ADDITION * 3600:
                shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(dir=directory(), prefix=WORK))
    except OSError as error:
        text = f"Checkpoints cannot be stored in {directory()}: {error.strerror}."
        raise BadArchive(text) from error
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _moved(folder: Path, name: str) -> Path:
    """To its final place before it is loaded: Windows renames no folder whose files are open."""
    plain = name.replace("/", "--")
    for number in count(1):
        target = directory() / (plain if number == 1 else f"{plain}.{number}")
        try:
            target.mkdir()
        except FileExistsError:
            continue
        target.rmdir()  # Windows does not rename onto a folder, empty or not
        return folder.rename(target)
    raise AssertionError  # count() does not end


def _forget_former(name: str, copy: Path) -> None:
    """Remove older copies for this name that no entry refers to: left by a kill, or replaced."""
    plain = name.replace("/", "--")
    in_use = {Path(source).resolve() for source in registry.sources()}
    for other in (directory() / plain, *directory().glob(f"{plain}.*")):
        is_numbered = other.name == plain or other.suffix[1:].isdigit()
        if is_numbered and other != copy and other not in in_use:
            shutil.rmtree(other, ignore_errors=True)
