"""Tell whether a file is on a network share, where SQLite is slow and its locks unreliable."""

import os.path
import subprocess
import sys
from pathlib import Path

NETWORK = {
    "nfs",
    "nfs4",
    "cifs",
    "smb2",
    "smb3",
    "smbfs",
    "afpfs",
    "webdav",
    "9p",
    "fuse.sshfs",
}
WINDOWS_REMOTE_DRIVE = 4


def kind(path: Path) -> str | None:
    """Return the type of network file system a path is on, or None for a local disk."""
    path = Path(os.path.expanduser(path)).absolute()
    if sys.platform == "win32":
        return "Windows share" if _is_windows_share(path) else None
    return kind_in(path, _mounts())


def kind_in(path: Path, mounts: list[tuple[str, str]]) -> str | None:
    """Do what :func:`kind` does, given the mount points and the types of their file systems."""
    inside = [(len(point), fs) for point, fs in mounts if path.is_relative_to(point)]
    file_system = max(inside, default=(0, ""))[1]
    return file_system if file_system in NETWORK else None


def _mounts() -> list[tuple[str, str]]:
    table = Path("/proc/mounts")
    if table.exists():
        lines = [
            line.split(" ") for line in table.read_text("utf-8", "replace").splitlines()
        ]
        return [(line[1].replace("\\040", " "), line[2]) for line in lines]
    # macOS prints: //user@server/scans on /Volumes/scans (smbfs, nodev, nosuid)
    printed = subprocess.run(
        ["/sbin/mount"], capture_output=True, text=True, encoding="utf-8", check=False
    ).stdout
    parts = [line.rpartition(" (") for line in printed.splitlines() if " on " in line]
    return [
        (left.split(" on ", 1)[1], right.split(",")[0].rstrip(")"))
        for left, _, right in parts
    ]


def _is_windows_share(path: Path) -> bool:
    import ctypes

    if str(path).startswith("\\\\"):
        return True
    drive_type = ctypes.windll.kernel32.GetDriveTypeW(path.anchor)  # type: ignore[attr-defined]
    return bool(drive_type == WINDOWS_REMOTE_DRIVE)
