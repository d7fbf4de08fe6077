"""Export a collection in one call."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..db import collections, connection
from ..errors import CannotExport
from ..progress import Progress
from . import (
    collectionbuilder,
    iiif,
    oembeddings,
    palladio,
    tables,
)
from .image_folder import folder
from .image_folder import write as image_folder
from .selection import ExportOptions, Outcome, Selection, select

Writer = Callable[[Path, Selection], Outcome]

WRITERS: Mapping[str, Writer] = {
    "xlsx": tables.write_xlsx,
    "csv": tables.write_csv,
    "tsv": tables.write_tsv,
    "jsonl": tables.write_jsonl,
    "parquet": tables.write_parquet,
    "imagefolder": image_folder.write,
    "oembeddings": oembeddings.write,
    "iiif": iiif.write,
    "collectionbuilder": collectionbuilder.write,
    "palladio": palladio.write,
}
FORMATS = tuple(WRITERS)
BY_EXTENSION = ("xlsx", "csv", "tsv", "jsonl", "parquet")


@dataclass(frozen=True)
class Exported:
    """The result of :func:`export`.

    ``private`` has the headings of private columns that were left out, ``undecided`` those of
    columns whose names suggest that they are, and ``sensitive`` is how many sensitive pictures
    were. ``remarks`` are for people.
    """

    path: Path
    format: str
    pictures: int
    columns: Sequence[str]
    private: Sequence[str]
    undecided: Sequence[str]
    sensitive: int
    remarks: Sequence[str]


def export(
    database: str | Path,
    collection: str,
    path: str | Path,
    *,
    format_: str | None = None,
    options: ExportOptions | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write the pictures of a collection, and their records, for another program.

    The file or folder is complete or not there at all. Private columns and sensitive pictures stay out
    unless the options ask for them.

    :param format_: one of :data:`FORMATS`, None to go by the extension of the path
    :raises GlamError: there is a problem with the path, a condition or the collection, which the
        message explains in one sentence
    """
    options, path = options or ExportOptions(), Path(path).expanduser()
    chosen = format_ or _format_of(path)
    db = connection.connect(database, readonly=True)
    opened = collections.get(db, collection)
    _check_parent(path)
    if chosen == "imagefolder":
        _check_folder(path, options)
    else:
        _check_file(path, Path(database), options)
    selection = select(db, opened, options, progress)
    try:
        outcome = WRITERS[chosen](path, selection)
    except OSError as error:
        raise CannotExport(
            f"{path} cannot be written ({error.strerror or error}); close it in other programs, "
            "or choose another place."
        ) from error
    return Exported(
        path,
        chosen,
        outcome.pictures,
        selection.headings,
        selection.private,
        selection.undecided,
        selection.sensitive,
        outcome.remarks,
    )


def _format_of(path: Path) -> str:
    """Return the format that an extension stands for."""
    name = path.suffix.lower().removeprefix(".")
    if name in BY_EXTENSION:
        return name
    raise CannotExport(
        f"The format is not clear from the name {path.name}: add --format with one of "
        f"{', '.join(FORMATS)}."
    )


def _check_parent(path: Path) -> None:
    if not path.parent.is_dir():
        raise CannotExport(
            f"There is no folder {path.parent}; create it, or choose another."
        )


def _check_folder(path: Path, options: ExportOptions) -> None:
    """Check that a folder can be written without losing anything."""
    if path.exists() and not path.is_dir():
        raise CannotExport(f"{path} is a file; choose the name of a folder.")
    if options.hard_links and not options.with_metadata:
        raise CannotExport(
            "--hard-links needs --with-metadata: a link is the original itself, with all that is "
            "embedded in it; add that, or leave out --hard-links."
        )
    folder.check(path, may_replace=options.replace)


def _check_file(path: Path, database: Path, options: ExportOptions) -> None:
    """Check that a file can be written without losing another."""
    if path.is_dir():
        raise CannotExport(f"{path} is a folder; give the name of a file.")
    if path.exists() and path.samefile(database):
        raise CannotExport(f"{path} is the database itself; choose another name.")
    if path.exists() and not options.replace:
        raise CannotExport(
            f"{path} exists already; choose another name, or add --replace to overwrite it."
        )
