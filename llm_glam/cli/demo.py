"""``llm glam demo``: draw a small collection to try everything with."""

from pathlib import Path

import click

from .. import platforms
from ..demo import catalogue
from ..errors import CANNOT_WRITE, BadFolder, GlamError
from ..models import registry
from .output import ProgressBar


@click.command("demo")
@click.argument(
    "directory", required=False, default="glam-demo", type=click.Path(path_type=Path)
)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1, 100_000),
    default=catalogue.COUNT,
    show_default=True,
    help="Number of pictures",
)
@click.option(
    "--size",
    type=click.IntRange(64, 4096),
    default=catalogue.SIZE,
    show_default=True,
    help="Short side of the pictures, in pixels",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=catalogue.SEED,
    show_default=True,
    help="Random seed; another seed draws other finds",
)
def command(directory: Path, number: int, size: int, seed: int) -> None:
    """Draw demo pictures of museum finds, with their records.

    Writes them to DIRECTORY/photos. Nothing is downloaded: the pictures are drawn, and llm-glam
    includes a small checkpoint trained on such drawings. The default checkpoint is not changed.

    \b
    Examples:
        llm glam demo
        llm glam demo ~/try-glam -n 1000 --size 800
    """
    folder = directory / "photos"
    checkpoint = registry.get(registry.DEMO)
    if folder.exists() and checkpoint.warning_about(
        p
        for p in folder.iterdir()
        if p.suffix != ".csv" and not platforms.is_hidden(p.name)
    ):
        raise BadFolder(
            f"{folder} contains other files. Choose another directory: llm glam demo DIR"
        )
    finds = catalogue.catalogue(number, seed)
    try:
        with ProgressBar() as progress:
            progress.begin(len(finds))
            for _ in catalogue.write(folder, finds, size):
                progress.advance(1)
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        raise GlamError(
            f"The pictures cannot be written to {folder}: {error.strerror}. Free some space, or "
            "choose another directory: llm glam demo DIR"
        ) from error
    click.echo(
        f"Wrote {number:,} pictures and metadata.csv to {folder}. Next, try:", err=True
    )
    for line in _next(directory):
        click.echo(line)


def _next(directory: Path) -> list[str]:
    """Return the commands to try next, written so that they work in every shell."""
    name = f'"{directory}"' if " " in str(directory) else str(directory)
    go = [f"cd {name}"] if directory.resolve() != Path.cwd() else []
    return [
        *go,
        'llm embed-multi finds --files photos "*.jpg" -m glam-clip/demo',
        "llm similar finds -c raccoon",
        'llm similar finds -c "broken bronze horse"',
        "llm glam serve finds",
    ]
