"""Unpack untrusted zip and tar archives within limits.

Archives come from strangers. No name, link or size in one may reach beyond the folder it is
unpacked to, and nothing is unpacked that a checkpoint does not need.
"""

import bz2
import errno
import gzip
import lzma
import os
import shutil
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple

from .. import platforms
from ..errors import BadArchive, is_disk_full

MAX_FILES = 2_000
MAX_BYTES = 30 * 10**9
MAX_RATIO = 50  # weights hardly compress at all
ALWAYS_FINE_BYTES = 50 * 10**6
CHUNK = 1 << 20
TAR_MAGIC_AT = 257
LARGEST_READ = 16 << 20
FORBIDDEN = set(':*?"<>|')
LINK = "contains a link or device, '{}'; pack the files themselves (with tar, use --dereference)"
BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error),
    *(lzma.LZMAError, EOFError, struct.error, ValueError, OverflowError),
    RuntimeError,  # raised by zipfile for unexpected input
)
OPENERS: tuple[tuple[bytes, Callable[..., Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)


class _File(NamedTuple):
    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(
    archive: Path, target: Path, wanted: Callable[[PurePosixPath], bool]
) -> None:
    """Unpack the wanted files of a zip or tar archive, whatever its name, into an empty folder.

    :param wanted: decides by the path of each file within the archive
    :raises BadArchive: it is not an archive, is damaged, or is not safe to unpack
    """
    with _explained(archive, target), archive.open("rb") as raw:
        limit = _limit(archive)
        seen: set[str] = set()
        total = 0
        for file in _files(archive, raw, limit):
            path = _inside(file.name)
            total += file.size
            _check_total(total, limit)
            if wanted(path):
                _check_name(path, seen)
                _check_room(target, file.size)
                _write(file, target / path)


class _Refused(Exception):
    """What is wrong with an archive, as the end of a sentence that begins with its name."""


def _limit(archive: Path) -> int:
    """Return the maximum number of bytes that may be unpacked from an archive."""
    return min(MAX_BYTES, max(ALWAYS_FINE_BYTES, MAX_RATIO * archive.stat().st_size))


def _check_count(count: int) -> None:
    if count > MAX_FILES:
        raise _Refused(
            f"contains more than {MAX_FILES:,} files, which no checkpoint does"
        )


def _check_total(total: int, limit: int) -> None:
    if total > limit:
        raise _Refused(
            f"would unpack to more than {limit / 1e9:.3g} GB, which no checkpoint in an archive "
            "of its size does"
        )


def _check_room(target: Path, size: int) -> None:
    if shutil.disk_usage(target).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _inside(name: str) -> PurePosixPath:
    """Return a name as a path that stays within the target folder on every system."""
    plain = name.replace("\\", "/")  # some Windows programs write backslashes
    path = PurePosixPath(plain)
    if plain.startswith("/") or plain[1:2] == ":" or ".." in path.parts:
        raise _Refused(
            f"contains '{_shown(name)}', which would be unpacked outside the target folder"
        )
    return path


def _check_name(path: PurePosixPath, seen: set[str]) -> None:
    """Refuse names that are ambiguous or invalid on Windows or on a Mac."""
    for part in path.parts:
        is_odd = any(c in FORBIDDEN or not c.isprintable() for c in part)
        if is_odd or platforms.is_reserved(part):
            text = _shown(str(path))
            raise _Refused(f"contains a file whose name cannot be used: '{text}'")
    key = unicodedata.normalize("NFC", str(path)).casefold()
    if key in seen:
        raise _Refused(f"contains '{_shown(str(path))}' twice")
    seen.add(key)


def _shown(name: str) -> str:
    return ascii(name)[1:-1][:200]


def _files(archive: Path, raw: IO[bytes], limit: int) -> Iterator[_File]:
    start = raw.read(TAR_MAGIC_AT + 5)
    raw.seek(0)
    if start.startswith(b"PK"):
        yield from _in_zip(raw)
        return
    opener = next((o for magic, o in OPENERS if start.startswith(magic)), None)
    if opener is None and start[TAR_MAGIC_AT:] != b"ustar":
        raise _Refused(
            "is not an archive that can be opened (zip, tar, tar.gz, tar.xz, tar.bz2). If it is "
            "one of a checkpoint's files, give their folder"
        )
    yield from _in_tar(_Bounded(opener(raw) if opener else raw, limit))


def _in_zip(raw: IO[bytes]) -> Iterator[_File]:
    with zipfile.ZipFile(raw) as archive:
        _check_count(len(archive.infolist()))
        for info in archive.infolist():
            kind = (
                (info.external_attr >> 16) & 0o170000 if info.create_system == 3 else 0
            )
            if info.is_dir():
                continue
            if kind not in (0, 0o100000):
                raise _Refused(LINK.format(_shown(info.filename)))
            if info.flag_bits & 1:
                raise _Refused("is encrypted; pack it without a password")
            yield _File(info.orig_filename, info.file_size, partial(archive.open, info))


def _in_tar(stream: Any) -> Iterator[_File]:
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=_Header) as archive:
        for count, member in enumerate(archive):
            _check_count(count)
            if member.isdir():
                continue
            if not member.isreg():
                raise _Refused(LINK.format(_shown(member.name)))
            yield _File(member.name, member.size, partial(_opened, archive, member))
    stream.finish()


class _Header(tarfile.TarInfo):
    """A header that must be valid: tarfile takes a damaged or missing one for the end."""

    @classmethod
    def frombuf(cls, *args: Any) -> "_Header":
        """Parse a header; only a block of zeros is the end of the archive."""
        try:
            return super().frombuf(*args)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error}") from error


