"""llm-glam: search and understand picture collections with CLIP, as an LLM plugin."""

from collections.abc import Callable

import click
import llm

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version  # only where it is asked for

        return version("llm-glam")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@llm.hookimpl
def register_embedding_models(register: Callable[..., None]) -> None:
    from .models import embedding_model

    embedding_model.register_models(register)


@llm.hookimpl
def register_commands(cli: click.Group) -> None:
    from .cli import glam
    from .plugin import commands

    cli.add_command(glam)
    commands.install(cli)


@llm.hookimpl
def register_tools(register: Callable[..., None]) -> None:
    from .plugin.toolbox import Glam

    register(Glam)
