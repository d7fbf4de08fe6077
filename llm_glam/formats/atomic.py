"""Write files that appear complete or not at all: beside their place first, then renamed."""

import glob
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from .. import platforms

HOURS_OF_WRITING = (
    1  # then what has not been written to is of a process that was killed
)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Provide a path to write to, in the same folder; after the block it becomes ``path``.

    If the block raises an error, ``path`` stays as it was. The suffix stays the last part of the
    name. What killed processes have left of earlier attempts is removed.

    :raises OSError: the disk is full, or the folder cannot be written to
    """
    _forget_killed(path)
    work = path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")
    try:
        yield work
        rename(work, path)
    finally:
        with suppress(OSError):
            work.unlink()


def rename(work: Path, target: Path) -> None:
    """Rename a file or folder, replacing the file ``target`` if there is one.

    Windows refuses this while a program has one of the files open, so that it is tried again for
    a short while.

    :raises OSError: it names ``target``, which stays as it was
    """
    for seconds in (*platforms.RETRY_SECONDS, None):
        try:
            os.replace(work, target)
            return
        except OSError as error:
            if seconds is None or not platforms.may_pass(error):
                error.filename = str(target)
                raise
            time.sleep(seconds)


def _forget_killed(path: Path) -> None:
    stem, suffix = glob.escape(path.stem), glob.escape(path.suffix)
    for left in path.parent.glob(f".{stem}-{'[0-9a-f]' * 8}{suffix}"):
        with suppress(OSError):
            if left.stat().st_mtime < time.time() - HOURS_OF_WRITING * 3600:
                left.unlink()


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all.

    :raises OSError: as :func:`replacing`
    """
    with replacing(path) as work:
        work.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write a file of text in UTF-8, whole or not at all.

    :raises OSError: as :func:`replacing`
    """
    write_bytes(path, text.encode())
