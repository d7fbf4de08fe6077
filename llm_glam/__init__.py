"""llm-glam: search and understand picture collections with CLIP, as an LLM plugin."""

from collections.abc import Callable

import click
import llm


@llm.hookimpl
def register_embedding_models(register: Callable[..., None]) -> None:
    from . import clip

    clip.register_models(register)


@llm.hookimpl
def register_commands(cli: click.Group) -> None:
    from . import plugin
    from .cli import glam

    cli.add_command(glam)
    plugin.install(cli)


@llm.hookimpl
def register_tools(register: Callable[..., None]) -> None:
    from .tools import Glam

    register(Glam)
