"""What can go wrong and be put right by the person at the keyboard.

Every exception here is both an ``llm.ModelError`` (to be caught in Python) and a
``click.ClickException`` (printed as ``Error: …`` with exit status 1)::

    GlamError
    ├── RegistryError           models.json cannot be read or written
    ├── UnknownCheckpoint       no checkpoint is registered under this name
    ├── NameTaken               the name belongs to other weights
    ├── BadCheckpoint           a directory or repository that is no CLIP, or an incomplete one
    ├── BadArchive              an archive that is damaged, or not safe to unpack
    ├── CannotPack              an archive that cannot be written where it should be
    ├── CheckpointChanged       the weights are not those the vectors were made with
    ├── HubUnreachable          a checkpoint has to be downloaded and cannot be
    ├── TrainingFailed          a training cannot go on, or gave nothing of use
    ├── BadDevice               --device names what is not there, or its memory is too small
    ├── BadImage                a picture that cannot be used
    │   ├── TooManyPixels       … because of the pixel limit
    │   ├── MissingDecoder      … because a package for its format is not installed
    │   ├── OutOfMemory         … because this computer has too little memory
    │   └── Unreadable          … because the system does not give its bytes
    ├── BadAddress              an address that gives no picture
    ├── BadFolder               a folder or pattern that gives no files
    ├── BadRecords              a metadata file that cannot be read
    ├── BadPairs                data that give no pictures with captions
    ├── BadTemplate             a template that makes no captions of records
    ├── BadVectors              vectors that hold what is no number
    ├── IdConflict              two pictures would have the same id
    ├── ModelConflict           -m contradicts the collection
    ├── UnknownCollection       no such collection, or not one of ours
    ├── BadTerm                 something to look for that says nothing
    ├── BadFilter               a condition on records that cannot be asked
    ├── UnknownItem             no such id in the collection
    ├── NothingEmbedded         not one picture of a run could be used
    ├── NotComparable           two collections that have nothing to be compared by
    ├── VectorsDiffer           stored vectors are not those of the checkpoint
    └── DatabaseProblem         locked, read-only, damaged, full, or no SQLite file
"""

import errno
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import click
from llm.errors import ModelError

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
SHOWN = 200  # characters of what cannot be read


class GlamError(ModelError, click.ClickException):
    """A problem the user can fix; its message says how."""

    def __init__(self, message: str) -> None:
        click.ClickException.__init__(self, message)


class RegistryError(GlamError):
    """``models.json`` cannot be read or written."""


class UnknownCheckpoint(GlamError):
    """No checkpoint is registered under this name."""


class NameTaken(GlamError):
    """The name belongs, or belonged, to other weights."""


class BadCheckpoint(GlamError):
    """A directory or repository that holds no usable CLIP checkpoint."""


class BadArchive(GlamError):
    """An archive that is damaged, or that is not safe to unpack."""


class CannotPack(GlamError):
    """An archive that cannot be written where, or as, it should be."""


class CheckpointChanged(GlamError):
    """The weights are not those that the vectors were made with."""


class HubUnreachable(GlamError):
    """A checkpoint has to be downloaded and cannot be."""


class TrainingFailed(GlamError):
    """A training cannot go on, or gave no checkpoint that is worth to be registered."""


class BadDevice(GlamError):
    """``--device`` names what this computer does not have, or what has too little memory."""


class ProblemKind(StrEnum):
    """Why a file cannot be used, as ``glam_problems.kind`` keeps it."""

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
    """A picture whose format takes a package that is not installed."""

    kind = ProblemKind.MISSING_DECODER


class OutOfMemory(BadImage):
    """A picture that is too large for this computer's memory."""

    kind = ProblemKind.OUT_OF_MEMORY


class Unreadable(BadImage):
    """A picture whose bytes the system does not give."""

    kind = ProblemKind.UNREADABLE


class BadAddress(GlamError):
    """An address that gives no picture, or from which none is fetched."""


class BadFolder(GlamError):
    """A folder or pattern that gives no files."""


