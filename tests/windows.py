"""What Windows does and this system does not, as far as our code can tell."""

import errno
import os


def refused(code, path, number=errno.EACCES, target=None):
    """The error of Windows with this code; ``open`` gives none (None)."""
    text = {3: "The system cannot find the path specified"}.get(code, "Access denied")
    error = OSError(number, text, str(path), None, target and str(target))
    if code is not None:
        error.winerror = code
    return error


def opened_elsewhere(monkeypatch, code=32, times=10**9):
    """Refuse to replace files, as while another program has them open."""
    left = [times]
    real = os.replace

    def replace(work, target):
        left[0] -= 1
        if left[0] < 0:
            return real(work, target)
        raise refused(code, work, target=target)

    monkeypatch.setattr(os, "replace", replace)


def mapped():
    """The paths of all files that this process has mapped or open."""
    with open("/proc/self/maps", encoding="utf-8") as table:
        found = {line.split(maxsplit=5)[-1].strip() for line in table}
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return found


def refuse_open_files(monkeypatch):
    """Refuse to rename and delete what this process itself has open, as Windows does."""
    real = {name: getattr(os, name) for name in ("replace", "rename", "unlink")}

    def checked(name):
        def call(path, *rest, **options):
            for one in (path, *rest):
                if os.path.realpath(one) in mapped():
                    raise refused(32, path, target=rest[0] if rest else None)
            return real[name](path, *rest, **options)

        return call

    for name in real:
        monkeypatch.setattr(os, name, checked(name))
