"""Report on stderr what became of the pictures of a run."""

import click

from ..db.collection import Collection
from ..ingest.write_batch import Counts


def report_counts(collection: Collection, counts: Counts) -> None:
    """Report how many entries of a run were embedded, unchanged, copies, renamed or problems."""
    parts = [
        f"{counts.embedded:,} embedded",
        f"{counts.unchanged:,} unchanged",
        f"{counts.copies:,} {'copy' if counts.copies == 1 else 'copies'}",
        *([f"{counts.renamed:,} renamed"] if counts.renamed else []),
        *([f"{counts.withdrawn:,} withdrawn"] if counts.withdrawn else []),
        f"{counts.problems:,} problem{'' if counts.problems == 1 else 's'}",
    ]
    click.echo(
        f"{collection.name} ({collection.model_id}): {', '.join(parts)}", err=True
    )
