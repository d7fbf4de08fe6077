"""Know how Windows, macOS and Linux differ in what they report about files."""

import errno
import os
import stat
import sys
from pathlib import Path, PurePath

IS_WINDOWS: bool = sys.platform == "win32"
# Error codes of Windows: https://learn.microsoft.com/windows/win32/debug/system-error-codes
ACCESS_DENIED = 5
PATH_NOT_FOUND = 3
IN_USE = {32, 33}  # another program has opened the file, or locked a part of it
PATH_TOO_LONG = 206
MAX_PATH = 260  # characters that Windows allows unless long paths are enabled
# What Excel and LibreOffice create beside a file while it is open.
LOCK_FILES = ("~${}", ".~lock.{}#")
CELLS = (".csv", ".tsv", ".xlsx", ".xlsm", ".xls", ".ods")
RETRY_SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8)
# Of a file whose content OneDrive or iCloud downloads only when it is read.
RECALLED = 0x1000 | 0x40000 | 0x400000  # offline, recall on open, recall on data access
SF_DATALESS = 0x40000000
STUB = ".icloud"  # older versions of macOS replace a.jpg by .a.jpg.icloud
HAS_STUBS: bool = sys.platform == "darwin"
IN_CLOUD = "it is only in the cloud, and was not downloaded"
# Names that mean a device on Windows, whatever their extension.
DEVICES = {
    *("con", "prn", "aux", "nul"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}

SYSTEM_NAMES = {
    "thumbs.db",
    "desktop.ini",
    "__macosx",
    "$recycle.bin",
    "system volume information",
    *("ehthumbs.db", "icon\r", "lost+found"),
    *("@eadir", "@recycle", "#recycle"),  # of network drives by Synology and QNAP
}


def reason(error: OSError) -> str:
    """Return why the system refused to use a file, and what to do: part of a sentence."""
    path = str(error.filename or "")
    if lock := _lock_file(error, path):
        return f"another program has it open, as {lock} shows; close it there and repeat the command"
    if _code(error) in IN_USE:
        return "another program has it open; close it there and repeat the command"
    if _code(error) == ACCESS_DENIED and getattr(error, "filename2", None):
        return (
            "another program has it open, or it is write-protected; close it there and repeat the "
            "command"
        )
    if _is_too_long(error, path):
        return (
            f"its path has {len(os.path.abspath(path))} characters, more than Windows allows; move "
            "the folder closer to the top of the drive, or enable long paths in Windows"
        )
    text = error.strerror or str(error)
    if IS_WINDOWS and error.errno == errno.EACCES and path.lower().endswith(CELLS):
        return f"{text}; if it is open in Excel, close it there and repeat the command"
    return text


def may_pass(error: OSError) -> bool:
    """Return whether renaming a file failed only because a program has one of the files open.

    Programs that check new files for viruses, or copy them to the cloud, close them soon.
    """
    return _code(error) in {ACCESS_DENIED, *IN_USE}


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is hidden, or no user's, by its name."""
    return name.startswith((".", "~$")) or name.lower() in SYSTEM_NAMES


def is_only_in_cloud(status: os.stat_result) -> bool:
    """Return whether reading a file with this status would download it."""
    attributes = getattr(status, "st_file_attributes", 0)
    flags = getattr(status, "st_flags", 0)
    return bool(attributes & RECALLED or flags & SF_DATALESS)


def stub_of(path: Path) -> Path:
    """Return the file that older versions of macOS put in place of one that is in the cloud."""
    return path.with_name(f".{path.name}{STUB}")


def exists(path: Path) -> bool:
    """Return whether there is such a file, on this computer or in the cloud."""
    return path.exists() or stub_of(path).exists()


def of_stub(name: str) -> str | None:
    """Return the name of the file that a :func:`stub_of` stands for; None for any other file."""
    is_stub = name.startswith(".") and name.endswith(STUB)
    return name[1 : -len(STUB)] or None if is_stub else None


def is_file_or_link(path: Path) -> bool:
    """Return whether a path from the listing of a folder is a file or a link, not a device.

    True if the system cannot tell, as of a path that is too long: opening it reports why.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def is_file(path: Path) -> bool:
    """Return whether a path that matches a pattern is a file, or a link to one.

    True if the system cannot tell, as in :func:`is_file_or_link`.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return not os.path.islink(path)


def is_inner(path: PurePath) -> bool:
    """Return whether a path stays within the folder that it is joined to.

    On Windows, ``C:a.jpg`` and ``\\a.jpg`` do not, although neither is absolute.
    """
    return not path.anchor and ".." not in path.parts


def is_reserved(part: str) -> bool:
    """Return whether Windows cannot have a file or folder of this name."""
    return part.partition(".")[0].strip().lower() in DEVICES or part.endswith(
        (" ", ".")
    )


def _code(error: OSError) -> int | None:
    """Return the error code of Windows, None on other systems.

    Python's ``open`` does not have it even there, only what C makes of it.
    """
    return getattr(error, "winerror", None)


def _is_too_long(error: OSError, path: str) -> bool:
    if _code(error) == PATH_TOO_LONG:
        return True
    is_missing = _code(error) == PATH_NOT_FOUND or (
        IS_WINDOWS and error.errno == errno.ENOENT
    )
    return is_missing and len(os.path.abspath(path)) >= MAX_PATH


def _lock_file(error: OSError, path: str) -> str | None:
    """Return the name of the lock file beside a file that cannot be used, if there is one."""
    if not isinstance(error, PermissionError) or not path:
        return None
    folder, name = os.path.split(path)
    locks = (lock.format(name) for lock in LOCK_FILES)
    return next(
        (one for one in locks if os.path.exists(os.path.join(folder, one))), None
    )
