"""The command line of a training run, for its model card."""

import shlex
from pathlib import Path

import click

OMITTED = {"database", "format_", "check", "resume"}


def command_line(context: click.Context) -> str:
    """Return the command as typed, without the folders of files and without some options."""
    words = ["llm", "glam", "train"]
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if source != click.core.ParameterSource.COMMANDLINE or name in OMITTED:
            continue
        value = context.params.get(name)
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(parameter, click.Option):
                words.append(parameter.opts[-1])
                words += [] if one is True else [_shown(one)]
            else:
                words.append(_shown(Path(str(one))))
    return shlex.join(words)


def _shown(value: object) -> str:
    """Return a value as text, a path without its folder."""
    return (value.name or ".") if isinstance(value, Path) else str(value)
