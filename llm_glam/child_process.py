"""Start Python in child processes that never import a module from the current folder.

``python -m`` puts the current folder first on the path. There, among pictures that somebody else
collected, a file such as ``onnx.py`` would run instead of the package of that name.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAFE_PATH = "PYTHONSAFEPATH"


def python_module(name: str) -> list[str]:
    """Return the command that runs a module, to which its arguments are added."""
    return [sys.executable, "-P", "-m", name]


def python_file(path: Path) -> list[str]:
    """Return the command that runs a file, without the packages that it is in."""
    return [sys.executable, "-P", str(path)]


def environment() -> dict[str, str]:
    """Return an environment that protects the child's own children too."""
    return {**os.environ, SAFE_PATH: "1"}


@contextmanager
def safe_path() -> Iterator[None]:
    """Protect the processes that a library starts by itself within this block."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        del os.environ[SAFE_PATH]
        if before is not None:
            os.environ[SAFE_PATH] = before