def _opened(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream is not None  # it is a regular file
    return stream


class _Bounded:
    """A stream that yields no more than a limit, because tarfile reads each header in one piece."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._limit = stream, limit + ALWAYS_FINE_BYTES

    def read(self, size: int = -1) -> bytes:
        """Read, but never much at once."""
        if not 0 <= size <= LARGEST_READ:
            raise _Refused("is damaged: it has a header of many megabytes")
        return self._stream.read(size)

    def finish(self) -> None:
        """Read to the end, so that the checksum after the last file is verified."""
        while self.read(CHUNK):
            _check_total(self.tell(), self._limit)

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        """Seek, but not past the limit."""
        if whence == os.SEEK_SET:
            _check_total(position, self._limit)
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def _write(file: _File, path: Path) -> None:
    """Write a file; raise an error if it does not have the declared length."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = file.size
    with file.open() as source, path.open("xb") as out:
        while block := source.read(CHUNK):
            left -= len(block)
            if left < 0:
                break
            out.write(block)
    if left:
        raise _Refused(
            f"is damaged: '{_shown(file.name)}' does not have the length it declares"
        )


@contextmanager
def _explained(archive: Path, target: Path) -> Iterator[None]:
    """Explain in one sentence what is wrong with an archive, or with the disk."""
    try:
        yield
    except _Refused as error:
        raise BadArchive(f"{archive} {error}. Nothing was unpacked from it.") from error
    except (
        NotImplementedError
    ) as error:  # from zipfile; must precede its base, RuntimeError
        raise BadArchive(
            f"{archive} is compressed by a method that is not supported here ({error}). Pack it "
            "again as an ordinary zip or tar.gz."
        ) from error
    except BROKEN as error:
        raise BadArchive(
            f"{archive} is damaged ({str(error) or type(error).__name__}). Get it again."
        ) from error
    except OSError as error:
        if is_disk_full(error):
            raise BadArchive(
                f"There is not enough space on the disk of {target.parent} to unpack {archive}. "
                "Free some space and repeat the command."
            ) from error
        why = platforms.reason(error)
        raise BadArchive(f"{archive} cannot be unpacked: {why}.") from error
