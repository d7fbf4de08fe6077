"""Report on stderr what a command has worked with: counts, data, and the checkpoint."""

import sys
from typing import TYPE_CHECKING

import click

from ..db.collection import Collection
from ..ingest.write_batch import Counts
from .output import say_on_stderr

if TYPE_CHECKING:
    from ..evaluate.pairs.pairs import Pairs

FEW_GROUPS = 30


def report_counts(collection: Collection, counts: Counts) -> None:
    """Report how many entries of a run were embedded, unchanged, copies, renamed or problems."""
    parts = [
        f"{counts.embedded:,} embedded",
        f"{counts.unchanged:,} unchanged",
        f"{counts.copies:,} {'copy' if counts.copies == 1 else 'copies'}",
        *([f"{counts.renamed:,} renamed"] if counts.renamed else []),
        f"{counts.problems:,} problem{'' if counts.problems == 1 else 's'}",
    ]
    click.echo(
        f"{collection.name} ({collection.model_id}): {', '.join(parts)}", err=True
    )


def report_checkpoint(collection: Collection) -> None:
    """Report which checkpoint a search used, if stderr is a terminal.

    Without this, people who compare checkpoints have compared one with itself.
    """
    if sys.stderr.isatty():
        weights = f" {collection.fingerprint}" if collection.fingerprint else ""
        click.echo(f"{collection.name} ({collection.model_id}{weights})", err=True)


def report_dataset(found: "Pairs") -> None:
    """Report how many pictures, captions and groups an evaluation measures with."""
    from ..evaluate.pairs import pairs

    texts = len(pairs.captions(found.pairs).texts)
    counts = {
        "picture": len(found.pairs),
        "different caption": texts,
        "group": found.groups,
    }
    parts = [f"{n:,} {what}{'' if n == 1 else 's'}" for what, n in counts.items()]
    say_on_stderr(", ".join(parts))
    if found.groups < FEW_GROUPS:
        say_on_stderr(
            f"Warning: fewer than {FEW_GROUPS} independent groups are too few for firm conclusions, "
            "and the intervals are rough."
        )