class BadRecords(GlamError):
    """A metadata file that cannot be read."""


class BadPairs(GlamError):
    """Data that give no pictures with captions."""


class BadTemplate(GlamError):
    """A template that makes no captions of records."""


class BadVectors(GlamError):
    """Vectors that hold what is no number."""


class IdConflict(GlamError):
    """Two pictures would have the same id."""


class ModelConflict(GlamError):
    """The model asked for is not the one the collection was made with."""


class UnknownCollection(GlamError):
    """There is no such collection, or it is not one of ours."""


class BadTerm(GlamError):
    """Something to look for that says nothing, or nothing we can look for."""


class BadFilter(GlamError):
    """A condition on the records that cannot be asked."""


class UnknownItem(GlamError):
    """There is no such id in the collection."""


class NothingEmbedded(GlamError):
    """Not one picture or text of a run could be embedded."""


class NotComparable(GlamError):
    """Two collections that are the same, or not of the same pictures."""


class VectorsDiffer(GlamError):
    """Stored vectors are not those the checkpoint gives."""


class DatabaseProblem(GlamError):
    """The database is locked, read-only, damaged, full, or no SQLite file."""


def check_text(text: str, refusal: type[GlamError]) -> None:
    """Refuse what is no Unicode: bytes of a command line that are not UTF-8, half a character.

    :raises GlamError: the one that is given
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refusal(_no_text(text)) from error


def _no_text(text: str) -> str:
    shown = text[:SHOWN].encode(errors="replace").decode()
    return f"'{shown}' is not valid text (UTF-8); leave out the characters shown as ?."


def _forget_stdout() -> None:
    """What is still to be written would fail again, with a traceback, when Python ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass  # no stream of the system's: a test's, or none


_ADVICE = {
    sqlite3.SQLITE_BUSY: (
        "is in use by another program; close that program (or wait for it) and repeat the command"
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written to; check its permissions, or copy it to a folder of your own"
    ),
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; give another path with -d",
    sqlite3.SQLITE_CORRUPT: (
        "is damaged; restore a backup, or save what can be read with: sqlite3 FILE .recover"
    ),
    sqlite3.SQLITE_FULL: (
        "could not be extended because the disk is full; free some space and repeat the command, "
        "which continues where it left off"
    ),
    sqlite3.SQLITE_IOERR: (
        "could not be read or written (disk I/O error: a full or failing disk, or a network "
        "share); everything committed so far is kept"
    ),
    # The code of all that SQL itself gets wrong. What people type is explained where it is run;
    # our own statements fail where a table or column is gone.
    sqlite3.SQLITE_ERROR: (
        "has been changed since llm-glam wrote it ({error}); restore a backup, or undo that change"
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened; check that its folder exists and is writable"
    ),
}
_ADVICE[sqlite3.SQLITE_LOCKED] = _ADVICE[sqlite3.SQLITE_BUSY]


def primary_code(error: BaseException | None) -> int | None:
    """SQLite's primary result code of an error (https://www.sqlite.org/rescode.html).

    :return: None for errors that SQLite itself did not raise
    """
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


@contextmanager
def explained(database: Callable[[], Path]) -> Iterator[None]:
    """Turn SQLite's and the system's errors into one sentence that says what to do.

    :param database: gives the path of the database in use, to name it
    :raises DatabaseProblem: for errors of SQLite that the user can do something about
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        advice = _ADVICE.get(primary_code(error) or 0)
        if advice is None:
            raise
        text = f"The database {database()} {advice.format(error=error)}."
        raise DatabaseProblem(text) from error
    except UnicodeEncodeError as error:
        if error.reason != "surrogates not allowed":
            raise
        raise GlamError(_no_text(error.object)) from error
    except OSError as error:
        if error.filename is None and error.errno in NO_ROOM:
            _forget_stdout()
            text = f"The output cannot be written: {error.strerror}."
            raise GlamError(text) from error
        if error.filename is None or error.strerror is None:
            raise
        raise GlamError(f"{error.filename}: {error.strerror}.") from error
