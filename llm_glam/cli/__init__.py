"""The commands ``llm glam …``, whose modules are imported only when they are used."""

import importlib
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from ..db.connection import explained
from .output import any_text_printable

COMMANDS = {  # with their headings, in the order of the help
    "embed": "Collections",
    "adopt": "Collections",
    "reembed": "Collections",
    "status": "Collections",
    "records": "Records",
    "mark": "Records",
    "search": "Search",
    "compare": "Search",
    "models": "Checkpoints",
    "train": "Checkpoints",
    "evaluate": "Checkpoints",
    "export": "Publish",
    "serve": "Site",
    "demo": "Try it",
}


class LazyGroup(click.Group):
    """A group whose commands are each in the module of this package with the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command with this name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the help's list of commands under several headings, instead of click's single one."""
        width = max(map(len, COMMANDS))
        limit = formatter.width - 6 - width  # as in click
        for heading, names in groupby(COMMANDS, COMMANDS.__getitem__):
            commands = ((name, self.get_command(ctx, name)) for name in names)
            rows = [
                (name.ljust(width), command.get_short_help_str(limit))
                for name, command in commands
                if command
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, turning errors of SQLite and the system into one-sentence messages."""
        with explained(lambda: _database(ctx)), any_text_printable():
            return super().invoke(ctx)


@click.group(cls=LazyGroup)
@click.version_option(package_name="llm-glam", prog_name="llm-glam")
def glam() -> None:
    """Search and understand picture collections with CLIP."""


def _database(ctx: click.Context) -> Path:
    from ..db import connection

    return Path(ctx.meta.get("llm_glam.database") or connection.default_path())
