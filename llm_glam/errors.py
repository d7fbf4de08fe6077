"""Errors that the user can fix.

Every exception here is both an ``llm.ModelError`` (for callers in Python) and a
``click.ClickException`` (printed as ``Error: …`` with exit status 1)::

    GlamError
    ├── RegistryError           models.json cannot be read or written
    ├── UnknownCheckpoint       no checkpoint is registered under this name
    ├── NameTaken               the name belongs to other weights
    ├── BadCheckpoint           a directory or repository that is not a CLIP, or is incomplete
    ├── BadArchive              an archive that is damaged, or unsafe to unpack
    ├── CannotPack              an archive that cannot be written
    ├── CannotExport            an export that cannot be written as requested
    ├── CheckpointChanged       the weights are not those the vectors were made with
    ├── HubUnreachable          a checkpoint must be downloaded and cannot be
    ├── TrainingFailed          a training run cannot continue, or its result is useless
    ├── BadDevice               --device is not available, or has too little memory
    ├── MissingPackage          a package that requirements-serve.txt leaves out
    ├── BadImage                a picture that cannot be used
    │   ├── TooManyPixels       … because of the pixel limit
    │   ├── MissingDecoder      … because a package for its format is not installed
    │   ├── OutOfMemory         … because this computer has too little memory
    │   └── Unreadable          … because the system cannot read it
    ├── BadAddress              a URL from which no picture can be fetched
    ├── BadFolder               a folder or pattern without files
    ├── BadRecords              a metadata file that cannot be read
    ├── BadPairs                data without usable pictures and captions
    ├── BadTemplate             a template from which no captions can be made
    ├── BadVectors              vectors with NaN or infinite values
    ├── IdConflict              two pictures would have the same id
    ├── ModelConflict           -m contradicts the collection
    ├── UnknownCollection       no such collection, or not one of ours
    ├── BadTerm                 a search term that is empty or unusable
    ├── BadFilter               an invalid condition on records
    ├── UnknownColumn           no such column to show
    ├── UnknownItem             no such id in the collection
    ├── NothingEmbedded         none of the pictures of a run could be used
    ├── NotComparable           two collections that cannot be compared
    ├── VectorsDiffer           stored vectors do not match the checkpoint
    └── DatabaseProblem         locked, read-only, damaged, full, or not an SQLite file
"""

import errno
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import click
from llm.errors import ModelError

from . import platforms

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
# How libraries say that memory is short, beside MemoryError: where they load their own libraries,
# start threads, or allocate.
SHORT_OF_MEMORY = re.compile(
    "failed to map segment|cannot allocate memory|can't allocate memory|can't start new thread"
    "|not enough memory|bad_alloc|bad allocation|paging file is too small",
    re.IGNORECASE,
)
DISK_FULL_IN_RUST = re.compile(  # 112 and 39 are of Windows
    rf"\(os error ({'|'.join(map(str, sorted({*DISK_FULL, 112, 39})))})\)"
)
CANNOT_WRITE = {*DISK_FULL, errno.EFBIG, errno.EIO}
SHOWN = 200  # characters of what cannot be read
# What requirements-serve.txt leaves out: searching and serving an exported collection need none.
LEFT_OUT = ("torch", "sentence_transformers", "transformers", "scipy", "psutil", "xlrd")


class GlamError(ModelError, click.ClickException):
    """A problem that the user can fix; its message says how."""

    def __init__(self, message: str) -> None:
        click.ClickException.__init__(self, message)


class RegistryError(GlamError):
    """``models.json`` cannot be read or written."""


class UnknownCheckpoint(GlamError):
    """No checkpoint is registered under this name."""


class NameTaken(GlamError):
    """The name belongs, or belonged, to other weights."""


class BadCheckpoint(GlamError):
    """A directory or repository without a usable CLIP checkpoint."""


class BadArchive(GlamError):
    """An archive that is damaged, or unsafe to unpack."""


class CannotPack(GlamError):
    """An archive that cannot be written as requested."""


class CannotExport(GlamError):
    """An export that cannot be written as requested."""


class CheckpointChanged(GlamError):
    """The weights differ from those that the vectors were made with."""


class HubUnreachable(GlamError):
    """A checkpoint must be downloaded and cannot be."""


class TrainingFailed(GlamError):
    """A training run cannot continue, or its result is not worth registering."""


class BadDevice(GlamError):
    """``--device`` is not available on this computer, or has too little memory."""


class MissingPackage(GlamError):
    """A package that searching and serving do not need is not installed."""


class ProblemKind(StrEnum):
    """Why a file cannot be used, as stored in ``glam_problems.kind``."""

    BAD_FILE = "bad-file"
    TOO_MANY_PIXELS = "too-many-pixels"
    MISSING_DECODER = "missing-decoder"
    OUT_OF_MEMORY = "out-of-memory"
    UNREADABLE = "unreadable"
    ID_CONFLICT = "id-conflict"
    BAD_LINK = "bad-link"
    BAD_TEXT = "bad-text"
    NO_ORIGINAL = "no-original"


class BadImage(GlamError):
    """A picture that cannot be used; the message is the reason."""

    kind = ProblemKind.BAD_FILE


class TooManyPixels(BadImage):
    """A picture larger than the pixel limit."""

    kind = ProblemKind.TOO_MANY_PIXELS


class MissingDecoder(BadImage):
    """A picture whose format needs a package that is not installed."""

    kind = ProblemKind.MISSING_DECODER


