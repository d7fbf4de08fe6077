"""Has a database changed? An O(1) look at its files, without opening them.

Only their places, sizes and times are looked at: a process that opens and closes the file of a
database takes SQLite's locks off it (https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

import os
import time
from pathlib import Path

# Time stamps of files are this coarse on some file systems (FAT: 2 seconds). As in git's index,
# what was written just now may be written once more without its time changing.
JUST_NOW = 2.5


def of(path: Path) -> str | None:
    """How a database's files look now: equal only while nothing was committed.

    :return: None where that cannot be told, because somebody is writing, or just was
    """
    try:
        told = [os.stat(path)]
        told += [found for found in [_stat(path, "-wal")] if found]
        journal = _stat(path, "-journal")
    except OSError:
        return None
    if journal and journal.st_size:
        return None
    if any(one.st_mtime > time.time() - JUST_NOW for one in told):
        return None
    return " ".join(
        f"{one.st_dev}:{one.st_ino}:{one.st_size}:{one.st_mtime_ns}:{one.st_ctime_ns}"
        for one in told
    )


def _stat(path: Path, suffix: str) -> os.stat_result | None:
    try:
        return os.stat(f"{path}{suffix}")
    except FileNotFoundError:
        return None
