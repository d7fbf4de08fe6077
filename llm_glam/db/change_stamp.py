"""Tell whether a database has changed, in O(1), from its files' metadata.

Only inodes, sizes and times are read. The files are not opened: closing a database file releases
the locks that SQLite holds on it in the same process
(https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

import os
import time
from pathlib import Path

# Seconds. Some file systems have coarse time stamps (FAT: 2 seconds), so a file that was written
# this recently can be written again without its time changing. Git's index has the same problem.
JUST_NOW = 2.5

_first: dict[str, tuple[int, int]] = (
    {}
)  # the file that was at a path, as device and inode


def of(path: Path) -> str | None:
    """Return a stamp of a database's files, which changes whenever something is committed.

    :return: None if the stamp would not be reliable, because another process is writing or has
        written within the last few seconds, or because there is another file than when this
        process first looked: its connections may still be to the old one, which no longer has a name
    """
    try:
        stats = [os.stat(path)]
        stats += [found for found in [_stat(path, "-wal")] if found]
        journal = _stat(path, "-journal")
    except OSError:
        return None
    if journal and journal.st_size:
        return None
    own = stats[0].st_dev, stats[0].st_ino
    if _first.setdefault(os.path.realpath(path), own) != own:
        return None
    if any(one.st_mtime > time.time() - JUST_NOW for one in stats):
        return None
    return " ".join(
        f"{one.st_dev}:{one.st_ino}:{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}"
        for one in stats
    )


def _stat(path: Path, suffix: str) -> os.stat_result | None:
    try:
        return os.stat(f"{path}{suffix}")
    except FileNotFoundError:
        return None
