"""A command that is ended in the middle, as by ``kill -9``: nothing of Python's is run any more."""

import importlib
import os

from . import forked

STATUS = 77


def killed_at(where, *command, times=1):
    """Run a command of LLM until it calls a function (``module:name``) for the nth time."""
    child = forked.run(_run_until, where, times, [str(word) for word in command])
    assert child.returncode == STATUS, child.stderr


def _run_until(where, times, command):
    module, _, path = where.partition(":")
    *parts, name = path.split(".")
    owner = importlib.import_module(module)
    for part in parts:
        owner = getattr(owner, part)
    real = getattr(owner, name)

    def counted(*args, **options):
        nonlocal times
        times -= 1
        if times == 0:
            os._exit(STATUS)
        return real(*args, **options)

    setattr(owner, name, counted)
    from llm.cli import cli

    cli(command)
