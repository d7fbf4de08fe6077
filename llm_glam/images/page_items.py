"""Items that are a page of a file, as ``llm glam embed --pages`` makes them: ids and hashes."""

import hashlib
import re
from io import BufferedIOBase, FileIO

from .pages import MOST_NUMBERED

PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
FORMAT = "TIFF"


def id_of(name: str, page: int) -> str:
    """Return the id of a page, from the id or name of its file; that of page 1 is the file's."""
    return name if page == 1 else f"{name}#{page}"


def split(name: str) -> tuple[str, int]:
    """Return the file and the page that a name means if there is no file of this name."""
    file, _, number = name.rpartition("#")
    return (file, int(number)) if file and PAGE_NUMBER.fullmatch(number) else (name, 1)


def page_of(item_id: str, file: str | None, format_: str | None) -> int:
    """Return which page of its file an item is; 1 for items that are a file.

    ``scan.tif#2`` is page 2 of the file ``scan.tif``, and page 1 of the file ``scan.tif#2``.
    """
    name, page = split(item_id)
    is_page = bool(file and format_ == FORMAT and name.endswith(file))
    return page if is_page else 1


def content_hash(fp: BufferedIOBase | FileIO, page: int) -> bytes:
    """Return the MD5 of a file, or of a page of it: the file's, continued with ``#`` and its number."""
    md5 = hashlib.file_digest(fp, lambda: hashlib.md5(usedforsecurity=False))
    if page > 1:
        md5.update(f"#{page}".encode())
    return md5.digest()


def content_hashes(fp: BufferedIOBase) -> list[bytes]:
    """Return the MD5s of a file and of all pages that it may have."""
    whole = hashlib.file_digest(fp, lambda: hashlib.md5(usedforsecurity=False))
    found = [whole.digest()]
    for page in range(2, MOST_NUMBERED + 1):
        md5 = whole.copy()
        md5.update(f"#{page}".encode())
        found.append(md5.digest())
    return found
