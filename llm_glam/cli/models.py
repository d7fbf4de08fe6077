"""``llm glam models``: which checkpoints there are."""

from pathlib import Path
from typing import Any

import click

from ..db import collections
from ..models import doctor, loading, packing, registry
from ..models.registry import Checkpoint
from . import options as shared
from .output import output_options, output_rows, say_on_stderr


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
    "--base",
    help="Checkpoint or folder from which a bare one gets what it lacks",
)
@click.option("--revision", help="Commit, branch or tag of a hub checkpoint")
@click.option("--notes", help="A line to remember it by")
def add(
    name: str, source: str, base: str | None, revision: str | None, notes: str | None
) -> None:
    """Register a checkpoint: a folder, an archive, or an id on the Hugging Face hub.

    The folder may be saved by sentence-transformers (now or years ago) or by transformers. A
    bare config.json with weights is completed: what it lacks comes from the checkpoint it
    was fine-tuned from (--base). A zip or tar archive holds such a folder, and is not needed
    afterwards.

    \b
    Examples:
        llm glam models add archaeclip ~/checkpoints/archaeclip
        llm glam models add archaeclip archaeclip.zip
        llm glam models add archaeclip ~/bare --base clip-ViT-B-32
        llm glam models add vit-l openai/clip-vit-large-patch14
    """
    entry = loading.add(
        name, source, base=base, revision=revision, notes=notes, say=say_on_stderr
    )
    click.echo(
        f"Registered {entry.model_id}: {entry.dimensions} dimensions, "
        f"fingerprint {entry.fingerprint}.",
        err=True,
    )
    if warning := doctor.collapse(name, loading.encoder(name)):
        click.echo(warning, err=True)


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
@click.option(
    "--speed/--no-speed", default=True, help="Measure how fast it is, for two seconds"
)
@shared.database_option
@output_options
def show(name: str, speed: bool, database: Path, format_: str) -> None:
    """Examine a checkpoint: is it whole, is it the same, is it any good?

    Shows its files, its fingerprint computed anew, what it takes and gives, whether it tells
    different things apart, its speed here and the collections made with it. The exit status is
    1 where it cannot be used.

    \b
    Examples:
        llm glam models show archaeclip
        llm glam models show archaeclip -t --no-speed
    """
    entry = registry.get(registry.bare(name))
    examination = doctor.examine(entry, say_on_stderr, speed=speed)
    examination.row["collections"] = collections.made_with(database, entry)
    if format_ == "table":
        output_rows(_pairs(examination.row), format_)
    else:
        output_rows([examination.row], format_)
    for warning in examination.warnings:
        click.echo(warning, err=True)
    if examination.problem:
        raise examination.problem


@command.command()
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there")
def pack(name: str, file: Path, force: bool) -> None:
    """Make one archive of a checkpoint, to give to a colleague or to publish.

    FILE ends with .zip or .tar.gz. It holds all that is needed, weights as they are, with a
    card (README.md) and the fingerprint, which llm glam models add compares.

    \b
    Examples:
        llm glam models pack archaeclip archaeclip.zip
        llm glam models pack archaeclip ~/archaeclip.tar.gz --force
    """
    done = packing.pack(
        registry.bare(name), file.expanduser(), force=force, say=say_on_stderr
    )
    click.echo(
        f"Packed {done.checkpoint.model_id} into {file}: {len(done.files)} files, "
        f"{done.bytes / 1e6:,.1f} MB, weights as they were ({', '.join(done.weights)}), "
        f"fingerprint {done.fingerprint}.",
        err=True,
    )
    if any(weights.endswith(".bin") for weights in done.weights):
        click.echo(
            "Such weights are a pickle, which not everybody opens. They are opened here without "
            "running code.",
            err=True,
        )


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


def _pairs(row: dict[str, Any]) -> list[dict[str, Any]]:
    """A line for each thing that is known, and for each file."""
    files = {f"file {name}": size for name, size in row.get("files", {}).items()}
    rest = {key: value for key, value in row.items() if key != "files"}
    return [{"": key, "value": value} for key, value in (rest | files).items()]


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
