"""Locks between processes: only one at a time changes what several may want to change."""

from contextlib import AbstractContextManager
from pathlib import Path

POLL_S = 0.02


def locked(path: Path, *, wait_s: float) -> AbstractContextManager[object]:
    """Return a lock that only one process, and one thread of it, has at a time; it is held already.

    The system frees the lock of a process that ends or is killed. The file stays, and is empty.

    :param path: the file of the lock, which is not the file that it protects
    :param wait_s: how long to wait for others; 0 to try once
    :raises TimeoutError: another process has it
    :raises OSError: the file cannot be opened
    """
    from filelock import FileLock

    return FileLock(path, poll_interval=POLL_S).acquire(timeout=wait_s)
