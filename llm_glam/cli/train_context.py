"""The command line of a training, as its card shows it."""

import shlex
from pathlib import Path

import click

UNTOLD = {"database", "format_", "check", "resume"}


def typed(context: click.Context) -> str:
    """The command that was typed, with names of files instead of their paths."""
    words = ["llm", "glam", "train"]
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source != click.core.ParameterSource.COMMANDLINE or name in UNTOLD:
            continue
        value = context.params.get(name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(parameter, click.Option):
                words.append(parameter.opts[-1])
                words += [] if one is True else [str(one)]
            else:
                words.append(Path(str(one)).name)
    return shlex.join(words)
