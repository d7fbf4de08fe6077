"""``llm glam models``: list, add and manage checkpoints."""

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
    """List, add and manage checkpoints."""


@command.command("list")
@output_options
def list_(format_: str) -> None:
    """List registered checkpoints.

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
    help="Checkpoint or folder to take missing files from",
)
@click.option("--revision", help="Commit, branch or tag of a Hugging Face checkpoint")
@click.option("--notes", help="Notes to store with the checkpoint")
def add(
    name: str, source: str, base: str | None, revision: str | None, notes: str | None
) -> None:
    """Register a checkpoint from a folder, an archive or Hugging Face.

    SOURCE is a folder saved by sentence-transformers (old or new layout) or transformers, a zip
    or tar archive of such a folder, or a model ID on Hugging Face. If a folder has only a
    config.json and weights, the missing files are taken from the checkpoint it was fine-tuned
    from (--base). An archive can be deleted once it has been registered.

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
    """Show or set the default checkpoint.

    This is the checkpoint that the model ID glam-clip refers to.

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
    "--speed/--no-speed",
    default=True,
    help="Measure its speed, which takes two seconds",
)
@output_options
@shared.database_option
def show(name: str, speed: bool, database: Path, format_: str) -> None:
    """Show details of a checkpoint and check that it works.

    Shows its files, a freshly computed fingerprint, its input and output sizes, whether it can
    tell different things apart, its speed on this computer, and the collections made with it.
    The exit status is 1 if the checkpoint cannot be used.

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
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists")
def pack(name: str, file: Path, force: bool) -> None:
    """Pack a checkpoint into an archive, to share or publish it.

    FILE must end with .zip or .tar.gz. The archive contains everything needed to use the
    checkpoint: its unchanged weights, a model card (README.md), and the fingerprint, which
    llm glam models add verifies.

    \b
    Examples:
        llm glam models pack archaeclip archaeclip.zip
        llm glam models pack archaeclip ~/archaeclip.tar.gz --force
    """
    packed = packing.pack(
        registry.bare(name), file.expanduser(), force=force, say=say_on_stderr
    )
    click.echo(
        f"Packed {packed.checkpoint.model_id} into {file}: {len(packed.files)} files, "
        f"{packed.bytes / 1e6:,.1f} MB, weights unchanged ({', '.join(packed.weights)}), "
        f"fingerprint {packed.fingerprint}.",
        err=True,
    )
    if any(weights.endswith(".bin") for weights in packed.weights):
        click.echo(
            "Warning: these weights are a pickle file, which some people will not open. llm-glam "
            "itself loads them without running any code.",
            err=True,
        )


@command.command()
@click.argument("name")
def remove(name: str) -> None:
    """Unregister a checkpoint without deleting its files.

    Its name stays reserved for the same weights.

    \b
    Example:
        llm glam models remove archaeclip
    """
    entry = registry.remove(registry.bare(name))
    click.echo(
        f"Removed {entry.model_id}; its files are still in {entry.source}.", err=True
    )


def _pairs(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each field, and for each file, for a table of names and values."""
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
