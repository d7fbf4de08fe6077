"""Embed files and entries into a collection: plan, read ahead, write in batches, count.

Each batch is committed as a whole, so a run can be interrupted at any moment and repeated to
continue it.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from .. import platforms
from ..db import collections, connection, folders, items, kept_records, sources
from ..db.collection import Collection
from ..db.sources import Record, Source
from ..engine import Encoder
from ..errors import BadImage, NothingEmbedded, ProblemKind
from ..images.files import Found, PictureFile
from ..models import registry
from ..progress import Progress
from ..records.beside import Records, named
from . import plan
from .prefetch import Entry, Problem, ReadOptions, Ready, prefetch
from .write_batch import (
    Counts,
    Target,
    restore_records,
    update_records,
    write_batch,
    write_problem,
)

BATCH_SIZE = 32


@dataclass(frozen=True)
class IngestOptions:
    """How to carry out a run.

    ``batch_size`` is how many entries are committed at a time. ``retry_problems`` retries files
    that failed in an earlier run, and ``prune`` removes pictures whose files are gone. For
    ``trust_stored`` see :func:`llm_glam.ingest.embed_batch.resolve`.
    """

    read_options: ReadOptions = field(default_factory=ReadOptions)
    batch_size: int = BATCH_SIZE
    retry_problems: bool = False
    prune: bool = False
    trust_stored: bool = True


@dataclass
class IngestRun:
    """A run in progress: its target, its options, and whom to report to."""

    target: Target
    options: IngestOptions
    progress: Progress

    @property
    def counts(self) -> Counts:
        """How many entries have been processed so far, by result."""
        return self.target.counts


@contextmanager
def run(
    db: Database,
    opened: tuple[Collection, Encoder],
    options: IngestOptions,
    progress: Progress,
    command: str,
    arguments: dict[str, Any],
) -> Iterator[IngestRun]:
    """Start a run, and record it in ``glam_runs``, whether it succeeds or not.

    :param opened: the result of :func:`llm_glam.ingest.open_collection.open_collection`
    :raises NothingEmbedded: none of the entries could be used
    """
    collection, encoder = opened
    target = Target(
        db,
        collection,
        encoder,
        folders=folders.ids_by_path(db, str(collection.items_table)),
        store=options.read_options.keep_raw,
        trust_stored=options.trust_stored,
    )
    started = time.monotonic()
    number = collections.begin_run(db, collection, command, arguments)
    try:
        yield IngestRun(target, options, progress)
    except KeyboardInterrupt:
        embedded = target.counts.embedded
        progress.say(
            f"{embedded:,} embedded; repeat the command to continue from there."
        )
        raise
    finally:
        collections.end_run(
            db, number, target.counts.as_dict(), time.monotonic() - started
        )
    if target.counts.problems and not target.counts.usable:
        raise NothingEmbedded(
            f"Nothing could be embedded ({target.counts.problems:,} tried); the reasons are above."
        )


def embed_files(run: IngestRun, found: Found, records: Records) -> None:
    """Embed picture files that are new or changed, and update their records.

    :param records: the records from the metadata files beside the pictures
    :raises IdConflict: an id already belongs to a picture in another folder; nothing was embedded
    """
    target = run.target
    roots = list({file.folder for file in found.files})
    folders.register(target.db, target.table, roots)
    target.folders = folders.follow_moves(target.db, target.table, found.files)
    folders.forget_solved_problems(target.db, target.table, target.folders)
    to_do = plan.make(
        target.db,
        target.collection,
        found.files,
        target.folders,
        thumbnails=run.options.read_options.thumbnail_size is not None,
        retry_problems=run.options.retry_problems,
    )
    records.add_columns(target.db, target.table)
    target.records = {file.id: r for file in found.files if (r := records.of(file))}
    report_remarks(found, records, target.collection.model_id, run.progress)
    in_cloud = only_in_cloud(to_do.todo)
    to_do.todo = [file for file in to_do.todo if not file.is_in_cloud]
    _write_problems(run, [*refused(found), *in_cloud, *to_do.known_problems])
    target.counts.unchanged += len(to_do.unchanged)
    entries = (Entry(file.id, file) for file in to_do.todo)
    embed_entries(run, entries, len(to_do.todo))
    restore_records(target)
    _update_records(run, [file.id for file in found.files], list(records.headings))
    if run.options.prune:
        _prune(run, roots)


def embed_entries(
    run: IngestRun, entries: Iterable[Entry], total: int | None = None
) -> None:
    """Embed entries, each with its own id; problems are reported and recorded.

    :param total: how many entries there are, None if that is not known
    """
    run.progress.begin(total)
    write_results(run, prefetch(entries, run.target.encoder, run.options.read_options))


def write_results(run: IngestRun, results: Iterator[Ready | Problem]) -> None:
    """Write what was read in batches, and report problems and progress."""
    while batch := list(islice(results, run.options.batch_size)):
        _report_picture_remarks(batch, run.progress)
        for problem in write_batch(run.target, batch):
            run.progress.say(f"{problem.entry.id}: {problem.reason}")
        run.progress.advance(len(batch))


def embed_one(run: IngestRun, entry: Entry) -> None:
    """Embed a single text or picture.

    :raises BadImage: the picture cannot be used
    """
    if isinstance(entry.content, PictureFile):
        model_id = run.target.collection.model_id
        _warn_if_unsuitable(model_id, [entry.content.path], run.progress)
        folder = entry.content.folder
        run.target.folders = folders.register(run.target.db, run.target.table, [folder])
    run.target.replace = True
    results = list(prefetch([entry], run.target.encoder, run.options.read_options))
    for problem in [r for r in results if isinstance(r, Problem)] or write_batch(
        run.target, results
    ):
        name = (
            entry.content.path if isinstance(entry.content, PictureFile) else entry.id
        )
        raise BadImage(f"{name} cannot be used: {problem.reason}.")
    if run.counts.withdrawn:
        raise BadImage(
            f"'{entry.id}' was withdrawn from this database and is not embedded again. "
            "llm glam mark --readmit FILE allows it."
        )
    _report_picture_remarks(results, run.progress)


def report_remarks(
    found: Found, records: Records, model_id: str, progress: Progress
) -> None:
    """Report what is known of files, records and checkpoint before any picture is read."""
    for remark in (*found.hints, *records.remarks, *records.unmatched(found.files)):
        progress.say(remark)
    _warn_if_unsuitable(model_id, (file.path for file in found.files), progress)


def refused(found: Found) -> list[Problem]:
    """Return the problems of files that must not be opened."""
    return [
        Problem(Entry(file.id, file), reason, kind)
        for file, reason, kind in found.refused
    ]


def only_in_cloud(found: Iterable[PictureFile]) -> list[Problem]:
    """Return the problems of files that reading would download."""
    return [
        Problem(Entry(file.id, file), platforms.IN_CLOUD, ProblemKind.UNREADABLE)
        for file in found
        if file.is_in_cloud
    ]


def _warn_if_unsuitable(
    model_id: str, paths: Iterable[Path], progress: Progress
) -> None:
    """Warn if the checkpoint was not made for pictures such as these."""
    if warning := registry.get(registry.bare(model_id)).warning_about(paths):
        progress.say(f"Warning: {warning}.")


def _report_picture_remarks(
    batch: Sequence[Ready | Problem], progress: Progress
) -> None:
    for result in batch:
        if isinstance(result, Ready) and result.facts and result.facts.remark:
            progress.say(f"{result.entry.id}: {result.facts.remark}")


def _write_problems(run: IngestRun, problems: Sequence[Problem]) -> None:
    """Record and report problems that are known before any file is read."""
    with connection.writing(run.target.db):
        for problem in problems:
            write_problem(run.target, problem)
            if problem.reason != platforms.IN_CLOUD:
                run.progress.say(f"{problem.entry.id}: {problem.reason}")
    in_cloud = [one.entry.id for one in problems if one.reason == platforms.IN_CLOUD]
    if in_cloud:
        run.progress.say(_only_in_cloud(in_cloud))
    run.counts.problems += len(problems)


def _only_in_cloud(ids: Sequence[str]) -> str:
    are = "picture is" if len(ids) == 1 else "pictures are"
    return (
        f"{len(ids):,} {are} only in the cloud: {named(ids)}. To embed them, let OneDrive, iCloud "
        "or Dropbox keep this folder on the computer, and repeat the command"
    )


def _update_records(
    run: IngestRun, ids: Sequence[str], read_sources: Sequence[str]
) -> None:
    """Update records that have changed, and remove those whose row is gone from its file.

    :param ids: of the pictures of the run
    :param read_sources: the metadata files that were read
    """
    target = run.target
    by_source: dict[Source, dict[str, list[Record]]] = {}
    with connection.writing(target.db):
        collections.check_still_there(target.db, target.collection)
        for name in read_sources:
            gone = set(sources.ids_of(target.db, target.table, name)) & set(ids)
            by_source[Source(name)] = {i: [] for i in gone - target.records.keys()}
        changed = sum(
            sources.update(target.db, target.table, source, records)
            for source, records in by_source.items()
        )
        # Records of files that have no row, such as withdrawn pictures, are not stored.
        there = items.fetch(target.db, target.table, list(target.records), items.KEY)
        records = {i: r for i, r in target.records.items() if i in there}
        changed += update_records(target, records)
    if changed:
        run.progress.say(f"records updated: {changed:,}")


def _prune(run: IngestRun, roots: Sequence[Path]) -> None:
    """Remove pictures whose files are gone; their records are set aside, not lost."""
    target = run.target
    for folder in roots:
        folder_id = target.folders[str(folder)]
        missing = folders.missing_files(target.db, target.table, folder, folder_id)
        with connection.writing(target.db):
            collections.check_still_there(target.db, target.collection)
            for row in missing:
                kept_records.forget(target.db, target.table, row)
        run.progress.say(
            f"{len(missing):,} pictures removed because their files are gone from {folder}"
        )
