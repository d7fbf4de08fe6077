"""The lines that runs and searches close with."""

import sys

import click

from ..db.collection import Collection
from ..ingest.write_batch import Counts


def say_counts(collection: Collection, counts: Counts) -> None:
    """What was done, on stderr: embedded, unchanged, copies, renamed, problems."""
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


def say_who_answered(collection: Collection) -> None:
    """Which checkpoint it was, to a person at a terminal: people have compared one with itself."""
    if sys.stderr.isatty():
        weights = f" {collection.fingerprint}" if collection.fingerprint else ""
        click.echo(f"{collection.name} ({collection.model_id}{weights})", err=True)
