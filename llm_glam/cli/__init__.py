"""``llm glam …``: each command's module is imported when the command is used."""

import importlib
from pathlib import Path
from typing import Any

import click

from ..errors import explained

COMMANDS = {
    "adopt": "adopt",
    "compare": "compare",
    "demo": "demo",
    "embed": "embed",
    "evaluate": "evaluate",
    "models": "models",
    "reembed": "reembed",
    "search": "search",
    "serve": "serve",
    "status": "status",
    "train": "train",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of this package, one noun each."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"{__name__}.{COMMANDS[cmd_name]}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what SQLite and the system complain about becomes one sentence."""
        with explained(lambda: _database(ctx)):
            return super().invoke(ctx)


@click.group(cls=LazyGroup)
@click.version_option(package_name="llm-glam", prog_name="llm-glam")
def glam() -> None:
    """Search and understand picture collections with CLIP."""


def _database(ctx: click.Context) -> Path:
    from ..db import collections

    return Path(ctx.meta.get("llm_glam.database") or collections.default_path())
