"""Write reproducible archives: the same files give the same archive, byte for byte."""

import gzip
import io
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

CHUNK = 1 << 20
IN_1980 = (1980, 1, 1, 0, 0, 0)
MODE = 0o644
STORED = (".safetensors", ".bin")
TAR_ENDINGS = (".tar.gz", ".tgz")
ENDINGS = (".zip", *TAR_ENDINGS)


def pack(files: Mapping[str, Path | bytes], target: Path) -> None:
    """Write files (name: their path, or their content) into a new archive.

    The same files give the same archive, byte for byte: names in order, no times, no owners.

    :param target: ends with ``.zip``, ``.tar.gz`` or ``.tgz``
    :raises OSError: the disk is full, or a file cannot be read
    """
    write = _pack_tar if is_tar(target) else _pack_zip
    write(dict(sorted(files.items())), target)


def is_tar(path: Path) -> bool:
    """Return whether a path is named like a compressed tar archive."""
    return path.name.lower().endswith(TAR_ENDINGS)


def _pack_zip(files: Mapping[str, Path | bytes], target: Path) -> None:
    with zipfile.ZipFile(target, "x") as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, IN_1980)
            info.create_system, info.external_attr = 3, (0o100000 | MODE) << 16
            is_stored = name.endswith(
                STORED
            )  # compression would save only a few per cent on weights
            info.compress_type = (
                zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
            )
            info.file_size = _size(content)
            with _reading(content) as source, archive.open(info, "w") as out:
                shutil.copyfileobj(source, out, CHUNK)


def _pack_tar(files: Mapping[str, Path | bytes], target: Path) -> None:
    with (
        target.open("xb") as raw,
        gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = _size(content), MODE
            with _reading(content) as source:
                archive.addfile(info, source)


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


@contextmanager
def _reading(content: Path | bytes) -> Iterator[IO[bytes]]:
    with (
        io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
    ) as one:
        yield one
