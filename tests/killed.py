"""A command that is ended in the middle, as by ``kill -9``: nothing of Python's is run any more."""

import subprocess
import sys

STATUS = 77
CHILD = f"""
import importlib, os, sys

where, times = sys.argv[1], int(sys.argv[2])
module, _, name = where.rpartition(":")
owner = importlib.import_module(module)
for part in name.split(".")[:-1]:
    owner = getattr(owner, part)
name = name.split(".")[-1]
real = getattr(owner, name)


def counted(*args, **options):
    global times
    times -= 1
    if times == 0:
        os._exit({STATUS})
    return real(*args, **options)


setattr(owner, name, counted)
from llm.cli import cli

cli(sys.argv[3:])
"""


def killed_at(where, *command, times=1):
    """Run a command of LLM until it calls a function (``module:name``) for the nth time."""
    words = [where, str(times), *map(str, command)]
    child = subprocess.run(
        [sys.executable, "-c", CHILD, *words], capture_output=True, text=True
    )
    assert child.returncode == STATUS, child.stderr
