"""Our own copies of checkpoints: unpacked from archives, or completed from a base.

They are in ``user_dir()/glam/checkpoints/``, and written atomically: made elsewhere and renamed. A
new copy for a registered name replaces the old one only once it has proved usable.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path

from ..checkpoints import completion, layout
from ..errors import BadArchive, BadCheckpoint, NameTaken, naming
from ..formats import archive_reader, atomic, file_lock
from . import registry

WORK = ".adding-"
HOURS_OF_AN_ADDITION = 6
Base = Callable[[bool], Path | None]  # its argument: whether a base is required


def directory() -> Path:
    """Return the folder of our copies."""
    return (registry.directory() / "checkpoints").resolve()


def is_archive_name(name: str) -> bool:
    """Return whether a name looks like an archive's; hub ids end differently."""
    return name.lower().endswith(
        (".zip", ".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2")
    )


@contextmanager
def usable(name: str, source: Path, base: Base) -> Iterator[Path]:
    """Return the folder to load a checkpoint from: ``source`` itself, or a copy of ours.

    The copy is kept if the block succeeds; older copies that nothing refers to are then removed.

    :param source: a folder or an archive
    :param base: returns the folder that provides what an incomplete checkpoint is missing
    :raises BadCheckpoint: there is no checkpoint, or it cannot be completed
    :raises BadArchive: the archive is damaged, or not safe to unpack
    """
    if source.is_dir() and not completion.lacks(source):
        yield source
        return
    with _alone(name):
        with _work() as work, naming(dict.fromkeys(_steps(work), source)):
            folder = _unpacked(source, work) if not source.is_dir() else source
            if folder == source or completion.lacks(folder):
                folder = _completed(folder, base, work / "completed")
            copy = _moved(folder, name)
        with _proved(copy, name), naming({copy: source}):
            yield copy


@contextmanager
def made(name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """Provide a checkpoint of ours that ``make`` writes into a folder that does not exist yet.

    It is kept if the block succeeds.
    """
    with _alone(name):
        own = directory() / registry.file_name(name)
        with _work() as work, naming({work / "made": own}):
            make(work / "made")
            copy = _moved(work / "made", name)
        with _proved(copy, name):
            yield copy


def _alone(name: str) -> AbstractContextManager[object]:
    """Let one process at a time make a copy for a name: return the lock, which is held already.

    Otherwise the first to finish would remove the copy of another, which has no entry yet.

    :raises NameTaken: another process is doing so
    """
    try:
        locks = registry.directory() / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        return file_lock.locked(locks / f"{registry.file_name(name)}.lock", wait_s=0)
    except TimeoutError as error:
        raise NameTaken(
            f"Another command is just adding a checkpoint as '{name}'. Wait until it has "
            "finished, or choose another name."
        ) from error
    except OSError as error:
        raise _not_stored(error) from error


def _not_stored(error: OSError) -> BadArchive:
    text = f"Checkpoints cannot be stored in {directory()}: {error.strerror}."
    return BadArchive(text)


@contextmanager
def _proved(copy: Path, name: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    _forget_former(name, copy)


def _steps(work: Path) -> list[Path]:
    """Return the folders that a checkpoint is in before it has its place."""
    return [work / "unpacked", work / "completed"]


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
    """Provide a temporary folder beside the copies, and remove those of killed processes."""
    try:
        directory().mkdir(parents=True, exist_ok=True)
        for left in directory().glob(f"{WORK}*"):
            if left.stat().st_mtime < time.time() - HOURS_OF_AN_ADDITION * 3600:
                shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(dir=directory(), prefix=WORK))
    except OSError as error:
        raise _not_stored(error) from error
    try:
        with naming({work: directory()}):
            yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _moved(folder: Path, name: str) -> Path:
    """Move a copy into place before loading it: Windows cannot rename a folder with open files."""
    plain = registry.file_name(name)
    for number in count(1):
        target = directory() / (plain if number == 1 else f"{plain}.{number}")
        try:
            target.mkdir()
        except FileExistsError:
            continue
        target.rmdir()  # Windows cannot rename onto an existing folder, not even an empty one
        atomic.rename(folder, target)
        return target
    raise AssertionError  # unreachable: count() never ends


def _forget_former(name: str, copy: Path) -> None:
    """Remove older copies for this name that no entry refers to, left by a kill or replaced."""
    plain = registry.file_name(name)
    in_use = {Path(source).resolve() for source in registry.sources()}
    for other in (directory() / plain, *directory().glob(f"{plain}.*")):
        is_numbered = other.name == plain or other.suffix[1:].isdigit()
        if is_numbered and other != copy and other not in in_use:
            shutil.rmtree(other, ignore_errors=True)