class OutOfMemory(BadImage):
    """A picture that is too large for this computer's memory."""

    kind = ProblemKind.OUT_OF_MEMORY


class Unreadable(BadImage):
    """A picture that the system cannot read."""

    kind = ProblemKind.UNREADABLE


class BadAddress(GlamError):
    """A URL from which no picture can, or may, be fetched."""


class BadFolder(GlamError):
    """A folder or pattern without files."""


class BadRecords(GlamError):
    """A metadata file that cannot be read."""


class BadPairs(GlamError):
    """Data without usable pictures and captions."""


class BadTemplate(GlamError):
    """A template from which no captions can be made."""


class BadVectors(GlamError):
    """Vectors with NaN or infinite values."""


class IdConflict(GlamError):
    """Two pictures would have the same id."""


class ModelConflict(GlamError):
    """The model asked for is not the one the collection was made with."""


class UnknownCollection(GlamError):
    """There is no such collection, or it is not one of ours."""


class BadTerm(GlamError):
    """A search term that is empty, or that cannot be searched for."""


class BadFilter(GlamError):
    """An invalid condition on the records."""


class UnknownColumn(GlamError):
    """There is no such column among those to show."""


class UnknownItem(GlamError):
    """There is no such id in the collection."""


class NothingEmbedded(GlamError):
    """None of the pictures or texts of a run could be embedded."""


class NotComparable(GlamError):
    """Two collections that are the same, or do not contain the same pictures."""


class VectorsDiffer(GlamError):
    """Stored vectors do not match the checkpoint."""


class DatabaseProblem(GlamError):
    """The database is locked, read-only, damaged, full, or not an SQLite file."""


def is_disk_full(error: BaseException) -> bool:
    """Tell whether the system had no room for what was to be written, or the user no quota.

    Libraries in Rust, such as safetensors, raise errors of their own, with the system's number.
    """
    if isinstance(error, OSError):
        return error.errno in DISK_FULL
    return bool(DISK_FULL_IN_RUST.search(str(error)))


@contextmanager
def naming(theirs: Mapping[Path, Path]) -> Iterator[None]:
    """Name in messages what the user has given, in place of temporary files and folders of ours.

    :param theirs: what to name, by our paths
    """
    try:
        yield
    except GlamError as error:
        raise type(error)(_renamed(error.message, theirs)) from error
    except OSError as error:
        if isinstance(error.filename, str):
            error.filename = _renamed(error.filename, theirs)
        raise


def _renamed(text: str, theirs: Mapping[Path, Path]) -> str:
    names = {str(ours): str(given) for ours, given in theirs.items()}
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    # Not at the beginning of another file's name, such as mine.2 where mine is ours.
    pattern = rf"({'|'.join(longest_first)})(?![\w-]|\.\w)"
    return re.sub(pattern, lambda found: names[found[1]], text)


def check_text(text: str, refusal: type[GlamError]) -> None:
    """Refuse invalid Unicode: undecodable bytes of a command line, or a lone surrogate.

    :raises GlamError: the given ``refusal``
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refusal(_no_text(text)) from error


def _no_text(text: str) -> str:
    shown = text[:SHOWN].encode(errors="replace").decode()
    return f"'{shown}' is not valid text (UTF-8); leave out the characters shown as ?."


def _forget_stdout() -> None:
    """Discard pending output, which would fail again with a traceback when Python exits."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass  # not a system stream: a test's, or none


def is_short_of_memory(error: BaseException) -> bool:
    """Tell whether an error, or what caused it, says that there is too little memory."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    if isinstance(error, ImportError | OSError | RuntimeError):
        if SHORT_OF_MEMORY.search(str(error)):
            return True
    cause = error.__cause__ or error.__context__
    return cause is not None and is_short_of_memory(cause)


@contextmanager
def memory_explained() -> Iterator[None]:
    """Say what to do where this computer has too little memory.

    :raises GlamError: instead of MemoryError, and of what libraries raise in its place
    """
    try:
        yield
    except GlamError:
        raise
    except Exception as error:
        if not is_short_of_memory(error):
            raise
        raise GlamError(
            "This computer has too little free memory for this. Close other programs, or raise the "
            "limit (ulimit -v), and repeat the command; what was written so far is kept."
        ) from error


@contextmanager
def missing_explained() -> Iterator[None]:
    """Say what to install where a package is needed that requirements-serve.txt leaves out.

    :raises MissingPackage: instead of a ModuleNotFoundError for one of these
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in LEFT_OUT:
            raise
        raise MissingPackage(
            f"This needs the package '{package.replace('_', '-')}', which is not installed here. "
            "Install all that llm-glam uses with: llm install llm-glam"
        ) from error


@contextmanager
def explained() -> Iterator[None]:
    """Turn errors of the system into one sentence that says what to do.

    :raises MissingPackage: a package is not installed
    :raises GlamError: this computer has too little memory, among others
    """
    try:
        with memory_explained(), missing_explained():
            yield
    except UnicodeEncodeError as error:
        if error.reason != "surrogates not allowed":
            raise
        raise GlamError(_no_text(error.object)) from error
    except OSError as error:
        if error.filename is None and error.errno in CANNOT_WRITE:
            _forget_stdout()
            text = f"The output cannot be written: {error.strerror}."
            raise GlamError(text) from error
        if error.filename is None or error.strerror is None:
            raise
        raise GlamError(f"{error.filename}: {platforms.reason(error)}.") from error
