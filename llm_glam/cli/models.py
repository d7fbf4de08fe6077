"""``llm glam models``: which checkpoints there are."""

from dataclasses import asdict
from typing import Any

import click

from .. import models, registry
from ..output import output_options, output_rows, say_on_stderr
from ..registry import Checkpoint


@click.group()
def command() -> None:
    """List, add and choose checkpoints."""


@command.command("list")
@output_options
def list_(format_: str) -> None:
    """List the registered checkpoints.

    \b
    Example:
        llm glam models list -t
    """
    default = registry.default_name()
    rows = (_summary(entry, default) for entry in registry.checkpoints())
    output_rows(rows, format_)


@command.command()
@click.argument("name")
@click.argument("source")
@click.option(
    "--base", help="Checkpoint or folder whose tokenizer a bare checkpoint gets"
)
@click.option("--revision", help="Commit, branch or tag of a hub checkpoint")
@click.option("--notes", help="A line to remember it by")
def add(
    name: str, source: str, base: str | None, revision: str | None, notes: str | None
) -> None:
    """Register a checkpoint: a folder, or an id on the Hugging Face hub.

    The folder may be saved by sentence-transformers (now or years ago) or by transformers. A
    bare config.json with weights is completed: its tokenizer is that of the checkpoint it was
    fine-tuned from (--base).

    \b
    Examples:
        llm glam models add archaeclip ~/checkpoints/archaeclip
        llm glam models add archaeclip ~/bare --base clip-ViT-B-32
        llm glam models add vit-l openai/clip-vit-large-patch14
    """
    entry = models.add(
        name, source, base=base, revision=revision, notes=notes, say=say_on_stderr
    )
    click.echo(
        f"Registered {entry.model_id}: {entry.dimensions} dimensions, "
        f"fingerprint {entry.fingerprint}.",
        err=True,
    )


@command.command()
@click.argument("name", required=False)
def default(name: str | None) -> None:
    """Show or set the checkpoint that glam-clip means.

    \b
    Example:
        llm glam models default archaeclip
    """
    if name:
        registry.set_default(registry.bare(name))
    else:
        click.echo(registry.default_name())


@command.command()
@click.argument("name")
@output_options
def show(name: str, format_: str) -> None:
    """Show all that is known of a checkpoint.

    \b
    Example:
        llm glam models show archaeclip
    """
    entry = registry.get(registry.bare(name))
    row = {
        key: value
        for key, value in asdict(entry).items()
        if key not in ("stamps", "removed")
    }
    output_rows([row], format_)


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Forget a checkpoint; its files stay, and its name is not given to other weights.

    \b
    Example:
        llm glam models remove archaeclip
    """
    entry = registry.remove(registry.bare(name))
    click.echo(
        f"Removed {entry.model_id}; its files are still in {entry.source}.", err=True
    )


def _summary(entry: Checkpoint, default: str) -> dict[str, Any]:
    return {
        "name": entry.name,
        "model": entry.model_id,
        "default": entry.name == default,
        "source": entry.source,
        "revision": entry.revision,
        "dimensions": entry.dimensions,
        "fingerprint": entry.fingerprint,
        "notes": entry.notes,
    }
