"""The line a run closes with."""

import click

from ..ingest import Run


def say_counts(run: Run) -> None:
    """What was done, on stderr: embedded, unchanged, copies, renamed, problems."""
    counts = run.counts
    collection = run.target.collection
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
